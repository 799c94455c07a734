-- Groups of learners: a class, or a cohort. The table is on every node.
CREATE TABLE learner_groups (
    group_id uuid NOT NULL PRIMARY KEY,
    title    text NOT NULL,
    sort_key bytea NOT NULL, -- the position in a list by title
    version  bigint NOT NULL -- grows with every change of the title or the members
);
CREATE INDEX learner_groups_by_title ON learner_groups (sort_key, group_id);

-- Distributed by user_id.
CREATE TABLE group_members (
    user_id  uuid NOT NULL,
    group_id uuid NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX group_members_by_group ON group_members (group_id, user_id);

-- The groups to which a code's scopes are limited: a JSON list.
ALTER TABLE sign_in_codes ADD COLUMN group_ids text;

-- The courses in which a group enrols its members. The table is on every node.
CREATE TABLE group_enrolments (
    group_id  uuid NOT NULL,
    course_id uuid NOT NULL,
    starts_at timestamptz,
    due_at    timestamptz,
    PRIMARY KEY (group_id, course_id)
);

-- Enrolments by groups that have changed, and are not in course_progress yet. Distributed by user_id.
CREATE TABLE changed_enrolments (
    user_id   uuid NOT NULL,
    course_id uuid NOT NULL,
    group_id  uuid NOT NULL,
    change    bigint NOT NULL, -- another number for each change
    PRIMARY KEY (user_id, course_id, group_id)
);
CREATE INDEX changed_enrolments_by_group ON changed_enrolments (group_id);
