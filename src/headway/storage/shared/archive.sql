-- What carrying a database's content to or from another one asks of either. Parameters are bound by position, in the
-- order they first appear. Reads begin at a key and not after it, since no id comes before the first one.

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

-- name: revision^
-- The number that the catalogue's last change was given.
SELECT revision FROM catalogue;

-- name: raise-revision!
-- Give the catalogue's next change a number above this one.
UPDATE catalogue SET revision = :least WHERE revision < :least;

-- name: courses-from
-- Courses with their lessons in order, on every row the course's own columns.
SELECT
    CAST(c.course_id AS text), c.version, c.title, c.time_zone, c.on_edit,
    CAST(l.lesson_id AS text), l.title, CAST(l.content_id AS text), l.section, l.kind, l.duration_seconds, l.required,
    l.pass_mark, l.complete_at, l.criteria_version
FROM (
    SELECT course_id, version, title, time_zone, on_edit FROM courses WHERE course_id >= :course_id ORDER BY course_id LIMIT :limit
) AS c
JOIN lessons AS l ON l.course_id = c.course_id
ORDER BY c.course_id, l.position;

-- name: lesson-rows-from
-- Lesson rows by key.
SELECT {lesson_progress}
FROM lesson_progress
WHERE (user_id, course_id, lesson_id) >= (:user_id, :course_id, :lesson_id)
ORDER BY user_id, course_id, lesson_id
LIMIT :limit;

-- name: course-progress-from
-- Course progress by key.
SELECT {course_progress}
FROM course_progress
WHERE (user_id, course_id) >= (:user_id, :course_id)
ORDER BY user_id, course_id
LIMIT :limit;

-- name: days-from
-- Finished days by key.
SELECT {learner_days}
FROM learner_days
WHERE (user_id, course_id, day) >= (:user_id, :course_id, :day)
ORDER BY user_id, course_id, day
LIMIT :limit;
