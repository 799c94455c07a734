-- Courses' figures on PostgreSQL. Parameters are bound by position, in the order they first appear.
-- The rules that let every statement run on a Citus cluster unchanged are in docs/decisions/0016.

-- name: add-counters!
-- Add to what is counted, each table in the order of its keys: whoever has the same slot waits, and neither for ever.
WITH lesson AS (
    INSERT INTO lesson_statistics AS t (
        course_id, lesson_id, slot, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points,
        micro_minutes, stopped
    )
    SELECT
        a.course_id, a.lesson_id, :slot::smallint, a.started, a.completed, a.attempted, a.passed, a.bookmarked, a.attempts,
        a.scored, a.micro_points, a.micro_minutes, a.stopped
    FROM unnest(
        :lesson_course_ids::uuid[], :lesson_ids::uuid[], :started::bigint[], :completed::bigint[], :attempted::bigint[],
        :passed::bigint[], :bookmarked::bigint[], :attempts::bigint[], :scored::bigint[], :micro_points::bigint[],
        :micro_minutes::bigint[], :stopped::bigint[]
    ) AS a (
        course_id, lesson_id, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points, micro_minutes,
        stopped
    )
    ORDER BY a.course_id, a.lesson_id
    ON CONFLICT (course_id, lesson_id, slot) DO UPDATE SET
        started = t.started + excluded.started,
        completed = t.completed + excluded.completed,
        attempted = t.attempted + excluded.attempted,
        passed = t.passed + excluded.passed,
        bookmarked = t.bookmarked + excluded.bookmarked,
        attempts = t.attempts + excluded.attempts,
        scored = t.scored + excluded.scored,
        micro_points = t.micro_points + excluded.micro_points,
        micro_minutes = t.micro_minutes + excluded.micro_minutes,
        stopped = t.stopped + excluded.stopped
),
score AS (
    INSERT INTO quiz_scores AS t (course_id, lesson_id, points, slot, learners)
    SELECT a.course_id, a.lesson_id, a.points, :slot, a.learners
    FROM unnest(
        :score_course_ids::uuid[], :score_lesson_ids::uuid[], :points::smallint[], :score_learners::bigint[]
    ) AS a (course_id, lesson_id, points, learners)
    ORDER BY a.course_id, a.lesson_id, a.points
    ON CONFLICT (course_id, lesson_id, points, slot) DO UPDATE SET learners = t.learners + excluded.learners
),
course AS (
    INSERT INTO course_statistics AS t (course_id, slot, learners, completed)
    SELECT a.course_id, :slot, a.learners, a.completed
    FROM unnest(:course_ids::uuid[], :learners::bigint[], :learners_completed::bigint[])
        AS a (course_id, learners, completed)
    ORDER BY a.course_id
    ON CONFLICT (course_id, slot) DO UPDATE SET
        learners = t.learners + excluded.learners,
        completed = t.completed + excluded.completed
)
INSERT INTO course_activity AS t (
    course_id, day, slot, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
)
SELECT
    a.course_id, a.day, :slot, a.active, a.last_seen, a.lessons_started, a.lessons_completed, a.micro_minutes,
    a.completions
FROM unnest(
    :day_course_ids::uuid[], :days::date[], :active::bigint[], :last_seen::bigint[], :lessons_started::bigint[],
    :lessons_completed::bigint[], :day_micro_minutes::bigint[], :completions::bigint[]
) AS a (course_id, day, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions)
ORDER BY a.course_id, a.day
ON CONFLICT (course_id, day, slot) DO UPDATE SET
    active = t.active + excluded.active,
    last_seen = t.last_seen + excluded.last_seen,
    lessons_started = t.lessons_started + excluded.lessons_started,
    lessons_completed = t.lessons_completed + excluded.lessons_completed,
    micro_minutes = t.micro_minutes + excluded.micro_minutes,
    completions = t.completions + excluded.completions;

-- name: put-learner-days!
-- Learners' days that are finished, by whoever holds their gates.
INSERT INTO learner_days ({learner_days})
SELECT *
FROM unnest({learner_days:arrays})
ON CONFLICT (user_id, course_id, day) DO UPDATE SET {learner_days:excluded};

-- name: course-counts
-- Learners in a course.
SELECT course_id::text, sum(learners)::bigint, sum(completed)::bigint
FROM course_statistics
WHERE course_id = :course_id
GROUP BY course_id;

-- name: lesson-counts
-- Learners in the lessons of a course, in those that are not in it now too.
SELECT
    course_id::text, lesson_id::text, sum(started)::bigint, sum(completed)::bigint, sum(attempted)::bigint,
    sum(passed)::bigint, sum(bookmarked)::bigint, sum(attempts)::bigint, sum(scored)::bigint,
    sum(micro_points)::bigint, sum(micro_minutes)::bigint, sum(stopped)::bigint
FROM lesson_statistics
WHERE course_id = :course_id
GROUP BY course_id, lesson_id;

-- name: scores
-- The distributions of the quizzes of a course.
SELECT course_id::text, lesson_id::text, points, sum(learners)::bigint
FROM quiz_scores
WHERE course_id = :course_id
GROUP BY course_id, lesson_id, points;

-- name: days
-- What is counted of the days of a course.
SELECT
    course_id::text, day, sum(active)::bigint, sum(last_seen)::bigint, sum(lessons_started)::bigint,
    sum(lessons_completed)::bigint, sum(micro_minutes)::bigint, sum(completions)::bigint
FROM course_activity
WHERE course_id = :course_id AND day BETWEEN :first AND :last
GROUP BY course_id, day;

-- name: all-course-counts
-- Learners in all courses.
SELECT course_id::text, sum(learners)::bigint, sum(completed)::bigint
FROM course_statistics
GROUP BY course_id;

-- name: all-lesson-counts
-- Learners in the lessons of all courses, in those that are not in it now too.
SELECT
    course_id::text, lesson_id::text, sum(started)::bigint, sum(completed)::bigint, sum(attempted)::bigint,
    sum(passed)::bigint, sum(bookmarked)::bigint, sum(attempts)::bigint, sum(scored)::bigint,
    sum(micro_points)::bigint, sum(micro_minutes)::bigint, sum(stopped)::bigint
FROM lesson_statistics
GROUP BY course_id, lesson_id;

-- name: all-scores
-- The distributions of the quizzes of all courses.
SELECT course_id::text, lesson_id::text, points, sum(learners)::bigint
FROM quiz_scores
GROUP BY course_id, lesson_id, points;

-- name: all-days
-- What is counted of the days of all courses.
SELECT
    course_id::text, day, sum(active)::bigint, sum(last_seen)::bigint, sum(lessons_started)::bigint,
    sum(lessons_completed)::bigint, sum(micro_minutes)::bigint, sum(completions)::bigint
FROM course_activity
WHERE day BETWEEN :first AND :last
GROUP BY course_id, day;

-- name: catalogue-ids
-- The courses of the catalogue.
SELECT course_id::text FROM courses;

-- name: catalogue-page
-- A page of the catalogue by title; of these courses alone where any are named.
SELECT course_id::text
FROM courses
WHERE
    (sort_key, course_id) > (:sort_key, :course_id)
    AND (:among::uuid[] IS NULL OR course_id = ANY (:among::uuid[]))
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: hold-courses!
-- Courses whose documents nobody may change until the end of the transaction: for learners who come into them. Their
-- places can not be seen yet by who looks for those that an edit has to bring along, so the edit has to wait.
SELECT course_id FROM courses WHERE course_id = ANY (:course_ids::uuid[]) ORDER BY course_id FOR SHARE;

-- name: lock-course-progress^
-- A learner's place in a course, which nobody else may change until the end of the transaction.
SELECT {course_progress}
FROM course_progress
WHERE user_id = :user_id AND course_id = :course_id
FOR UPDATE;

-- name: free-courses
-- Those of some courses whose documents nobody is changing, or keeps from being changed.
SELECT course_id::text FROM courses WHERE course_id = ANY (:course_ids::uuid[]) FOR SHARE SKIP LOCKED;

-- name: free-gate
-- A learner's place in a course, if nobody holds it.
SELECT course_id FROM course_progress WHERE user_id = :user_id AND course_id = :course_id FOR UPDATE SKIP LOCKED;

-- name: put-held-course-progress!
-- A learner's place in a course, by whoever holds it.
UPDATE course_progress SET
    completed_lessons = :completed_lessons,
    in_progress_lessons = :in_progress_lessons,
    micro_minutes = :micro_minutes,
    last_accessed = :last_accessed,
    course_version = :course_version,
    previous_revision = revision,
    revision = :revision,
    started_at = :started_at,
    completed_at = :completed_at,
    day = :day,
    day_lessons_started = :day_lessons_started,
    day_lessons_completed = :day_lessons_completed,
    day_micro_minutes = :day_micro_minutes,
    day_completions = :day_completions,
    at_lesson = :at_lesson
WHERE user_id = :user_id AND course_id = :course_id;

-- name: learner-days-of
-- The finished days of many learners in one course each.
SELECT {learner_days:d}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[]) AS asked (user_id, course_id)
JOIN learner_days AS d ON d.user_id = asked.user_id AND d.course_id = asked.course_id;

-- name: remove-learner-days-at!
-- Finished days go, by whoever holds their gates.
DELETE FROM learner_days AS d
USING unnest(:user_ids::uuid[], :course_ids::uuid[], :days::date[]) AS r (user_id, course_id, day)
WHERE d.user_id = r.user_id AND d.course_id = r.course_id AND d.day = r.day;

-- name: active-days
-- The days from the first on when a learner wrote in a course, or in any where none is named: those that are finished,
-- and the present one of each course.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id AND (:course_id::uuid IS NULL OR course_id = :course_id) AND day >= :first
UNION ALL
SELECT user_id, course_id, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions
FROM course_progress
WHERE user_id = :user_id AND (:course_id::uuid IS NULL OR course_id = :course_id) AND day >= :first AND day > '1970-01-01';

-- name: note-erasure!
-- Remember that a learner was erased, and when.
INSERT INTO erased_learners (user_id, erased_at) VALUES (:user_id, :erased_at)
ON CONFLICT (user_id) DO UPDATE SET erased_at = excluded.erased_at;

-- name: announce-erasure!
-- Let every process forget what it keeps of learners, within the time that it uses a course without asking.
UPDATE catalogue SET erasures = erasures + 1;

-- name: find-erased
-- Whether learners were erased long enough ago.
SELECT user_id FROM erased_learners WHERE erased_at < :erased_before LIMIT 1;

-- name: sweep-course-progress!
-- The emptied places of learners who were erased long enough ago.
DELETE FROM course_progress AS p
USING erased_learners AS e
WHERE e.user_id = p.user_id AND e.erased_at < :erased_before AND p.started_at IS NULL AND p.day = '1970-01-01';

-- name: sweep-erased!
-- And who they were.
DELETE FROM erased_learners WHERE erased_at < :erased_before;

-- name: count-rows-of^
-- How many rows a course has.
SELECT count(*) FROM lesson_progress WHERE course_id = :course_id;

-- name: group-in-memory
-- Until the end of the transaction, group a stretch of rows without sorting it on disk.
SELECT set_config('work_mem', '64MB', true);

-- name: learner-at
-- The learner whose row is so many rows further on.
SELECT user_id FROM lesson_progress WHERE user_id >= :first ORDER BY user_id OFFSET :rows LIMIT 1;

-- name: shapes-between
-- The rows of a stretch of learners, those that count for the same together. Time is summed in parts of a minute, each
-- row's rounded by itself as headway.domain.course progress rounds it, and so much of it as headway.domain.counters counts.
SELECT
    course_id::text, lesson_id::text, status, quiz_score, quiz_attempts, quiz_passed, is_bookmarked,
    count(*), sum(least(round(time_spent_minutes * 1000000)::bigint, :most_time::bigint))::bigint
FROM lesson_progress
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id)
GROUP BY course_id, lesson_id, status, quiz_score, quiz_attempts, quiz_passed, is_bookmarked;

-- name: tallies-between
-- What the rows of a stretch of learners come to, of lessons that are in their course, and the place of the last one.
SELECT
    r.user_id, r.course_id, l.required, r.status,
    count(*), sum(round(r.time_spent_minutes * 1000000)::bigint)::bigint, max(l.position)
FROM lesson_progress AS r
JOIN lessons AS l ON l.course_id = r.course_id AND l.lesson_id = r.lesson_id
WHERE r.user_id >= :first AND r.user_id <= :last AND (:course_id::uuid IS NULL OR r.course_id = :course_id)
GROUP BY r.user_id, r.course_id, l.required, r.status;

-- name: course-progress-between
-- The course progress of a stretch of learners.
SELECT {course_progress}
FROM course_progress
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id);

-- name: days-between
-- The finished days of a stretch of learners, those on the same day together.
SELECT
    course_id::text, day, count(*), sum(lessons_started)::bigint, sum(lessons_completed)::bigint,
    sum(micro_minutes)::bigint, sum(completions)::bigint
FROM learner_days
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id)
GROUP BY course_id, day;
