-- Which schema this is, and the oldest one whose Headway may work on it: so that an older process can go on while
-- the first newer one has migrated already.
CREATE TABLE schema_version (
    version         integer NOT NULL,
    compatible_from integer NOT NULL
);
INSERT INTO schema_version (version, compatible_from) VALUES (0, 0);

-- The catalogue: reference tables on a Citus cluster. `revision` grows with every change to it and stamps the course
-- that changed: a version is never used twice, not even by a course that was removed and put back. It is at least the
-- time of the change, in microseconds since 1970.
CREATE TABLE catalogue (revision bigint NOT NULL);
INSERT INTO catalogue (revision) VALUES (0);

CREATE TABLE courses (
    course_id        uuid NOT NULL PRIMARY KEY,
    title            text NOT NULL,
    lessons          integer NOT NULL, -- how many, so that the list of courses need not count
    required_lessons integer NOT NULL,
    version          bigint NOT NULL
);

CREATE TABLE lessons (
    course_id        uuid NOT NULL REFERENCES courses (course_id) ON DELETE CASCADE,
    lesson_id        uuid NOT NULL,
    position         integer NOT NULL,
    title            text NOT NULL,
    content_id       uuid NOT NULL,
    section          text,
    kind             text NOT NULL,
    duration_seconds double precision,
    required         boolean NOT NULL,
    pass_mark        double precision,
    complete_at      double precision,
    PRIMARY KEY (course_id, lesson_id)
);

-- One row for each learner and lesson, distributed by user_id. It names its lesson without a foreign key: a lesson
-- that leaves its course leaves its rows here, and finds them when it comes back. `metadata` is json and not jsonb,
-- which would give back other key orders and numbers than were sent.
CREATE TABLE lesson_progress (
    user_id                uuid NOT NULL,
    course_id              uuid NOT NULL,
    lesson_id              uuid NOT NULL,
    status                 text NOT NULL,
    progress_percentage    double precision NOT NULL,
    video_position_seconds double precision NOT NULL,
    quiz_score             double precision,
    quiz_attempts          integer NOT NULL,
    quiz_passed            boolean NOT NULL,
    time_spent_minutes     double precision NOT NULL,
    user_notes             text,
    is_bookmarked          boolean NOT NULL,
    metadata               json NOT NULL,
    id                     uuid NOT NULL,
    completed_at           timestamptz,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    version                bigint NOT NULL,
    PRIMARY KEY (user_id, course_id, lesson_id)
);

-- Where each learner stands in each course, kept in the statement of every write, distributed by user_id. The counts
-- hold under `course_version` of the course and are made anew from the rows under another. `revision` is the gate of
-- all the learner's rows in the course: it grows with every change to any of them, and a change is stored only if the
-- revision is still what was read, which the change brings along as `previous_revision`. It is at least the time of the
-- change, in microseconds since 1970, so that a database that has lost its last moments gives other numbers to other
-- changes. A row is never deleted, not even where the learner starts the course over.
CREATE TABLE course_progress (
    user_id             uuid NOT NULL,
    course_id           uuid NOT NULL,
    completed_lessons   integer NOT NULL,
    in_progress_lessons integer NOT NULL,
    time_parts          bigint NOT NULL, -- millionths of a minute
    last_accessed       timestamptz, -- null: started over, and not written in since
    course_version      bigint NOT NULL,
    revision            bigint NOT NULL,
    previous_revision   bigint NOT NULL DEFAULT 0, -- 0: there was none
    PRIMARY KEY (user_id, course_id)
);
