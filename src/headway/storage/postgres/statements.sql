-- The statements of the PostgreSQL store. Parameters are bound by position, in the order in which they first appear.
-- docs/decisions/0016 has the rules by which every statement also runs on a Citus cluster.

-- name: probe^
-- Whether the database answers, and whether courses or learners have changed.
SELECT revision, erasures FROM catalogue;

-- name: kept-versions
-- The present versions of some courses. Courses that were removed have no row.
SELECT course_id, version FROM courses WHERE course_id = ANY (:course_ids::uuid[]);

-- name: lessons-of-courses
-- Some courses with their lessons in order. Every row begins with the id and the columns of the course.
SELECT
    c.course_id::text, c.version, c.title, c.time_zone, c.on_edit, c.valid_for_days,
    l.lesson_id::text, l.title, l.content_id::text, l.section, l.kind, l.duration_seconds, l.required, l.pass_mark,
    l.complete_at, l.requires, l.due_at, l.due_after_days, l.criteria_version
FROM courses AS c
JOIN lessons AS l ON l.course_id = c.course_id
WHERE c.course_id = ANY (:course_ids::uuid[])
ORDER BY c.course_id, l.position;

-- name: course-outlines
-- A page of the catalogue by title, one row for each course.
SELECT course_id::text, title, lessons, required_lessons
FROM courses
WHERE (sort_key, course_id) > (:sort_key, :course_id)
ORDER BY sort_key, course_id
LIMIT :limit;

-- name: next-revision^
-- A new number for a change of the catalogue: greater than the last one, and at least the present time. So a catalogue
-- that was restored from a backup does not give the same numbers to other documents. The statement locks the only row
-- of the catalogue until the end of the transaction. So changes of the catalogue come one after the other.
UPDATE catalogue SET revision = greatest(revision + 1, :now) RETURNING revision;

-- name: announce!
-- Notify every listening process, at the end of the transaction, that a course has changed.
SELECT pg_notify('headway_catalogue', :course_id);

-- name: courses-without-key
-- The courses that were stored before there were sort keys.
SELECT course_id::text, title FROM courses WHERE sort_key = ''::bytea;

-- name: put-lessons!
-- Store the lessons of a course, with one array for each column.
INSERT INTO lessons (
    course_id, lesson_id, position, title, content_id, section, kind, duration_seconds, required, pass_mark, complete_at,
    requires, due_at, due_after_days, criteria_version
)
SELECT *
FROM unnest(
    :course_ids::uuid[], :lesson_ids::uuid[], :positions::integer[], :titles::text[], :content_ids::uuid[],
    :sections::text[], :kinds::text[], :durations::double precision[], :required::boolean[],
    :pass_marks::double precision[], :complete_ats::double precision[], :requires::json[], :due_at::timestamptz[],
    :due_after_days::integer[], :criteria_versions::bigint[]
);

-- name: lesson-progress-at
-- The lesson progress of many learners in one lesson each.
SELECT {lesson_progress:r}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[], :lesson_ids::uuid[]) AS asked (user_id, course_id, lesson_id)
JOIN lesson_progress AS r
    ON r.user_id = asked.user_id AND r.course_id = asked.course_id AND r.lesson_id = asked.lesson_id
WHERE r.user_id = ANY (:user_ids);

-- name: lesson-and-course-progress-at
-- The lesson progress of many learners in one lesson each, together with their course progress.
SELECT
    {course_progress:p},
    {lesson_progress:r}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[], :lesson_ids::uuid[]) AS asked (user_id, course_id, lesson_id)
JOIN course_progress AS p ON p.user_id = asked.user_id AND p.course_id = asked.course_id
JOIN lesson_progress AS r
    ON r.user_id = asked.user_id AND r.course_id = asked.course_id AND r.lesson_id = asked.lesson_id
WHERE p.user_id = ANY (:user_ids) AND r.user_id = ANY (:user_ids);

-- name: lesson-progress-of
-- All lesson progress of many learners in one course each.
SELECT {lesson_progress:r}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[]) AS asked (user_id, course_id)
JOIN lesson_progress AS r ON r.user_id = asked.user_id AND r.course_id = asked.course_id
WHERE r.user_id = ANY (:user_ids);

-- name: course-progress-of
-- The course progress of many learners in one course each.
SELECT {course_progress:p}
FROM unnest(:user_ids::uuid[], :course_ids::uuid[]) AS asked (user_id, course_id)
JOIN course_progress AS p ON p.user_id = asked.user_id AND p.course_id = asked.course_id
WHERE p.user_id = ANY (:user_ids);

-- name: course-progress-among
-- All course progress of some learners in some courses. On a cluster this costs half of `course-progress-of`. On one
-- server it costs more, because every learner is looked up in every course.
SELECT {course_progress}
FROM course_progress
WHERE user_id = ANY (:user_ids::uuid[]) AND course_id = ANY (:course_ids::uuid[]);

-- name: enrolments-among
-- The courses in which some learners are enrolled.
SELECT {course_progress:p}
FROM course_progress AS p
WHERE p.user_id = ANY (:learners::uuid[]) AND p.enrolled_at IS NOT NULL AND p.ended_at IS NULL;

-- name: learner-courses
-- A learner's course progress in every course of the catalogue, the last accessed first.
SELECT {course_progress:p}
FROM course_progress AS p
JOIN courses AS c ON c.course_id = p.course_id
WHERE p.user_id = :user_id AND p.started_at IS NOT NULL
ORDER BY coalesce(p.last_accessed, p.started_at) DESC, p.course_id;

-- name: store-writes
-- Store a whole batch. `gate` stores course progress, in the order of the keys, where nobody has changed it since it
-- was read, and where the course still has the version under which the write was decided. Lesson progress is stored
-- only behind a gate that was passed. Returns the keys that passed. A change of lesson progress always holds its gate,
-- so lesson progress needs no order.
WITH gate AS (
    INSERT INTO course_progress AS p ({course_progress}, previous_revision)
    SELECT
        {course_progress:s}, s.previous_revision
    FROM unnest({course_progress:arrays}, :previous_revisions::bigint[]) AS s ({course_progress}, previous_revision)
    JOIN courses AS c ON c.course_id = s.course_id AND c.version = s.course_version
    ORDER BY s.user_id, s.course_id
    ON CONFLICT (user_id, course_id) DO UPDATE SET
        {course_progress:excluded},
        previous_revision = excluded.previous_revision
    WHERE p.revision = excluded.previous_revision
    RETURNING p.user_id, p.course_id
),
put AS (
    INSERT INTO lesson_progress ({lesson_progress})
    SELECT r.*
    FROM unnest({lesson_progress:arrays}) AS r ({lesson_progress})
    JOIN gate ON gate.user_id = r.user_id AND gate.course_id = r.course_id
    ON CONFLICT (user_id, course_id, lesson_id) DO UPDATE SET {lesson_progress:excluded}
)
SELECT user_id, course_id FROM gate;

-- name: store-reports
-- Store a batch of regular reports, all or none. `held` locks the course progress, in the order of the keys, where
-- nobody has changed it since it was read, and where the course still has the version under which the report was
-- decided. The counters come in the same order as in `add-counters`, so that transactions with the same slot wait for
-- each other without a deadlock. Returns whether all were stored.
WITH held AS (
    SELECT p.user_id, p.course_id
    FROM unnest(
        :user_ids::uuid[], :course_ids::uuid[], :previous_revisions::bigint[], :course_versions::bigint[]
    ) AS s (user_id, course_id, previous_revision, course_version)
    JOIN course_progress AS p
        ON p.user_id = s.user_id AND p.course_id = s.course_id AND p.revision = s.previous_revision
    JOIN courses AS c ON c.course_id = s.course_id AND c.version = s.course_version
    ORDER BY p.user_id, p.course_id
    FOR UPDATE OF p
),
are_held AS (
    SELECT count(*) = cardinality(:user_ids) AS yes
    FROM held
),
gate AS (
    UPDATE course_progress AS p SET
        in_progress_lessons = s.in_progress_lessons,
        micro_minutes = s.micro_minutes,
        last_accessed = s.last_accessed,
        course_version = s.course_version,
        revision = s.revision,
        previous_revision = s.previous_revision,
        day_micro_minutes = s.day_micro_minutes
    FROM unnest(
        :user_ids, :course_ids, :previous_revisions, :course_versions, :in_progress::integer[],
        :micro_minutes::bigint[], :last_accessed::timestamptz[], :revisions::bigint[], :day_micro_minutes::bigint[]
    ) AS s (
        user_id, course_id, previous_revision, course_version, in_progress_lessons, micro_minutes, last_accessed,
        revision, day_micro_minutes
    )
    WHERE p.user_id = s.user_id AND p.course_id = s.course_id AND (SELECT yes FROM are_held)
),
put AS (
    UPDATE lesson_progress AS l SET
        progress_percentage = r.progress_percentage,
        video_position_seconds = r.video_position_seconds,
        time_spent_minutes = r.time_spent_minutes,
        updated_at = r.updated_at,
        version = r.version,
        worked_at = r.worked_at
    FROM unnest(
        :lesson_user_ids::uuid[], :lesson_course_ids::uuid[], :lesson_ids::uuid[], :percentages::double precision[],
        :positions::double precision[], :minutes::double precision[], :updated_at::timestamptz[], :versions::bigint[],
        :worked_at::timestamptz[]
    ) AS r (
        user_id, course_id, lesson_id, progress_percentage, video_position_seconds, time_spent_minutes, updated_at,
        version, worked_at
    )
    WHERE l.user_id = r.user_id AND l.course_id = r.course_id AND l.lesson_id = r.lesson_id
        AND (SELECT yes FROM are_held)
),
lesson AS (
    INSERT INTO lesson_statistics AS t (
        course_id, lesson_id, slot, started, completed, attempted, passed, bookmarked, attempts, scored, micro_points,
        micro_minutes, stopped
    )
    SELECT a.course_id, a.lesson_id, :slot::smallint, 0, 0, 0, 0, 0, 0, 0, 0, a.micro_minutes, 0
    FROM unnest(:counted_course_ids::uuid[], :counted_lesson_ids::uuid[], :lesson_times::bigint[])
        AS a (course_id, lesson_id, micro_minutes)
    WHERE (SELECT yes FROM are_held)
    ORDER BY a.course_id, a.lesson_id
    ON CONFLICT (course_id, lesson_id, slot) DO UPDATE SET micro_minutes = t.micro_minutes + excluded.micro_minutes
),
day AS (
    INSERT INTO course_activity AS t (
        course_id, day, slot, active, last_seen, lessons_started, lessons_completed, micro_minutes, completions
    )
    SELECT a.course_id, a.day, :slot, 0, 0, 0, 0, a.micro_minutes, 0
    FROM unnest(:day_course_ids::uuid[], :days::date[], :day_times::bigint[]) AS a (course_id, day, micro_minutes)
    WHERE (SELECT yes FROM are_held)
    ORDER BY a.course_id, a.day
    ON CONFLICT (course_id, day, slot) DO UPDATE SET micro_minutes = t.micro_minutes + excluded.micro_minutes
)
SELECT yes FROM are_held;

-- name: remove-lesson-progress-at!
-- Remove the lesson progress of many learners in one lesson each, behind their locked gates.
DELETE FROM lesson_progress AS l
USING unnest(:user_ids::uuid[], :course_ids::uuid[], :lesson_ids::uuid[]) AS r (user_id, course_id, lesson_id)
WHERE l.user_id = r.user_id AND l.course_id = r.course_id AND l.lesson_id = r.lesson_id
    AND l.user_id = ANY (:user_ids);
