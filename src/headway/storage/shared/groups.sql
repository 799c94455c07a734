-- Groups, their members and the members' figures. Parameters are bound by position, in the order in which they first
-- appear. `{{ids:…}}` is a list of ids (headway.storage.shared.columns).

-- name: make-group!
-- Make a group without members, where there is none. Version 0 says that it is new.
INSERT INTO learner_groups (group_id, title, sort_key, version) VALUES (:group_id, :title, :sort_key, 0)
ON CONFLICT (group_id) DO NOTHING;

-- name: hold-group
-- A group, locked until the end of the transaction. Every change of a group or of its members begins with this.
UPDATE learner_groups SET title = title WHERE group_id = :group_id RETURNING title, version;

-- name: put-group!
-- Store the columns of a group.
UPDATE learner_groups SET title = :title, sort_key = :sort_key, version = :version WHERE group_id = :group_id;

-- name: put-version!
-- Give a group a new version.
UPDATE learner_groups SET version = :version WHERE group_id = :group_id;

-- name: remove-group!
-- Remove a group without its members.
DELETE FROM learner_groups WHERE group_id = :group_id;

-- name: add-members!
-- Add learners who are not in the group.
INSERT INTO group_members (user_id, group_id)
SELECT id, :group_id
FROM {ids:joining};

-- name: remove-members!
-- Remove some members of a group.
DELETE FROM group_members WHERE group_id = :group_id AND {ids:user_id in leaving};

-- name: remove-all-members!
-- Remove all members of a group.
DELETE FROM group_members WHERE group_id = :group_id;

-- name: find-group^
-- A group without its members.
SELECT title, version FROM learner_groups WHERE group_id = :group_id;

-- name: members
-- The members of a group.
SELECT CAST(user_id AS text) FROM group_members WHERE group_id = :group_id ORDER BY group_members.user_id;

-- name: members-in
-- Those of some learners who are in one of some courses.
SELECT DISTINCT CAST(user_id AS text)
FROM course_progress
WHERE {ids:user_id in learners} AND {ids:course_id in courses} AND enrolled_at IS NOT NULL;

-- name: members-among
-- Those of some learners who are in one of some groups.
SELECT DISTINCT CAST(user_id AS text)
FROM group_members
WHERE {ids:user_id in learners} AND {ids:group_id in groups};

-- name: page
-- A page of the groups by title.
SELECT CAST(group_id AS text), title
FROM learner_groups
WHERE (sort_key, group_id) > (:sort_key, :group_id)
ORDER BY sort_key, learner_groups.group_id
LIMIT :limit;

-- name: page-among
-- A page of some groups by title.
SELECT CAST(group_id AS text), title
FROM learner_groups
WHERE (sort_key, group_id) > (:sort_key, :group_id) AND {ids:group_id in among}
ORDER BY sort_key, learner_groups.group_id
LIMIT :limit;

-- name: sizes
-- How many members some groups have.
SELECT CAST(group_id AS text), count(*) FROM group_members WHERE {ids:group_id in groups} GROUP BY group_members.group_id;

-- name: of-learner
-- The groups that a learner is in, by title.
SELECT CAST(g.group_id AS text), g.title
FROM group_members AS m
JOIN learner_groups AS g ON g.group_id = m.group_id
WHERE m.user_id = :user_id
ORDER BY g.sort_key, g.group_id;

-- name: groups-from
-- Groups by id, from an id on.
SELECT CAST(group_id AS text), title, version
FROM learner_groups
WHERE group_id >= :group_id
ORDER BY learner_groups.group_id
LIMIT :limit;

-- name: members-of-groups
-- The members of some groups.
SELECT CAST(group_id AS text), CAST(user_id AS text)
FROM group_members
WHERE {ids:group_id in groups}
ORDER BY group_members.group_id, group_members.user_id;

-- name: lesson-shapes
-- The lesson progress of some learners in a course, grouped by what decides how it is counted. Three values are one
-- number: the sum of 8 (completed) or 4 (in progress), 2 (has attempts) and 1 (passed). SQLite sorts the rows to group
-- them, which takes a third less then. Time is summed in micro-minutes. That of each row is rounded first, as
-- headway.domain.course_progress does, and limited, as headway.domain.counters does. The sum is exact, because that of
-- 10,000 members is below 2^53.
SELECT
    CAST(lesson_id AS text), quiz_score,
    CASE status WHEN 'completed' THEN 8 WHEN 'in_progress' THEN 4 ELSE 0 END
    + CASE WHEN quiz_attempts > 0 THEN 2 ELSE 0 END + CASE WHEN quiz_passed THEN 1 ELSE 0 END AS shape,
    count(*), CAST(sum(quiz_attempts) AS bigint), count(*) FILTER (WHERE is_bookmarked),
    CAST(sum(
        CASE
            WHEN round(time_spent_minutes * 1000000) < :most_time THEN round(time_spent_minutes * 1000000)
            ELSE :most_time
        END
    ) AS bigint)
FROM lesson_progress
WHERE {ids:user_id in learners} AND course_id = :course_id
GROUP BY lesson_progress.lesson_id, quiz_score, shape;

-- name: course-shapes
-- The course progress of some learners in some courses, grouped by the values that are counted, with the sums of the last days.
SELECT
    CAST(course_id AS text), started_at IS NOT NULL, completed_at IS NOT NULL,
    enrolled_at IS NOT NULL AND ended_at IS NULL, CAST(at_lesson AS text), count(*), day,
    CAST(sum(day_lessons_started) AS bigint), CAST(sum(day_lessons_completed) AS bigint),
    CAST(sum(day_micro_minutes) AS bigint), CAST(sum(day_completions) AS bigint)
FROM course_progress
WHERE {ids:user_id in learners} AND {ids:course_id in courses}
GROUP BY
    course_progress.course_id, started_at IS NOT NULL, completed_at IS NOT NULL, enrolled_at IS NOT NULL AND ended_at IS NULL,
    course_progress.at_lesson, day;

-- name: changes-among
-- How many of some learners enrolled in a course, started it and completed it since a moment, and from an earlier one
-- until then. How many are late, and how many of those who are enrolled were late at an earlier moment.
SELECT
    count(*) FILTER (WHERE enrolled_at >= :last AND ended_at IS NULL),
    count(*) FILTER (WHERE enrolled_at >= :before AND enrolled_at < :last AND ended_at IS NULL),
    count(*) FILTER (WHERE started_at >= :last AND ended_at IS NULL),
    count(*) FILTER (WHERE started_at >= :before AND started_at < :last AND ended_at IS NULL),
    count(*) FILTER (WHERE completed_at >= :last),
    count(*) FILTER (WHERE completed_at >= :before AND completed_at < :last),
    count(*) FILTER (WHERE due_at < :now AND completed_at IS NULL AND ended_at IS NULL),
    count(*) FILTER (WHERE due_at < :ago AND (completed_at IS NULL OR completed_at >= :ago) AND ended_at IS NULL)
FROM course_progress
WHERE {ids:user_id in learners} AND course_id = :course_id AND enrolled_at IS NOT NULL;

-- name: finished-days
-- The sums of some learners' finished days in some courses.
SELECT
    CAST(course_id AS text), count(*), day, CAST(sum(lessons_started) AS bigint), CAST(sum(lessons_completed) AS bigint),
    CAST(sum(micro_minutes) AS bigint), CAST(sum(completions) AS bigint)
FROM learner_days
WHERE {ids:user_id in learners} AND {ids:course_id in courses} AND day BETWEEN :first AND :last
GROUP BY learner_days.course_id, day;

-- name: put-group-enrolment!
-- Enrol a group in a course.
INSERT INTO group_enrolments (group_id, course_id, starts_at, due_at)
VALUES (:group_id, :course_id, :starts_at, :due_at)
ON CONFLICT (group_id, course_id) DO UPDATE SET starts_at = excluded.starts_at, due_at = excluded.due_at;

-- name: remove-group-enrolment!
-- End the enrolment of a group in a course.
DELETE FROM group_enrolments WHERE group_id = :group_id AND course_id = :course_id;

-- name: remove-group-enrolments!
-- End all enrolments of a group.
DELETE FROM group_enrolments WHERE group_id = :group_id;

-- name: enrolments-of-groups
-- The courses in which some groups enrol their members.
SELECT CAST(group_id AS text), CAST(course_id AS text), starts_at, due_at
FROM group_enrolments
WHERE {ids:group_id in groups}
ORDER BY group_enrolments.group_id, group_enrolments.course_id;

-- name: note-changes!
-- Note that the enrolments of some learners by a group have changed, in one course or in all.
INSERT INTO changed_enrolments (user_id, course_id, group_id, change)
SELECT listed.id, e.course_id, e.group_id, CAST(:change AS bigint)
FROM {ids:learners}
CROSS JOIN group_enrolments AS e
WHERE e.group_id = :group_id AND (CAST(:course_id AS uuid) IS NULL OR e.course_id = :course_id)
ON CONFLICT (user_id, course_id, group_id) DO UPDATE SET change = excluded.change;

-- name: note-change!
-- Note the same of one learner in one course.
INSERT INTO changed_enrolments (user_id, course_id, group_id, change)
VALUES (:user_id, :course_id, :group_id, :change)
ON CONFLICT (user_id, course_id, group_id) DO UPDATE SET change = excluded.change;

-- name: changes-of
-- Some enrolments by a group that have changed. Those in a removed course wait until it comes back.
SELECT CAST(n.user_id AS text), CAST(n.course_id AS text), CAST(n.group_id AS text), n.change
FROM changed_enrolments AS n
JOIN courses AS c ON c.course_id = n.course_id
WHERE n.group_id = :group_id
LIMIT :limit;

-- name: changes
-- The same of any group.
SELECT CAST(n.user_id AS text), CAST(n.course_id AS text), CAST(n.group_id AS text), n.change
FROM changed_enrolments AS n
JOIN courses AS c ON c.course_id = n.course_id
LIMIT :limit;

-- name: forget-changes!
-- Remove all notes of a learner.
DELETE FROM changed_enrolments WHERE user_id = :user_id;

-- name: settle-change
-- Remove the note, where no other change was noted meanwhile.
DELETE FROM changed_enrolments
WHERE user_id = :user_id AND course_id = :course_id AND group_id = :group_id AND change = :change
RETURNING change;

-- name: enrolled-among
-- How some groups enrol those of some learners who are their members.
SELECT CAST(m.user_id AS text), CAST(e.course_id AS text), CAST(e.group_id AS text), e.starts_at, e.due_at
FROM group_members AS m
JOIN group_enrolments AS e ON e.group_id = m.group_id
WHERE {ids:m.user_id in learners} AND {ids:m.group_id in groups};
