-- What the content of lessons has stored for learners, and what its launches have reported, distributed by user_id.
-- docs/decisions/0062.
CREATE TABLE content_states (
    user_id     uuid NOT NULL,
    course_id   uuid NOT NULL,
    lesson_id   uuid NOT NULL,
    run         integer NOT NULL,
    opened_at   timestamptz NOT NULL,
    reported_at timestamptz,   -- null: the last launch has reported nothing
    account     text NOT NULL, -- JSON: the launches, their time, the attempts
    cmi         text,          -- JSON
    version     bigint NOT NULL,
    PRIMARY KEY (user_id, course_id, lesson_id)
);
CREATE INDEX silent_launches ON content_states (course_id, opened_at) WHERE reported_at IS NULL;
