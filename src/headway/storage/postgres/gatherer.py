"""Look-ups that are asked for at the same time, answered by one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOOKUPS: Final = 256
"""Keys that one statement takes at most."""


class Gatherer(Generic[K, V]):
    """Gathers keys while `lanes` statements are under way and looks them up in the next: `None` where nothing is.

    A statement is sent after every key in it was asked for, so that it sees all that was stored before.
    """

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, lanes: int) -> None:
        self._look_up = look_up
        self._free_lanes = lanes
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._starting = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, key: K) -> V | None:
        """What is stored under a key. Raises what the look-up raised."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            self._start_soon()
        # One who hangs up does not take the answer from the others who asked for the same.
        return await asyncio.shield(found)

    def _start_soon(self) -> None:
        """Start when whatever else is ready to ask has asked."""
        if self._free_lanes and not self._starting:
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start, context=Context())

    def _start(self) -> None:
        self._starting = False
        keys = list(self._waiting)[:LOOKUPS]
        if not keys:
            return
        gathered = {key: self._waiting.pop(key) for key in keys}
        self._free_lanes -= 1
        task = asyncio.get_running_loop().create_task(self._answer(gathered), name="headway-look-up")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._waiting:
            self._start_soon()

    async def _answer(self, gathered: Mapping[K, "asyncio.Future[V | None]"]) -> None:
        try:
            found = await self._look_up(list(gathered))
        except Exception as error:  # noqa: BLE001 - whatever it is, each who waits is told
            for waiting in gathered.values():
                if not waiting.done():
                    waiting.set_exception(error)
        else:
            for key, waiting in gathered.items():
                if not waiting.done():
                    waiting.set_result(found.get(key))
        finally:
            self._free_lanes += 1
            if self._waiting:
                self._start_soon()
