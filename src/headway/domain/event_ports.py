"""What a store must do for events: keep them, know how far each consumer is, and keep the webhooks."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from headway.domain.deliveries import ConsumerState, Delivery
from headway.domain.events import EVERY_EVENT, EventFilter, Feed, PublishedEvent, Recording
from headway.domain.identifiers import ConsumerId, WebhookId
from headway.domain.webhooks import Webhook


class Events(Protocol):
    """Keeps the events. What happened is stored with what changed, and published a moment later, in an order.

    Every method may raise `StoreUnavailableError`.
    """

    recording: Recording
    """Which events are recorded."""
    on_stored: Callable[[], None]
    """Is called after transactions that may have stored events."""

    async def publish(self) -> int:
        """Publish some of the events that are due, and return how many. 0: there are no more."""

    async def read(self, after: int, limit: int, only: EventFilter = EVERY_EVENT) -> Feed:
        """Return the first events after a number that pass a filter. Looks at a bounded number of events.

        A reader who goes on from `Feed.after` never misses one.

        Raises `CursorExpiredError` where events after that number are no longer kept, or the number is not of this
        feed.
        """

    async def at(self, number: int) -> PublishedEvent | None:
        """Return the event with a number, or `None`."""

    async def newest(self) -> int:
        """Return the number of the last event."""

    async def oldest(self) -> int:
        """Return the number after which all events are kept."""

    async def changed(self, seconds: float) -> None:
        """Return when there may be new events, and after `seconds` at the latest."""


class EventConsumers(Protocol):
    """Keeps how far each consumer of events is, and what is on its way to it.

    One process at a time works for a consumer: its holder, which shows by beats that it is alive. Another process takes
    its place when it has seen the same beat for long enough, by its own clock. Every method may raise
    `StoreUnavailableError`.
    """

    async def find(self, consumer_id: ConsumerId) -> ConsumerState | None:
        """Return how far a consumer is, and who works for it, or `None`."""

    async def take(self, consumer_id: ConsumerId, holder: str, beats: int) -> int | None:
        """Begin to work for a consumer that was seen at this beat, and return its position.

        Returns `None` where another process was first.
        """

    async def beat(self, consumer_id: ConsumerId, holder: str) -> bool:
        """Show that the holder is alive. Returns `False` where another process has taken its place."""

    async def release(self, consumer_id: ConsumerId, holder: str) -> None:
        """Stop working for a consumer, so that another process can begin at once."""

    async def hand_out(
        self, consumer_id: ConsumerId, holder: str, position: int, deliveries: Sequence[Delivery]
    ) -> bool:
        """Store deliveries together with the position behind them.

        Stores nothing and returns `False` where another process has taken the holder's place.
        """

    async def due(self, consumer_id: ConsumerId, limit: int) -> Sequence[Delivery]:
        """Return the first waiting delivery of each owner, where it may be attempted now, in the events' order."""

    async def next_attempt(self, consumer_id: ConsumerId) -> datetime | None:
        """Return when, after now, the next waiting delivery may be attempted, or `None`."""

    async def note(self, deliveries: Sequence[Delivery]) -> None:
        """Store what came of attempts. A delivery that has ended stays as it is."""

    async def drop(self, delivery: Delivery) -> None:
        """Remove a delivery whose event is no longer kept."""

    async def begin_again(self, consumer_id: ConsumerId) -> None:
        """Let all waiting deliveries be attempted now, as if for the first time: they have the whole time again."""

    async def hasten(self, consumer_id: ConsumerId) -> None:
        """Let all waiting deliveries be attempted now."""

    async def waiting(self, consumer_id: ConsumerId, most: int) -> int:
        """Count the waiting deliveries, up to `most`."""

    async def deliveries(self, consumer_id: ConsumerId, before: int | None, limit: int) -> Sequence[Delivery]:
        """Return deliveries of events before a number (`None`: of all), the last event first."""

    async def redeliver(self, consumer_id: ConsumerId, number: int) -> Delivery:
        """Let a delivery be attempted now, as if for the first time. Raises `DeliveryNotFoundError`."""


class Webhooks(Protocol):
    """Keeps the webhooks. Each is a consumer of events with the same id.

    Every method may raise `StoreUnavailableError`.
    """

    async def all(self) -> Sequence[Webhook]:
        """Return all webhooks, the oldest first."""

    async def find(self, webhook_id: WebhookId) -> Webhook | None:
        """Return a webhook, or `None`."""

    async def add(self, webhook: Webhook) -> bool:
        """Add a webhook, which gets the events from now on. Returns `False` where there is one with its id."""

    async def change(self, webhook: Webhook, before: int) -> bool:
        """Store a webhook in place of its version `before`. Returns `False` where it has another version by now."""

    async def remove(self, webhook_id: WebhookId) -> bool:
        """Remove a webhook with its deliveries. Returns whether there was one."""
