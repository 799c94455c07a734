"""Copies the write-ahead log into the database file beside the commits: docs/decisions/0056.

SQLite does so at the end of every commit after which the log has 1,000 pages. Such a commit takes 7 ms instead of 0.3.
"""

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import apsw

from headway.logs import get_logger

_log = get_logger("headway.storage")

FEW_PAGES: Final = 400  # are copied at a time, while the next batches are committed
MANY_PAGES: Final = 8_000  # the length from which the log begins again; with 4 KiB for a page, 32 MiB


class Checkpoints:
    """The checkpoints of one writing connection, made in a thread over a connection of their own.

    Pages that are added during a checkpoint stay in the log. SQLite begins the log again only where nothing is left in
    it, so a commit that finds a long log copies the rest, which is little.
    """

    def __init__(self, writer: apsw.Connection, copying: apsw.Connection) -> None:
        """Begin to watch the commits of `writer`. `copying` is open, and has read from the same file and log."""
        self._copying = copying
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headway-checkpoint")
        self._under_way: Future[None] | None = None
        self._length = 0  # of the log, when a checkpoint was begun last
        writer.set_wal_hook(self._committed)

    def wait(self) -> None:
        """Return when no checkpoint is under way. No commit may be under way."""
        if self._under_way is not None:
            wait([self._under_way])

    def close(self) -> None:
        """Finish the checkpoint that is under way, and close its connection. The writer may commit nothing more."""
        self._thread.shutdown()
        self._copying.close()

    def _committed(self, writer: apsw.Connection, _database: str, length: int) -> int:
        """Look at the length of the log after a commit. Raises nothing, because the commit is done."""
        if self._under_way is not None and not self._under_way.done():
            return apsw.SQLITE_OK
        self._length = min(self._length, length)
        if length >= MANY_PAGES:
            _copy(writer)
        elif length - self._length >= FEW_PAGES:
            self._length = length
            self._under_way = self._thread.submit(_copy, self._copying)
        return apsw.SQLITE_OK


def _copy(connection: apsw.Connection) -> None:
    """Copy what no reader needs in the log any more. An error is logged: the log keeps what is not copied."""
    try:
        with contextlib.suppress(apsw.BusyError):  # another program is making a checkpoint
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.Error as error:
        _log.warning("checkpoint_failed", error=type(error).__name__, reason=str(error))
