-- What carrying a database's content to another one asks of PostgreSQL alone. Parameters are bound by position, in the
-- order they first appear.

-- name: hold-lesson-rows!
-- Rows as they are in another database, one array a column.
INSERT INTO lesson_progress (
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version, written_by, worked_at, completed_by
)
SELECT *
FROM unnest(
    :user_ids::uuid[], :course_ids::uuid[], :lesson_ids::uuid[], :statuses::text[],
    :progress_percentages::double precision[], :video_positions::double precision[],
    :quiz_scores::double precision[], :quiz_attempts::integer[], :quiz_passed::boolean[],
    :time_spent::double precision[], :user_notes::text[], :is_bookmarked::boolean[], :metadata::json[],
    :ids::uuid[], :completed_at::timestamptz[], :created_at::timestamptz[], :updated_at::timestamptz[],
    :versions::bigint[], :written_by::uuid[], :worked_at::timestamptz[], :completed_by::uuid[]
)
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET
    status = excluded.status,
    progress_percentage = excluded.progress_percentage,
    video_position_seconds = excluded.video_position_seconds,
    quiz_score = excluded.quiz_score,
    quiz_attempts = excluded.quiz_attempts,
    quiz_passed = excluded.quiz_passed,
    time_spent_minutes = excluded.time_spent_minutes,
    user_notes = excluded.user_notes,
    is_bookmarked = excluded.is_bookmarked,
    metadata = excluded.metadata,
    id = excluded.id,
    completed_at = excluded.completed_at,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    version = excluded.version,
    written_by = excluded.written_by,
    worked_at = excluded.worked_at,
    completed_by = excluded.completed_by;

-- name: hold-course-progress!
-- Course progress as they are in another database, one array a column.
INSERT INTO course_progress (
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision,
    started_at, completed_at, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions,
    at_lesson
)
SELECT *
FROM unnest(
    :user_ids::uuid[], :course_ids::uuid[], :completed_lessons::integer[], :in_progress_lessons::integer[],
    :micro_minutes::bigint[], :last_accessed::timestamptz[], :course_versions::bigint[], :revisions::bigint[],
    :started_at::timestamptz[], :completed_at::timestamptz[], :days::date[], :day_lessons_started::integer[],
    :day_lessons_completed::integer[], :day_micro_minutes::bigint[], :day_completions::integer[],
    :at_lessons::uuid[]
)
ON CONFLICT (user_id, course_id) DO UPDATE SET
    completed_lessons = excluded.completed_lessons,
    in_progress_lessons = excluded.in_progress_lessons,
    micro_minutes = excluded.micro_minutes,
    last_accessed = excluded.last_accessed,
    course_version = excluded.course_version,
    revision = excluded.revision,
    started_at = excluded.started_at,
    completed_at = excluded.completed_at,
    day = excluded.day,
    day_lessons_started = excluded.day_lessons_started,
    day_lessons_completed = excluded.day_lessons_completed,
    day_micro_minutes = excluded.day_micro_minutes,
    day_completions = excluded.day_completions,
    at_lesson = excluded.at_lesson;
