-- So many learners, all in one course, each with a row in every lesson of it: some way in, last seen on one of the last
-- hundred days. The course is in the catalogue.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1048576;
PRAGMA temp_store = MEMORY;
BEGIN;

WITH RECURSIVE learner (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM learner WHERE n < :learners),
seen (n, user_id, moment) AS (
    SELECT
        n, printf('%08x-0000-4000-8000-%012x', n, n), date('now', printf('-%d days', n % 100)) || 'T00:00:00+00:00'
    FROM learner
)
INSERT INTO lesson_progress (
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version
)
SELECT
    s.user_id, l.course_id, l.lesson_id,
    CASE WHEN l.position < s.n * 7919 % (:lessons + 1) THEN 'completed' ELSE 'in_progress' END,
    CASE WHEN l.position < s.n * 7919 % (:lessons + 1) THEN 100 ELSE 40 END,
    (s.n + l.position) % 600,
    CASE WHEN l.position % 5 = 0 THEN (s.n * 31 + l.position * 17) % 101 END,
    CASE WHEN l.position % 5 = 0 THEN 1 + s.n % 3 ELSE 0 END,
    l.position % 5 = 0 AND (s.n * 31 + l.position * 17) % 101 >= 70,
    ((s.n * 13 + l.position) % 200) * 0.25,
    NULL, (s.n + l.position) % 10 = 0, '{}', printf('%08x-0000-4000-9000-%012x', s.n, l.position),
    CASE WHEN l.position < s.n * 7919 % (:lessons + 1) THEN s.moment END, s.moment, s.moment, 1
FROM seen AS s
CROSS JOIN lessons AS l;

INSERT INTO course_progress (
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision,
    started_at, completed_at, day, day_lessons_started, day_lessons_completed, day_micro_minutes, day_completions,
    at_lesson, enrolled_at
)
SELECT
    r.user_id, r.course_id,
    count(*) FILTER (WHERE r.status = 'completed'), count(*) FILTER (WHERE r.status = 'in_progress'),
    sum(CAST(round(r.time_spent_minutes * 1000000) AS integer)), max(r.updated_at),
    (SELECT c.version FROM courses AS c WHERE c.course_id = r.course_id), count(*),
    min(r.created_at), CASE WHEN min(r.status = 'completed') THEN max(r.completed_at) END,
    max(substr(r.updated_at, 1, 10)), 0, 0, 0, 0,
    (SELECT l.lesson_id FROM lessons AS l WHERE l.course_id = r.course_id ORDER BY l.position DESC LIMIT 1),
    min(r.created_at)
FROM lesson_progress AS r
GROUP BY r.user_id, r.course_id;

INSERT INTO lesson_statistics
SELECT g.*,
    (
        SELECT count(*) FROM course_progress AS p
        WHERE p.course_id = g.course_id AND p.at_lesson = g.lesson_id AND p.completed_at IS NULL
    )
FROM (:grouped_lessons) AS g;
INSERT INTO quiz_scores SELECT * FROM (:grouped_scores);
INSERT INTO course_statistics
SELECT course_id, count(*), count(completed_at), count(*), count(*), count(completed_at)
FROM course_progress
GROUP BY course_id;
INSERT INTO course_activity
SELECT course_id, day, count(*), count(*), 0, 0, 0, 0 FROM course_progress GROUP BY course_id, day;
COMMIT;
PRAGMA journal_mode = WAL;
