-- Statements of the archive that are the same for both databases. Parameters are bound by position, in the order in
-- which they first appear. Reads begin at a key and not after it, because no id comes before the first one.

-- name: count-courses^
-- Count the courses of the catalogue.
SELECT count(*) FROM courses;

-- name: count-lesson-progress^
-- Count all lesson progress.
SELECT count(*) FROM lesson_progress;

-- name: count-course-progress^
-- Count all course progress.
SELECT count(*) FROM course_progress;

-- name: count-days^
-- Count the finished days of learners.
SELECT count(*) FROM learner_days;

-- name: count-groups^
-- Count the groups of learners.
SELECT count(*) FROM learner_groups;

-- name: revision^
-- The number of the catalogue's last change.
SELECT revision FROM catalogue;

-- name: raise-revision!
-- Make the number of the catalogue's next change greater than this one.
UPDATE catalogue SET revision = :least WHERE revision < :least;

-- name: courses-from
-- Courses with their lessons in order. Every row begins with the columns of the course.
SELECT
    CAST(c.course_id AS text), c.version, c.title, c.time_zone, c.on_edit, c.valid_for_days,
    CAST(l.lesson_id AS text), l.title, CAST(l.content_id AS text), l.section, l.kind, l.duration_seconds, l.required,
    l.pass_mark, l.complete_at, l.requires, l.due_at, l.due_after_days, l.criteria_version
FROM (
    SELECT course_id, version, title, time_zone, on_edit, valid_for_days
    FROM courses
    WHERE course_id >= :course_id
    ORDER BY course_id
    LIMIT :limit
) AS c
JOIN lessons AS l ON l.course_id = c.course_id
ORDER BY c.course_id, l.position;

-- name: lesson-progress-from
-- Lesson progress by key, up to a learner.
SELECT {lesson_progress}
FROM lesson_progress
WHERE (user_id, course_id, lesson_id) >= (:user_id, :course_id, :lesson_id) AND user_id <= :last
ORDER BY user_id, course_id, lesson_id
LIMIT :limit;

-- name: course-progress-from
-- Course progress by key, up to a learner.
SELECT {course_progress}
FROM course_progress
WHERE (user_id, course_id) >= (:user_id, :course_id) AND user_id <= :last
ORDER BY user_id, course_id
LIMIT :limit;

-- name: days-from
-- Finished days by key, up to a learner.
SELECT {learner_days}
FROM learner_days
WHERE (user_id, course_id, day) >= (:user_id, :course_id, :day) AND user_id <= :last
ORDER BY user_id, course_id, day
LIMIT :limit;
