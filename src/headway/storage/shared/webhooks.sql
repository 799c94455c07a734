-- Webhooks. Parameters are bound by position, in the order in which they first appear.

-- name: all-webhooks
-- All webhooks, the oldest first.
SELECT {webhooks} FROM webhooks ORDER BY created_at, webhooks.webhook_id;

-- name: find-webhook
-- A webhook.
SELECT {webhooks} FROM webhooks WHERE webhook_id = :webhook_id;

-- name: add-webhook
-- Add a webhook. Returns no row where there is one with its id.
INSERT INTO webhooks ({webhooks}) VALUES ({webhooks:values})
ON CONFLICT (webhook_id) DO NOTHING
RETURNING version;

-- name: change-webhook
-- Change a webhook. Returns no row where it has another version by now.
UPDATE webhooks SET
    address = :address,
    types = :types,
    courses = :courses,
    in_groups = :in_groups,
    secrets = :secrets,
    version = :version,
    disabled_because = :disabled_because,
    failing_since = :failing_since,
    resume_at = :resume_at
WHERE webhook_id = :webhook_id AND version = :before
RETURNING version;

-- name: remove-webhook
-- Remove a webhook.
DELETE FROM webhooks WHERE webhook_id = :webhook_id RETURNING version;

-- name: count-webhooks^
-- Count the webhooks.
SELECT count(*) FROM webhooks;

-- name: webhooks-from
-- Webhooks by id.
SELECT {webhooks} FROM webhooks WHERE webhook_id >= :webhook_id ORDER BY webhook_id LIMIT :limit;

-- name: hold-webhook!
-- Store a webhook as it is in another database.
INSERT INTO webhooks ({webhooks}) VALUES ({webhooks:values})
ON CONFLICT (webhook_id) DO UPDATE SET {webhooks:excluded};
