-- How many learners enrolled, started and completed in the last two weeks is counted when it is read, from an index each:
-- docs/decisions/0046. A write changes them where a learner enrols, starts or completes the course, or leaves it.
-- Each has all columns that its counts name, because SQLite compares them again with those of the row.
CREATE INDEX course_progress_by_enrolment ON course_progress (course_id, enrolled_at, ended_at)
WHERE enrolled_at IS NOT NULL;
CREATE INDEX course_progress_by_start ON course_progress (course_id, started_at, enrolled_at, ended_at)
WHERE started_at IS NOT NULL;
CREATE INDEX course_progress_by_late_completion ON course_progress (course_id, completed_at, due_at, ended_at)
WHERE due_at < completed_at;

DROP INDEX course_progress_by_completion;
CREATE INDEX course_progress_by_completion ON course_progress (course_id, completed_at, user_id, enrolled_at)
WHERE enrolled_at IS NOT NULL;
DROP INDEX course_progress_by_due_date;
CREATE INDEX course_progress_by_due_date ON course_progress (course_id, due_at, user_id, completed_at, ended_at)
WHERE due_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL;
