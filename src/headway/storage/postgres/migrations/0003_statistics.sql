-- The counters of courses, updated with every write: docs/decisions/0021.

ALTER TABLE courses
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN on_edit text NOT NULL DEFAULT 'keep';
-- The version of the course since which the lesson has its present conditions of completion.
ALTER TABLE lessons ADD COLUMN criteria_version bigint NOT NULL DEFAULT 0;
-- Who wrote the lesson progress last for the learner; null: the learner.
ALTER TABLE lesson_progress ADD COLUMN written_by uuid;

-- When a learner started and completed the course, and the day last seen, in the course's time zone, with the work of
-- that day. Starting the course over removes the start, and keeps the work of the day.
ALTER TABLE course_progress
    ADD COLUMN started_at timestamptz,
    ADD COLUMN completed_at timestamptz,
    ADD COLUMN day date NOT NULL DEFAULT '1970-01-01',
    ADD COLUMN day_lessons_started integer NOT NULL DEFAULT 0,
    ADD COLUMN day_lessons_completed integer NOT NULL DEFAULT 0,
    ADD COLUMN day_time_parts bigint NOT NULL DEFAULT 0,
    ADD COLUMN day_completions integer NOT NULL DEFAULT 0;
UPDATE course_progress SET started_at = last_accessed, day = (last_accessed AT TIME ZONE 'UTC')::date
WHERE last_accessed IS NOT NULL;
UPDATE course_progress AS p SET started_at = r.first
FROM (SELECT user_id, course_id, min(created_at) AS first FROM lesson_progress GROUP BY user_id, course_id) AS r
WHERE p.user_id = r.user_id AND p.course_id = r.course_id AND p.last_accessed IS NOT NULL;
UPDATE course_progress AS p SET completed_at = r.last
FROM
    (SELECT user_id, course_id, max(completed_at) AS last FROM lesson_progress GROUP BY user_id, course_id) AS r,
    courses AS c
WHERE p.user_id = r.user_id AND p.course_id = r.course_id AND p.last_accessed IS NOT NULL
    AND c.course_id = p.course_id AND c.version = p.course_version
    AND c.required_lessons > 0 AND p.completed_lessons >= c.required_lessons;

-- The orders of rosters. A heartbeat changes these columns at most once a day, so most updates change no index.
CREATE INDEX course_progress_by_learner ON course_progress (course_id, user_id) WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_progress ON course_progress (course_id, completed_lessons, user_id)
WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_day ON course_progress (course_id, day, user_id) WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_completion ON course_progress (course_id, completed_at, user_id)
WHERE started_at IS NOT NULL;

-- Finished days of learners, distributed by user_id. The last day is in course_progress.
CREATE TABLE learner_days (
    user_id           uuid NOT NULL,
    course_id         uuid NOT NULL,
    day               date NOT NULL,
    lessons_started   integer NOT NULL,
    lessons_completed integer NOT NULL,
    time_parts        bigint NOT NULL,
    completions       integer NOT NULL,
    PRIMARY KEY (user_id, course_id, day)
);

-- The counters, as headway.domain.counters defines them, also of lessons and courses that are not in the catalogue,
-- distributed by course_id. Transactions that run at the same time add to different slots, so they do not wait for each
-- other. A counter is the sum over its slots. All rows are updated in place, so each page has room for that.
CREATE TABLE lesson_statistics (
    course_id   uuid NOT NULL,
    lesson_id   uuid NOT NULL,
    slot        smallint NOT NULL,
    started     bigint NOT NULL,
    completed   bigint NOT NULL,
    tried       bigint NOT NULL,
    passed      bigint NOT NULL,
    bookmarked  bigint NOT NULL,
    attempts    bigint NOT NULL,
    scored      bigint NOT NULL,
    score_parts bigint NOT NULL, -- millionths of a point
    time_parts  bigint NOT NULL, -- millionths of a minute
    PRIMARY KEY (course_id, lesson_id, slot)
) WITH (fillfactor = 20);

CREATE TABLE quiz_scores (
    course_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    points    smallint NOT NULL,
    slot      smallint NOT NULL,
    learners  bigint NOT NULL,
    PRIMARY KEY (course_id, lesson_id, points, slot)
) WITH (fillfactor = 50);

CREATE TABLE course_statistics (
    course_id uuid NOT NULL,
    slot      smallint NOT NULL,
    learners  bigint NOT NULL,
    completed bigint NOT NULL,
    PRIMARY KEY (course_id, slot)
) WITH (fillfactor = 20);

CREATE TABLE course_activity (
    course_id         uuid NOT NULL,
    day               date NOT NULL,
    slot              smallint NOT NULL,
    active            bigint NOT NULL,
    last_seen         bigint NOT NULL,
    lessons_started   bigint NOT NULL,
    lessons_completed bigint NOT NULL,
    time_parts        bigint NOT NULL,
    completions       bigint NOT NULL,
    PRIMARY KEY (course_id, day, slot)
) WITH (fillfactor = 20);

-- Courses with a running recalculation: a reference table, as the catalogue is.
CREATE TABLE rederivations (
    course_id    uuid NOT NULL PRIMARY KEY REFERENCES courses (course_id) ON DELETE CASCADE,
    version      bigint NOT NULL,
    learners     bigint NOT NULL,
    done         bigint NOT NULL,
    position     uuid, -- the last learner who is recalculated
    leased_until timestamptz NOT NULL
);
INSERT INTO rederivations (course_id, version, learners, done, position, leased_until)
SELECT c.course_id, c.version, count(*), 0, NULL, '1970-01-01'
FROM course_progress AS p
JOIN courses AS c ON c.course_id = p.course_id AND c.version <> p.course_version
GROUP BY c.course_id, c.version;

-- Learners who were erased. Their emptied course progress is removed when no process can have the old one in memory.
CREATE TABLE erased_learners (
    user_id   uuid NOT NULL PRIMARY KEY,
    erased_at timestamptz NOT NULL
);
-- Grows with every erasure. Every process then forgets what it keeps of learners in memory.
ALTER TABLE catalogue ADD COLUMN erasures bigint NOT NULL DEFAULT 0;
