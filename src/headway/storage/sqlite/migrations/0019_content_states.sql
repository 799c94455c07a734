-- What the content of lessons has stored for learners, and what its launches have reported. docs/decisions/0062.
CREATE TABLE content_states (
    user_id     TEXT NOT NULL,
    course_id   TEXT NOT NULL,
    lesson_id   TEXT NOT NULL,
    run         INTEGER NOT NULL,
    opened_at   TEXT NOT NULL,
    reported_at TEXT,          -- null: the last launch has reported nothing
    account     TEXT NOT NULL, -- JSON: the launches, their time, the attempts
    cmi         TEXT,          -- JSON
    version     INTEGER NOT NULL,
    PRIMARY KEY (user_id, course_id, lesson_id)
);
CREATE INDEX silent_launches ON content_states (course_id, opened_at) WHERE reported_at IS NULL;
