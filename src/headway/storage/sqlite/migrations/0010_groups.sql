-- Groups of learners: a class, or a cohort.
CREATE TABLE learner_groups (
    group_id TEXT NOT NULL PRIMARY KEY,
    title    TEXT NOT NULL,
    sort_key BLOB NOT NULL, -- the position in a list by title
    version  INTEGER NOT NULL -- grows with every change of the title or the members
) WITHOUT ROWID;
CREATE INDEX learner_groups_by_title ON learner_groups (sort_key, group_id);

CREATE TABLE group_members (
    user_id  TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (user_id, group_id)
) WITHOUT ROWID;
CREATE INDEX group_members_by_group ON group_members (group_id, user_id);

-- The groups to which a code's scopes are limited: a JSON list.
ALTER TABLE sign_in_codes ADD COLUMN group_ids TEXT;

-- The courses in which a group enrols its members.
CREATE TABLE group_enrolments (
    group_id  TEXT NOT NULL,
    course_id TEXT NOT NULL,
    starts_at TEXT,
    due_at    TEXT,
    PRIMARY KEY (group_id, course_id)
) WITHOUT ROWID;

-- Enrolments by groups that have changed, and are not in course_progress yet.
CREATE TABLE changed_enrolments (
    user_id   TEXT NOT NULL,
    course_id TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    change    INTEGER NOT NULL, -- another number for each change
    PRIMARY KEY (user_id, course_id, group_id)
) WITHOUT ROWID;
CREATE INDEX changed_enrolments_by_group ON changed_enrolments (group_id);
