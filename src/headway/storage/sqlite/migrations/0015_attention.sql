-- Learners who need attention, in the order of the lists: docs/decisions/0045. A write changes these indexes where the
-- learner is seen for the first time on a day, starts or completes the course, or attempts a quiz that is failed.
CREATE INDEX course_progress_inactive ON course_progress (course_id, day, user_id)
WHERE started_at IS NOT NULL AND completed_at IS NULL AND ended_at IS NULL;
CREATE INDEX course_progress_not_started ON course_progress (course_id, enrolled_at, user_id)
WHERE enrolled_at IS NOT NULL AND started_at IS NULL AND ended_at IS NULL;
CREATE INDEX lesson_progress_failing ON lesson_progress (course_id, quiz_attempts, user_id, lesson_id)
WHERE quiz_attempts >= 2 AND NOT quiz_passed AND status = 'in_progress';
CREATE INDEX lesson_progress_failing_by_learner ON lesson_progress (user_id, course_id, lesson_id)
WHERE quiz_attempts >= 2 AND NOT quiz_passed AND status = 'in_progress';
