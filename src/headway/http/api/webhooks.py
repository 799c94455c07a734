"""Webhooks: the operations and their handlers. `formats.webhooks` has the shapes of the answers."""

from hashlib import blake2b
from typing import Final

from headway.domain.identifiers import ConsumerId, WebhookId
from headway.domain.principal import WEBHOOKS_WRITE
from headway.formats import webhooks
from headway.formats.queries import parse_query
from headway.formats.webhooks import (
    DeliveriesParameters,
    NewWebhook,
    PutWebhook,
    Webhook,
    WebhookDelivery,
    WebhookTest,
    parse_webhook,
)
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import NO_CONTENT, PRIVATE, Headers, Reply, json_reply, linked
from headway.http.engine.requests import SMALL_BODY_BYTES, Call, parse_precondition
from headway.service import WebhookReading

WEBHOOKS_TAG: Final = "Education Webhooks"
TAGS: Final = ({"name": WEBHOOKS_TAG, "description": "Addresses to which the service sends events"},)

_SCOPE: Final = "Needs the scope `webhooks:write`."
_NO_STORE: Final = (b"cache-control", b"no-store")


async def list_webhooks(call: Call) -> Reply:
    """Answer the webhooks that the caller may manage."""
    return json_reply(webhooks.webhooks(await call.services.webhooks.webhooks(call.principal)))


async def get_webhook(call: Call) -> Reply:
    """Answer a webhook."""
    reading = await call.services.webhooks.webhook(call.principal, _webhook_id(call))
    reply = json_reply(webhooks.webhook(reading))
    # The part after a + stands for what changes without a new version: how the receiver does.
    shown_with = "+" + blake2b(reply.body, digest_size=6).hexdigest()
    return reply._replace(headers=(*reply.headers, *_etag(reading, shown_with), PRIVATE))


async def put_webhook(call: Call) -> Reply:
    """Store a webhook."""
    asked, precondition = parse_webhook(call.body), parse_precondition(call.headers)
    return _put(await call.services.webhooks.put(call.principal, _webhook_id(call), asked, precondition))


async def remove_webhook(call: Call) -> Reply:
    """Remove a webhook."""
    await call.services.webhooks.remove(call.principal, _webhook_id(call))
    return NO_CONTENT


async def make_webhook_secret(call: Call) -> Reply:
    """Give a webhook a new secret."""
    return _put(await call.services.webhooks.rotate(call.principal, _webhook_id(call)))


async def test_webhook(call: Call) -> Reply:
    """Send a webhook `webhook.test` now."""
    return json_reply(webhooks.attempt(await call.services.webhooks.try_out(call.principal, _webhook_id(call))))


async def list_webhook_deliveries(call: Call) -> Reply:
    """Answer a page of a webhook's deliveries."""
    asked = parse_query(DeliveriesParameters, call.query)
    page = await call.services.webhooks.deliveries(call.principal, _webhook_id(call), asked.before, asked.limit)
    return linked(json_reply(webhooks.deliveries(page.deliveries)), asked.next_page(page.before))


async def redeliver_event(call: Call) -> Reply:
    """Let an event be sent to a webhook once more."""
    number = int(call.identifiers[1])
    return json_reply(
        webhooks.delivery(await call.services.webhooks.redeliver(call.principal, _webhook_id(call), number))
    )


def _webhook_id(call: Call) -> WebhookId:
    return WebhookId(ConsumerId(call.identifiers[0]))


def _put(reading: WebhookReading) -> Reply:
    """Return a webhook that was changed, perhaps with a secret, which nobody keeps on the way."""
    return json_reply(webhooks.put_webhook(reading), headers=(*_etag(reading), _NO_STORE))


def _etag(reading: WebhookReading, shown_with: str = "") -> Headers:
    return ((b"etag", f'"{reading.webhook.etag}{shown_with}"'.encode()),)


OPERATIONS: Final = (
    Operation(
        "GET", "/webhooks", "List Webhooks",
        f"All webhooks that the token includes, the oldest first; at most 100. {_SCOPE}",
        list_webhooks, WEBHOOKS_TAG, answer=list[Webhook], refusals=(403, 404), answers_etag=True,
        scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "GET", "/webhooks/{webhook_id}", "Get Webhook",
        f"The webhook, and how its receiver does. {_SCOPE}",
        get_webhook, WEBHOOKS_TAG, answer=Webhook, refusals=(403, 404), answers_etag=True, scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "PUT", "/webhooks/{webhook_id}", "Put Webhook",
        "Store the webhook, new or in place of what is stored. A new one gets the events from now on, and a secret, "
        f"which the answer shows this once. {_SCOPE}",
        put_webhook, WEBHOOKS_TAG, answer=PutWebhook, body=NewWebhook, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 404, 412, 413), conditional=True, answers_etag=True, scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "DELETE", "/webhooks/{webhook_id}", "Remove Webhook",
        f"Remove the webhook and its deliveries. {_SCOPE}",
        remove_webhook, WEBHOOKS_TAG, refusals=(403, 404), scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "POST", "/webhooks/{webhook_id}/secret", "Make Webhook Secret",
        "Give the webhook a new secret, which the answer shows this once. The present one stays valid for a day: until "
        f"then every event is signed with both. {_SCOPE}",
        make_webhook_secret, WEBHOOKS_TAG, answer=PutWebhook, refusals=(403, 404), answers_etag=True,
        scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "POST", "/webhooks/{webhook_id}/test", "Test Webhook",
        "Send `webhook.test` to the webhook now, whether it is turned on or not, and answer what came of it. One test "
        f"of a webhook runs at a time; another one is answered 409. {_SCOPE}",
        test_webhook, WEBHOOKS_TAG, answer=WebhookTest, refusals=(403, 404, 409), scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "GET", "/webhooks/{webhook_id}/deliveries", "List Webhook Deliveries",
        f"The webhook's deliveries, the last event first. {_SCOPE}",
        list_webhook_deliveries, WEBHOOKS_TAG, answer=list[WebhookDelivery], query=DeliveriesParameters,
        refusals=(403, 404), is_paged=True, answers_etag=True, scope=WEBHOOKS_WRITE,
    ),
    Operation(
        "POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", "Redeliver Event",
        "Let the event be sent once more, however its delivery ended. A webhook that is turned off gets it when it is "
        f"turned on. {_SCOPE}",
        redeliver_event, WEBHOOKS_TAG, answer=WebhookDelivery, refusals=(403, 404), scope=WEBHOOKS_WRITE,
    ),
)  # fmt: skip
