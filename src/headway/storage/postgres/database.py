"""Runs statements and transactions, and translates the driver's errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import count
from time import monotonic
from typing import Any, Final, TypeVar

import asyncpg

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.logs import get_logger
from headway.storage.postgres import cluster
from headway.storage.postgres.cluster import Node, has_citus
from headway.storage.postgres.connections import Connections, require_address

T = TypeVar("T")

_log = get_logger("headway.storage")

_CONNECT_SECONDS: Final = 5.0
# PostgreSQL's classes of errors that may pass by themselves (appendix A of its manual): connection, authorization while
# a password is changed, no such database, transaction rolled back, resources, object state, operator intervention,
# system error, internal error. The error of a server that has become a standby may pass, too.
_PASSING: Final = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58", "XX"})
_READ_ONLY: Final = "25006"
# Errors that say that a right, a schema, a table, a column or a key is missing, so that the database is not as Headway
# needs it.
_UNUSABLE: Final = frozenset({"42501", "3F000", "42P01", "42703", "42P10"})
# Each statement sees what was committed before it began. The gate, and statements that wait for it, rely on that.
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_PREPARING: Final = f"{_BEGIN}; SET LOCAL plan_cache_mode = auto"  # whether this is a cluster is not known yet
_BEGIN_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Headway's own transactions hold a lock for milliseconds. A longer wait is for another program, and it blocks a
# connection. The limit is at most a third of the time that a statement may take.
_LOCK_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.02  # between two attempts
_ATTEMPTS: Final = 5  # of a transaction that the server rolls back
_SNAPSHOT_ATTEMPTS: Final = 20  # to hold back all writes of a cluster
_SESSION: Final = {"application_name": "headway", "default_transaction_isolation": "read committed"}
# One plan for all batches is as good as a plan for each batch, and planning takes longer than running.
_ON_ONE_SERVER: Final = {"plan_cache_mode": "force_generic_plan"}
# Citus must know the parameters when it plans, because they say which shards are needed. It hides its shards from all
# that reads the catalogue of tables, as asyncpg does on each new connection. That would take half a second.
_ON_A_CLUSTER: Final = {"plan_cache_mode": "auto", "citus.override_table_visibility": "off"}


class LockedElsewhereError(Exception):
    """Another program holds a needed lock, for longer than Headway itself ever does."""


class Database:
    """A PostgreSQL database. `timeout_seconds` bounds each statement.

    `transaction_pooler` is for PgBouncer in transaction mode. There, each transaction may use another connection to the
    server, so no prepared statement is kept. `node` is a worker of a Citus cluster, in place of the address's server.
    """

    def __init__(
        self, url: str, *, connections: int, timeout_seconds: float, transaction_pooler: bool, node: Node | None = None
    ) -> None:
        self._url = url
        self._connections = connections
        self._node = node
        self.is_cluster = node is not None
        self.timeout_seconds = timeout_seconds
        self._transaction_pooler = transaction_pooler
        self._lock_milliseconds = max(1, round(1000 * min(_LOCK_SECONDS, timeout_seconds / 3)))
        # Changes may wait for the disk or for a lock. Reads have their own connections, so that they do not wait, too.
        changing = connections // 2
        self._changing = Connections(
            partial(self._connect, lock_milliseconds=self._lock_milliseconds), limit=changing, patience=timeout_seconds
        )
        self._reading = Connections(self._connect, limit=connections - changing, patience=timeout_seconds)

    def of_node(self, node: Node) -> "Database":
        """Return the same database on a worker of the cluster, with as many connections of its own."""
        return Database(
            self._url,
            connections=self._connections,
            timeout_seconds=self.timeout_seconds,
            transaction_pooler=False,  # the pooler is in front of the address's server
            node=node,
        )

    @property
    def is_worker(self) -> bool:
        """Whether this is a worker of a cluster."""
        return self._node is not None

    @property
    def keeps_sessions(self) -> bool:
        """Whether a connection is always the same session of the server, so that it can receive notifications."""
        return not self._transaction_pooler

    async def prepare(self, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run a long action in a transaction on a separate connection.

        Raises `ConfigurationError` for an unusable address, `StoreUnavailableError` where no server answers.
        """
        address = require_address(self._url)
        try:
            connection = await asyncpg.connect(self._url, **self._options(seconds=None))
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
            raise StoreUnavailableError(
                f"{address} does not answer ({str(error) or type(error).__name__}). "
                "Start PostgreSQL, or check HEADWAY_DATABASE_URL."
            ) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise ConfigurationError(
                f"{address} can not be used ({_message(error)}). Check HEADWAY_DATABASE_URL."
            ) from error
        try:
            with failures_translated():
                async with _begun(connection, _BEGIN_PREPARING):
                    return await action(connection)
        except asyncpg.PostgresError as error:
            raise ConfigurationError(f"{address} can not be used ({_message(error)}).") from error
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close all connections."""
        with failures_translated():
            await self._reading.close()
            await self._changing.close()

    async def session(self) -> asyncpg.Connection:
        """Open a connection outside the pool; the caller closes it. Raises `StoreUnavailableError`."""
        with failures_translated():
            return await self._connect()

    async def fetch(self, statement: str, *parameters: object) -> Sequence[Any]:
        """Return the rows of a statement that changes nothing. Raises `StoreUnavailableError`."""
        with _troubles_translated():
            return await self._run(self._reading, statement, parameters)

    async def change(self, statement: str, *parameters: object, waits_for_locks: bool = True) -> Sequence[Any]:
        """Run a statement, and return its rows when it is on disk.

        Raises `StoreUnavailableError`, and `LockedElsewhereError` as `transact` does.
        """
        return await self._insist(
            lambda: self._run(self._changing, statement, parameters), waits_for_locks=waits_for_locks
        )

    async def transact(
        self, action: Callable[[asyncpg.Connection], Awaitable[T]], *, waits_for_locks: bool = True
    ) -> T:
        """Run an action in a transaction that is on disk when this returns, and rolled back where the action raises.

        Where the server rolls the transaction back in favour of another one, the action runs again. It also runs again
        where another program holds a lock, until the timeout of a statement is over. `waits_for_locks=False` raises
        `LockedElsewhereError` instead. Raises `StoreUnavailableError`, and whatever the action raises.
        """

        async def attempt() -> T:
            async with self._transaction(self._changing, self._begin_change) as connection:
                return await action(connection)

        return await self._insist(attempt, waits_for_locks=waits_for_locks)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """Begin a transaction that reads the database as it was at its first read. Raises `StoreUnavailableError`."""
        with _troubles_translated():
            async with self._transaction(self._reading, _BEGIN_SNAPSHOT) as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def long_snapshot(self) -> AsyncIterator[asyncpg.Connection]:
        """Begin the same on a separate connection, for statements that may take long."""
        with failures_translated():
            connection = await asyncpg.connect(self._url, **self._options(seconds=None))
            try:
                async with _begun(connection, _BEGIN_SNAPSHOT):
                    if self.is_cluster:
                        await self._begin_snapshot_everywhere(connection)
                    yield connection
            finally:
                await connection.close()

    async def _begin_snapshot_everywhere(self, connection: asyncpg.Connection) -> None:
        """Begin the transaction's snapshot on every worker while no other transaction is half done.

        A cluster has no snapshot of all nodes, so writes are held back for that moment. Where another program's
        transaction holds them up, writes go on between the attempts.
        """
        await connection.execute(cluster.ONE_CONNECTION_A_WORKER)
        # A limit for locks would not hold on the workers.
        begin = f"{_BEGIN}; SET LOCAL statement_timeout = {self._lock_milliseconds}"
        locking = await self._connect()
        try:
            for _ in range(_SNAPSHOT_ATTEMPTS):
                with contextlib.suppress(asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError):
                    async with _begun(locking, begin):
                        await locking.execute(cluster.HOLD_BACK_WRITES)
                        await connection.fetch(cluster.TOUCH_EVERY_WORKER)
                        return
                await asyncio.sleep(self._lock_milliseconds / 1000)
        finally:
            await locking.close()
        raise StoreUnavailableError(
            "Another program's transaction has locked rows of course_progress or of catalogue. Try again when it has "
            "ended."
        )

    async def _insist(self, attempt: Callable[[], Awaitable[T]], *, waits_for_locks: bool = True) -> T:
        """Run an attempt until it succeeds or the attempts are used up. All changes of the database go through here."""
        deadline = monotonic() + self.timeout_seconds
        with _troubles_translated():
            for tries in count(1):
                try:
                    return await attempt()
                except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError):
                    if tries == _ATTEMPTS:
                        raise
                except asyncpg.LockNotAvailableError as error:
                    if not waits_for_locks:
                        raise LockedElsewhereError from error
                    if monotonic() >= deadline:
                        raise
                await asyncio.sleep(_PAUSE_SECONDS)
        raise AssertionError

    async def _run(self, connections: Connections, statement: str, parameters: Sequence[object]) -> Sequence[Any]:
        if self._transaction_pooler:
            begin = self._begin_change if connections is self._changing else _BEGIN
            async with self._transaction(connections, begin) as connection:
                return await connection.fetch(statement, *parameters)
        async with connections.lent() as connection:
            try:
                return await connection.fetch(statement, *parameters)
            except asyncpg.InvalidCachedStatementError:  # a migration came after the statement was prepared
                return await connection.fetch(statement, *parameters)

    @property
    def _begin_change(self) -> str:
        """The statement that begins a change. Behind a pooler it also sets the limit for locks, in one round trip."""
        return f"{_BEGIN}; SET LOCAL lock_timeout = {self._lock_milliseconds}" if self._transaction_pooler else _BEGIN

    @contextlib.asynccontextmanager
    async def _transaction(self, connections: Connections, begin: str) -> AsyncIterator[asyncpg.Connection]:
        async with connections.lent() as connection, _begun(connection, begin):
            yield connection

    async def _connect(self, *, lock_milliseconds: int = 0) -> asyncpg.Connection:
        options = self._options(seconds=self.timeout_seconds, lock_milliseconds=lock_milliseconds)
        return await asyncpg.connect(self._url, **options)

    def _options(self, *, seconds: float | None, lock_milliseconds: int = 0) -> dict[str, Any]:
        """Return the options of a connection whose statements take at most `seconds` (`None`: any time).

        `lock_milliseconds` bounds the wait for a lock; 0: only the statement's bound applies.
        """
        options: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "command_timeout": seconds}
        if self._node is not None:
            options |= self._node._asdict()
        if self._transaction_pooler:
            return options | {"statement_cache_size": 0}
        # The server gives up first. It would only notice at the end of a statement that nobody waits for it any more.
        milliseconds = 0 if seconds is None else max(1, round(seconds * 900))
        bounds = {"statement_timeout": str(milliseconds), "lock_timeout": str(lock_milliseconds)}
        planning = _ON_A_CLUSTER if self.is_cluster else _ON_ONE_SERVER
        return options | {"server_settings": {**_SESSION, **planning, **bounds}}


async def warn_unless_durable(connection: asyncpg.Connection) -> None:
    """Log each setting of the server, or of a node of the cluster, with which a crash may lose acknowledged writes."""
    on_cluster = await has_citus(connection)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if await connection.fetchval("SELECT current_setting($1)", setting) == "off":
            _log.warning("postgres_not_durable", setting=setting)
        if on_cluster:
            for host, port, value in await connection.fetch(cluster.SETTINGS_OF_NODES, f"SHOW {setting}"):
                if value == "off":
                    _log.warning("postgres_not_durable", setting=setting, node=str(Node(host, port)))


@contextlib.contextmanager
def failures_translated() -> Iterator[None]:
    """Turn a driver's error that may pass by itself into `StoreUnavailableError`, and log it."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError) as error:
        if isinstance(error, asyncpg.PostgresError) and not _passes(error):
            raise
        _log.error("database_error", error=type(error).__name__, reason=_message(error))
        raise StoreUnavailableError from error


@contextlib.contextmanager
def _troubles_translated() -> Iterator[None]:
    """Do the same as `failures_translated`, also where the database is not as Headway needs it.

    The service then waits until somebody has repaired that.
    """
    try:
        with failures_translated():
            yield
    except asyncpg.PostgresError as error:
        if not is_unusable(error):
            raise
        _log.error("database_unusable", error=type(error).__name__, reason=_message(error))
        raise StoreUnavailableError from error


@contextlib.asynccontextmanager
async def _begun(connection: asyncpg.Connection, begin: str) -> AsyncIterator[None]:
    """Begin a transaction that is committed when the block is left, and rolled back where the block raises.

    asyncpg has its own context manager. Where the connection was lost, that raises that it cannot roll back, and hides
    the cause.
    """
    await connection.execute(begin)
    try:
        yield
    except TimeoutError:  # the server may still be working; it rolls back when the connection is closed
        raise
    except BaseException:
        await _roll_back(connection)
        raise
    await connection.execute("COMMIT")


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
        connection.terminate()


def is_unusable(error: BaseException | None) -> bool:
    """Whether a driver's error says that the tables are not as Headway needs them, or that a right is missing."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _UNUSABLE


def _passes(error: asyncpg.PostgresError) -> bool:
    state = error.sqlstate or "XX000"
    return state[:2] in _PASSING or state == _READ_ONLY


def _message(error: Exception) -> str:
    """Return the error's message only: PostgreSQL's details may quote stored data."""
    return str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else str(error)
