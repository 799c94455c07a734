"""The pool of connections, and what becomes of a driver's errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.logs import get_logger

T = TypeVar("T")
Pooled = PoolConnectionProxy

_log = get_logger("headway.storage")

_CONNECT_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 5.0
# PostgreSQL's error classes (appendix A of its manual) that a later try may not meet: connection, authorization while
# a password is changed, no such database, transaction rolled back, resources, object state, operator intervention,
# system error, internal error; and a server that has become a standby.
_PASSING: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58", "XX"})
_READ_ONLY: Final = "25006"


class _Connection(asyncpg.Connection):
    """A connection that keeps no state between uses, so that giving it back asks nothing of the server."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """One PostgreSQL database. `timeout_seconds` bounds each statement.

    `transaction_pooler` is for PgBouncer in transaction mode, where each transaction may reach another server
    connection: no prepared statement is kept from one to the next.
    """

    def __init__(self, url: str, *, connections: int, timeout_seconds: float, transaction_pooler: bool) -> None:
        self._url = url
        self._connections = connections
        self._timeout_seconds = timeout_seconds
        self._transaction_pooler = transaction_pooler
        self._pool: asyncpg.Pool | None = None

    @property
    def keeps_sessions(self) -> bool:
        """Whether a connection is one session of the server's, which can be told of notifications."""
        return not self._transaction_pooler

    async def open(self) -> None:
        """Connect. Raises `ConfigurationError` for an unusable address, `StoreUnavailableError` where none answers."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=1, max_size=self._connections, connection_class=_Connection, **self._options
            )
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
            raise StoreUnavailableError(
                f"PostgreSQL at {self._place} does not answer ({str(error) or type(error).__name__}). "
                "Start it, or check HEADWAY_DATABASE_URL."
            ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise ConfigurationError(
                f"PostgreSQL at {self._place} can not be used ({error}). Check HEADWAY_DATABASE_URL."
            ) from error

    async def alone(self, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run something that may take long in a transaction on a connection of its own."""
        with failures_told():
            connection = await asyncpg.connect(self._url, **(self._options | {"command_timeout": None}))
            try:
                async with connection.transaction():
                    return await action(connection)
            finally:
                await connection.close()

    async def close(self) -> None:
        """Let go of every connection, of one that does not answer without a word."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def session(self) -> asyncpg.Connection:
        """A connection outside the pool, the caller's to close. Raises `StoreUnavailableError`."""
        with failures_told():
            return await asyncpg.connect(self._url, **self._options)

    async def fetch(self, statement: str, *parameters: object) -> Sequence[Any]:
        """The rows of one statement, which is a transaction of its own. Raises `StoreUnavailableError`."""
        async with self._acquired() as connection:
            if self._transaction_pooler:
                async with connection.transaction():
                    return await connection.fetch(statement, *parameters)
            try:
                return await connection.fetch(statement, *parameters)
            except asyncpg.InvalidCachedStatementError:  # somebody has migrated the schema; it was prepared before
                return await connection.fetch(statement, *parameters)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Pooled]:
        """A transaction that is on disk when the block is left, or rolled back if it raised."""
        async with self._acquired() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Pooled]:
        if self._pool is None:
            raise StoreUnavailableError
        with failures_told():
            async with self._pool.acquire(timeout=self._timeout_seconds) as connection:
                yield connection

    @property
    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": self._timeout_seconds}
        if self._transaction_pooler:
            return options | {"statement_cache_size": 0}
        # A plan made for any batch is as good as one made for each, which takes longer than running it.
        return options | {"server_settings": {"application_name": "headway", "plan_cache_mode": "force_generic_plan"}}

    @property
    def _place(self) -> str:
        """The address without its password."""
        parts = urlsplit(self._url)
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


@contextlib.contextmanager
def failures_told() -> Iterator[None]:
    """Turn a driver's error that a later try may not meet into `StoreUnavailableError`, and log it."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        if isinstance(error, asyncpg.PostgresError) and not _passes(error):
            raise
        # The driver's message alone: what PostgreSQL adds as detail may quote a row.
        _log.error("database_error", error=type(error).__name__, reason=str(error))
        raise StoreUnavailableError from error


def _passes(error: asyncpg.PostgresError) -> bool:
    state = error.sqlstate or "XX000"
    return state[:2] in _PASSING or state == _READ_ONLY
