-- The statements of the SQLite store. Parameters are bound by position, in the order in which they first appear.

-- name: probe^
-- Whether the database answers.
SELECT revision FROM catalogue;

-- name: course-version^
-- The version of a course in the catalogue.
SELECT version FROM courses WHERE course_id = :course_id;

-- name: course-lessons
-- A course with its lessons in order. Every row begins with the columns of the course.
SELECT
    c.version, c.title, c.time_zone, c.on_edit, c.valid_for_days,
    l.lesson_id, l.title, l.content_id, l.section, l.kind, l.duration_seconds, l.required, l.pass_mark, l.complete_at,
    l.requires, l.due_at, l.due_after_days, l.criteria_version
FROM courses AS c
JOIN lessons AS l ON l.course_id = c.course_id
WHERE c.course_id = :course_id
ORDER BY l.position;

-- name: course-outlines
-- A page of the catalogue by title, one row for each course.
SELECT course_id, title, lessons, required_lessons
FROM courses
WHERE (sort_key, course_id) > (:sort_key, :course_id)
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: next-revision^
-- A new number for a change of the catalogue: greater than the last one, and at least the present time. So a catalogue
-- that was restored from a backup does not give the same numbers to other documents.
UPDATE catalogue SET revision = max(revision + 1, :now) RETURNING revision;

-- name: courses-without-key
-- The courses that were stored before there were sort keys.
SELECT course_id, title FROM courses WHERE sort_key = x'';

-- name: put-lesson!
-- Store a lesson with its position.
INSERT INTO lessons (
    course_id, lesson_id, position, title, content_id, section, kind, duration_seconds, required, pass_mark, complete_at,
    requires, due_at, due_after_days, criteria_version
) VALUES (
    :course_id, :lesson_id, :position, :title, :content_id, :section, :kind, :duration_seconds, :required,
    :pass_mark, :complete_at, :requires, :due_at, :due_after_days, :criteria_version
);

-- name: put-lesson-progress!
-- Store lesson progress.
INSERT INTO lesson_progress ({lesson_progress}) VALUES ({lesson_progress:values})
ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {lesson_progress:excluded};

-- name: remove-lesson-progress!
-- Remove a learner's progress in one lesson.
DELETE FROM lesson_progress WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id;

-- name: course-progress^
-- A learner's course progress.
SELECT {course_progress}
FROM course_progress
WHERE user_id = :user_id AND course_id = :course_id;

-- name: course-version-and-progress^
-- The version of a course in the catalogue, with the learner's course progress, or nulls where there is none.
SELECT
    c.version,
    {course_progress:p}
FROM courses AS c
LEFT JOIN course_progress AS p ON p.user_id = :user_id AND p.course_id = c.course_id
WHERE c.course_id = :course_id;

-- name: lessons-stamp^
-- The stamp of a learner's lesson progress in a course; no row where the catalogue does not have the course.
SELECT c.version, p.revision
FROM courses AS c
LEFT JOIN course_progress AS p ON p.user_id = :user_id AND p.course_id = c.course_id
WHERE c.course_id = :course_id;

-- name: enrolments-among
-- The courses in which some learners are enrolled.
SELECT {course_progress:p}
FROM course_progress AS p
WHERE p.user_id IN (SELECT value FROM json_each(:learners)) AND p.enrolled_at IS NOT NULL AND p.ended_at IS NULL;

-- name: learner-courses
-- The courses of the catalogue in which a learner has progress, the last accessed first.
SELECT p.course_id
FROM course_progress AS p
JOIN courses AS c ON c.course_id = p.course_id
WHERE p.user_id = :user_id AND p.started_at IS NOT NULL
ORDER BY coalesce(p.last_accessed, p.started_at) DESC, p.course_id;

-- name: put-course-progress!
-- Store course progress.
INSERT INTO course_progress ({course_progress}) VALUES ({course_progress:values})
ON CONFLICT (user_id, course_id) DO UPDATE SET {course_progress:excluded};

-- name: touch-lesson-progress!
-- Store a regular report of a player: what it sends, and when. No column of an index changes.
UPDATE lesson_progress SET
    progress_percentage = :progress_percentage,
    video_position_seconds = :video_position_seconds,
    time_spent_minutes = :time_spent_minutes,
    updated_at = :updated_at,
    version = :version,
    worked_at = :worked_at
WHERE user_id = :user_id AND course_id = :course_id AND lesson_id = :lesson_id;

-- name: touch-course-progress!
-- Store course progress where no column of an index changes. SQLite writes an index again for each of its columns that
-- is set, whether the value changes or not.
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
