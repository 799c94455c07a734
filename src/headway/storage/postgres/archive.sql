-- Statements of the archive for PostgreSQL only. Parameters are bound by position, in the order in which they first
-- appear.

-- name: hold-lesson-progress!
-- Store lesson progress as it is in another database, with one array for each column.
INSERT INTO lesson_progress ({lesson_progress})
SELECT *
FROM unnest({lesson_progress:arrays})
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {lesson_progress:excluded};

-- name: hold-course-progress!
-- Store course progress as it is in another database, with one array for each column.
INSERT INTO course_progress ({course_progress})
SELECT *
FROM unnest({course_progress:arrays})
ON CONFLICT (user_id, course_id) DO UPDATE SET {course_progress:excluded};
