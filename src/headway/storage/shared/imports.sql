-- The state of imports. Parameters are bound by position, in the order in which they first appear.

-- name: take-import!
-- Lease an import to a holder: a new one, or one of the same file that is not finished and not leased.
INSERT INTO imports AS i (user_id, key, digest, holder, line, report, finished, updated_at)
VALUES (:user_id, :key, :digest, :holder, 0, :report, FALSE, :now)
ON CONFLICT (user_id, key) DO UPDATE SET holder = excluded.holder, updated_at = excluded.updated_at
WHERE i.digest = excluded.digest AND NOT i.finished AND (i.holder IS NULL OR i.updated_at < :lease_began);

-- name: find-import^
-- The state of one import.
SELECT digest, holder, line, report, finished FROM imports WHERE user_id = :user_id AND key = :key;

-- name: note-import
-- Record the state of an import, and extend the lease. Returns no row where somebody else has the lease.
UPDATE imports SET line = :line, report = :report, finished = :finished, updated_at = :now
WHERE user_id = :user_id AND key = :key AND holder = :holder
RETURNING line;

-- name: release-import!
-- End the lease of an import.
UPDATE imports SET holder = NULL WHERE user_id = :user_id AND key = :key AND holder = :holder;

-- name: forget-import!
-- Remove one import.
DELETE FROM imports WHERE user_id = :user_id AND key = :key;

-- name: forget-imports!
-- Remove all imports of a caller.
DELETE FROM imports WHERE user_id = :user_id;

-- name: find-old-import
-- Whether there is an import that has not changed for long.
SELECT key FROM imports WHERE updated_at < :before LIMIT 1;

-- name: forget-old-imports!
-- Remove all imports that have not changed for long.
DELETE FROM imports WHERE updated_at < :before;
