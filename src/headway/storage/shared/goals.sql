-- Learners' goals for each week. Parameters are bound by position, in the order in which they first appear.

-- name: find-goal^
-- A learner's goal.
SELECT {goals} FROM goals WHERE user_id = :user_id;

-- name: goals-from
-- Goals by learner.
SELECT {goals} FROM goals WHERE user_id >= :user_id ORDER BY user_id LIMIT :limit;

-- name: count-goals^
-- Count the goals.
SELECT count(*) FROM goals;

-- name: put-goal
-- Store a goal, new or in place of the present one, which keeps the day since which it counts.
INSERT INTO goals ({goals}) VALUES ({goals:values})
ON CONFLICT (user_id) DO UPDATE SET
    days_per_week = excluded.days_per_week,
    version = CASE WHEN excluded.version > goals.version THEN excluded.version ELSE goals.version + 1 END
RETURNING {goals};

-- name: restore-goal
-- Store the goal of a learner who has none. Returns no row where the learner has one.
INSERT INTO goals ({goals}) VALUES ({goals:values})
ON CONFLICT (user_id) DO NOTHING
RETURNING version;

-- name: hold-goal!
-- Store a goal as it is in another database.
INSERT INTO goals ({goals}) VALUES ({goals:values})
ON CONFLICT (user_id) DO UPDATE SET {goals:excluded};

-- name: remove-goal!
-- Remove a learner's goal.
DELETE FROM goals WHERE user_id = :user_id;
