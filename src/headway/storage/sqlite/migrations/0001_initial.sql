-- The catalogue. `revision` grows with every change to it and stamps the course that changed: a version is never
-- used twice, not even by a course that was removed and put back. It is at least the time of the change, in
-- microseconds since 1970.
CREATE TABLE catalogue (revision INTEGER NOT NULL);
INSERT INTO catalogue (revision) VALUES (0);

CREATE TABLE courses (
    course_id        TEXT NOT NULL PRIMARY KEY,
    title            TEXT NOT NULL,
    lessons          INTEGER NOT NULL, -- how many, so that the list of courses need not count
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

-- One row for each learner and lesson. It names its lesson without a foreign key: a lesson that leaves its course
-- leaves its rows here, and finds them when it comes back. Times are UTC, ISO 8601 with microseconds.
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

-- Where each learner stands in each course, kept in the transaction of every write. The counts hold under
-- `course_version` of the course and are made anew from the rows under another.
CREATE TABLE course_progress (
    user_id             TEXT NOT NULL,
    course_id           TEXT NOT NULL,
    completed_lessons   INTEGER NOT NULL,
    in_progress_lessons INTEGER NOT NULL,
    time_parts          INTEGER NOT NULL, -- millionths of a minute
    last_accessed       TEXT NOT NULL,
    course_version      INTEGER NOT NULL,
    revision            INTEGER NOT NULL, -- grows with every write of the learner's in the course
    PRIMARY KEY (user_id, course_id)
) WITHOUT ROWID;
