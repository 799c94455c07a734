-- Events: updates first unpublished, then published, and the others published at once, with a number each.
-- docs/decisions/0052.
CREATE TABLE unpublished_events (
    user_id    TEXT NOT NULL, -- the nil UUID: an event of a course's document
    id         TEXT NOT NULL, -- of updates: one id for each lesson of a course
    type       TEXT NOT NULL,
    at         TEXT NOT NULL,
    course_id  TEXT,
    lesson_id  TEXT,
    actor      TEXT NOT NULL,
    actor_id   TEXT,
    old_values TEXT NOT NULL, -- a JSON object
    new_values TEXT NOT NULL, -- a JSON object
    revision   INTEGER NOT NULL, -- grows with the changes of a learner in a course
    position   INTEGER NOT NULL, -- among the events of one revision
    release_at TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE INDEX unpublished_events_in_order ON unpublished_events (release_at, revision, position);

CREATE TABLE events (
    feed       INTEGER NOT NULL, -- always 0: on a cluster, all events are on one worker
    number     INTEGER NOT NULL,
    id         TEXT NOT NULL,
    type       TEXT NOT NULL,
    at         TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    course_id  TEXT,
    lesson_id  TEXT,
    actor      TEXT NOT NULL,
    actor_id   TEXT,
    old_values TEXT NOT NULL,
    new_values TEXT NOT NULL,
    PRIMARY KEY (feed, number)
) WITHOUT ROWID;
CREATE INDEX events_of_a_learner ON events (user_id);

CREATE TABLE event_feeds (
    feed           INTEGER NOT NULL PRIMARY KEY,
    last_number    INTEGER NOT NULL, -- of the last event that was published
    removed_number INTEGER NOT NULL -- of the last event that was removed because of its age
);
INSERT INTO event_feeds (feed, last_number, removed_number) VALUES (0, 0, 0);
