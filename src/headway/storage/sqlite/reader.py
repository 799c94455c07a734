"""Reading: many reads in a row over one snapshot."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw

from headway.storage.sqlite.database import Handle

P = ParamSpec("P")
T = TypeVar("T")

SNAPSHOT_SECONDS: Final = 0.01


class Reader:
    """Runs queries, each over one moment's rows.

    To begin and end a read transaction costs more than a look-up in it: locks on the file, which the system has to
    be asked for. So one is kept for the reads that follow, until this process writes and for SNAPSHOT_SECONDS at
    most: that long another process's change may stay unseen. While this process writes none is kept, since an old
    snapshot keeps SQLite from starting its write-ahead log over.
    """

    def __init__(self, handle: Handle, rescue_wal: Callable[[], None]) -> None:
        self._handle = handle
        self._rescue_wal = rescue_wal
        self._snapshot: apsw.Connection | None = None
        self._writing = False

    def read(self, query: Callable[Concatenate[apsw.Connection, P], T], *parameters: P.args, **named: P.kwargs) -> T:
        """Run a query. Raises `StoreUnavailableError`."""
        try:
            return query(self._snapshot or self._begin(), *parameters, **named)
        except apsw.Error as error:
            self._snapshot = None
            raise self._handle.failed(error) from error
        finally:
            if self._writing:
                self._end()

    def writing_begins(self) -> None:
        """Let go of the snapshot, and keep none until the writing has ended."""
        self._writing = True
        self._end()

    def writing_ended(self) -> None:
        """Snapshots may be kept again."""
        self._writing = False

    def close(self) -> None:
        """Let go of the file."""
        self._end()
        self._handle.drop()

    def _begin(self) -> apsw.Connection:
        if not self._writing:
            self._rescue_wal()
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
        except apsw.Error as error:  # what was read was read; the next read starts afresh
            self._handle.failed(error)
