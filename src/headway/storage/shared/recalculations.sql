-- Courses with a running recalculation. Parameters are bound by position, in the order in which they first appear.

-- name: begin-recalculation!
-- Begin the recalculation of a course that was edited or copied, in place of an earlier one.
INSERT INTO recalculations (course_id, version, learners, done, position, leased_until)
VALUES (:course_id, :version, :learners, 0, NULL, '1970-01-01')
ON CONFLICT (course_id) DO UPDATE SET
    version = excluded.version,
    learners = excluded.learners,
    done = 0,
    position = NULL,
    leased_until = excluded.leased_until;

-- name: recalculation^
-- The recalculation of a course.
SELECT CAST(course_id AS text), version, learners, done, CAST(position AS text)
FROM recalculations
WHERE course_id = :course_id;

-- name: free-recalculation
-- A recalculation that is not leased.
SELECT CAST(course_id AS text), version, learners, done, CAST(position AS text)
FROM recalculations
WHERE leased_until <= :now
ORDER BY recalculations.course_id
LIMIT 1;

-- name: take-recalculation
-- Lease a recalculation that is not leased. Returns no row where another process was first.
UPDATE recalculations SET leased_until = :until
WHERE course_id = :course_id AND version = :version AND leased_until <= :now
RETURNING CAST(course_id AS text), version, learners, done, CAST(position AS text);

-- name: advance-recalculation
-- Record how far a recalculation is, and extend the lease.
UPDATE recalculations SET done = :done, position = :position, leased_until = :until
WHERE course_id = :course_id AND version = :version
RETURNING course_id;

-- name: finish-recalculation!
-- Remove the finished recalculation of this version of the course.
DELETE FROM recalculations WHERE course_id = :course_id AND version = :version;

-- name: remove-recalculation!
-- Remove the recalculation of a course that is removed.
DELETE FROM recalculations WHERE course_id = :course_id;

-- name: learners-to-recalculate
-- Learners whose course progress is of another version of the course, by id.
SELECT CAST(user_id AS text)
FROM course_progress
WHERE course_id = :course_id AND user_id >= :first AND started_at IS NOT NULL AND course_version <> :version
ORDER BY course_progress.user_id
LIMIT :limit;

-- name: courses-to-recalculate
-- The courses with a running recalculation.
SELECT CAST(course_id AS text) FROM recalculations;
