-- Events. Parameters are bound by position, in the order in which they first appear. `{{ids:…}}` is a list of ids
-- (headway.storage.shared.columns).

-- name: any-unpublished
-- Whether an event may be published now.
SELECT 1 FROM unpublished_events WHERE release_at <= :now LIMIT 1;

-- name: hold-feed
-- The number of the last published event. The feed is locked until the end of the transaction.
UPDATE event_feeds SET last_number = last_number WHERE feed = 0 RETURNING last_number;

-- name: due-events
-- The first events that may be published now, in their order.
SELECT CAST(user_id AS text), CAST(id AS text)
FROM unpublished_events
WHERE release_at <= :now
ORDER BY release_at, revision, position
LIMIT :limit;

-- name: take-unpublished
-- Take some unpublished events, as they are now. Updates of a lesson have one id for all learners, so the lists alone
-- would also take updates of these learners that may not be published yet.
DELETE FROM unpublished_events
WHERE {ids:user_id in learners} AND {ids:id in events} AND release_at <= :now
RETURNING {unpublished_events};

-- name: put-event!
-- Publish an event.
INSERT INTO events (feed, number, {events}) VALUES (0, :number, {events:values});

-- name: put-last-number!
-- Store the number of the last published event.
UPDATE event_feeds SET last_number = :number WHERE feed = 0;

-- name: feed
-- The numbers of the last published event, and of the last one that was removed because of its age.
SELECT last_number, removed_number FROM event_feeds WHERE feed = 0;

-- name: events-after
-- Events by number.
SELECT number, {events} FROM events WHERE feed = 0 AND number > :after ORDER BY number LIMIT :limit;

-- name: event-at
-- The event with a number.
SELECT {events} FROM events WHERE feed = 0 AND number = :number;

-- name: first-events
-- The numbers and the times of the first events.
SELECT number, at FROM events WHERE feed = 0 ORDER BY number LIMIT :limit;

-- name: note-removed!
-- Store the number up to which events are removed because of their age.
UPDATE event_feeds SET removed_number = :number WHERE feed = 0 AND removed_number < :number;

-- name: remove-events!
-- Remove events up to a number.
DELETE FROM events WHERE feed = 0 AND number <= :number;

-- name: forget-unpublished!
-- Remove a learner's events that are not published.
DELETE FROM unpublished_events WHERE user_id = :user_id;

-- name: forget-events!
-- Remove a learner's published events.
DELETE FROM events WHERE feed = 0 AND user_id = :user_id;

-- name: count-events^
-- Count the published events.
SELECT count(*) FROM events;

-- name: count-unpublished-events^
-- Count the events that are not published yet.
SELECT count(*) FROM unpublished_events;

-- name: unpublished-from
-- Events that are not published yet, by key.
SELECT {unpublished_events}
FROM unpublished_events
WHERE (user_id, id) >= (:user_id, :id)
ORDER BY user_id, id
LIMIT :limit;

-- name: hold-event!
-- Store a published event as it is in another database.
INSERT INTO events (feed, number, {events}) VALUES (0, :number, {events:values}) ON CONFLICT DO NOTHING;

-- name: drop-event!
-- Remove a published event.
DELETE FROM events WHERE feed = 0 AND number = :number;

-- name: hold-unpublished!
-- Store an event that is not published yet as it is in another database.
INSERT INTO unpublished_events ({unpublished_events}) VALUES ({unpublished_events:values})
ON CONFLICT (user_id, id) DO UPDATE SET {unpublished_events:excluded};

-- name: drop-unpublished!
-- Remove an event that is not published yet.
DELETE FROM unpublished_events WHERE user_id = :user_id AND id = :id;

-- name: raise-last-number!
-- Make the number of the next event greater than this one.
UPDATE event_feeds SET last_number = :number WHERE feed = 0 AND last_number < :number;
