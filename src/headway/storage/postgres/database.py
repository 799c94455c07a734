"""The pool of connections, and what becomes of a driver's errors."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import asyncpg

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.logs import get_logger
from headway.storage.postgres.address import require_address
from headway.storage.postgres.connections import Connections

T = TypeVar("T")

_log = get_logger("headway.storage")

_CONNECT_SECONDS: Final = 5.0
# PostgreSQL's error classes (appendix A of its manual) that a later try may not meet: connection, authorization while
# a password is changed, no such database, transaction rolled back, resources, object state, operator intervention,
# system error, internal error; and a server that has become a standby.
_PASSING: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58", "XX"})
_READ_ONLY: Final = "25006"
# With every statement seeing what was committed before it began: the gate, and whoever waits for it, rely on that.
_ISOLATION: Final = "read_committed"
# A plan made for any batch is as good as one made for each, which takes longer than running it.
_SESSION: Final = {
    "application_name": "headway",
    "default_transaction_isolation": "read committed",
    "plan_cache_mode": "force_generic_plan",
}


class Database:
    """One PostgreSQL database. `timeout_seconds` bounds each statement.

    `transaction_pooler` is for PgBouncer in transaction mode, where each transaction may reach another server
    connection: no prepared statement is kept from one to the next.
    """

    def __init__(self, url: str, *, connections: int, timeout_seconds: float, transaction_pooler: bool) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._transaction_pooler = transaction_pooler
        # Changes may be held up, on their way to the disk or by a lock. Reads are not to wait for that.
        changing = connections // 2
        self._changing = Connections(self._connect, limit=changing, patience=timeout_seconds)
        self._reading = Connections(self._connect, limit=connections - changing, patience=timeout_seconds)

    @property
    def keeps_sessions(self) -> bool:
        """Whether a connection is one session of the server's, which can be told of notifications."""
        return not self._transaction_pooler

    async def prepare(self, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run something that may take long in a transaction on a connection of its own.

        Raises `ConfigurationError` for an unusable address, `StoreUnavailableError` where no server answers.
        """
        place = require_address(self._url)
        try:
            connection = await asyncpg.connect(self._url, **self._options(seconds=None))
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
            raise StoreUnavailableError(
                f"{place} does not answer ({str(error) or type(error).__name__}). "
                "Start PostgreSQL, or check HEADWAY_DATABASE_URL."
            ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise ConfigurationError(
                f"{place} can not be used ({_message(error)}). Check HEADWAY_DATABASE_URL."
            ) from error
        try:
            with failures_told():
                async with connection.transaction(isolation=_ISOLATION):
                    return await action(connection)
        except asyncpg.PostgresError as error:
            raise ConfigurationError(f"{place} can not be used ({_message(error)}).") from error
        finally:
            await connection.close()

    async def close(self) -> None:
        """Let go of every connection."""
        with failures_told():
            await self._reading.close()
            await self._changing.close()

    async def session(self) -> asyncpg.Connection:
        """A connection outside the pool, the caller's to close. Raises `StoreUnavailableError`."""
        with failures_told():
            return await self._connect()

    async def fetch(self, statement: str, *parameters: object) -> Sequence[Any]:
        """The rows of a statement that changes nothing. Raises `StoreUnavailableError`."""
        return await self._run(self._reading, statement, parameters)

    async def change(self, statement: str, *parameters: object) -> Sequence[Any]:
        """The rows of a statement that is on disk when this returns. Raises `StoreUnavailableError`."""
        return await self._run(self._changing, statement, parameters)

    def transaction(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A transaction that is on disk when the block is left, or rolled back if it raised."""
        return self._transaction(self._changing)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that reads, all of it what was there when it first did. Raises `StoreUnavailableError`."""
        with failures_told():
            async with (
                self._reading.lent() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield connection

    @contextlib.asynccontextmanager
    async def long_snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """The same on a connection of its own, for statements that may take long."""
        with failures_told():
            connection = await asyncpg.connect(self._url, **self._options(seconds=None))
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                await connection.close()

    async def _run(self, connections: Connections, statement: str, parameters: Sequence[object]) -> Sequence[Any]:
        if self._transaction_pooler:
            async with self._transaction(connections) as connection:
                return await connection.fetch(statement, *parameters)
        with failures_told():
            async with connections.lent() as connection:
                try:
                    return await connection.fetch(statement, *parameters)
                except asyncpg.InvalidCachedStatementError:  # somebody has migrated; it was prepared before
                    return await connection.fetch(statement, *parameters)

    @contextlib.asynccontextmanager
    async def _transaction(self, connections: Connections) -> AsyncIterator[asyncpg.Connection]:
        with failures_told():
            async with connections.lent() as connection, connection.transaction(isolation=_ISOLATION):
                yield connection

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self._url, **self._options(seconds=self._timeout_seconds))

    def _options(self, *, seconds: float | None) -> dict[str, Any]:
        """How to connect, for statements that take so long at most."""
        options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": seconds}
        if self._transaction_pooler:
            return options | {"statement_cache_size": 0}
        # The server gives a statement up first: of one that we no longer wait for it would not hear before its end.
        milliseconds = 0 if seconds is None else max(1, round(seconds * 900))
        return options | {"server_settings": {**_SESSION, "statement_timeout": str(milliseconds)}}


async def warn_unless_durable(connection: asyncpg.Connection) -> None:
    """Log each setting of the server's under which what was acknowledged may be lost with it."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if await connection.fetchval("SELECT current_setting($1)", setting) == "off":
            _log.warning("postgres_not_durable", setting=setting)


@contextlib.contextmanager
def failures_told() -> Iterator[None]:
    """Turn a driver's error that a later try may not meet into `StoreUnavailableError`, and log it."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError) as error:
        if isinstance(error, asyncpg.PostgresError) and not _passes(error):
            raise
        _log.error("database_error", error=type(error).__name__, reason=_message(error))
        raise StoreUnavailableError from error


def _passes(error: asyncpg.PostgresError) -> bool:
    state = error.sqlstate or "XX000"
    return state[:2] in _PASSING or state == _READ_ONLY


def _message(error: Exception) -> str:
    """The error's message alone: what PostgreSQL adds as detail may quote a row."""
    return str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else str(error)
