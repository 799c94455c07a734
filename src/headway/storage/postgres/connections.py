"""The pool of connections to the server, and the server's address as it may be shown: without the password."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Final

import asyncpg

from headway.domain.errors import ConfigurationError, HeadwayError

# Firewalls drop connections that are idle for long, and tell neither end.
_IDLE_SECONDS: Final = 300.0
_CLOSE_SECONDS: Final = 5.0


class Connections:
    """A pool of up to `limit` connections, opened when they are needed. The one that was used last is lent first.

    For every connection that is given back, asyncpg's own pool starts a task and resets the connection's state, which
    costs more than a small statement. Headway leaves no state in a connection. A connection is closed where its use was
    interrupted. A caller that waits longer than `patience` seconds gets a `TimeoutError`.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, limit: int, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._free = asyncio.Semaphore(limit)

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection until the block is left; transactions must end before. Raises what connecting raises."""
        await self._wait_for_turn()
        try:
            connection = self._reusable() or await self._connect()
            try:
                yield connection
            except (asyncpg.PostgresError, HeadwayError):  # the connection itself is intact
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
        """Close the connections that are not lent."""
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
        """Close a connection after a timeout; wait up to `_CLOSE_SECONDS` until the server gives up its statement."""
        with contextlib.suppress(TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
            await connection.close(timeout=_CLOSE_SECONDS)

    def _reusable(self) -> asyncpg.Connection | None:
        """Return the connection that was given back last and is usable; `None` where there is none.

        Connections that are closed or were idle for too long are dropped.
        """
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append((connection, monotonic()))


_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%-]+)(?::\d+)?"
_ADDRESS: Final = re.compile(
    rf"(postgres(?:ql)?://)(?:([^:@/?#]*)(?::[^@/?#]*)?@)?((?:{_HOST}(?:,{_HOST})*)?(?:/[\w.%-]*)?)(?:\?[^@#]*)?"
)


def without_password(url: str) -> str | None:
    """Return the address without password and options; `None` where it is unclear which part is the password."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return None
    scheme, user, host = found.groups()
    return f"{scheme}{user}@{host}" if user else f"{scheme}{host}"


def require_address(url: str) -> str:
    """Return the address in a form that may be shown. Raises `ConfigurationError` without any part of the address."""
    shown = without_password(url)
    if shown is None:
        raise ConfigurationError(
            "HEADWAY_DATABASE_URL is not an address of a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/database. In a password write characters such as / ? # @ in percent "
            "form."
        )
    return shown
