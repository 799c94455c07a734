"""Webhooks: addresses to which events are sent."""

from collections.abc import AsyncIterator

from headway.client.aio.sending import Sender
from headway.client.calls import Id, Tagged, delete, get, on_condition, post, put
from headway.client.shapes import NewWebhook, PutWebhook, Webhook, WebhookDelivery, WebhookTest


class Webhooks:
    """Reads and changes webhooks. Needs `webhooks:write`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def all(self) -> list[Webhook]:
        """Return all webhooks of the token, the oldest first."""
        return await self._sender.value(get(list[Webhook], "webhooks"))

    async def get(self, webhook: Id) -> Tagged[Webhook]:
        """Return a webhook, and how its receiver does. Raises `NotFoundError`."""
        return await self._sender.tagged(get(Webhook, "webhooks", webhook))

    async def put(
        self, webhook: Id, document: NewWebhook, *, if_match: str | None = None, if_none_match: str | None = None
    ) -> Tagged[PutWebhook]:
        """Store a webhook. The answer for a new one has its `secret`, this once.

        If that answer is lost, the request is sent again, and the secret is lost: make a new one with `new_secret`.
        """
        call = put(PutWebhook, document, "webhooks", webhook)
        return await self._sender.tagged(on_condition(call, if_match, if_none_match))

    async def remove(self, webhook: Id) -> None:
        """Remove a webhook and its deliveries."""
        await self._sender.done(delete("webhooks", webhook))

    async def new_secret(self, webhook: Id) -> PutWebhook:
        """Make a new secret, and return it this once. The present one stays valid for a day."""
        return await self._sender.value(post(PutWebhook, "webhooks", webhook, "secret"))

    async def test(self, webhook: Id) -> WebhookTest:
        """Send `webhook.test` now, and return what came of it."""
        return await self._sender.value(post(WebhookTest, "webhooks", webhook, "test"))

    async def deliveries(self, webhook: Id, *, page_size: int = 100) -> AsyncIterator[WebhookDelivery]:
        """Yield the deliveries of a webhook, the last event first."""
        call = get(list[WebhookDelivery], "webhooks", webhook, "deliveries", limit=page_size)
        async for page in self._sender.pages(call):
            for delivery in page:
                yield delivery

    async def redeliver(self, webhook: Id, delivery: int) -> WebhookDelivery:
        """Let an event be sent once more, however its delivery ended."""
        call = post(WebhookDelivery, "webhooks", webhook, "deliveries", delivery, "redeliver")
        return await self._sender.value(call)
