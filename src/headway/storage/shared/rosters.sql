-- How many learners a page of a roster would find. Parameters are bound by position, in the order in which they first
-- appear. The statements of the pages are in headway.storage.shared.roster_statements.

-- name: count-among^
-- How many of a course's learners have an id in a range, counted up to a limit.
SELECT count(*)
FROM (
    SELECT p.user_id
    FROM course_progress AS p
    WHERE p.course_id = :course_id AND p.enrolled_at IS NOT NULL AND p.user_id BETWEEN :first_id AND :last_id
    LIMIT :limit
) AS few;

-- name: learners-among
-- The same learners.
SELECT p.user_id
FROM course_progress AS p
WHERE p.course_id = :course_id AND p.enrolled_at IS NOT NULL AND p.user_id BETWEEN :first_id AND :last_id
LIMIT :limit;

-- name: count-at^
-- How many of a course's learners are at a lesson, counted up to a limit.
SELECT count(*)
FROM (
    SELECT p.user_id
    FROM course_progress AS p
    WHERE p.course_id = :course_id AND p.at_lesson = :at_lesson AND p.enrolled_at IS NOT NULL
        AND p.completed_at IS NULL
    LIMIT :limit
) AS few;
