-- What the content of lessons has stored for learners. Parameters are bound by position, in the order in which they
-- first appear.

-- name: find-content-state^
-- What the content of a lesson has stored for a learner.
SELECT {content_states}
FROM content_states
WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id;

-- name: content-states-of
-- Everything that content has stored for a learner.
SELECT {content_states}
FROM content_states
WHERE user_id = :user_id
ORDER BY course_id, lesson_id;

-- name: content-states-from
-- What content has stored by key, up to a learner.
SELECT {content_states}
FROM content_states
WHERE (user_id, course_id, lesson_id) >= (:user_id, :course_id, :lesson_id) AND user_id <= :last
ORDER BY user_id, course_id, lesson_id
LIMIT :limit;

-- name: count-content-states^
-- Count for how many lessons and learners content has stored something.
SELECT count(*) FROM content_states;

-- name: add-content-state
-- Store a state where there is none. Returns no row where there is one.
INSERT INTO content_states ({content_states}) VALUES ({content_states:values})
ON CONFLICT (user_id, course_id, lesson_id) DO NOTHING
RETURNING version;

-- name: change-content-state
-- Store a state in place of the one with the version before it. Returns no row where another one is stored.
UPDATE content_states
SET run = :run, opened_at = :opened_at, reported_at = :reported_at, account = :account, cmi = :cmi, version = :version
WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id AND version = :before
RETURNING version;

-- name: hold-content-state!
-- Store a state as it is in another database.
INSERT INTO content_states ({content_states}) VALUES ({content_states:values})
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {content_states:excluded};

-- name: silent-launches
-- The learners who opened the content of a course's lessons before a time, from which nothing has come since. The last
-- one first.
SELECT user_id, lesson_id, opened_at
FROM content_states
WHERE course_id = :course_id AND reported_at IS NULL AND opened_at < :opened_before
ORDER BY opened_at DESC, user_id, lesson_id
LIMIT :limit;

-- name: erase-content-states!
-- Remove everything that content has stored for a learner.
DELETE FROM content_states WHERE user_id = :user_id;
