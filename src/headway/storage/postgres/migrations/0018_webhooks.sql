-- Consumers of events, what is on its way to them, and webhooks, each of which is a consumer. docs/decisions/0053.
CREATE TABLE event_consumers (
    consumer_id uuid NOT NULL PRIMARY KEY,
    position    bigint NOT NULL, -- the number of the last event that was handed out
    holder      uuid, -- the process that works for it
    beats       bigint NOT NULL -- grows while the holder is alive
);

CREATE TABLE event_deliveries (
    consumer_id      uuid NOT NULL,
    number           bigint NOT NULL, -- of the event
    event_id         uuid NOT NULL,
    owner_id         uuid NOT NULL, -- the learner, or the course where there is none
    next_attempt_at  timestamptz,
    state            text NOT NULL,
    attempts         integer NOT NULL,
    first_attempt_at timestamptz,
    last_attempt_at  timestamptz,
    last_result      text,
    PRIMARY KEY (consumer_id, number)
);
CREATE INDEX event_deliveries_due ON event_deliveries (consumer_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX event_deliveries_in_order ON event_deliveries (consumer_id, owner_id, number) WHERE state = 'waiting';
CREATE INDEX event_deliveries_of_an_owner ON event_deliveries (owner_id);

CREATE TABLE webhooks (
    webhook_id       uuid NOT NULL PRIMARY KEY,
    address          text NOT NULL,
    types            text, -- a JSON list; null: all
    courses          text,
    in_groups        text,
    secrets          text NOT NULL, -- a JSON list of the secret and until when it is valid, the present one first
    created_at       timestamptz NOT NULL,
    version          bigint NOT NULL,
    disabled_because text,
    failing_since    timestamptz,
    resume_at        timestamptz
);
