-- All that the SQLite store asks of its database. Parameters are bound by position, in the order they first appear.

-- name: probe^
-- Whether the database answers.
SELECT revision FROM catalogue;

-- name: course-version^
-- The version of a course in the catalogue; no row where it has none.
SELECT version FROM courses WHERE course_id = :course_id;

-- name: course-lessons
-- A course with its lessons in order, on every row the course's own columns.
SELECT
    c.version, c.title, c.time_zone, c.on_edit,
    l.lesson_id, l.title, l.content_id, l.section, l.kind, l.duration_seconds, l.required, l.pass_mark, l.complete_at,
    l.criteria_version
FROM courses AS c
JOIN lessons AS l ON l.course_id = c.course_id
WHERE c.course_id = :course_id
ORDER BY l.position;

-- name: course-outlines
-- A page of the catalogue by title, one line a course.
SELECT course_id, title, lessons, required_lessons
FROM courses
WHERE (sort_key, course_id) > (:sort_key, :course_id)
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: next-revision^
-- A number for a change to the catalogue, never given before: one more than the last, and at least the time, so that
-- a catalogue restored from a backup does not give the same numbers to other documents.
UPDATE catalogue SET revision = max(revision + 1, :now) RETURNING revision;

-- name: courses-without-key
-- The courses from before there were sort keys.
SELECT course_id, title FROM courses WHERE sort_key = x'';

-- name: put-lesson!
-- One lesson at its place.
INSERT INTO lessons (
    course_id, lesson_id, position, title, content_id, section, kind, duration_seconds, required, pass_mark, complete_at,
    criteria_version
) VALUES (
    :course_id, :lesson_id, :position, :title, :content_id, :section, :kind, :duration_seconds, :required,
    :pass_mark, :complete_at, :criteria_version
);

-- name: put-lesson-row!
-- A row as it now is. What never changes after the first write is not updated.
INSERT INTO lesson_progress ({lesson_progress}) VALUES ({lesson_progress:values})
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {lesson_progress:excluded};

-- name: remove-lesson-row!
-- One learner's row in one lesson.
DELETE FROM lesson_progress WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id;

-- name: course-progress^
-- Where one learner stands in one course.
SELECT {course_progress}
FROM course_progress
WHERE user_id = :user_id AND course_id = :course_id;

-- name: course-version-and-progress^
-- The version of a course in the catalogue, with where the learner stands in it or nulls.
SELECT
    c.version,
    {course_progress:p}
FROM courses AS c
LEFT JOIN course_progress AS p ON p.user_id = :user_id AND p.course_id = c.course_id
WHERE c.course_id = :course_id;

-- name: lessons-stamp^
-- What changes whenever a learner's list of a course does; no row where the catalogue has no such course.
SELECT c.version, p.revision
FROM courses AS c
LEFT JOIN course_progress AS p ON p.user_id = :user_id AND p.course_id = c.course_id
WHERE c.course_id = :course_id;

-- name: learner-courses
-- The courses of the catalogue that a learner has written in, most recently written in first.
SELECT p.course_id
FROM course_progress AS p
JOIN courses AS c ON c.course_id = p.course_id
WHERE p.user_id = :user_id AND p.started_at IS NOT NULL
ORDER BY coalesce(p.last_accessed, p.started_at) DESC, p.course_id;

-- name: put-course-progress!
-- Where one learner now stands in one course.
INSERT INTO course_progress ({course_progress}) VALUES ({course_progress:values})
ON CONFLICT (user_id, course_id) DO UPDATE SET {course_progress:excluded};

-- name: touch-course-progress!
-- Where one learner now stands in one course, where no column changes that an index has: SQLite writes an index
-- anew for each column that is set, whether it changes or not.
UPDATE course_progress SET
    in_progress_lessons = :in_progress_lessons,
    micro_minutes = :micro_minutes,
    last_accessed = :last_accessed,
    course_version = :course_version,
    revision = :revision,
    day_lessons_started = :day_lessons_started,
    day_lessons_completed = :day_lessons_completed,
    day_micro_minutes = :day_micro_minutes,
    day_completions = :day_completions
WHERE user_id = :user_id AND course_id = :course_id;
