-- One-time codes that sign a browser in. Parameters are bound by position, in the order in which they first appear.

-- name: put-sign-in-code!
-- Store a new code.
INSERT INTO sign_in_codes (digest, user_id, scopes, courses, group_ids, session_ends_at, ends_at)
VALUES (:digest, :user_id, :scopes, :courses, :group_ids, :session_ends_at, :ends_at);

-- name: find-sign-in-code^
-- Whether a code exists.
SELECT digest FROM sign_in_codes WHERE digest = :digest;

-- name: take-sign-in-code
-- Remove a code and return it. Of several that do so at the same time, only one gets it.
DELETE FROM sign_in_codes WHERE digest = :digest
RETURNING CAST(user_id AS text), scopes, courses, group_ids, session_ends_at, ends_at;

-- name: forget-sign-in-codes!
-- Remove all codes of a learner.
DELETE FROM sign_in_codes WHERE user_id = :user_id;

-- name: find-old-sign-in-code
-- Whether there is an expired code.
SELECT digest FROM sign_in_codes WHERE ends_at < :now LIMIT 1;

-- name: sweep-sign-in-codes!
-- Remove the expired codes.
DELETE FROM sign_in_codes WHERE ends_at < :now;
