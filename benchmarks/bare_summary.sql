-- Where a random learner stands in the course.
\set learner random(1, :learners)
SELECT
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision
FROM course_progress
WHERE user_id = md5('learner ' || :learner)::uuid AND course_id = cast(:course_id AS uuid);
