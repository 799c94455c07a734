-- Consumers of events, and deliveries to them. Parameters are bound by position, in the order in which they first
-- appear.

-- name: find-consumer
-- How far a consumer is, and which process works for it.
SELECT position, CAST(holder AS text), beats FROM event_consumers WHERE consumer_id = :consumer_id;

-- name: add-consumer!
-- Add a consumer that is at this position.
INSERT INTO event_consumers (consumer_id, position, holder, beats) VALUES (:consumer_id, :position, NULL, 0)
ON CONFLICT (consumer_id) DO NOTHING;

-- name: take-consumer
-- Work for a consumer, in place of a process that was seen at this beat.
UPDATE event_consumers SET holder = :holder, beats = beats + 1
WHERE consumer_id = :consumer_id AND beats = :beats
RETURNING position;

-- name: beat
-- Show that the process is alive. Returns no row where another process has taken its place.
UPDATE event_consumers SET beats = beats + 1
WHERE consumer_id = :consumer_id AND holder = :holder
RETURNING beats;

-- name: release-consumer!
-- Stop working for a consumer, so that another process can begin at once.
UPDATE event_consumers SET holder = NULL, beats = beats + 1 WHERE consumer_id = :consumer_id AND holder = :holder;

-- name: advance-consumer
-- Store how far a consumer is. Returns no row where another process has taken this one's place.
UPDATE event_consumers SET position = :position
WHERE consumer_id = :consumer_id AND holder = :holder
RETURNING position;

-- name: add-delivery!
-- Hand an event out.
INSERT INTO event_deliveries ({event_deliveries}) VALUES ({event_deliveries:values})
ON CONFLICT (consumer_id, number) DO NOTHING;

-- name: due-deliveries
-- The first waiting delivery of each owner, where it may be attempted now, in the order of their events.
SELECT {event_deliveries:d}
FROM (
    SELECT min(number) AS number
    FROM event_deliveries
    WHERE consumer_id = :consumer_id AND state = 'waiting'
    GROUP BY owner_id
) AS f
JOIN event_deliveries AS d ON d.consumer_id = :consumer_id AND d.number = f.number
WHERE d.next_attempt_at <= :now
ORDER BY d.number
LIMIT :limit;

-- name: next-attempt
-- When, after now, the next delivery of a consumer may be attempted. Those that wait behind another one may be now.
SELECT min(next_attempt_at) AS next_attempt_at
FROM event_deliveries
WHERE consumer_id = :consumer_id AND state = 'waiting' AND next_attempt_at > :now;

-- name: put-delivery!
-- Store what came of an attempt.
UPDATE event_deliveries SET
    next_attempt_at = :next_attempt_at,
    state = :state,
    attempts = :attempts,
    first_attempt_at = :first_attempt_at,
    last_attempt_at = :last_attempt_at,
    last_result = :last_result
WHERE consumer_id = :consumer_id AND number = :number AND state = 'waiting';

-- name: redeliver
-- Attempt a delivery now, from its first attempt on, however it ended.
UPDATE event_deliveries SET next_attempt_at = :now, state = 'waiting', attempts = 0, first_attempt_at = NULL
WHERE consumer_id = :consumer_id AND number = :number
RETURNING {event_deliveries};

-- name: drop-delivery!
-- Remove a delivery.
DELETE FROM event_deliveries WHERE consumer_id = :consumer_id AND number = :number;

-- name: begin-deliveries-again!
-- Attempt all waiting deliveries of a consumer now, as if for the first time.
UPDATE event_deliveries SET next_attempt_at = :now, attempts = 0, first_attempt_at = NULL
WHERE consumer_id = :consumer_id AND state = 'waiting';

-- name: hasten-deliveries!
-- Attempt all waiting deliveries of a consumer now.
UPDATE event_deliveries SET next_attempt_at = :now
WHERE consumer_id = :consumer_id AND state = 'waiting' AND next_attempt_at > :now;

-- name: count-waiting^
-- The number of waiting deliveries of a consumer, counted up to a limit.
SELECT count(*)
FROM (
    SELECT 1 FROM event_deliveries WHERE consumer_id = :consumer_id AND state = 'waiting' LIMIT :most
) AS waiting;

-- name: deliveries-before
-- Deliveries to a consumer, the last one first.
SELECT {event_deliveries}
FROM event_deliveries
WHERE consumer_id = :consumer_id AND number < :before
ORDER BY event_deliveries.number DESC
LIMIT :limit;

-- name: remove-consumer!
-- Remove a consumer.
DELETE FROM event_consumers WHERE consumer_id = :consumer_id;

-- name: remove-deliveries!
-- Remove all deliveries to a consumer.
DELETE FROM event_deliveries WHERE consumer_id = :consumer_id;

-- name: all-consumers
-- All consumers.
SELECT CAST(consumer_id AS text) FROM event_consumers;

-- name: remove-old-deliveries!
-- Remove deliveries to a consumer whose events are no longer kept.
DELETE FROM event_deliveries WHERE consumer_id = :consumer_id AND number <= :number;

-- name: any-old-delivery
-- Whether there are deliveries to a consumer whose events are no longer kept.
SELECT number FROM event_deliveries WHERE consumer_id = :consumer_id AND number <= :number LIMIT 1;

-- name: forget-deliveries!
-- Remove the deliveries of a learner's events.
DELETE FROM event_deliveries WHERE owner_id = :owner_id;

-- name: hold-consumer!
-- Store how far a consumer is in another database.
INSERT INTO event_consumers (consumer_id, position, holder, beats) VALUES (:consumer_id, :position, NULL, 0)
ON CONFLICT (consumer_id) DO UPDATE SET position = excluded.position;

-- name: count-deliveries^
-- Count the deliveries.
SELECT count(*) FROM event_deliveries;

-- name: deliveries-from
-- Deliveries by consumer and event.
SELECT {event_deliveries}
FROM event_deliveries
WHERE (consumer_id, number) >= (:consumer_id, :number)
ORDER BY event_deliveries.consumer_id, event_deliveries.number
LIMIT :limit;

-- name: hold-delivery!
-- Store a delivery as it is in another database.
INSERT INTO event_deliveries ({event_deliveries}) VALUES ({event_deliveries:values})
ON CONFLICT (consumer_id, number) DO UPDATE SET {event_deliveries:excluded};
