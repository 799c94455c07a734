"""Long work with pauses, in a thread or on the event loop, so that other work can continue; and works side by side."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Final, TypeVar

T = TypeVar("T")

TURN_SECONDS: Final = 0.002
"""How long a long work may hold the event loop or the write lock at a time."""
_WORK_SECONDS: Final = 0.001
_PAUSE_SECONDS: Final = 0.0002


def gently(rows: Iterable[T]) -> Iterator[T]:
    """Yield the rows, with pauses for the event loop.

    A busy thread makes the event loop wait up to 5 ms for the interpreter's lock, each time it wakes up.
    """
    until = monotonic() + _WORK_SECONDS
    for row in rows:
        yield row
        if monotonic() > until:
            time.sleep(_PAUSE_SECONDS)
            until = monotonic() + _WORK_SECONDS


async def in_turns(works: Iterable[T]) -> AsyncIterator[T]:
    """Yield the works, and let other tasks run every `TURN_SECONDS`."""
    until = monotonic() + TURN_SECONDS
    for work in works:
        yield work
        if monotonic() > until:
            await asyncio.sleep(0)
            until = monotonic() + TURN_SECONDS


async def all_of(works: Iterable[Awaitable[T]]) -> Sequence[T]:
    """Return the results of works that run side by side. Raises the first failure, after all works have ended.

    Otherwise a work that is still under way could store something after its caller has gone on.
    """
    ended = await asyncio.gather(*works, return_exceptions=True)
    results: list[T] = []
    for result in ended:
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results
