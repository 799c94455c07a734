-- Events: first unpublished, as the transactions of the changes store them, then published, with a number each.
-- docs/decisions/0052.
CREATE TABLE unpublished_events (
    user_id    uuid NOT NULL, -- the nil UUID: an event of a course's document
    id         uuid NOT NULL, -- of updates: one id for each lesson of a course
    type       text NOT NULL,
    at         timestamptz NOT NULL,
    course_id  uuid,
    lesson_id  uuid,
    actor      text NOT NULL,
    actor_id   uuid,
    old_values text NOT NULL, -- a JSON object
    new_values text NOT NULL, -- a JSON object
    revision   bigint NOT NULL, -- grows with the changes of a learner in a course
    position   integer NOT NULL, -- among the events of one revision
    release_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX unpublished_events_in_order ON unpublished_events (release_at, revision, position);

CREATE TABLE events (
    feed       smallint NOT NULL, -- always 0: on a cluster, all events are on one worker
    number     bigint NOT NULL,
    id         uuid NOT NULL,
    type       text NOT NULL,
    at         timestamptz NOT NULL,
    user_id    uuid NOT NULL,
    course_id  uuid,
    lesson_id  uuid,
    actor      text NOT NULL,
    actor_id   uuid,
    old_values text NOT NULL,
    new_values text NOT NULL,
    PRIMARY KEY (feed, number)
);
CREATE INDEX events_of_a_learner ON events (user_id);

CREATE TABLE event_feeds (
    feed           smallint NOT NULL PRIMARY KEY,
    last_number    bigint NOT NULL, -- of the last event that was published
    removed_number bigint NOT NULL -- of the last event that was removed because of its age
);
INSERT INTO event_feeds (feed, last_number, removed_number) VALUES (0, 0, 0);
