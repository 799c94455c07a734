"""The database file: opens it, watches it, and opens it again after it was missing."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import quote

import apsw

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.logs import get_logger
from headway.storage.sqlite import schema
from headway.storage.sqlite.checkpoints import Checkpoints

_log = get_logger("headway.storage")

_START_PATIENCE: Final = 10_000  # milliseconds that a starting process waits for the migration of another one
_CONNECTION_PATIENCE: Final = 500  # milliseconds that a new connection waits while another process closes its last one
_WRITER_PRAGMAS: Final = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -65536;
    PRAGMA journal_size_limit = 67108864;
"""
_LONG_READS: Final = 2  # at the same time
_READER_PRAGMAS: Final = "PRAGMA query_only = ON; PRAGMA cache_size = -65536;"

_Identity = tuple[int, int]


class DatabaseFile:
    """The file at a path. It notices when another file is there.

    SQLite continues to write to a file that was moved away or replaced, and the next start would not find these writes.
    So the file is identified before a write begins, and again before it is acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal_path = f"{path}-wal"
        self._file: _Identity | None = None
        self.wal: _Identity | None = None
        self._refused: str | None = None

    def identify(self) -> _Identity:
        """Return the file's device and inode. Raises `StoreUnavailableError` where none can be used."""
        found = _identity(self.path)
        if found is None:
            self._refuse("database_gone")
        if found != self._file:
            self._accept(found)
        self._refused = None
        return found

    def confirm(self, opened: _Identity | None) -> None:
        """Raise `StoreUnavailableError` unless the file that was opened is still at the path."""
        if opened is None or _identity(self.path) != opened or self.has_lost_its_wal:
            raise StoreUnavailableError

    @property
    def has_lost_its_wal(self) -> bool:
        """Whether the write-ahead log in use is no longer at its path, where the next start would look for it."""
        return self.wal is not None and _identity(self._wal_path) != self.wal

    def note_wal(self) -> None:
        """Remember which write-ahead log belongs to the file."""
        self.wal = _identity(self._wal_path)

    def _refuse(self, event: str, **facts: str) -> NoReturn:
        """Raise `StoreUnavailableError`, and log the reason once, not with every request."""
        if self._refused != event:
            _log.error(event, path=str(self.path), **facts)
        self._refused = event
        raise StoreUnavailableError

    def _accept(self, found: _Identity) -> None:
        """Use another file from now on, unless SQLite would apply the previous file's log to it."""
        if self.wal is not None and not self.has_lost_its_wal:
            self._refuse("database_replaced_beside_its_log", move_away=self._wal_path)
        if self._file is not None:
            _log.warning("database_replaced", path=str(self.path))
        self._file, self.wal = found, None


class Handle:
    """A connection in one role. It is opened again after an error, and when another file is at the path."""

    def __init__(self, file: DatabaseFile, flags: int, pragmas: str) -> None:
        self._file = file
        self._flags = flags
        self._pragmas = pragmas
        self._connection: apsw.Connection | None = None
        self._opened: _Identity | None = None
        self._wal: _Identity | None = None

    def connection(self) -> apsw.Connection:
        """Return a connection that waits for no lock. Raises `StoreUnavailableError` where the file is unusable."""
        found = self._file.identify()
        if self._connection is None or found != self._opened or self._wal != self._file.wal:
            self.drop()
            self._connection, self._opened, self._wal = self._connect(), found, self._file.wal
        return self._connection

    def confirm(self) -> None:
        """Raise `StoreUnavailableError` unless this connection's file is still the one at the path."""
        self._file.confirm(self._opened)

    def failed(self, error: apsw.Error) -> StoreUnavailableError:
        """Log a driver's error, and return the error to raise. Closes the connection, unless only a lock was taken."""
        _log.error("database_error", error=type(error).__name__, reason=str(error))
        is_locked = isinstance(error, apsw.BusyError | apsw.LockedError)
        if self._connection is not None and not (is_locked and self._connection.get_autocommit()):
            self.drop()
        return StoreUnavailableError()

    def drop(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except apsw.Error as error:  # it failed before, and that is already logged
            _log.warning("database_close_failed", error=type(error).__name__)

    def _connect(self) -> apsw.Connection:
        try:
            connection = apsw.Connection(str(self._file.path), flags=self._flags)
            # Plans are kept. Otherwise SQLite plans a statement again whenever a bound value changes, which costs ten
            # times as much as running it (https://sqlite.org/queryplanner-ng.html#qpsg).
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            connection.set_busy_timeout(_CONNECTION_PATIENCE)
            outdated = schema.lacks_migrations(connection)
        except (apsw.Error, ConfigurationError) as error:
            _log.error("database_unusable", error=type(error).__name__, reason=str(error))
            raise StoreUnavailableError from error
        if outdated:
            _log.error("database_unusable", reason="its schema is older than this program: run headway migrate")
            raise StoreUnavailableError
        connection.execute(self._pragmas).fetchall()  # each statement runs when the rows of the one before are read
        connection.set_busy_timeout(0)
        self._file.note_wal()
        return connection


class Writer(Handle):
    """The connection that writes. Checkpoints are made beside it."""

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__(file, apsw.SQLITE_OPEN_READWRITE, _WRITER_PRAGMAS)
        self._checkpoints: Checkpoints | None = None

    def rescue_wal(self) -> None:
        """Copy the content of a write-ahead log that was deleted while in use into the file, and start a new log."""
        if self._connection is None or self._file.identify() != self._opened or not self._file.has_lost_its_wal:
            return
        _log.error("write_ahead_log_gone", path=str(self._file.path))
        if self._checkpoints is not None:
            self._checkpoints.wait()
        in_log, brought = self._connection.wal_checkpoint()
        if brought < in_log:  # a reader has an older snapshot; until it ends, only this connection has the rest
            raise StoreUnavailableError
        self.drop()
        self._file.note_wal()

    def drop(self) -> None:
        """Finish the checkpoint that is under way, then close the connection."""
        checkpoints, self._checkpoints = self._checkpoints, None
        if checkpoints is not None:
            checkpoints.close()
        super().drop()

    def _connect(self) -> apsw.Connection:
        writer = super()._connect()
        self._checkpoints = Checkpoints(writer, super()._connect())
        return writer


class Database:
    """The connections to one file: one that writes, one for short reads, and some for long reads."""

    def __init__(self, path: Path) -> None:
        self.file = DatabaseFile(path)
        self.writer = Writer(self.file)
        self.reader = Handle(self.file, apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS)
        self.long_readers = [Handle(self.file, apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS) for _ in range(_LONG_READS)]

    def prepare(self) -> list[str]:
        """Create the file where it is missing, apply the missing migrations, and return their names.

        Raises `SchemaTooNewError`, having written nothing, and `ConfigurationError` where the path is unusable.
        """
        path = self.file.path
        try:
            _make_private(path)
            _look_at(path)
            with _connected(str(path), apsw.SQLITE_OPEN_READWRITE) as connection:
                applied = schema.migrate(connection)
                _use_write_ahead_log(connection)
                return applied
        except (apsw.Error, OSError, ValueError) as error:
            raise ConfigurationError(
                f"The database {path} can not be opened ({type(error).__name__}: {error}). "
                "Check HEADWAY_DATABASE_URL, that its folder exists and that this user may write there."
            ) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Open a separate connection that sees the database as it is now. Raises `StoreUnavailableError`."""
        handle = Handle(self.file, apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS)
        try:
            connection = handle.connection()
            connection.execute("BEGIN")
            yield connection
        except apsw.Error as error:
            raise handle.failed(error) from error
        finally:
            handle.drop()


@contextlib.contextmanager
def _connected(name: str, flags: int) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(name, flags=flags)
    try:
        connection.set_busy_timeout(_START_PATIENCE)
        yield connection
    finally:
        connection.close()


def _look_at(path: Path) -> None:
    """Refuse a database of a newer Headway or of another program, and create no file beside it.

    `immutable=1` keeps SQLite from creating a write-ahead log only to read. An interrupted migration must be undone
    before anything can be read; `migrate` does that.
    """
    if Path(f"{path}-journal").exists():
        return
    unwatched = "" if Path(f"{path}-wal").exists() else "&immutable=1"
    name = f"file:{quote(str(path.absolute()))}?mode=ro{unwatched}"
    with _connected(name, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI) as connection:
        schema.lacks_migrations(connection)


def _use_write_ahead_log(connection: apsw.Connection) -> None:
    """Set the journal mode. Retries, because SQLite does not wait for another process that sets it at the same time."""
    deadline = time.monotonic() + _START_PATIENCE / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _make_private(path: Path) -> None:
    """Create the file, if it is missing, readable only by this user, because of the learners' notes."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _identity(path: str | Path) -> _Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - runs with every request; Path.stat costs twice as much
    except OSError:
        return None
    return status.st_dev, status.st_ino
