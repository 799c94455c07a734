-- The lesson at which each learner is: the last one, in the course's order, that the learner has started. And for each
-- lesson, how many learners are at it and have not completed the course. docs/decisions/0031.
ALTER TABLE course_progress ADD COLUMN at_lesson TEXT;
UPDATE course_progress SET at_lesson = (
    SELECT l.lesson_id
    FROM lesson_progress AS r
    JOIN lessons AS l ON l.course_id = r.course_id AND l.lesson_id = r.lesson_id
    WHERE r.user_id = course_progress.user_id AND r.course_id = course_progress.course_id
        AND r.status <> 'not_started'
    ORDER BY l.position DESC
    LIMIT 1
)
WHERE started_at IS NOT NULL;

-- The learners at a lesson. A heartbeat changes that only where it starts a lesson.
CREATE INDEX course_progress_by_lesson ON course_progress (course_id, at_lesson, user_id)
WHERE started_at IS NOT NULL AND completed_at IS NULL;

ALTER TABLE lesson_statistics ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
