"""Long work that lets others have their turn: in a thread, or on the event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from time import monotonic
from typing import Final, TypeVar

T = TypeVar("T")

TURN_SECONDS: Final = 0.002
"""Of a long work, before others have the event loop or the write lock."""
_WORK_SECONDS: Final = 0.001
_PAUSE_SECONDS: Final = 0.0002


def gently(rows: Iterable[T]) -> Iterator[T]:
    """The rows, with pauses for the event loop: a thread at work keeps it waiting, for 5 ms each time it wakes."""
    until = monotonic() + _WORK_SECONDS
    for row in rows:
        yield row
        if monotonic() > until:
            time.sleep(_PAUSE_SECONDS)
            until = monotonic() + _WORK_SECONDS


async def in_turns(works: Iterable[T]) -> AsyncIterator[T]:
    """The works, letting others have the event loop in between."""
    until = monotonic() + TURN_SECONDS
    for work in works:
        yield work
        if monotonic() > until:
            await asyncio.sleep(0)
            until = monotonic() + TURN_SECONDS
