-- What the SQLite store asks of lines that are promised: decided all together, and written in pieces.

-- name: promise!
-- A piece more, behind all that there are.
INSERT INTO promised_lines (first_key, last_key, decided_at, lines)
VALUES (:first_key, :last_key, :decided_at, :lines);

-- name: any-promised^
-- Whether anything is promised.
SELECT EXISTS (SELECT * FROM promised_lines);

-- name: first-promised^
-- The piece that was promised first.
SELECT piece, decided_at, lines FROM promised_lines ORDER BY piece LIMIT 1;

-- name: promised-to
-- The pieces that a learner's lines in a course may be in. There are few, or for a second or two some thousands.
SELECT piece, decided_at, lines
FROM promised_lines
WHERE first_key <= :key AND last_key >= :key
ORDER BY piece;

-- name: remove-promised!
-- A piece that is written.
DELETE FROM promised_lines WHERE piece = :piece;
