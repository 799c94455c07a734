-- The lesson at which each learner is: the last one, in the course's order, that the learner has started. And for each
-- lesson, how many learners are at it and have not completed the course. docs/decisions/0031.
ALTER TABLE course_progress ADD COLUMN at_lesson uuid;
UPDATE course_progress AS p SET at_lesson = l.lesson_id
FROM
    (
        SELECT r.user_id, r.course_id, max(l.position) AS position
        FROM lesson_progress AS r
        JOIN lessons AS l ON l.course_id = r.course_id AND l.lesson_id = r.lesson_id
        WHERE r.status <> 'not_started'
        GROUP BY r.user_id, r.course_id
    ) AS last,
    lessons AS l
WHERE p.user_id = last.user_id AND p.course_id = last.course_id AND p.started_at IS NOT NULL
    AND l.course_id = last.course_id AND l.position = last.position;

-- The learners at a lesson. A heartbeat changes that only where it starts a lesson.
CREATE INDEX course_progress_by_lesson ON course_progress (course_id, at_lesson, user_id)
WHERE started_at IS NOT NULL AND completed_at IS NULL;

ALTER TABLE lesson_statistics ADD COLUMN stopped bigint NOT NULL DEFAULT 0;
