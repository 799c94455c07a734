"""Works for a consumer of events: hands events out, attempts to deliver them, and notes what came of it.

A webhook is a consumer. Other consumers can be built on the same part: it knows nothing of HTTP. Every event is
delivered at least once, and the events of an owner (a learner, or a course where there is no learner) in their order:
the next one is attempted after the one before was noted as delivered. So an event that comes twice comes twice in a
row.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from random import random
from typing import Final, Protocol

from headway.domain.deliveries import Delivery, DeliveryAttempt, DeliveryState, Outcome, after_attempt
from headway.domain.errors import CursorExpiredError, UnavailableError
from headway.domain.events import Event, EventFilter, PublishedEvent
from headway.domain.identifiers import ConsumerId
from headway.domain.ports import Store
from headway.jobs.holding import Hold
from headway.logs import get_logger

_log = get_logger("headway.jobs")

_HANDED_OUT_AT_ONCE: Final = 100
_MOST_WAITING: Final = 10_000
"""The most deliveries that wait: of those of owners whose events are refused, all are looked at again and again."""
_DUE_AT_ONCE: Final = 200
_FEW: Final = 16
_LOOK_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0  # a stop that cuts an attempt off makes the receiver get it twice
_KEPT_EVENTS: Final = 1_000


class Receiver(Protocol):
    """Who gets the events of one consumer."""

    @property
    def consumer_id(self) -> ConsumerId:
        """The consumer."""

    @property
    def only(self) -> EventFilter:
        """Which events it gets."""

    @property
    def at_once(self) -> int:
        """How many attempts may run at the same time."""

    def pause(self, now: datetime) -> float:
        """Return for how many seconds nothing is to be attempted."""

    async def deliver(self, event: Event) -> DeliveryAttempt:
        """Attempt to deliver an event. Takes a bounded time."""

    def attempted(self, attempt: DeliveryAttempt, state: DeliveryState, now: datetime) -> None:
        """Take note of what came of an attempt, and of the state that the delivery has now."""

    async def settle(self) -> bool:
        """Store what the attempts have changed of the receiver. Return whether it still wants events."""

    async def is_current(self) -> bool:
        """Return whether nobody has changed the receiver, for example where it gets its events."""


class Worker:
    """Works for one consumer that this process holds."""

    def __init__(self, store: Store, receiver: Receiver, hold: Hold, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._receiver = receiver
        self._hold = hold
        self._clock = clock
        self._position = hold.position
        self._events: dict[int, Event] = {}
        self._due: deque[Delivery] = deque()
        self._due_since = 0.0
        self._under_way: dict[asyncio.Task[Delivery | None], str] = {}
        self._done: dict[str, Delivery | None] = {}

    async def work(self) -> None:
        """Deliver events until another process may have taken the place, or the receiver wants no more."""
        changed = asyncio.create_task(self._changed())
        try:
            while self._hold.is_sure and await self._receiver.settle():
                if changed.done():  # it watches before the feed is read, so that nothing is missed in between
                    changed = asyncio.create_task(self._changed())
                    await asyncio.sleep(0)
                if not await self._begin():
                    return
                await self._note()
                await self._wait(changed)
        finally:
            changed.cancel()
            await self._stop()

    async def _begin(self) -> bool:
        """Begin as many attempts as may run now. Return whether this process still works for the consumer."""
        if self._receiver.pause(self._clock()) > 0:
            self._due.clear()
            return True
        if not self._due or time.monotonic() - self._due_since > _LOOK_SECONDS:
            if len(self._under_way) >= self._receiver.at_once:
                return True
            await self._note()
            if not await self._look():
                return False
        while self._due and len(self._under_way) < self._receiver.at_once:
            delivery = self._due.popleft()
            task = asyncio.create_task(self._attempt(delivery))
            self._under_way[task] = delivery.owner_id
        return True

    async def _look(self) -> bool:
        """Look for deliveries that are due, and hand events out where these are few. Return as `_begin` does."""
        due = await self._find_due()
        if len(due) < _FEW:
            handed_out = await self._hand_out()
            if handed_out is None:
                return False
            if handed_out:
                due = await self._find_due()
        # Asked after the deliveries are read: who changes a webhook's address hastens them then, for the new address.
        if due and not await self._receiver.is_current():
            return False
        self._due = due
        self._due_since = time.monotonic()
        return True

    async def _find_due(self) -> deque[Delivery]:
        """Return the first delivery of each owner, where it is due. None of those whose attempts are not noted yet."""
        busy = {*self._under_way.values(), *self._done}
        found = await self._store.consumers.due(self._receiver.consumer_id, _DUE_AT_ONCE)
        return deque(one for one in found if one.owner_id not in busy)

    async def _hand_out(self) -> bool | None:
        """Make deliveries of the next events. Return whether the position has moved; `None`: another took the place."""
        consumer_id = self._receiver.consumer_id
        if await self._store.consumers.waiting(consumer_id, _MOST_WAITING) >= _MOST_WAITING:
            return False
        try:
            feed = await self._store.events.read(self._position, _HANDED_OUT_AT_ONCE, self._receiver.only)
        except CursorExpiredError:
            oldest = await self._store.events.oldest()
            _log.warning("events_missed", consumer=consumer_id, position=self._position, oldest=oldest)
            self._position = oldest
            return True
        if feed.after == self._position:
            return False
        now = self._clock()
        deliveries = [
            Delivery(consumer_id, number, event.id, event.owner_id, next_attempt_at=now)
            for number, event in feed.events
        ]
        if not await self._store.consumers.hand_out(consumer_id, self._hold.holder, feed.after, deliveries):
            return None
        self._position = feed.after
        self._remember(feed.events)
        return True

    async def _attempt(self, delivery: Delivery) -> Delivery | None:
        """Attempt a delivery. Return it as it is then; `None` where it stays as it is."""
        number = delivery.event_number
        event = await self._event(number)
        # The learner was erased, the event is no longer kept, or the filter was made narrower after it was handed out.
        if event is None or not await self._takes(event):
            await self._store.consumers.drop(delivery)
            return None
        if not self._hold.is_sure:
            return None
        try:
            attempt = await self._receiver.deliver(event)
        except Exception as error:  # noqa: BLE001 - an event that can not be sent holds up its owner alone
            _log.error("attempt_broke", consumer=delivery.consumer_id, number=number, error=type(error).__name__)
            attempt = DeliveryAttempt(Outcome.BAD_ANSWER)
        now = self._clock()
        after = after_attempt(delivery, attempt, now, random())  # noqa: S311 - it only spreads attempts
        self._receiver.attempted(attempt, after.state, now)
        return after

    async def _note(self) -> None:
        """Store what came of the attempts that have ended. Then the next deliveries of their owners are due.

        What failed is not stored where the receiver was changed meanwhile: it is attempted again at once, perhaps at
        another address.
        """
        for task in [task for task in self._under_way if task.done()]:
            self._done[self._under_way.pop(task)] = None if task.cancelled() else task.result()
        noted = [delivery for delivery in self._done.values() if delivery is not None]
        delivered = [delivery for delivery in noted if delivery.state is DeliveryState.DELIVERED]
        if len(delivered) < len(noted) and not await self._receiver.is_current():
            noted = delivered
        if noted:
            await self._store.consumers.note(noted)
        self._done.clear()

    async def _wait(self, changed: "asyncio.Task[None]") -> None:
        """Wait until an attempt has ended, or there may be something to attempt."""
        if self._due and len(self._under_way) < self._receiver.at_once:
            return
        seconds = _LOOK_SECONDS if self._under_way else await self._idle_seconds()
        waited_for = {*self._under_way, changed} if len(self._under_way) < self._receiver.at_once else self._under_way
        await asyncio.wait(waited_for, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _idle_seconds(self) -> float:
        now = self._clock()
        pause = self._receiver.pause(now)
        if pause > 0:
            return min(_LOOK_SECONDS, pause)
        following = await self._store.consumers.next_attempt(self._receiver.consumer_id)
        if following is None:
            return _LOOK_SECONDS
        return max(0.01, min(_LOOK_SECONDS, (following - now).total_seconds()))

    async def _stop(self) -> None:
        """Let the attempts under way come to their end for a moment, then cut them off. Note what came of them."""
        try:
            if self._under_way and self._hold.is_sure:
                await asyncio.wait(self._under_way, timeout=_STOP_SECONDS)
        finally:
            for task in self._under_way:
                task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        with contextlib.suppress(UnavailableError):  # then they are attempted again
            await self._note()

    async def _changed(self) -> None:
        await self._store.events.changed(_LOOK_SECONDS)

    async def _takes(self, event: Event) -> bool:
        only, learner_id = self._receiver.only, event.learner_id
        if only.groups is None or learner_id is None:
            return only.takes(event, ())
        return only.takes(event, await self._store.groups.members_among(only.groups, [learner_id]))

    async def _event(self, number: int) -> Event | None:
        if number not in self._events:
            found = await self._store.events.at(number)
            if found is None:
                return None
            self._remember([found])
        return self._events[number]

    def _remember(self, events: Sequence[PublishedEvent]) -> None:
        for number, event in events:
            self._events[number] = event
        while len(self._events) > _KEPT_EVENTS:
            del self._events[next(iter(self._events))]
