-- Statements that are the same for both stores. Parameters are bound by position, in the order in which they first
-- appear.

-- name: put-course!
-- Store the columns of a course, with a new version.
INSERT INTO courses (course_id, title, time_zone, on_edit, lessons, required_lessons, version, sort_key, valid_for_days)
VALUES (
    :course_id, :title, :time_zone, :on_edit, :lessons, :required_lessons, :version, :sort_key, :valid_for_days
)
ON CONFLICT (course_id) DO UPDATE SET
    title = excluded.title,
    time_zone = excluded.time_zone,
    on_edit = excluded.on_edit,
    lessons = excluded.lessons,
    required_lessons = excluded.required_lessons,
    version = excluded.version,
    sort_key = excluded.sort_key,
    valid_for_days = excluded.valid_for_days;

-- name: put-sort-key!
-- Set the position of a course in lists by title.
UPDATE courses SET sort_key = :sort_key WHERE course_id = :course_id;

-- name: remove-lessons!
-- Remove all lessons of a course, before the new ones are stored.
DELETE FROM lessons WHERE course_id = :course_id;

-- name: remove-course!
-- Remove a course and, by the foreign key, its lessons.
DELETE FROM courses WHERE course_id = :course_id;

-- name: one-lesson-progress^
-- A learner's progress in one lesson.
SELECT {lesson_progress}
FROM lesson_progress
WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id;

-- name: learner-lesson-progress-in
-- All of a learner's lesson progress in one course.
SELECT {lesson_progress}
FROM lesson_progress
WHERE user_id = :user_id AND course_id = :course_id;

-- name: touched-lessons
-- The lessons of all courses in which a learner has progress, with status, time and position, read by the primary key.
SELECT course_id, lesson_id, status, worked_at, video_position_seconds
FROM lesson_progress
WHERE user_id = :user_id
ORDER BY course_id;

-- name: notes-of
-- A learner's notes over all courses, read by the primary key: those that changed last.
SELECT course_id, lesson_id, user_notes, id, version
FROM lesson_progress
WHERE user_id = :user_id AND user_notes IS NOT NULL
ORDER BY updated_at DESC, course_id, lesson_id
LIMIT :limit;

-- name: learner-lesson-progress
-- All of a learner's lesson progress.
SELECT {lesson_progress}
FROM lesson_progress
WHERE user_id = :user_id
ORDER BY course_id, lesson_id;

-- name: learner-course-progress
-- All of a learner's course progress.
SELECT {course_progress}
FROM course_progress
WHERE user_id = :user_id
ORDER BY course_id;

-- name: learner-days
-- All of a learner's finished days.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id
ORDER BY course_id, day;

-- name: learner-days-in
-- A learner's finished days in a course.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id AND course_id = :course_id;
