"""Which process works for a consumer: one at a time. It shows by beats in the database that it is alive.

No clock is compared with another machine's. A process counts its own time: how long ago its last beat was, or for how
long it has seen another one at the same beat.
"""

import asyncio
import contextlib
import time
from typing import Final
from uuid import uuid4

from headway.domain.deliveries import ConsumerState
from headway.domain.errors import UnavailableError
from headway.domain.identifiers import ConsumerId
from headway.domain.ports import Store

BEAT_SECONDS: Final = 3.0
GIVE_UP_SECONDS: Final = 12.0
"""How long a process works on without a beat. It is less than `SILENT_SECONDS`, so two never work at the same time."""
SILENT_SECONDS: Final = 15.0
"""A process takes the place of another that it has seen at the same beat for so long."""

# On Linux, this clock also counts while the machine sleeps.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Hold:
    """A consumer that this process works for, from a position on. `since` is when it asked for that."""

    def __init__(self, store: Store, consumer_id: ConsumerId, holder: str, position: int, since: float) -> None:
        self._store = store
        self._last_beat = since
        self.consumer_id = consumer_id
        self.holder = holder
        self.position = position

    @property
    def is_sure(self) -> bool:
        """Whether no other process can have taken this one's place.

        This is asked right before each attempt: a process can be stopped at any moment, and continued much later.
        """
        return _seconds() - self._last_beat < GIVE_UP_SECONDS

    async def keep(self) -> None:
        """Beat until another process has taken this one's place, or beats have failed for too long."""
        while self.is_sure:
            await asyncio.sleep(BEAT_SECONDS)
            asked = _seconds()
            with contextlib.suppress(UnavailableError, TimeoutError):
                async with asyncio.timeout(GIVE_UP_SECONDS - (asked - self._last_beat)):
                    if not await self._store.consumers.beat(self.consumer_id, self.holder):
                        return
                    self._last_beat = asked

    async def release(self) -> None:
        """Let another process begin at once. Where the database is away, others wait until this one looks silent."""
        with contextlib.suppress(UnavailableError):
            await self._store.consumers.release(self.consumer_id, self.holder)


class Holds:
    """Takes consumers that no living process works for. Remembers how long it has seen others at the same beat."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holder = str(uuid4())
        self._seen: dict[ConsumerId, tuple[ConsumerState, float]] = {}

    async def take(self, consumer_id: ConsumerId) -> Hold | None:
        """Begin to work for a consumer. Returns `None` where another process does, or may do."""
        state = await self._store.consumers.find(consumer_id)
        if state is None or not self._is_free(consumer_id, state):
            return None
        self._seen.pop(consumer_id, None)
        since = _seconds()
        position = await self._store.consumers.take(consumer_id, self._holder, state.beats)
        return None if position is None else Hold(self._store, consumer_id, self._holder, position, since)

    def _is_free(self, consumer_id: ConsumerId, state: ConsumerState) -> bool:
        if state.holder is None or state.holder == self._holder:
            return True
        before, since = self._seen.get(consumer_id, (None, 0.0))
        if before is None or before.beats != state.beats:
            since = _seconds()
            self._seen[consumer_id] = state, since
        return _seconds() - since >= SILENT_SECONDS


def _seconds() -> float:
    return time.clock_gettime(_CLOCK)
