"""Answers look-ups that are requested at the same time with one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOOKUPS: Final = 256
"""The highest number of keys in one statement."""


class Gatherer(Generic[K, V]):
    """Collects keys while `lanes` statements are running, and looks them up with the next statement.

    A statement is sent after all its keys were requested. So it sees everything that was stored before the requests.
    """

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, lanes: int) -> None:
        self._look_up = look_up
        self._free_lanes = lanes
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._starting = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, key: K) -> V | None:
        """Return the value of a key; `None` where there is none. Raises what the look-up raises."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            self._start_soon()
        # A caller that is cancelled does not cancel the answer for other callers with the same key.
        return await asyncio.shield(found)

    def _start_soon(self) -> None:
        """Start after all tasks that are ready have requested their keys."""
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
        except Exception as error:  # noqa: BLE001 - every waiting caller gets the error, whatever it is
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
