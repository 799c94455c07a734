-- Promised lines of an import: decided together, and applied in pieces (docs/decisions/0037). Parameters are bound by
-- position, in the order in which they first appear.

-- name: set-aside!
-- Store a piece after all others. It becomes valid when its promise is made.
INSERT INTO promised_lines (promise, key, lines) VALUES (:promise, :key, :lines);

-- name: last-set-aside^
-- The last piece without a promise.
SELECT piece FROM promised_lines
WHERE promise NOT IN (SELECT promise FROM promises)
ORDER BY piece DESC
LIMIT 1;

-- name: remove-set-aside!
-- Remove some of the pieces without a promise.
DELETE FROM promised_lines
WHERE piece IN (SELECT piece FROM promised_lines WHERE promise NOT IN (SELECT promise FROM promises) LIMIT :limit);

-- name: promise!
-- Make the pieces of a promise valid.
INSERT INTO promises (promise, decided_at) VALUES (:promise, :decided_at);

-- name: any-promised^
-- Whether anything is promised.
SELECT EXISTS (SELECT * FROM promises);

-- name: first-promised^
-- The oldest promised piece.
SELECT piece, decided_at, lines
FROM promised_lines
CROSS JOIN promises USING (promise)
ORDER BY piece
LIMIT 1;

-- name: promised-to
-- The promised pieces of a learner in a course.
SELECT piece, decided_at, lines
FROM promises
CROSS JOIN promised_lines USING (promise)
WHERE key = :key
ORDER BY piece;

-- name: remove-promised!
-- Remove a piece that is applied.
DELETE FROM promised_lines WHERE piece = :piece;

-- name: forget-promises!
-- Remove all promises, when all pieces are applied.
DELETE FROM promises;
