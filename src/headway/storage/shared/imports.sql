-- How far imports are. Parameters are bound by position, in the order they first appear.

-- name: take-import!
-- An import for its holder: a new one, or one of the same file that is not done and that nobody works on.
INSERT INTO imports AS i (user_id, key, digest, holder, line, report, finished, updated_at)
VALUES (:user_id, :key, :digest, :holder, 0, :report, FALSE, :now)
ON CONFLICT (user_id, key) DO UPDATE SET holder = excluded.holder, updated_at = excluded.updated_at
WHERE i.digest = excluded.digest AND NOT i.finished AND (i.holder IS NULL OR i.updated_at < :lease_began);

-- name: find-import^
-- One import as it is.
SELECT digest, holder, line, report, finished FROM imports WHERE user_id = :user_id AND key = :key;

-- name: note-import
-- How far an import is, noted by its holder; no row where it is somebody else's.
UPDATE imports SET line = :line, report = :report, finished = :finished, updated_at = :now
WHERE user_id = :user_id AND key = :key AND holder = :holder
RETURNING line;

-- name: release-import!
-- The holder lets go of an import.
UPDATE imports SET holder = NULL WHERE user_id = :user_id AND key = :key AND holder = :holder;

-- name: forget-import!
-- One import.
DELETE FROM imports WHERE user_id = :user_id AND key = :key;

-- name: forget-imports!
-- All imports of one caller's.
DELETE FROM imports WHERE user_id = :user_id;

-- name: find-old-import
-- Whether there is an import that nobody has touched for long.
SELECT key FROM imports WHERE updated_at < :before LIMIT 1;

-- name: forget-old-imports!
-- Imports of everybody's that nobody has touched for long.
DELETE FROM imports WHERE updated_at < :before;
