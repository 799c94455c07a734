-- Courses' figures on SQLite. Parameters are bound by position, in the order they first appear.

-- name: add-lesson-statistics!
-- Add to what is counted of a lesson.
INSERT INTO lesson_statistics (
    course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
    stopped
) VALUES (
    :course_id, :lesson_id, :started, :completed, :attempted, :passed, :bookmarked, :attempts, :scored, :micro_points,
    :micro_minutes, :stopped
)
ON CONFLICT (course_id, lesson_id) DO UPDATE SET
    started = started + excluded.started,
    completed = completed + excluded.completed,
    attempted = attempted + excluded.attempted,
    passed = passed + excluded.passed,
    bookmarked = bookmarked + excluded.bookmarked,
    attempts = attempts + excluded.attempts,
    scored = scored + excluded.scored,
    micro_points = micro_points + excluded.micro_points,
    micro_minutes = micro_minutes + excluded.micro_minutes,
    stopped = stopped + excluded.stopped;

-- name: add-scores!
-- Add learners to a quiz's distribution.
INSERT INTO quiz_scores (course_id, lesson_id, points, learners) VALUES (:course_id, :lesson_id, :points, :learners)
ON CONFLICT (course_id, lesson_id, points) DO UPDATE SET learners = learners + excluded.learners;

-- name: add-course-statistics!
-- Add to what is counted of a course.
INSERT INTO course_statistics (course_id, learners, completed) VALUES (:course_id, :learners, :completed)
ON CONFLICT (course_id) DO UPDATE SET
    learners = learners + excluded.learners,
    completed = completed + excluded.completed;

-- name: add-activity!
-- Add to what is counted of a day in a course.
INSERT INTO course_activity (
    course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
) VALUES (
    :course_id, :day, :active, :last_seen, :lessons_started, :lessons_completed, :micro_minutes, :completions
)
ON CONFLICT (course_id, day) DO UPDATE SET
    active = active + excluded.active,
    last_seen = last_seen + excluded.last_seen,
    lessons_started = lessons_started + excluded.lessons_started,
    lessons_completed = lessons_completed + excluded.lessons_completed,
    micro_minutes = micro_minutes + excluded.micro_minutes,
    completions = completions + excluded.completions;

-- name: put-learner-day!
-- A learner's day that is finished.
INSERT OR REPLACE INTO learner_days ({learner_days}) VALUES ({learner_days:values});

-- name: course-counts
-- Learners in a course.
SELECT course_id, learners, completed FROM course_statistics WHERE course_id = :course_id;

-- name: lesson-counts
-- Learners in a course's lessons, in those that are not in it now too.
SELECT
    course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
    stopped
FROM lesson_statistics
WHERE course_id = :course_id;

-- name: scores
-- The distributions of a course's quizzes.
SELECT course_id, lesson_id, points, learners FROM quiz_scores WHERE course_id = :course_id AND learners <> 0;

-- name: days
-- What is counted of a course's days.
SELECT course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
FROM course_activity
WHERE course_id = :course_id AND day BETWEEN :first AND :last;

-- name: all-course-counts
-- Learners in all courses.
SELECT course_id, learners, completed FROM course_statistics;

-- name: all-lesson-counts
-- Learners in all lessons.
SELECT
    course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
    stopped
FROM lesson_statistics;

-- name: all-scores
-- All distributions.
SELECT course_id, lesson_id, points, learners FROM quiz_scores WHERE learners <> 0;

-- name: all-days
-- What is counted of all courses' days.
SELECT course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
FROM course_activity
WHERE day BETWEEN :first AND :last;

-- name: catalogue-page
-- A page of the catalogue by title, with the courses' versions; of these courses alone where a JSON list names them.
SELECT course_id, version
FROM courses
WHERE
    (sort_key, course_id) > (:sort_key, :course_id)
    AND (:among IS NULL OR course_id IN (SELECT value FROM json_each(:among)))
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: remove-learner-day!
-- A learner's finished day goes.
DELETE FROM learner_days WHERE user_id = :user_id AND course_id = :course_id AND day = :day;

-- name: active-days
-- The days from the first on when a learner wrote in a course, or in any where none is named: those that are finished,
-- and the present one of each course.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id AND (:course_id IS NULL OR course_id = :course_id) AND day >= :first
UNION ALL
SELECT user_id, course_id, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions
FROM course_progress
WHERE user_id = :user_id AND (:course_id IS NULL OR course_id = :course_id) AND day >= :first AND day > '1970-01-01';

-- name: erase-rows!
-- All of a learner's rows go.
DELETE FROM lesson_progress WHERE user_id = :user_id;

-- name: erase-course-progress!
-- All of a learner's course progress go.
DELETE FROM course_progress WHERE user_id = :user_id;

-- name: erase-days!
-- All of a learner's finished days go.
DELETE FROM learner_days WHERE user_id = :user_id;

-- name: count-rows-of^
-- How many rows a course has, or all have.
SELECT count(*) FROM lesson_progress WHERE :course_id IS NULL OR course_id = :course_id;

-- name: learner-at^
-- The learner whose row is so many rows further on.
SELECT user_id FROM lesson_progress WHERE user_id > :after ORDER BY user_id LIMIT 1 OFFSET :rows;

-- name: rows-between
-- The rows of a stretch of learners.
SELECT {lesson_progress}
FROM lesson_progress
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);

-- name: course-progress-between
-- The course progress of a stretch of learners.
SELECT {course_progress}
FROM course_progress
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);

-- name: days-between
-- The finished days of a stretch of learners.
SELECT {learner_days}
FROM learner_days
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);
