-- So many learners, all in one course, each with a row in every lesson of it: some way in, last seen on one of the last
-- hundred days. The course is in the catalogue. Ids have no order, so that learners lie anywhere in the index.
SELECT format('ALTER TABLE lesson_progress DROP CONSTRAINT %I', conname) AS drop_key
FROM pg_constraint WHERE conrelid = 'lesson_progress'::regclass AND contype = 'p' \gset
:drop_key;
SET maintenance_work_mem = '1GB';
SET work_mem = '512MB';

INSERT INTO lesson_progress (
    user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, quiz_attempts,
    quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, created_at, updated_at,
    version
)
SELECT
    md5('learner ' || n)::uuid, l.course_id, l.lesson_id,
    CASE WHEN l.position < n * 7919 % (:lessons + 1) THEN 'completed' ELSE 'in_progress' END,
    CASE WHEN l.position < n * 7919 % (:lessons + 1) THEN 100 ELSE 40 END,
    (n + l.position) % 600,
    CASE WHEN l.position % 5 = 0 THEN (n * 31 + l.position * 17) % 101 END,
    CASE WHEN l.position % 5 = 0 THEN 1 + n % 3 ELSE 0 END,
    l.position % 5 = 0 AND (n * 31 + l.position * 17) % 101 >= 70,
    ((n * 13 + l.position) % 200) * 0.25,
    NULL, (n + l.position) % 10 = 0, '{}', gen_random_uuid(),
    CASE WHEN l.position < n * 7919 % (:lessons + 1) THEN seen.at END, seen.at, seen.at, 1
FROM generate_series(1, :learners::bigint) AS n
CROSS JOIN LATERAL (SELECT date_trunc('day', now()) - n % 100 * interval '1 day' AS at) AS seen
CROSS JOIN lessons AS l;
ALTER TABLE lesson_progress ADD PRIMARY KEY (user_id, course_id, lesson_id);

INSERT INTO course_progress (
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision,
    started_at, completed_at, day, at_lesson, enrolled_at
)
SELECT
    r.user_id, r.course_id,
    count(*) FILTER (WHERE r.status = 'completed'), count(*) FILTER (WHERE r.status = 'in_progress'),
    sum(round(r.time_spent_minutes * 1000000)), max(r.updated_at), max(c.version), count(*),
    min(r.created_at), CASE WHEN bool_and(r.status = 'completed') THEN max(r.completed_at) END,
    max((r.updated_at AT TIME ZONE 'UTC')::date),
    (SELECT l.lesson_id FROM lessons AS l WHERE l.course_id = r.course_id ORDER BY l.position DESC LIMIT 1),
    min(r.created_at)
FROM lesson_progress AS r
JOIN courses AS c ON c.course_id = r.course_id
GROUP BY r.user_id, r.course_id;

INSERT INTO lesson_statistics
SELECT g.course_id, g.lesson_id, 0, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points,
    micro_minutes,
    (
        SELECT count(*) FROM course_progress AS p
        WHERE p.course_id = g.course_id AND p.at_lesson = g.lesson_id AND p.completed_at IS NULL
    )
FROM (:grouped_lessons) AS g;
INSERT INTO quiz_scores SELECT g.course_id, g.lesson_id, g.points, 0, g.learners FROM (:grouped_scores) AS g;
INSERT INTO course_statistics
SELECT course_id, 0, count(*), count(completed_at), count(*), count(*), count(completed_at)
FROM course_progress
GROUP BY course_id;
INSERT INTO course_activity
SELECT course_id, day, 0, count(*), count(*), 0, 0, 0, 0 FROM course_progress GROUP BY course_id, day;
VACUUM ANALYZE;
CHECKPOINT;
