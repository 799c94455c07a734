-- What carrying a database's content to or from another one asks of SQLite. Parameters are bound by position, in the
-- order they first appear. No id sorts before an empty text: it stands for the key before the first.

-- name: count-courses^
-- How many courses the catalogue has.
SELECT count(*) FROM courses;

-- name: count-lesson-rows^
-- How many lesson rows there are.
SELECT count(*) FROM lesson_progress;

-- name: count-course-progress^
-- How many course progress there are.
SELECT count(*) FROM course_progress;

-- name: count-days^
-- How many finished days of learners there are.
SELECT count(*) FROM learner_days;

-- name: raise-revision!
-- Give the catalogue's next change a number above this one.
UPDATE catalogue SET revision = max(revision, :least);

-- name: courses-after
-- Courses with their lessons in order, on every row the course's own columns.
SELECT
    c.course_id, c.version, c.title, c.time_zone, c.on_edit,
    l.lesson_id, l.title, l.content_id, l.section, l.kind, l.duration_seconds, l.required, l.pass_mark, l.complete_at,
    l.criteria_version
FROM (
    SELECT course_id, version, title, time_zone, on_edit FROM courses WHERE course_id > :course_id ORDER BY course_id LIMIT :limit
) AS c
JOIN lessons AS l ON l.course_id = c.course_id
ORDER BY c.course_id, l.position;

-- name: lesson-rows-after
-- Lesson rows by key.
SELECT
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version, written_by, worked_at, completed_by
FROM lesson_progress
WHERE (user_id, course_id, lesson_id) > (:user_id, :course_id, :lesson_id)
ORDER BY user_id, course_id, lesson_id
LIMIT :limit;

-- name: course-progress-after
-- Course progress by key.
SELECT
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision,
    started_at, completed_at, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions,
    at_lesson
FROM course_progress
WHERE (user_id, course_id) > (:user_id, :course_id)
ORDER BY user_id, course_id
LIMIT :limit;

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

-- name: days-after
-- Finished days by key.
SELECT user_id, course_id, day, lessons_started, lessons_completed, micro_minutes, completions
FROM learner_days
WHERE (user_id, course_id, day) > (:user_id, :course_id, :day)
ORDER BY user_id, course_id, day
LIMIT :limit;
