"""Webhooks: who gets which events, and what came of sending them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from headway.domain.deliveries import Delivery, DeliveryAttempt
from headway.domain.errors import (
    EventsOffError,
    InvalidValueError,
    Problem,
    StoreUnavailableError,
    WebhookNotFoundError,
    WebhookTestUnderWayError,
)
from headway.domain.events import Event, EventFilter, EventType, trial_event
from headway.domain.identifiers import WebhookId
from headway.domain.networks import Networks
from headway.domain.ports import Store
from headway.domain.principal import WEBHOOKS_WRITE, Principal
from headway.domain.webhook_address import read_address
from headway.domain.webhooks import (
    MOST_WEBHOOKS,
    DisabledBecause,
    Webhook,
    at_present,
    check_filter,
    new_secret,
    new_webhook,
    rotated,
    switched,
)
from headway.domain.writes import UNCONDITIONAL, Precondition

_ATTEMPTS: Final = 5
MOST_COUNTED: Final = 1_000
"""Up to how many waiting deliveries are counted."""
_BY_ITSELF: Final = (DisabledBecause.GONE, DisabledBecause.FAILING)

Send = Callable[[Webhook, Event], Awaitable[DeliveryAttempt]]


class WebhookRequest(NamedTuple):
    """What a webhook is to be: its address, which events it gets, and whether it is turned on."""

    address: str
    only: EventFilter
    is_enabled: bool = True


class WebhookReading(NamedTuple):
    """A webhook as it is now, how many deliveries wait (counted up to 1,000), and its new secret, if there is one."""

    webhook: Webhook
    waiting: int = 0
    new_secret: str | None = None


class DeliveryPage(NamedTuple):
    """A page of deliveries, the last event first, and the event's number before which another page goes on."""

    deliveries: Sequence[Delivery]
    before: int | None


class WebhooksService:
    """Webhooks. Every method needs `webhooks:write`, and may raise `UnavailableError` and `EventsOffError`.

    A token that is limited to courses or groups only manages webhooks that get no others' events. `send` attempts to
    deliver an event. `allowed` are networks that may be reached though they are not public.
    """

    def __init__(
        self, store: Store, send: Send, allowed: Networks, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._send = send
        self._allowed = allowed
        self._clock = clock
        self._tried_out: set[WebhookId] = set()

    async def webhooks(self, principal: Principal) -> list[WebhookReading]:
        """Return all webhooks that the caller may manage, the oldest first."""
        self._check(principal)
        return [
            await self._read(webhook) for webhook in await self._store.webhooks.all() if _manages(principal, webhook)
        ]

    async def turned_off(self, principal: Principal) -> list[Webhook]:
        """Return the webhooks that turned themselves off: their receivers failed for long, or want nothing any more.

        Returns none to a caller without `webhooks:write`, and where events are turned off.
        """
        if WEBHOOKS_WRITE not in principal.scopes or not self._store.events.recording.is_on:
            return []
        found = await self._store.webhooks.all()
        return [one for one in found if one.disabled_because in _BY_ITSELF and _manages(principal, one)]

    async def webhook(self, principal: Principal, webhook_id: WebhookId) -> WebhookReading:
        """Return a webhook. Raises `WebhookNotFoundError`."""
        return await self._read(await self._found(principal, webhook_id))

    async def put(
        self,
        principal: Principal,
        webhook_id: WebhookId,
        asked: WebhookRequest,
        precondition: Precondition = UNCONDITIONAL,
    ) -> WebhookReading:
        """Store a webhook, new or in place of what is stored. A new one gets a secret, and the events from now on.

        Raises `InvalidValueError`, `PreconditionFailedError` and `CourseNotGrantedError` or `GroupNotGrantedError`.
        """
        self._check(principal)
        address = read_address(asked.address, self._allowed)
        self._check_filter(asked.only)
        principal.require_within(asked.only.courses, asked.only.groups)
        for _ in range(_ATTEMPTS):
            before = await self._store.webhooks.find(webhook_id)
            if before is not None and not _manages(principal, before):
                raise WebhookNotFoundError(webhook_id)
            precondition.check_webhook(before)
            stored = await self._put(before, webhook_id, asked._replace(address=address))
            if stored is not None:
                return stored
        raise StoreUnavailableError

    async def _put(self, before: Webhook | None, webhook_id: WebhookId, asked: WebhookRequest) -> WebhookReading | None:
        """Store a webhook; `None` where another request was first."""
        if before is None:
            if len(await self._store.webhooks.all()) >= MOST_WEBHOOKS:
                raise InvalidValueError([Problem((), f"There are {MOST_WEBHOOKS} webhooks already.", "too_many")])
            secret = new_secret()
            webhook = new_webhook(webhook_id, asked.address, asked.only, secret, self._clock())
            webhook = webhook if asked.is_enabled else switched(webhook, on=False)
            return WebhookReading(webhook, 0, secret.text) if await self._store.webhooks.add(webhook) else None
        webhook = before._replace(address=asked.address, filter=asked.only)
        if webhook.address != before.address:
            webhook = webhook._replace(failing_since=None, resume_at=None)  # that was the receiver at the other address
        if asked.is_enabled != before.is_enabled:
            webhook = switched(webhook, on=asked.is_enabled)
        if webhook == before:
            return await self._read(before)
        return await self._change(before, webhook._replace(version=before.version + 1))

    async def switch(self, principal: Principal, webhook_id: WebhookId, *, on: bool) -> WebhookReading:
        """Turn a webhook on or off. Raises `WebhookNotFoundError`."""
        for _ in range(_ATTEMPTS):
            before = await self._found(principal, webhook_id)
            if before.is_enabled is on:
                return await self._read(before)
            stored = await self._change(before, switched(before, on=on))
            if stored is not None:
                return stored
        raise StoreUnavailableError

    async def _change(self, before: Webhook, after: Webhook) -> WebhookReading | None:
        """Store a changed webhook; `None` where another request was first.

        What waits is attempted at once, as if for the first time, where it is turned on or has another address.
        """
        if not await self._store.webhooks.change(after, before.version):
            return None
        if after.is_enabled and (not before.is_enabled or after.address != before.address):
            await self._store.consumers.begin_again(after.id)
        return await self._read(after)

    async def rotate(self, principal: Principal, webhook_id: WebhookId) -> WebhookReading:
        """Give a webhook a new secret. The present one stays valid for a day. Raises `WebhookNotFoundError`."""
        for _ in range(_ATTEMPTS):
            before = await self._found(principal, webhook_id)
            secret = new_secret()
            webhook = rotated(before, secret, self._clock())
            stored = await self._change(before, webhook)
            if stored is not None:
                return stored._replace(new_secret=secret.text)
        raise StoreUnavailableError

    async def remove(self, principal: Principal, webhook_id: WebhookId) -> None:
        """Remove a webhook with its deliveries. Raises `WebhookNotFoundError`."""
        webhook = await self._found(principal, webhook_id)
        await self._store.webhooks.remove(webhook.id)

    async def try_out(self, principal: Principal, webhook_id: WebhookId) -> DeliveryAttempt:
        """Send a webhook an event of the type `webhook.test` now, and return what came of it.

        One test of a webhook runs at a time. Raises `WebhookNotFoundError` and `WebhookTestUnderWayError`.
        """
        webhook = await self._found(principal, webhook_id)
        if webhook.id in self._tried_out:
            raise WebhookTestUnderWayError
        self._tried_out.add(webhook.id)
        try:
            return await self._send(webhook, trial_event(self._clock()))
        finally:
            self._tried_out.remove(webhook.id)

    async def deliveries(
        self, principal: Principal, webhook_id: WebhookId, before: int | None, limit: int
    ) -> DeliveryPage:
        """Return a page of a webhook's deliveries. Raises `WebhookNotFoundError`."""
        webhook = await self._found(principal, webhook_id)
        found = await self._store.consumers.deliveries(webhook.id, before, limit + 1)
        return DeliveryPage(found[:limit], found[limit - 1].event_number if len(found) > limit else None)

    async def redeliver(self, principal: Principal, webhook_id: WebhookId, number: int) -> Delivery:
        """Let an event be sent again now. Raises `WebhookNotFoundError` and `DeliveryNotFoundError`."""
        webhook = await self._found(principal, webhook_id)
        return await self._store.consumers.redeliver(webhook.id, number)

    async def _found(self, principal: Principal, webhook_id: WebhookId) -> Webhook:
        self._check(principal)
        webhook = await self._store.webhooks.find(webhook_id)
        if webhook is None or not _manages(principal, webhook):
            raise WebhookNotFoundError(webhook_id)
        return webhook

    async def _read(self, webhook: Webhook) -> WebhookReading:
        present = at_present(webhook, self._clock())
        return WebhookReading(present, await self._store.consumers.waiting(webhook.id, MOST_COUNTED))

    def _check(self, principal: Principal) -> None:
        principal.require(WEBHOOKS_WRITE)
        if not self._store.events.recording.is_on:
            raise EventsOffError

    def _check_filter(self, only: EventFilter) -> None:
        check_filter(only)
        wants_updates = only.types is not None and EventType.PROGRESS_UPDATED in only.types
        if wants_updates and not self._store.events.recording.progress:
            reason = "progress.updated is not recorded here. The setting HEADWAY_EVENTS_PROGRESS turns it on."
            raise InvalidValueError([Problem(("types",), reason, "not_recorded")])


def _manages(principal: Principal, webhook: Webhook) -> bool:
    """Whether the caller's token includes all that the webhook gets."""
    return principal.includes(webhook.filter.courses, webhook.filter.groups)
