-- Completions of courses, and runs that have ended. Parameters are bound by position, in the order in which they first appear.

-- name: completions-of
-- All completions of a learner, the last one first.
SELECT {completions}
FROM completions
WHERE user_id = :user_id
ORDER BY completed_at DESC, course_id;

-- name: count-completions^
-- Count all completions.
SELECT count(*) FROM completions;

-- name: completions-from
-- Completions by key, up to a learner.
SELECT {completions}
FROM completions
WHERE (user_id, course_id, completed_at) >= (:user_id, :course_id, :completed_at) AND user_id <= :last
ORDER BY user_id, course_id, completed_at
LIMIT :limit;

-- name: erase-completions!
-- Remove all completions of a learner.
DELETE FROM completions WHERE user_id = :user_id;

-- name: runs-in
-- The runs of a learner in a course that have ended, in their order, without their lesson progress.
SELECT {runs}
FROM runs
WHERE user_id = :user_id AND course_id = :course_id
ORDER BY run;

-- name: run-of
-- One run that has ended, with its lesson progress.
SELECT {runs}, lessons
FROM runs
WHERE user_id = :user_id AND course_id = :course_id AND run = :run;

-- name: runs-of
-- All runs of a learner that have ended, with their lesson progress.
SELECT {runs}, lessons
FROM runs
WHERE user_id = :user_id
ORDER BY course_id, run;

-- name: count-runs^
-- Count all runs that have ended.
SELECT count(*) FROM runs;

-- name: runs-from
-- Runs by key, up to a learner.
SELECT {runs}, lessons
FROM runs
WHERE (user_id, course_id, run) >= (:user_id, :course_id, :run) AND user_id <= :last
ORDER BY user_id, course_id, run
LIMIT :limit;

-- name: erase-runs!
-- Remove all runs of a learner.
DELETE FROM runs WHERE user_id = :user_id;
