-- What carrying a database's content to another one asks of SQLite alone. Parameters are bound by position, in the
-- order they first appear.

-- name: hold-lesson-row!
-- A row as it is in another database, its id and its beginning too.
INSERT OR REPLACE INTO lesson_progress (
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version, written_by, worked_at, completed_by
) VALUES (
    :user_id, :course_id, :lesson_id, :status, :progress_percentage, :video_position_seconds, :quiz_score,
    :quiz_attempts, :quiz_passed, :time_spent_minutes, :user_notes, :is_bookmarked, :metadata, :id, :completed_at,
    :created_at, :updated_at, :version, :written_by, :worked_at, :completed_by
);
