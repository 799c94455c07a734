-- Codes that let a browser in once. Parameters are bound by position, in the order they first appear.

-- name: put-sign-in-code!
-- A new code.
INSERT INTO sign_in_codes (digest, user_id, scopes, courses, session_ends_at, ends_at)
VALUES (:digest, :user_id, :scopes, :courses, :session_ends_at, :ends_at);

-- name: find-sign-in-code^
-- Whether there is such a code.
SELECT digest FROM sign_in_codes WHERE digest = :digest;

-- name: take-sign-in-code
-- One code, gone with it: of all who ask at once only one is answered.
DELETE FROM sign_in_codes WHERE digest = :digest
RETURNING CAST(user_id AS text), scopes, courses, session_ends_at, ends_at;

-- name: forget-sign-in-codes!
-- All codes that let a learner in.
DELETE FROM sign_in_codes WHERE user_id = :user_id;

-- name: find-old-sign-in-code
-- Whether there is a code that is over.
SELECT digest FROM sign_in_codes WHERE ends_at < :now LIMIT 1;

-- name: sweep-sign-in-codes!
-- Codes that are over.
DELETE FROM sign_in_codes WHERE ends_at < :now;
