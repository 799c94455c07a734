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

-- name: lesson-progress-after
-- The learner whose lesson progress comes some rows after a key.
SELECT user_id
FROM lesson_progress
WHERE (user_id, course_id, lesson_id) >= (:user_id, :course_id, :lesson_id)
ORDER BY user_id, course_id, lesson_id
OFFSET :rows LIMIT 1;

-- name: course-progress-after
-- The learner whose course progress comes some rows after a key.
SELECT user_id
FROM course_progress
WHERE (user_id, course_id) >= (:user_id, :course_id)
ORDER BY user_id, course_id
OFFSET :rows LIMIT 1;

-- name: days-after
-- The learner whose finished day comes some rows after a key.
SELECT user_id
FROM learner_days
WHERE (user_id, course_id, day) >= (:user_id, :course_id, :day)
ORDER BY user_id, course_id, day
OFFSET :rows LIMIT 1;

-- name: completions-after
-- The learner whose completion comes some rows after a key.
SELECT user_id
FROM completions
WHERE (user_id, course_id, completed_at) >= (:user_id, :course_id, :completed_at)
ORDER BY user_id, course_id, completed_at
OFFSET :rows LIMIT 1;

-- name: runs-after
-- The learner whose run comes some rows after a key.
SELECT user_id
FROM runs
WHERE (user_id, course_id, run) >= (:user_id, :course_id, :run)
ORDER BY user_id, course_id, run
OFFSET :rows LIMIT 1;
