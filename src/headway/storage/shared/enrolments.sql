-- Enrolled learners. Parameters are bound by position, in the order in which they first appear.

-- name: enrolments-in
-- A page of the learners who are enrolled in a course, by id.
SELECT {course_progress}
FROM course_progress
WHERE course_id = :course_id AND user_id >= :first AND enrolled_at IS NOT NULL AND ended_at IS NULL
ORDER BY user_id
LIMIT :limit;

-- name: enrolments-of
-- The courses in which a learner is enrolled.
SELECT {course_progress:p}
FROM course_progress AS p
WHERE p.user_id = :user_id AND p.enrolled_at IS NOT NULL AND p.ended_at IS NULL;

-- name: count-newly-enrolled^
-- How many enrolled learners of a course were enrolled since a moment, and how many since an earlier one until then.
SELECT count(*) FILTER (WHERE enrolled_at >= :last), count(*) FILTER (WHERE enrolled_at < :last)
FROM course_progress
WHERE course_id = :course_id AND enrolled_at >= :before AND enrolled_at IS NOT NULL AND ended_at IS NULL;

-- name: count-newly-started^
-- How many enrolled learners of a course started it, likewise.
SELECT count(*) FILTER (WHERE started_at >= :last), count(*) FILTER (WHERE started_at < :last)
FROM course_progress
WHERE course_id = :course_id AND started_at >= :before AND started_at IS NOT NULL AND enrolled_at IS NOT NULL
    AND ended_at IS NULL;

-- name: count-newly-completed^
-- How many learners completed a course, likewise.
SELECT count(*) FILTER (WHERE completed_at >= :last), count(*) FILTER (WHERE completed_at < :last)
FROM course_progress
WHERE course_id = :course_id AND completed_at >= :before AND enrolled_at IS NOT NULL;

-- name: count-late^
-- How many enrolled learners are late in a course, and how many of these were late at an earlier moment.
SELECT count(*), count(*) FILTER (WHERE due_at < :ago)
FROM course_progress
WHERE course_id = :course_id AND due_at < :now AND due_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL;

-- name: count-no-longer-late^
-- How many enrolled learners were late in a course at a moment, and have completed it since.
SELECT count(*)
FROM course_progress
WHERE course_id = :course_id AND completed_at >= :ago AND due_at < :ago AND due_at < completed_at AND ended_at IS NULL;
