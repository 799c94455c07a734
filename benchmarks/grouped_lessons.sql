-- What the counters hold of each lesson, from the rows: GROUP BY, as a service without counters would ask.
SELECT
    course_id,
    lesson_id,
    count(*) FILTER (WHERE status <> 'not_started') AS started,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE quiz_score IS NOT NULL OR quiz_attempts > 0 OR quiz_passed) AS attempted,
    count(*) FILTER (WHERE quiz_passed) AS passed,
    count(*) FILTER (WHERE is_bookmarked) AS bookmarked,
    sum(quiz_attempts) AS attempts,
    count(quiz_score) AS scored,
    sum(CAST(round(coalesce(quiz_score, 0) * 1000000) AS bigint)) AS micro_points,
    sum(CAST(round(time_spent_minutes * 1000000) AS bigint)) AS micro_minutes
FROM lesson_progress
GROUP BY course_id, lesson_id
