-- Consumers of events, what is on its way to them, and webhooks, each of which is a consumer. docs/decisions/0053.
CREATE TABLE event_consumers (
    consumer_id TEXT NOT NULL PRIMARY KEY,
    position    INTEGER NOT NULL, -- the number of the last event that was handed out
    holder      TEXT, -- the process that works for it
    beats       INTEGER NOT NULL -- grows while the holder is alive
) WITHOUT ROWID;

CREATE TABLE event_deliveries (
    consumer_id      TEXT NOT NULL,
    number           INTEGER NOT NULL, -- of the event
    event_id         TEXT NOT NULL,
    owner_id         TEXT NOT NULL, -- the learner, or the course where there is none
    next_attempt_at  TEXT,
    state            TEXT NOT NULL,
    attempts         INTEGER NOT NULL,
    first_attempt_at TEXT,
    last_attempt_at  TEXT,
    last_result      TEXT,
    PRIMARY KEY (consumer_id, number)
) WITHOUT ROWID;
CREATE INDEX event_deliveries_due ON event_deliveries (consumer_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX event_deliveries_in_order ON event_deliveries (consumer_id, owner_id, number) WHERE state = 'waiting';
CREATE INDEX event_deliveries_of_an_owner ON event_deliveries (owner_id);

CREATE TABLE webhooks (
    webhook_id       TEXT NOT NULL PRIMARY KEY,
    address          TEXT NOT NULL,
    types            TEXT, -- a JSON list; null: all
    courses          TEXT,
    in_groups        TEXT,
    secrets          TEXT NOT NULL, -- a JSON list of the secret and until when it is valid, the present one first
    created_at       TEXT NOT NULL,
    version          INTEGER NOT NULL,
    disabled_because TEXT,
    failing_since    TEXT,
    resume_at        TEXT
) WITHOUT ROWID;
