-- When the learner's own work last changed the row, null: it never did; and who completed it against the lesson's
-- conditions, null: nobody. Of what a row was changed by before, no more is known than who wrote it last.
ALTER TABLE lesson_progress ADD COLUMN worked_at TEXT;
ALTER TABLE lesson_progress ADD COLUMN completed_by TEXT;
UPDATE lesson_progress SET worked_at = updated_at WHERE written_by IS NULL;

-- Lines of imports of which all are written or none: decided, and written soon. docs/decisions/0037. Each piece has some
-- lines of one learner in one course, which are its key: user_id || course_id.
CREATE TABLE promised_lines (
    piece   INTEGER NOT NULL PRIMARY KEY,
    promise TEXT NOT NULL,
    key     TEXT NOT NULL,
    lines   TEXT NOT NULL
);
CREATE INDEX promised_lines_by_key ON promised_lines (promise, key);

-- The promises that hold; the pieces of another one do not.
CREATE TABLE promises (
    promise    TEXT NOT NULL PRIMARY KEY,
    decided_at TEXT NOT NULL
) WITHOUT ROWID;

-- The words of the glossary (docs/architecture.md). Millionths of a minute are micro-minutes, of a point micro-points.
ALTER TABLE course_progress RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_progress RENAME COLUMN day_time_parts TO day_micro_minutes;
ALTER TABLE learner_days RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE lesson_statistics RENAME COLUMN tried TO attempted;
ALTER TABLE lesson_statistics RENAME COLUMN score_parts TO micro_points;
ALTER TABLE lesson_statistics RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_activity RENAME COLUMN time_parts TO micro_minutes;

-- Courses with a running recalculation: each is worked on by one process at a time, until `leased_until`.
CREATE TABLE recalculations (
    course_id    TEXT NOT NULL PRIMARY KEY REFERENCES courses (course_id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    learners     INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    position     TEXT, -- the last learner that is through
    leased_until TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO recalculations (course_id, version, learners, done, position, leased_until)
SELECT course_id, version, learners, done, position, '1970-01-01' FROM rederivations;
DROP TABLE rederivations;
