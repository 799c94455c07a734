-- Which run of a course a learner is in, and when a later run began. docs/decisions/0041.
ALTER TABLE course_progress ADD COLUMN run INTEGER NOT NULL DEFAULT 1;
ALTER TABLE course_progress ADD COLUMN run_began_at TEXT;

-- The runs that have ended. None is removed, except with its learner.
CREATE TABLE runs (
    user_id             TEXT NOT NULL,
    course_id           TEXT NOT NULL,
    run                 INTEGER NOT NULL,
    began_at            TEXT,
    started_at          TEXT,
    completed_at        TEXT,
    ended_at            TEXT,
    due_at              TEXT,
    last_accessed       TEXT,
    course_version      INTEGER NOT NULL,
    total_lessons       INTEGER NOT NULL,
    completed_lessons   INTEGER NOT NULL,
    in_progress_lessons INTEGER NOT NULL,
    micro_minutes       INTEGER NOT NULL,
    lessons             TEXT NOT NULL, -- the lesson progress as it was: a JSON list
    PRIMARY KEY (user_id, course_id, run)
) WITHOUT ROWID;
