-- The schema version, and the oldest schema version whose Headway may use this schema. So older processes can continue
-- after the first newer process has migrated.
CREATE TABLE schema_version (
    version         integer NOT NULL,
    compatible_from integer NOT NULL
);
INSERT INTO schema_version (version, compatible_from) VALUES (0, 0);

-- The catalogue: reference tables on a Citus cluster. `revision` grows with every change of it, and becomes the version
-- of the course that changed. So a version is never used twice, not even by a course that was removed and stored again.
-- It is at least the time of the change, in microseconds since 1970.
CREATE TABLE catalogue (revision bigint NOT NULL);
INSERT INTO catalogue (revision) VALUES (0);

CREATE TABLE courses (
    course_id        uuid NOT NULL PRIMARY KEY,
    title            text NOT NULL,
    lessons          integer NOT NULL, -- their number, so that the list of courses does not count them
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

-- Lesson progress: one row for each learner and lesson, distributed by user_id. There is no foreign key to the lesson.
-- When a lesson leaves its course, the progress in it stays, and counts again when the lesson comes back. `metadata` is
-- json, because jsonb would change the order of keys and the form of numbers.
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

-- Course progress: one row for each learner and course, stored by the statement of every write, distributed by user_id.
-- The counts are those of `course_version`; for another version they are counted again from lesson progress. `revision`
-- is the gate of the learner's lesson progress in the course. It grows with every change of it. A change is stored only
-- where the revision is still the one that was read, which the change names as `previous_revision`. The revision is at
-- least the time of the change, in microseconds since 1970. So a database that has lost its last changes gives other
-- numbers to other changes. A row is never deleted, not even where the learner starts the course over.
CREATE TABLE course_progress (
    user_id             uuid NOT NULL,
    course_id           uuid NOT NULL,
    completed_lessons   integer NOT NULL,
    in_progress_lessons integer NOT NULL,
    time_parts          bigint NOT NULL, -- millionths of a minute
    last_accessed       timestamptz, -- null: started over, and without a write since
    course_version      bigint NOT NULL,
    revision            bigint NOT NULL,
    previous_revision   bigint NOT NULL DEFAULT 0, -- 0: there was none
    PRIMARY KEY (user_id, course_id)
);
