-- Completions of courses. Parameters are bound by position, in the order in which they first appear.

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
