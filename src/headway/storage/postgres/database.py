"""The pool of connections, and what becomes of a driver's errors."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import asyncpg

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.logs import get_logger
from headway.storage.postgres.connections import Connections

T = TypeVar("T")

_log = get_logger("headway.storage")

_CONNECT_SECONDS: Final = 5.0
# PostgreSQL's error classes (appendix A of its manual) that a later try may not meet: connection, authorization while
# a password is changed, no such database, transaction rolled back, resources, object state, operator intervention,
# system error, internal error; and a server that has become a standby.
_PASSING: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58", "XX"})
_READ_ONLY: Final = "25006"


class Database:
    """One PostgreSQL database. `timeout_seconds` bounds each statement.

    `transaction_pooler` is for PgBouncer in transaction mode, where each transaction may reach another server
    connection: no prepared statement is kept from one to the next.
    """

    def __init__(self, url: str, *, connections: int, timeout_seconds: float, transaction_pooler: bool) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._transaction_pooler = transaction_pooler
        self._pool = Connections(self._connect, limit=connections, patience=timeout_seconds)

    @property
    def keeps_sessions(self) -> bool:
        """Whether a connection is one session of the server's, which can be told of notifications."""
        return not self._transaction_pooler

    async def prepare(self, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run something that may take long in a transaction on a connection of its own.

        Raises `ConfigurationError` for an unusable address, `StoreUnavailableError` where no server answers.
        """
        try:
            connection = await asyncpg.connect(self._url, **(self._options | {"command_timeout": None}))
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
            raise StoreUnavailableError(
                f"PostgreSQL at {self._place} does not answer ({str(error) or type(error).__name__}). "
                "Start it, or check HEADWAY_DATABASE_URL."
            ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise ConfigurationError(
                f"PostgreSQL at {self._place} can not be used ({error}). Check HEADWAY_DATABASE_URL."
            ) from error
        try:
            with failures_told():
                async with connection.transaction():
                    return await action(connection)
        finally:
            await connection.close()

    async def close(self) -> None:
        """Let go of every connection."""
        with failures_told():
            await self._pool.close()

    async def session(self) -> asyncpg.Connection:
        """A connection outside the pool, the caller's to close. Raises `StoreUnavailableError`."""
        with failures_told():
            return await self._connect()

    async def fetch(self, statement: str, *parameters: object) -> Sequence[Any]:
        """The rows of one statement, which is a transaction of its own. Raises `StoreUnavailableError`."""
        if self._transaction_pooler:
            async with self.transaction() as connection:
                return await connection.fetch(statement, *parameters)
        with failures_told():
            async with self._pool.lent() as connection:
                try:
                    return await connection.fetch(statement, *parameters)
                except asyncpg.InvalidCachedStatementError:  # somebody has migrated; it was prepared before
                    return await connection.fetch(statement, *parameters)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that is on disk when the block is left, or rolled back if it raised."""
        with failures_told():
            async with self._pool.lent() as connection, connection.transaction():
                yield connection

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self._url, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": self._timeout_seconds}
        if self._transaction_pooler:
            return options | {"statement_cache_size": 0}
        # A plan made for any batch is as good as one made for each, which takes longer than running it.
        return options | {"server_settings": {"application_name": "headway", "plan_cache_mode": "force_generic_plan"}}

    @property
    def _place(self) -> str:
        """The address without user, password and options, whatever its form."""
        return self._url.partition("://")[2].partition("?")[0].rpartition("@")[2]


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
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        if isinstance(error, asyncpg.PostgresError) and not _passes(error):
            raise
        # The driver's message alone: what PostgreSQL adds as detail may quote a row.
        _log.error("database_error", error=type(error).__name__, reason=str(error))
        raise StoreUnavailableError from error


def _passes(error: asyncpg.PostgresError) -> bool:
    state = error.sqlstate or "XX000"
    return state[:2] in _PASSING or state == _READ_ONLY
