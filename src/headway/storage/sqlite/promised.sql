-- What the SQLite store asks of lines that are promised: decided all together, and written in pieces.

-- name: set-aside!
-- A piece more, behind all that there are; it holds when its promise is made.
INSERT INTO promised_lines (promise, key, lines) VALUES (:promise, :key, :lines);

-- name: last-set-aside^
-- The last piece that does not hold.
SELECT piece FROM promised_lines
WHERE promise NOT IN (SELECT promise FROM promises)
ORDER BY piece DESC
LIMIT 1;

-- name: remove-set-aside!
-- Some of the pieces that do not hold.
DELETE FROM promised_lines
WHERE piece IN (SELECT piece FROM promised_lines WHERE promise NOT IN (SELECT promise FROM promises) LIMIT :limit);

-- name: promise!
-- From now on the pieces of this promise hold.
INSERT INTO promises (promise, decided_at) VALUES (:promise, :decided_at);

-- name: any-promised^
-- Whether anything is promised.
SELECT EXISTS (SELECT * FROM promises);

-- name: first-promised^
-- The piece that was promised first.
SELECT piece, decided_at, lines
FROM promised_lines
CROSS JOIN promises USING (promise)
ORDER BY piece
LIMIT 1;

-- name: promised-to
-- The pieces of a learner's lines in a course.
SELECT piece, decided_at, lines
FROM promises
CROSS JOIN promised_lines USING (promise)
WHERE key = :key
ORDER BY piece;

-- name: remove-promised!
-- A piece that is written.
DELETE FROM promised_lines WHERE piece = :piece;

-- name: forget-promises!
-- All pieces are written.
DELETE FROM promises;
