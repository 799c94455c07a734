-- A random learner's rows in the course.
\set learner random(1, :learners)
SELECT
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version
FROM lesson_progress
WHERE user_id = md5('learner ' || :learner)::uuid AND course_id = cast(:course_id AS uuid);
