"""Connections to the server, each lent to one user at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Final

import asyncpg

from headway.domain.errors import HeadwayError

# Firewalls forget connections that say nothing for long, without telling either end.
_IDLE_SECONDS: Final = 300.0
_CLOSE_SECONDS: Final = 5.0


class Connections:
    """Up to `limit` connections, made as they are needed; what was used last is lent first.

    asyncpg's own pool starts a task, and asks for the connection's state, whenever one is given back, which costs more
    than a small statement does. Headway leaves no state in a connection, so there is nothing to reset; one whose use
    was broken off is closed instead. Whoever waits for one longer than `patience` seconds gets a `TimeoutError`.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, limit: int, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._free = asyncio.Semaphore(limit)

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection, until the block is left; a transaction has to end within. Raises what connecting raises."""
        await self._wait_for_turn()
        try:
            connection = self._reusable() or await self._connect()
            try:
                yield connection
            except (asyncpg.PostgresError, HeadwayError):  # an answer, or nothing to do with the connection
                self._give_back(connection)
                raise
            except TimeoutError:
                await self._break_off(connection)
                raise
            except BaseException:
                connection.terminate()
                raise
            self._give_back(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close(timeout=_CLOSE_SECONDS)

    async def _wait_for_turn(self) -> None:
        if self._free.locked():
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        else:
            await self._free.acquire()

    async def _break_off(self, connection: asyncpg.Connection) -> None:
        """Close a connection when the server has given up what it was at, or else it would wait for that forever."""
        with contextlib.suppress(TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
            await connection.close(timeout=_CLOSE_SECONDS)

    def _reusable(self) -> asyncpg.Connection | None:
        """The connection given back last, unless it was lost or idle for too long, as are then all the others."""
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append((connection, monotonic()))
