-- The counters of courses, updated with every write: docs/decisions/0021.

ALTER TABLE courses ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE courses ADD COLUMN on_edit TEXT NOT NULL DEFAULT 'keep';
-- The version of the course since which the lesson has its present conditions of completion.
ALTER TABLE lessons ADD COLUMN criteria_version INTEGER NOT NULL DEFAULT 0;
-- Who wrote the lesson progress last for the learner; null: the learner.
ALTER TABLE lesson_progress ADD COLUMN written_by TEXT;

-- Course progress, with new columns: when the learner started and completed the course, and the day last seen, in the
-- course's time zone, with the work of that day. Starting the course over removes the start, and keeps the row and the
-- work of the day.
ALTER TABLE course_progress RENAME TO former_course_progress;
CREATE TABLE course_progress (
    user_id               TEXT NOT NULL,
    course_id             TEXT NOT NULL,
    completed_lessons     INTEGER NOT NULL,
    in_progress_lessons   INTEGER NOT NULL,
    time_parts            INTEGER NOT NULL, -- millionths of a minute
    last_accessed         TEXT,
    course_version        INTEGER NOT NULL,
    revision              INTEGER NOT NULL, -- grows with every write to the learner's progress in the course
    started_at            TEXT,
    completed_at          TEXT,
    day                   TEXT NOT NULL,
    day_lessons_started   INTEGER NOT NULL,
    day_lessons_completed INTEGER NOT NULL,
    day_time_parts        INTEGER NOT NULL,
    day_completions       INTEGER NOT NULL,
    PRIMARY KEY (user_id, course_id)
) WITHOUT ROWID;
INSERT INTO course_progress
SELECT
    p.user_id, p.course_id, p.completed_lessons, p.in_progress_lessons, p.time_parts, p.last_accessed,
    p.course_version, p.revision,
    coalesce(
        (SELECT min(r.created_at) FROM lesson_progress AS r WHERE r.user_id = p.user_id AND r.course_id = p.course_id),
        p.last_accessed
    ),
    CASE WHEN p.completed_lessons >= c.required_lessons AND c.required_lessons > 0 THEN
        (SELECT max(r.completed_at) FROM lesson_progress AS r WHERE r.user_id = p.user_id AND r.course_id = p.course_id)
    END,
    substr(p.last_accessed, 1, 10), 0, 0, 0, 0
FROM former_course_progress AS p
LEFT JOIN courses AS c ON c.course_id = p.course_id AND c.version = p.course_version;
DROP TABLE former_course_progress;

-- The orders of rosters. A heartbeat changes these columns at most once a day.
CREATE INDEX course_progress_by_learner ON course_progress (course_id, user_id) WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_progress ON course_progress (course_id, completed_lessons, user_id)
WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_day ON course_progress (course_id, day, user_id) WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_completion ON course_progress (course_id, completed_at, user_id)
WHERE started_at IS NOT NULL;

-- Finished days of learners. The last day is in course_progress.
CREATE TABLE learner_days (
    user_id           TEXT NOT NULL,
    course_id         TEXT NOT NULL,
    day               TEXT NOT NULL,
    lessons_started   INTEGER NOT NULL,
    lessons_completed INTEGER NOT NULL,
    time_parts        INTEGER NOT NULL,
    completions       INTEGER NOT NULL,
    PRIMARY KEY (user_id, course_id, day)
) WITHOUT ROWID;

-- The counters, as headway.domain.counters defines them, also of lessons and courses that are not in the catalogue.
CREATE TABLE lesson_statistics (
    course_id   TEXT NOT NULL,
    lesson_id   TEXT NOT NULL,
    started     INTEGER NOT NULL,
    completed   INTEGER NOT NULL,
    tried       INTEGER NOT NULL,
    passed      INTEGER NOT NULL,
    bookmarked  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    scored      INTEGER NOT NULL,
    score_parts INTEGER NOT NULL, -- millionths of a point
    time_parts  INTEGER NOT NULL,
    PRIMARY KEY (course_id, lesson_id)
) WITHOUT ROWID;

CREATE TABLE quiz_scores (
    course_id TEXT NOT NULL,
    lesson_id TEXT NOT NULL,
    points    INTEGER NOT NULL,
    learners  INTEGER NOT NULL,
    PRIMARY KEY (course_id, lesson_id, points)
) WITHOUT ROWID;

CREATE TABLE course_statistics (
    course_id TEXT NOT NULL PRIMARY KEY,
    learners  INTEGER NOT NULL,
    completed INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE course_activity (
    course_id         TEXT NOT NULL,
    day               TEXT NOT NULL,
    active            INTEGER NOT NULL,
    last_seen         INTEGER NOT NULL,
    lessons_started   INTEGER NOT NULL,
    lessons_completed INTEGER NOT NULL,
    time_parts        INTEGER NOT NULL,
    completions       INTEGER NOT NULL,
    PRIMARY KEY (course_id, day)
) WITHOUT ROWID;

-- Courses with a running recalculation.
CREATE TABLE rederivations (
    course_id    TEXT NOT NULL PRIMARY KEY REFERENCES courses (course_id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    learners     INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    position     TEXT, -- the last learner who is recalculated
    leased_until INTEGER NOT NULL -- microseconds since 1970
) WITHOUT ROWID;
INSERT INTO rederivations
SELECT c.course_id, c.version, count(*), 0, NULL, 0
FROM course_progress AS p
JOIN courses AS c ON c.course_id = p.course_id AND c.version <> p.course_version
GROUP BY c.course_id;
