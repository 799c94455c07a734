-- Counters, finished days and recounts on SQLite. Parameters are bound by position, in the order in which they first
-- appear.

-- name: add-lesson-statistics!
-- Add to the counters of a lesson.
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
-- Add learners to the distribution of a quiz's scores.
INSERT INTO quiz_scores (course_id, lesson_id, points, learners) VALUES (:course_id, :lesson_id, :points, :learners)
ON CONFLICT (course_id, lesson_id, points) DO UPDATE SET learners = learners + excluded.learners;

-- name: add-course-statistics!
-- Add to the counters of a course.
INSERT INTO course_statistics (course_id, learners, completed, enrolled, enrolled_started, enrolled_completed)
VALUES (:course_id, :learners, :completed, :enrolled, :enrolled_started, :enrolled_completed)
ON CONFLICT (course_id) DO UPDATE SET
    learners = learners + excluded.learners,
    completed = completed + excluded.completed,
    enrolled = enrolled + excluded.enrolled,
    enrolled_started = enrolled_started + excluded.enrolled_started,
    enrolled_completed = enrolled_completed + excluded.enrolled_completed;

-- name: add-activity!
-- Add to the counters of a day in a course.
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
-- Store a finished day of a learner.
INSERT OR REPLACE INTO learner_days ({learner_days}) VALUES ({learner_days:values});

-- name: put-completion!
-- Keep a completion.
INSERT OR REPLACE INTO completions ({completions}) VALUES ({completions:values});

-- name: keep-run!
-- Keep a run that has ended, unless one with its number is kept already.
INSERT INTO runs ({runs}, lessons) VALUES ({runs:values}, :lessons) ON CONFLICT DO NOTHING;

-- name: put-run!
-- Store a run of another database.
INSERT OR REPLACE INTO runs ({runs}, lessons) VALUES ({runs:values}, :lessons);

-- name: course-counts
-- The counters of a course.
SELECT course_id, learners, completed, enrolled, enrolled_started, enrolled_completed FROM course_statistics WHERE course_id = :course_id;

-- name: lesson-counts
-- The counters of a course's lessons, also of those that have left the course.
SELECT
    course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
    stopped
FROM lesson_statistics
WHERE course_id = :course_id;

-- name: scores
-- The distributions of scores in a course.
SELECT course_id, lesson_id, points, learners FROM quiz_scores WHERE course_id = :course_id AND learners <> 0;

-- name: days
-- The counters of a course's days.
SELECT course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
FROM course_activity
WHERE course_id = :course_id AND day BETWEEN :first AND :last;

-- name: all-course-counts
-- The counters of all courses.
SELECT course_id, learners, completed, enrolled, enrolled_started, enrolled_completed FROM course_statistics;

-- name: all-lesson-counts
-- The counters of all lessons.
SELECT
    course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
    stopped
FROM lesson_statistics;

-- name: all-scores
-- The distributions of scores in all courses.
SELECT course_id, lesson_id, points, learners FROM quiz_scores WHERE learners <> 0;

-- name: all-days
-- The counters of the days of all courses.
SELECT course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
FROM course_activity
WHERE day BETWEEN :first AND :last;

-- name: catalogue-page
-- A page of the catalogue by title, with the courses' versions; only of the courses in a JSON list, if it is given.
SELECT course_id, version
FROM courses
WHERE
    (sort_key, course_id) > (:sort_key, :course_id)
    AND (:among IS NULL OR course_id IN (SELECT value FROM json_each(:among)))
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: remove-learner-day!
-- Remove a finished day.
DELETE FROM learner_days WHERE user_id = :user_id AND course_id = :course_id AND day = :day;

-- name: active-days
-- The days from the first on at which a learner was active in a course, or in any where none is named: the finished
-- days, and the last day of each course.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id AND (:course_id IS NULL OR course_id = :course_id) AND day >= :first
UNION ALL
SELECT user_id, course_id, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions
FROM course_progress
WHERE user_id = :user_id AND (:course_id IS NULL OR course_id = :course_id) AND day >= :first AND day > '1970-01-01';

-- name: erase-lesson-progress!
-- Remove all of a learner's lesson progress.
DELETE FROM lesson_progress WHERE user_id = :user_id;

-- name: erase-course-progress!
-- Remove all of a learner's course progress.
DELETE FROM course_progress WHERE user_id = :user_id;

-- name: erase-days!
-- Remove all of a learner's finished days.
DELETE FROM learner_days WHERE user_id = :user_id;

-- name: count-lesson-progress-of^
-- Count the lesson progress in a course, or in all where none is named.
SELECT count(*) FROM lesson_progress WHERE :course_id IS NULL OR course_id = :course_id;

-- name: learner-at^
-- The learner at a distance of some rows of lesson progress from another learner.
SELECT user_id FROM lesson_progress WHERE user_id > :after ORDER BY user_id LIMIT 1 OFFSET :rows;

-- name: lesson-progress-between
-- The lesson progress of a range of learners.
SELECT {lesson_progress}
FROM lesson_progress
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);

-- name: course-progress-between
-- The course progress of a range of learners.
SELECT {course_progress}
FROM course_progress
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);

-- name: days-between
-- The finished days of a range of learners.
SELECT {learner_days}
FROM learner_days
WHERE user_id > :after AND user_id <= :until AND (:course_id IS NULL OR course_id = :course_id);

-- name: take-numbers
-- Take the next numbers of the feed, and return the last of them.
UPDATE event_feeds SET last_number = last_number + :count WHERE feed = 0 RETURNING last_number;

-- name: put-unpublished-event!
-- Store an event. An update that is not published yet keeps its old values and the time from which it may be published.
INSERT INTO unpublished_events ({unpublished_events}) VALUES ({unpublished_events:values})
ON CONFLICT (user_id, id) DO UPDATE SET
    at = excluded.at,
    actor = excluded.actor,
    actor_id = excluded.actor_id,
    new_values = excluded.new_values,
    revision = excluded.revision,
    position = excluded.position;
