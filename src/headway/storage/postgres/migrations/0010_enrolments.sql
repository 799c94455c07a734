-- Enrolments: when the learner was enrolled, when that ended, the due date, and what enrols the learner (a JSON list, or
-- null where the first write did). docs/decisions/0040.
ALTER TABLE course_progress
    ADD COLUMN enrolled_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN sources json;
UPDATE course_progress SET enrolled_at = started_at WHERE started_at IS NOT NULL;

-- A roster also has the learners who are enrolled and have not started.
DROP INDEX course_progress_by_learner;
DROP INDEX course_progress_by_progress;
DROP INDEX course_progress_by_day;
DROP INDEX course_progress_by_completion;
DROP INDEX course_progress_by_lesson;
CREATE INDEX course_progress_by_learner ON course_progress (course_id, user_id) WHERE enrolled_at IS NOT NULL;
CREATE INDEX course_progress_by_progress ON course_progress (course_id, completed_lessons, user_id)
WHERE enrolled_at IS NOT NULL;
CREATE INDEX course_progress_by_day ON course_progress (course_id, day, user_id) WHERE enrolled_at IS NOT NULL;
CREATE INDEX course_progress_by_completion ON course_progress (course_id, completed_at, user_id)
WHERE enrolled_at IS NOT NULL;
CREATE INDEX course_progress_by_lesson ON course_progress (course_id, at_lesson, user_id)
WHERE enrolled_at IS NOT NULL AND completed_at IS NULL;

-- The learners who are to complete a course until some time. Writes change that only where they complete the course.
CREATE INDEX course_progress_by_due_date ON course_progress (course_id, due_at, user_id)
WHERE due_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL;

-- The counts of enrolled learners. They are counted after this migration.
ALTER TABLE course_statistics
    ADD COLUMN enrolled bigint NOT NULL DEFAULT 0,
    ADD COLUMN enrolled_started bigint NOT NULL DEFAULT 0,
    ADD COLUMN enrolled_completed bigint NOT NULL DEFAULT 0;

-- The lessons that come before a lesson (a JSON list of ids, or null), and when it is due. How many days a completion of
-- a course counts.
ALTER TABLE lessons
    ADD COLUMN requires json,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN due_after_days integer;
ALTER TABLE courses ADD COLUMN valid_for_days integer;

-- Completions of courses, distributed by user_id. None is removed, except with its learner.
CREATE TABLE completions (
    user_id               uuid NOT NULL,
    course_id             uuid NOT NULL,
    completed_at          timestamptz NOT NULL,
    course_version        bigint NOT NULL,
    completion_percentage double precision NOT NULL,
    score                 double precision,
    expires_at            timestamptz,
    PRIMARY KEY (user_id, course_id, completed_at)
);
INSERT INTO completions (user_id, course_id, completed_at, course_version, completion_percentage)
SELECT user_id, course_id, completed_at, course_version, 100 FROM course_progress WHERE completed_at IS NOT NULL;
