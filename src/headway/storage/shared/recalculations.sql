-- Courses whose last edit is still being worked out for learners already under way. Parameters are bound by position,
-- in the order they first appear.

-- name: begin-recalculation!
-- A course was edited, or brought here: what follows for the learners who are in it is to be worked out, whatever was
-- before.
INSERT INTO recalculations (course_id, version, learners, done, position, leased_until)
VALUES (:course_id, :version, :learners, 0, NULL, '1970-01-01')
ON CONFLICT (course_id) DO UPDATE SET
    version = excluded.version,
    learners = excluded.learners,
    done = 0,
    position = NULL,
    leased_until = excluded.leased_until;

-- name: recalculation^
-- How far it is with a course.
SELECT CAST(course_id AS text), version, learners, done, CAST(position AS text)
FROM recalculations
WHERE course_id = :course_id;

-- name: free-recalculation
-- One that nobody works on.
SELECT CAST(course_id AS text), version, learners, done, CAST(position AS text)
FROM recalculations
WHERE leased_until <= :now
ORDER BY recalculations.course_id
LIMIT 1;

-- name: take-recalculation
-- Take one that nobody works on: who comes second finds that somebody does.
UPDATE recalculations SET leased_until = :until
WHERE course_id = :course_id AND version = :version AND leased_until <= :now
RETURNING CAST(course_id AS text), version, learners, done, CAST(position AS text);

-- name: advance-recalculation
-- Note how far it is, and that somebody works on it.
UPDATE recalculations SET done = :done, position = :position, leased_until = :until
WHERE course_id = :course_id AND version = :version
RETURNING course_id;

-- name: finish-recalculation!
-- Nothing is left to do for this version of the course.
DELETE FROM recalculations WHERE course_id = :course_id AND version = :version;

-- name: learners-to-recalculate
-- Learners in a course whose course progress was made under another version of it, by id.
SELECT CAST(user_id AS text)
FROM course_progress
WHERE course_id = :course_id AND user_id >= :first AND started_at IS NOT NULL AND course_version <> :version
ORDER BY course_progress.user_id
LIMIT :limit;

-- name: courses-to-recalculate
-- The courses with whose last edit somebody is not through yet.
SELECT CAST(course_id AS text) FROM recalculations;
