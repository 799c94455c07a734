-- When the learner's own work last changed the lesson progress (null: never), and who completed it although a condition
-- of the lesson is not met (null: nobody). Of earlier changes, only the last writer is known.
ALTER TABLE lesson_progress ADD COLUMN worked_at TEXT;
ALTER TABLE lesson_progress ADD COLUMN completed_by TEXT;
UPDATE lesson_progress SET worked_at = updated_at WHERE written_by IS NULL;

-- Lines of imports that write all lines or none: docs/decisions/0037. They are decided, and applied soon. Each piece
-- has some lines of one learner in one course. Its key is user_id || course_id.
CREATE TABLE promised_lines (
    piece   INTEGER NOT NULL PRIMARY KEY,
    promise TEXT NOT NULL,
    key     TEXT NOT NULL,
    lines   TEXT NOT NULL
);
CREATE INDEX promised_lines_by_key ON promised_lines (promise, key);

-- The promises that are made. Pieces of other promises are not valid.
CREATE TABLE promises (
    promise    TEXT NOT NULL PRIMARY KEY,
    decided_at TEXT NOT NULL
) WITHOUT ROWID;

-- The words of the glossary (docs/architecture.md): a millionth of a minute is a micro-minute, of a point a
-- micro-point.
ALTER TABLE course_progress RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_progress RENAME COLUMN day_time_parts TO day_micro_minutes;
ALTER TABLE learner_days RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE lesson_statistics RENAME COLUMN tried TO attempted;
ALTER TABLE lesson_statistics RENAME COLUMN score_parts TO micro_points;
ALTER TABLE lesson_statistics RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_activity RENAME COLUMN time_parts TO micro_minutes;

-- Courses with a running recalculation. One process at a time works on each, until `leased_until`.
CREATE TABLE recalculations (
    course_id    TEXT NOT NULL PRIMARY KEY REFERENCES courses (course_id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    learners     INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    position     TEXT, -- the last learner who is recalculated
    leased_until TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO recalculations (course_id, version, learners, done, position, leased_until)
SELECT course_id, version, learners, done, position, '1970-01-01' FROM rederivations;
DROP TABLE rederivations;
