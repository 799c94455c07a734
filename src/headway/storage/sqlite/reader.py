"""Reads the database: many short reads over one snapshot, and long reads in threads, each over its own snapshot."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw

from headway.domain.errors import StoreUnavailableError
from headway.logs import get_logger
from headway.storage.sqlite.database import Handle

P = ParamSpec("P")
T = TypeVar("T")

_log = get_logger("headway.storage")

SNAPSHOT_SECONDS: Final = 0.01
_STEPS: Final = 100_000  # of SQLite's virtual machine between two checks of the clock: about a millisecond


class Reader:
    """Runs short queries, each over one snapshot.

    Beginning and ending a read transaction locks the file, which costs more than a look-up. So a snapshot is kept for
    the next reads, until this process writes and for at most SNAPSHOT_SECONDS. A change of another process may be
    unseen for so long. No snapshot is kept while this process writes, because an old snapshot keeps SQLite from
    starting its write-ahead log again.
    """

    def __init__(self, handle: Handle, rescue_wal: Callable[[], None]) -> None:
        self._handle = handle
        self._rescue_wal = rescue_wal
        self._snapshot: apsw.Connection | None = None
        self._writing = False

    def read(self, query: Callable[Concatenate[apsw.Connection, P], T], *parameters: P.args, **named: P.kwargs) -> T:
        """Run a query, and return its result. Raises `StoreUnavailableError`."""
        try:
            return query(self._snapshot or self._begin(), *parameters, **named)
        except apsw.Error as error:
            self._snapshot = None
            raise self._handle.failed(error) from error
        finally:
            if self._writing:
                self._end()

    def read_anew(
        self, query: Callable[Concatenate[apsw.Connection, P], T], *parameters: P.args, **named: P.kwargs
    ) -> T:
        """Run a query over the present state, with all changes of other processes. Keeps no snapshot."""
        self._end()
        try:
            return self.read(query, *parameters, **named)
        finally:
            self._end()

    def rescue(self) -> None:
        """Check the write-ahead log, as every new snapshot does, unless the writer is working."""
        if not self._writing:
            self._rescue_wal()

    def writing_begins(self) -> None:
        """End the snapshot, and keep none until `writing_ended`."""
        self._writing = True
        self._end()

    def writing_ended(self) -> None:
        """Keep snapshots again."""
        self._writing = False

    def close(self) -> None:
        """Close the connection."""
        self._end()
        self._handle.drop()

    def _begin(self) -> apsw.Connection:
        self.rescue()
        connection = self._handle.connection()
        connection.execute("BEGIN")
        self._snapshot = connection
        if not self._writing:
            asyncio.get_running_loop().call_later(SNAPSHOT_SECONDS, self._end)
        return connection

    def _end(self) -> None:
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None:
            return
        try:
            snapshot.execute("COMMIT")
        except apsw.Error as error:  # the result was already read; the next read opens a new snapshot
            self._handle.failed(error)


class LongReader:
    """Runs long queries, each in a thread over one snapshot; as many at the same time as there are `handles`.

    The event loop runs while SQLite reads a table. A query that takes longer than `seconds` is interrupted.
    """

    def __init__(self, handles: Sequence[Handle], rescue_wal: Callable[[], None], *, seconds: float) -> None:
        self._handles = handles
        self._rescue_wal = rescue_wal
        self._seconds = seconds
        self._idle = list(handles)
        self._turns = asyncio.Semaphore(len(handles))
        self._threads = ThreadPoolExecutor(len(handles), thread_name_prefix="headway-read")

    async def read(
        self, query: Callable[Concatenate[apsw.Connection, P], T], *parameters: P.args, **named: P.kwargs
    ) -> T:
        """Run a query, which sees everything that was written before. Raises `StoreUnavailableError`."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise self._given_up() from None
        handle = self._idle.pop()
        try:
            return await self._run(handle, lambda connection: query(connection, *parameters, **named))
        finally:
            self._idle.append(handle)
            self._turns.release()

    def close(self) -> None:
        """Close the connections when the running queries are finished."""
        self._threads.shutdown()
        for handle in self._handles:
            handle.drop()

    async def _run(self, handle: Handle, query: Callable[[apsw.Connection], T]) -> T:
        self._rescue_wal()
        connection = handle.connection()
        deadline = monotonic() + self._seconds
        cancelled: asyncio.CancelledError | None = None

        def is_over() -> bool:  # asked by the thread: an interrupt that comes before its statement would be lost
            return cancelled is not None or monotonic() > deadline

        reading = asyncio.get_running_loop().run_in_executor(
            self._threads, _over_one_moment, connection, query, is_over
        )
        while not reading.done():
            try:
                await asyncio.wait([reading])
            except asyncio.CancelledError as error:  # the connection is in use until the thread has let go of it
                cancelled = error
        if cancelled:
            reading.exception()  # looked at, so that nobody logs it as forgotten
            raise cancelled
        try:
            return reading.result()
        except apsw.InterruptError:
            raise self._given_up() from None
        except apsw.Error as error:
            raise handle.failed(error) from error

    def _given_up(self) -> StoreUnavailableError:
        _log.warning("read_given_up", seconds=self._seconds)
        return StoreUnavailableError(f"This was not read within {self._seconds:g} s. Ask for less, or try again later.")


def _over_one_moment(
    connection: apsw.Connection, query: Callable[[apsw.Connection], T], is_over: Callable[[], bool]
) -> T:
    connection.set_progress_handler(is_over, _STEPS)
    connection.execute("BEGIN")
    try:
        return query(connection)
    finally:
        connection.set_progress_handler(None)
        if connection.in_transaction:
            connection.execute("COMMIT")
