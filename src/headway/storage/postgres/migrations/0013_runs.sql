-- Which run of a course a learner is in, and when a later run began. docs/decisions/0041.
ALTER TABLE course_progress
    ADD COLUMN run integer NOT NULL DEFAULT 1,
    ADD COLUMN run_began_at timestamptz;

-- The runs that have ended, distributed by user_id. None is removed, except with its learner.
CREATE TABLE runs (
    user_id             uuid NOT NULL,
    course_id           uuid NOT NULL,
    run                 integer NOT NULL,
    began_at            timestamptz,
    started_at          timestamptz,
    completed_at        timestamptz,
    ended_at            timestamptz,
    due_at              timestamptz,
    last_accessed       timestamptz,
    course_version      bigint NOT NULL,
    total_lessons       integer NOT NULL,
    completed_lessons   integer NOT NULL,
    in_progress_lessons integer NOT NULL,
    micro_minutes       bigint NOT NULL,
    lessons             json NOT NULL, -- the lesson progress as it was: a list
    PRIMARY KEY (user_id, course_id, run)
);
