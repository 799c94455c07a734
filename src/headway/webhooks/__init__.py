"""Sends events to webhooks: signs them, connects to the address that was checked, bounds what comes back."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from headway.domain.deliveries import DeliveryAttempt
from headway.domain.events import Event
from headway.domain.networks import Networks
from headway.domain.webhooks import Webhook, valid_secrets

if TYPE_CHECKING:
    from headway.webhooks.sender import Sender


class WebhookSender:
    """Sends events. `render` returns an event as it is sent. `allowed` and `version` are those of `Sender`.

    The client is made for the first event, because a process without webhooks does not need it.
    """

    def __init__(
        self,
        allowed: Networks,
        version: str,
        render: Callable[[Event], bytes],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._allowed = allowed
        self._version = version
        self._render = render
        self._clock = clock

    async def send(self, webhook: Webhook, event: Event) -> DeliveryAttempt:
        """Attempt to send an event to a webhook. Takes a bounded time and raises nothing."""
        from headway.webhooks.signing import signed_headers  # noqa: PLC0415 - see the class

        body = self._render(event)
        now = self._clock()
        headers = signed_headers(valid_secrets(webhook, now), event.id, now, body)
        return await self._sender.send(webhook.address, headers, body)

    async def aclose(self) -> None:
        """Close the client, if there is one. The next event makes a new one."""
        sender = self.__dict__.pop("_sender", None)
        if sender is not None:
            await sender.aclose()

    @cached_property
    def _sender(self) -> "Sender":
        from headway.webhooks.sender import Sender  # noqa: PLC0415 - see the class

        return Sender(self._allowed, self._version)
