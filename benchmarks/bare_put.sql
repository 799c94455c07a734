-- A heartbeat of a random learner in a random lesson, as bare as it can be: what heartbeat.lua sends, written to the
-- row without reading it, without a rule, and with no figures of the course to keep.
\set learner random(1, :learners)
\set lesson random(1, :lessons)
\set beat :beat + 1
\set seconds 15.0 * :beat / (:learners * :lessons)
\set percentage least(99.0, 100 * :seconds / 1800)
\set minutes :seconds / 60
INSERT INTO lesson_progress AS kept (
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version
)
VALUES (
    md5('learner ' || :learner)::uuid, cast(:course_id AS uuid), md5('lesson ' || :lesson)::uuid, 'in_progress',
    :percentage, :seconds, NULL, 0, false, :minutes, NULL, false, '{}', '5f0c0f5e-7d0f-4a51-9a8e-0d6a3a3a9f10', NULL,
    now(), now(), 1
)
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET
    progress_percentage = excluded.progress_percentage,
    video_position_seconds = excluded.video_position_seconds,
    time_spent_minutes = excluded.time_spent_minutes,
    updated_at = excluded.updated_at,
    version = kept.version + 1;
