-- How many learners enrolled, started and completed in the last two weeks is counted when it is read, from an index each:
-- docs/decisions/0046. A write changes them where a learner enrols, starts or completes the course, or leaves it.
CREATE INDEX course_progress_by_enrolment ON course_progress (course_id, enrolled_at)
WHERE enrolled_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX course_progress_by_start ON course_progress (course_id, started_at)
WHERE started_at IS NOT NULL AND enrolled_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX course_progress_by_late_completion ON course_progress (course_id, completed_at, due_at)
WHERE due_at < completed_at AND ended_at IS NULL;
