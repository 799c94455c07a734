"""Consumers of events and the deliveries to them: the EventConsumers protocol."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from headway.domain.deliveries import ConsumerState, Delivery, DeliveryState
from headway.domain.errors import DeliveryNotFoundError
from headway.domain.events import EventId
from headway.domain.identifiers import ConsumerId
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Changing, Each, Row, Session, Step, to_moment

_AFTER_ALL: Final = 2**62


class StoredConsumers:
    """The consumers in a database."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def find(self, consumer_id: ConsumerId) -> ConsumerState | None:
        """Return how far a consumer is, and who works for it; `None` where there is no such consumer."""
        found = await self._session.fetch(sql.FIND_CONSUMER, consumer_id)
        return ConsumerState(*found[0]) if found else None

    async def take(self, consumer_id: ConsumerId, holder: str, beats: int) -> int | None:
        """Begin to work for a consumer, and return its position. `None`: another process was first."""
        taken = await self._session.change(sql.TAKE_CONSUMER, holder, consumer_id, beats)
        return int(taken[0][0]) if taken else None

    async def beat(self, consumer_id: ConsumerId, holder: str) -> bool:
        """Show that the holder is alive. Return whether it still works for the consumer."""
        return bool(await self._session.change(sql.BEAT, consumer_id, holder))

    async def release(self, consumer_id: ConsumerId, holder: str) -> None:
        """Stop working for a consumer."""
        await self._session.change(sql.RELEASE_CONSUMER, consumer_id, holder)

    async def hand_out(
        self, consumer_id: ConsumerId, holder: str, position: int, deliveries: Sequence[Delivery]
    ) -> bool:
        """Store deliveries, and that the consumer is at a position. Return whether the holder still works for it."""
        return await self._session.transact(lambda: _hand_out(consumer_id, holder, position, deliveries))

    async def due(self, consumer_id: ConsumerId, limit: int) -> Sequence[Delivery]:
        """Return the first waiting delivery of each owner, where it may be attempted now, in the events' order."""
        found = await self._session.fetch(sql.DUE_DELIVERIES, consumer_id, self._clock(), limit)
        return list(map(to_delivery, found))

    async def next_attempt(self, consumer_id: ConsumerId) -> datetime | None:
        """Return when, after now, the next delivery may be attempted; `None` where there is none."""
        [(moment,)] = await self._session.fetch(sql.NEXT_ATTEMPT, consumer_id, self._clock())
        return None if moment is None else to_moment(moment)

    async def note(self, deliveries: Sequence[Delivery]) -> None:
        """Store what came of attempts. A delivery that has ended stays as it is."""
        rows = [(*one[4:], one.consumer_id, one.event_number) for one in deliveries]
        await self._session.change_all(Each(sql.PUT_DELIVERY, rows))

    async def drop(self, delivery: Delivery) -> None:
        """Remove a delivery."""
        await self._session.change(sql.DROP_DELIVERY, delivery.consumer_id, delivery.event_number)

    async def begin_again(self, consumer_id: ConsumerId) -> None:
        """Let all waiting deliveries be attempted now, from their first attempt on."""
        await self._session.change(sql.BEGIN_DELIVERIES_AGAIN, self._clock(), consumer_id)

    async def hasten(self, consumer_id: ConsumerId) -> None:
        """Let all waiting deliveries be attempted now."""
        await self._session.change(sql.HASTEN_DELIVERIES, self._clock(), consumer_id)

    async def waiting(self, consumer_id: ConsumerId, most: int) -> int:
        """Return how many deliveries are waiting, counted up to `most`."""
        [(count,)] = await self._session.fetch(sql.COUNT_WAITING, consumer_id, most)
        return int(count)

    async def deliveries(self, consumer_id: ConsumerId, before: int | None, limit: int) -> Sequence[Delivery]:
        """Return deliveries, the last event first, from before an event's number on."""
        asked = (consumer_id, _AFTER_ALL if before is None else before, limit)
        return list(map(to_delivery, await self._session.fetch(sql.DELIVERIES_BEFORE, *asked)))

    async def redeliver(self, consumer_id: ConsumerId, number: int) -> Delivery:
        """Let a delivery be attempted now, from its first attempt on. Raises `DeliveryNotFoundError`."""
        found = await self._session.change(sql.REDELIVER, self._clock(), consumer_id, number)
        if not found:
            raise DeliveryNotFoundError(number)
        return to_delivery(found[0])


def _hand_out(consumer_id: ConsumerId, holder: str, position: int, deliveries: Sequence[Delivery]) -> Changing[bool]:
    if not (yield Step(sql.ADVANCE_CONSUMER, position, consumer_id, holder)):
        return False
    if deliveries:
        yield Each(sql.ADD_DELIVERY, deliveries)
    return True


def to_delivery(columns: Row) -> Delivery:
    """Return a row of `event_deliveries`."""
    consumer, number, event, owner, next_attempt_at, state, attempts, first_at, last_at, last_result = columns
    next_at, first, last = (None if at is None else to_moment(at) for at in (next_attempt_at, first_at, last_at))
    return Delivery(
        ConsumerId(str(consumer)), number, EventId(str(event)), str(owner), next_at, DeliveryState(state), attempts,
        first, last, last_result,
    )  # fmt: skip
