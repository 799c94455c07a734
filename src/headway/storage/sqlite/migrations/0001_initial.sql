-- The catalogue. `revision` grows with every change of it, and becomes the version of the course that changed. So a
-- version is never used twice, not even by a course that was removed and stored again. It is at least the time of the
-- change, in microseconds since 1970.
CREATE TABLE catalogue (revision INTEGER NOT NULL);
INSERT INTO catalogue (revision) VALUES (0);

CREATE TABLE courses (
    course_id        TEXT NOT NULL PRIMARY KEY,
    title            TEXT NOT NULL,
    lessons          INTEGER NOT NULL, -- their number, so that the list of courses does not count them
    required_lessons INTEGER NOT NULL,
    version          INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE lessons (
    course_id        TEXT NOT NULL REFERENCES courses (course_id) ON DELETE CASCADE,
    lesson_id        TEXT NOT NULL,
    position         INTEGER NOT NULL,
    title            TEXT NOT NULL,
    content_id       TEXT NOT NULL,
    section          TEXT,
    kind             TEXT NOT NULL,
    duration_seconds NUMERIC,
    required         INTEGER NOT NULL,
    pass_mark        NUMERIC,
    complete_at      NUMERIC,
    PRIMARY KEY (course_id, lesson_id)
) WITHOUT ROWID;

-- Lesson progress: one row for each learner and lesson. There is no foreign key to the lesson. When a lesson leaves its
-- course, the progress in it stays, and counts again when the lesson comes back. Times are UTC, ISO 8601 with
-- microseconds.
CREATE TABLE lesson_progress (
    user_id                TEXT NOT NULL,
    course_id              TEXT NOT NULL,
    lesson_id              TEXT NOT NULL,
    status                 TEXT NOT NULL,
    progress_percentage    NUMERIC NOT NULL,
    video_position_seconds NUMERIC NOT NULL,
    quiz_score             NUMERIC,
    quiz_attempts          INTEGER NOT NULL,
    quiz_passed            INTEGER NOT NULL,
    time_spent_minutes     NUMERIC NOT NULL,
    user_notes             TEXT,
    is_bookmarked          INTEGER NOT NULL,
    metadata               TEXT NOT NULL,
    id                     TEXT NOT NULL,
    completed_at           TEXT,
    created_at             TEXT NOT NULL,
    updated_at             TEXT NOT NULL,
    version                INTEGER NOT NULL,
    PRIMARY KEY (user_id, course_id, lesson_id)
) WITHOUT ROWID;

-- Course progress: one row for each learner and course, stored in the transaction of every write. The counts are those
-- of `course_version`; for another version they are counted again from lesson progress.
CREATE TABLE course_progress (
    user_id             TEXT NOT NULL,
    course_id           TEXT NOT NULL,
    completed_lessons   INTEGER NOT NULL,
    in_progress_lessons INTEGER NOT NULL,
    time_parts          INTEGER NOT NULL, -- millionths of a minute
    last_accessed       TEXT NOT NULL,
    course_version      INTEGER NOT NULL,
    revision            INTEGER NOT NULL, -- grows with every write to the learner's progress in the course
    PRIMARY KEY (user_id, course_id)
) WITHOUT ROWID;
