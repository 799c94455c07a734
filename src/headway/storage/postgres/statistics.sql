-- Counters, finished days, locks and recounts on PostgreSQL. Parameters are bound by position, in the order in which
-- they first appear.
-- docs/decisions/0016 has the rules by which every statement also runs on a Citus cluster.

-- name: add-counters!
-- Add to the counters, in each table in the order of its keys. So transactions with the same slot wait for each other
-- without a deadlock.
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
    SELECT a.course_id, a.lesson_id, a.points, :slot::smallint, a.learners
    FROM unnest(
        :score_course_ids::uuid[], :score_lesson_ids::uuid[], :points::smallint[], :score_learners::bigint[]
    ) AS a (course_id, lesson_id, points, learners)
    ORDER BY a.course_id, a.lesson_id, a.points
    ON CONFLICT (course_id, lesson_id, points, slot) DO UPDATE SET learners = t.learners + excluded.learners
),
course AS (
    INSERT INTO course_statistics AS t (
        course_id, slot, learners, completed, enrolled, enrolled_started, enrolled_completed
    )
    SELECT
        a.course_id, :slot::smallint, a.learners, a.completed, a.enrolled, a.enrolled_started, a.enrolled_completed
    FROM unnest(
        :course_ids::uuid[], :learners::bigint[], :learners_completed::bigint[], :enrolled::bigint[],
        :enrolled_started::bigint[], :enrolled_completed::bigint[]
    ) AS a (course_id, learners, completed, enrolled, enrolled_started, enrolled_completed)
    ORDER BY a.course_id
    ON CONFLICT (course_id, slot) DO UPDATE SET
        learners = t.learners + excluded.learners,
        completed = t.completed + excluded.completed,
        enrolled = t.enrolled + excluded.enrolled,
        enrolled_started = t.enrolled_started + excluded.enrolled_started,
        enrolled_completed = t.enrolled_completed + excluded.enrolled_completed
)
INSERT INTO course_activity AS t (
    course_id, day, slot, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
)
SELECT
    a.course_id, a.day, :slot::smallint, a.active, a.last_seen, a.lessons_started, a.lessons_completed, a.micro_minutes,
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
-- Store finished days of learners, behind their locked gates.
INSERT INTO learner_days ({learner_days})
SELECT *
FROM unnest({learner_days:arrays})
ON CONFLICT (user_id, course_id, day) DO UPDATE SET {learner_days:excluded};

-- name: put-completions!
-- Keep completions of learners, behind their locked gates.
INSERT INTO completions ({completions})
SELECT *
FROM unnest({completions:arrays})
ON CONFLICT (user_id, course_id, completed_at) DO UPDATE SET {completions:excluded};

-- name: keep-runs!
-- Keep runs that have ended, behind the locked gates of their learners, unless one with the number is kept already.
INSERT INTO runs ({runs}, lessons)
SELECT *
FROM unnest({runs:arrays}, :lessons::json[])
ON CONFLICT (user_id, course_id, run) DO NOTHING;

-- name: put-runs!
-- Store runs of another database.
INSERT INTO runs ({runs}, lessons)
SELECT *
FROM unnest({runs:arrays}, :lessons::json[])
ON CONFLICT (user_id, course_id, run) DO UPDATE SET {runs:excluded}, lessons = excluded.lessons;

-- name: course-counts
-- The counters of a course.
SELECT
    course_id::text, sum(learners)::bigint, sum(completed)::bigint, sum(enrolled)::bigint,
    sum(enrolled_started)::bigint, sum(enrolled_completed)::bigint
FROM course_statistics
WHERE course_id = :course_id
GROUP BY course_id;

-- name: lesson-counts
-- The counters of a course's lessons, also of those that have left the course.
SELECT
    course_id::text, lesson_id::text, sum(started)::bigint, sum(completed)::bigint, sum(attempted)::bigint,
    sum(passed)::bigint, sum(bookmarked)::bigint, sum(attempts)::bigint, sum(scored)::bigint,
    sum(micro_points)::bigint, sum(micro_minutes)::bigint, sum(stopped)::bigint
FROM lesson_statistics
WHERE course_id = :course_id
GROUP BY course_id, lesson_id;

-- name: scores
-- The distributions of scores in a course.
SELECT course_id::text, lesson_id::text, points, sum(learners)::bigint
FROM quiz_scores
WHERE course_id = :course_id
GROUP BY course_id, lesson_id, points;

-- name: days
-- The counters of a course's days.
SELECT
    course_id::text, day, sum(active)::bigint, sum(last_seen)::bigint, sum(lessons_started)::bigint,
    sum(lessons_completed)::bigint, sum(micro_minutes)::bigint, sum(completions)::bigint
FROM course_activity
WHERE course_id = :course_id AND day BETWEEN :first AND :last
GROUP BY course_id, day;

-- name: all-course-counts
-- The counters of all courses.
SELECT
    course_id::text, sum(learners)::bigint, sum(completed)::bigint, sum(enrolled)::bigint,
    sum(enrolled_started)::bigint, sum(enrolled_completed)::bigint
FROM course_statistics
GROUP BY course_id;

-- name: all-lesson-counts
-- The counters of all lessons.
SELECT
    course_id::text, lesson_id::text, sum(started)::bigint, sum(completed)::bigint, sum(attempted)::bigint,
    sum(passed)::bigint, sum(bookmarked)::bigint, sum(attempts)::bigint, sum(scored)::bigint,
    sum(micro_points)::bigint, sum(micro_minutes)::bigint, sum(stopped)::bigint
FROM lesson_statistics
GROUP BY course_id, lesson_id;

-- name: all-scores
-- The distributions of scores in all courses.
SELECT course_id::text, lesson_id::text, points, sum(learners)::bigint
FROM quiz_scores
GROUP BY course_id, lesson_id, points;

-- name: all-days
-- The counters of the days of all courses.
SELECT
    course_id::text, day, sum(active)::bigint, sum(last_seen)::bigint, sum(lessons_started)::bigint,
    sum(lessons_completed)::bigint, sum(micro_minutes)::bigint, sum(completions)::bigint
FROM course_activity
WHERE day BETWEEN :first AND :last
GROUP BY course_id, day;

-- name: catalogue-ids
-- The ids of all courses of the catalogue.
SELECT course_id::text FROM courses;

-- name: catalogue-page
-- A page of the catalogue by title; only of the named courses, if any are named.
SELECT course_id::text
FROM courses
WHERE
    (sort_key, course_id) > (:sort_key, :course_id)
    AND (:among::uuid[] IS NULL OR course_id = ANY (:among::uuid[]))
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: hold-courses!
-- Lock courses against edits until the end of the transaction, because learners are new in them. The recalculation
-- after an edit cannot see the new course progress yet, so the edit must wait. The lock is advisory, because a lock on
-- the row would be one on the whole table of a cluster (decision 16).
SELECT pg_advisory_xact_lock_shared(hashtextextended(course_id::text, 0))
FROM unnest(:course_ids::uuid[]) AS asked (course_id);

-- name: lock-course!
-- Lock a course for an edit until the end of the transaction: against `hold-courses`.
SELECT pg_advisory_xact_lock(hashtextextended(:course_id::uuid::text, 0));

-- name: lock-course-progress^
-- A learner's course progress, locked until the end of the transaction.
SELECT {course_progress}
FROM course_progress
WHERE user_id = :user_id AND course_id = :course_id
FOR UPDATE;

-- name: free-courses
-- Those of some courses that nobody locks for an edit.
SELECT course_id::text
FROM unnest(:course_ids::uuid[]) AS asked (course_id)
WHERE pg_try_advisory_xact_lock_shared(hashtextextended(course_id::text, 0));

-- name: free-gate
-- A learner's course progress, where nobody locks it.
SELECT course_id FROM course_progress WHERE user_id = :user_id AND course_id = :course_id FOR UPDATE SKIP LOCKED;

-- name: learner-days-of
-- The finished days of many learners in one course each.
SELECT {learner_days:d}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[]) AS asked (user_id, course_id)
JOIN learner_days AS d ON d.user_id = asked.user_id AND d.course_id = asked.course_id
WHERE d.user_id = ANY (:user_ids);

-- name: remove-learner-days-at!
-- Remove finished days, behind their locked gates.
DELETE FROM learner_days AS d
USING unnest(:user_ids::uuid[], :course_ids::uuid[], :days::date[]) AS r (user_id, course_id, day)
WHERE d.user_id = r.user_id AND d.course_id = r.course_id AND d.day = r.day AND d.user_id = ANY (:user_ids);

-- name: active-days
-- The days from the first on at which a learner was active in a course, or in any where none is named: the finished
-- days, and the last day of each course.
SELECT {learner_days}
FROM learner_days
WHERE user_id = :user_id AND (:course_id::uuid IS NULL OR course_id = :course_id) AND day >= :first
UNION ALL
SELECT user_id, course_id, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions
FROM course_progress
WHERE user_id = :user_id AND (:course_id::uuid IS NULL OR course_id = :course_id) AND day >= :first AND day > '1970-01-01';

-- name: note-erasure!
-- Record that a learner was erased, and when.
INSERT INTO erased_learners (user_id, erased_at) VALUES (:user_id, :erased_at)
ON CONFLICT (user_id) DO UPDATE SET erased_at = excluded.erased_at;

-- name: announce-erasure!
-- Make every process forget what it keeps of learners in memory, at its next check of the catalogue.
UPDATE catalogue SET erasures = erasures + 1;

-- name: find-erased
-- Whether a learner was erased long enough ago.
SELECT user_id FROM erased_learners WHERE erased_at < :erased_before LIMIT 1;

-- name: sweep-course-progress!
-- Remove the emptied course progress of learners who were erased long enough ago.
DELETE FROM course_progress AS p
USING erased_learners AS e
WHERE e.user_id = p.user_id AND e.erased_at < :erased_before AND p.enrolled_at IS NULL AND p.ended_at IS NULL
    AND p.day = '1970-01-01';

-- name: sweep-erased!
-- Remove the records of learners who were erased long enough ago.
DELETE FROM erased_learners WHERE erased_at < :erased_before;

-- name: count-lesson-progress-of^
-- Count the lesson progress in a course.
SELECT count(*) FROM lesson_progress WHERE course_id = :course_id;

-- name: group-in-memory
-- Until the end of the transaction, group a range of rows without sorting on disk.
SELECT set_config('work_mem', '64MB', true);

-- name: learner-at
-- The learner at a distance of some rows of course progress from another learner. On a cluster, each shard returns as
-- many ids, so the distance is short.
SELECT user_id FROM course_progress WHERE user_id >= :first ORDER BY user_id OFFSET :rows LIMIT 1;

-- name: shapes-between
-- The lesson progress of a range of learners, grouped by what decides how it is counted. Time is summed in micro-minutes.
-- That of each row is rounded first, as headway.domain.course_progress does, and limited, as headway.domain.counters
-- does.
SELECT
    course_id::text, lesson_id::text, status, quiz_score, quiz_attempts > 0, quiz_passed,
    count(*), sum(quiz_attempts)::bigint, count(*) FILTER (WHERE is_bookmarked),
    sum(least(round(time_spent_minutes * 1000000)::bigint, :most_time::bigint))::bigint
FROM lesson_progress
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id)
GROUP BY course_id, lesson_id, status, quiz_score, quiz_attempts > 0, quiz_passed;

-- name: tallies-between
-- The sums of the lesson progress of a range of learners, in lessons that are in the course, and the last position.
SELECT
    r.user_id, r.course_id, l.required, r.status,
    count(*), sum(round(r.time_spent_minutes * 1000000)::bigint)::bigint, max(l.position)
FROM lesson_progress AS r
JOIN lessons AS l ON l.course_id = r.course_id AND l.lesson_id = r.lesson_id
WHERE r.user_id >= :first AND r.user_id <= :last AND (:course_id::uuid IS NULL OR r.course_id = :course_id)
GROUP BY r.user_id, r.course_id, l.required, r.status;

-- name: course-progress-between
-- The course progress of a range of learners.
SELECT {course_progress}
FROM course_progress
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id);

-- name: days-between
-- The finished days of a range of learners, grouped by course and day.
SELECT
    course_id::text, day, count(*), sum(lessons_started)::bigint, sum(lessons_completed)::bigint,
    sum(micro_minutes)::bigint, sum(completions)::bigint
FROM learner_days
WHERE user_id >= :first AND user_id <= :last AND (:course_id::uuid IS NULL OR course_id = :course_id)
GROUP BY course_id, day;

-- name: put-unpublished-events!
-- Store events. An update that is not published yet keeps its old values and the time from which it may be published.
INSERT INTO unpublished_events ({unpublished_events})
SELECT *
FROM unnest({unpublished_events:arrays})
ON CONFLICT (user_id, id) DO UPDATE SET
    at = excluded.at,
    actor = excluded.actor,
    actor_id = excluded.actor_id,
    new_values = excluded.new_values,
    revision = excluded.revision,
    position = excluded.position;
