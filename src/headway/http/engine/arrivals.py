"""Begins the answers to all requests that arrived together, one after the other, in the next turn of the event loop.

A processor runs the same code for many requests sooner than all of the code for one request after the other: the code
stays in its cache. Where each answer began as soon as its request was parsed, a summary took 5 µs longer
(docs/decisions/0055).
"""

import asyncio
from collections.abc import Callable

Begin = Callable[[], None]


class Arrivals:
    """The answers that begin in the next turn of the event loop."""

    def __init__(self) -> None:
        self._waiting: list[Begin] = []

    def begin_soon(self, begin: Begin, loop: asyncio.AbstractEventLoop) -> None:
        """Call `begin` in the next turn."""
        if not self._waiting:
            loop.call_soon(self._begin)
        self._waiting.append(begin)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        for begin in waiting:
            begin()
