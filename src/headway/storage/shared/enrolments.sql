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

-- name: count-late
-- How many enrolled learners are late in a course at a moment.
SELECT count(*)
FROM course_progress
WHERE course_id = :course_id AND due_at < :now AND due_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL;
