-- What carrying a database's content to another one asks of PostgreSQL alone. Parameters are bound by position, in the
-- order they first appear.

-- name: hold-lesson-rows!
-- Rows as they are in another database, one array a column.
INSERT INTO lesson_progress ({lesson_progress})
SELECT *
FROM unnest({lesson_progress:arrays})
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {lesson_progress:excluded};

-- name: hold-course-progress!
-- Course progress as they are in another database, one array a column.
INSERT INTO course_progress ({course_progress})
SELECT *
FROM unnest({course_progress:arrays})
ON CONFLICT (user_id, course_id) DO UPDATE SET {course_progress:excluded};
