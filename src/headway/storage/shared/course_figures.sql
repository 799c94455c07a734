-- Few figures of many courses. Parameters are bound by position, in the order in which they first appear.
-- `{{ids:…}}` is a list of ids (headway.storage.shared.columns).

-- name: outlines
-- All courses of the catalogue.
SELECT CAST(course_id AS text), title, time_zone FROM courses;

-- name: outlines-among
-- Some courses of the catalogue.
SELECT CAST(course_id AS text), title, time_zone FROM courses WHERE {ids:course_id in courses};

-- name: counts
-- How many learners are in some courses: how many have started, have completed, are enrolled, or both.
SELECT
    CAST(course_id AS text), CAST(sum(learners) AS bigint), CAST(sum(completed) AS bigint),
    CAST(sum(enrolled) AS bigint), CAST(sum(enrolled_started) AS bigint)
FROM course_statistics
WHERE {ids:course_id in courses}
GROUP BY course_statistics.course_id;

-- name: days
-- How many learners were active in some courses on each day, and were last seen on it.
SELECT CAST(course_id AS text), day, CAST(sum(active) AS bigint), CAST(sum(last_seen) AS bigint)
FROM course_activity
WHERE {ids:course_id in courses} AND day BETWEEN :first AND :last
GROUP BY course_activity.course_id, day;
