"""Works for a consumer of events: hands events out, attempts to deliver them, and notes what came of it.

A webhook is a consumer. Other consumers can be built on the same part: it knows nothing of HTTP. One process at a time
works for a consumer. Every event is delivered at least once, and the events of an owner (a learner, or a course where
there is no learner) in their order: while one of them waits for another attempt, the later ones wait behind it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from random import random
from typing import Final, Protocol
from uuid import uuid4

from headway.domain.deliveries import ConsumerState, Delivery, DeliveryAttempt, DeliveryState, after_attempt
from headway.domain.errors import CursorExpiredError, UnavailableError
from headway.domain.events import Event, EventFilter, PublishedEvent
from headway.domain.identifiers import ConsumerId
from headway.domain.ports import Store
from headway.logs import get_logger

_log = get_logger("headway.jobs")

BEAT_SECONDS: Final = 3.0
GIVE_UP_SECONDS: Final = 12.0
"""How long a process works on without a beat. It is less than `SILENT_SECONDS`, so two never work at the same time."""
SILENT_SECONDS: Final = 15.0
"""A process takes the place of another that it has seen at the same beat for so long."""

_HANDED_OUT_AT_ONCE: Final = 100
_ATTEMPTED_AT_ONCE: Final = 200
_LOOK_SECONDS: Final = 1.0
_NOTE_SECONDS: Final = 0.1  # an attempt that is not noted yet is made again after a crash
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
        """Attempt to deliver an event. Takes a bounded time and raises nothing."""

    def attempted(self, attempt: DeliveryAttempt, state: DeliveryState, now: datetime) -> None:
        """Take note of what came of an attempt, and of the state that the delivery has now."""

    async def settle(self) -> bool:
        """Store what the attempts have changed of the receiver. Return whether it still wants events."""


class Holds:
    """The consumers that this process works for, and how long it has seen others at the same beat."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.holder = str(uuid4())
        self._seen: dict[ConsumerId, tuple[ConsumerState, float]] = {}

    async def take(self, consumer_id: ConsumerId) -> int | None:
        """Begin to work for a consumer where no living process does. Return its position, or `None`."""
        state = await self._store.consumers.find(consumer_id)
        if state is None:
            return None
        before, since = self._seen.get(consumer_id, (None, 0.0))
        if before is None or before.beats != state.beats:
            since = time.monotonic()
            self._seen[consumer_id] = state, since
        is_free = state.holder is None or state.holder == self.holder
        if not is_free and time.monotonic() - since < SILENT_SECONDS:
            return None
        self._seen.pop(consumer_id, None)
        return await self._store.consumers.take(consumer_id, self.holder, state.beats)

    async def keep(self, consumer_id: ConsumerId) -> None:
        """Beat until another process has taken this one's place, or beats have failed for too long."""
        last = time.monotonic()
        while time.monotonic() - last < GIVE_UP_SECONDS:
            await asyncio.sleep(BEAT_SECONDS)
            asked = time.monotonic()
            with contextlib.suppress(UnavailableError, TimeoutError):
                async with asyncio.timeout(GIVE_UP_SECONDS - (asked - last)):
                    if not await self._store.consumers.beat(consumer_id, self.holder):
                        return
                    last = asked

    async def release(self, consumer_id: ConsumerId) -> None:
        """Let another process begin at once. Where the database is away, others wait until it looks silent."""
        with contextlib.suppress(UnavailableError):
            await self._store.consumers.release(consumer_id, self.holder)


class Worker:
    """Works for one consumer that this process holds, from a position on."""

    def __init__(
        self,
        store: Store,
        receiver: Receiver,
        holder: str,
        position: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._holder = holder
        self._position = position
        self._clock = clock
        self._events: dict[int, Event] = {}

    async def work(self) -> None:
        """Deliver events until another process has taken the place, or the receiver wants no more."""
        while await self._receiver.settle():
            pause = self._receiver.pause(self._clock())
            if pause > 0:
                await asyncio.sleep(min(pause, _LOOK_SECONDS))
                continue
            due = await self._store.consumers.due(self._receiver.consumer_id, _ATTEMPTED_AT_ONCE)
            if len(due) < _HANDED_OUT_AT_ONCE:
                handed_out = await self._hand_out()
                if handed_out is None:
                    return
                if handed_out:
                    continue
            if due:
                await self._attempt(due)
            else:
                await self._store.events.changed(await self._idle_seconds())

    async def _hand_out(self) -> bool | None:
        """Make deliveries of the next events. Return whether the position has moved; `None`: another took the place."""
        try:
            feed = await self._store.events.read(self._position, _HANDED_OUT_AT_ONCE, self._receiver.only)
        except CursorExpiredError:
            oldest = await self._store.events.oldest()
            _log.warning("events_missed", consumer=self._receiver.consumer_id, position=self._position, oldest=oldest)
            self._position = oldest
            return True
        if feed.after == self._position:
            return False
        consumer_id, now = self._receiver.consumer_id, self._clock()
        deliveries = [
            Delivery(consumer_id, number, event.id, event.owner_id, next_attempt_at=now)
            for number, event in feed.events
        ]
        if not await self._store.consumers.hand_out(consumer_id, self._holder, feed.after, deliveries):
            return None
        self._position = feed.after
        self._remember(feed.events)
        return True

    async def _attempt(self, due: Sequence[Delivery]) -> None:
        """Attempt deliveries: those of one owner one after the other, those of different owners at the same time."""
        owners: dict[str, list[Delivery]] = {}
        for delivery in due:
            owners.setdefault(delivery.owner_id, []).append(delivery)
        places = asyncio.Semaphore(self._receiver.at_once)
        noted: list[Delivery] = []
        chains = {asyncio.create_task(self._chain(one, places, noted)) for one in owners.values()}
        waiting: Iterable[asyncio.Task[None]] = chains
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, timeout=_NOTE_SECONDS)
                for chain in done:
                    chain.result()
                await self._note(noted)
        finally:
            for chain in chains:
                chain.cancel()
            await asyncio.gather(*chains, return_exceptions=True)
            with contextlib.suppress(UnavailableError):  # then they are attempted again
                await self._note(noted)

    async def _chain(self, deliveries: Sequence[Delivery], places: asyncio.Semaphore, noted: list[Delivery]) -> None:
        for delivery in deliveries:
            async with places:
                if self._receiver.pause(self._clock()) > 0:
                    return
                event = await self._event(delivery.event_number)
                if event is None:  # the learner was erased, or the event is no longer kept
                    await self._store.consumers.drop(delivery)
                    continue
                attempt = await self._receiver.deliver(event)
            now = self._clock()
            after = after_attempt(delivery, attempt, now, random())  # noqa: S311 - it only spreads attempts
            self._receiver.attempted(attempt, after.state, now)
            noted.append(after)
            if not attempt.is_success:
                return

    async def _note(self, noted: list[Delivery]) -> None:
        some = noted[:]
        noted.clear()
        if some:
            await self._store.consumers.note(some)

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

    async def _idle_seconds(self) -> float:
        following = await self._store.consumers.next_attempt(self._receiver.consumer_id)
        if following is None:
            return _LOOK_SECONDS
        return max(0.01, min(_LOOK_SECONDS, (following - self._clock()).total_seconds()))
