"""The database file: opened, watched, and opened again after it was away."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import apsw
import structlog

from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.storage.sqlite import schema

_log = structlog.get_logger("headway.storage")

_START_PATIENCE: Final = 10_000  # milliseconds that a starting process waits for another one's migration
_WRITER_PRAGMAS: Final = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -65536;
    PRAGMA journal_size_limit = 67108864;
"""
_READER_PRAGMAS: Final = "PRAGMA query_only = ON; PRAGMA cache_size = -65536;"

T = TypeVar("T")

_Identity = tuple[int, int]


class DatabaseFile:
    """The file at a path, told apart from another one that takes its place.

    SQLite goes on writing to a file that was moved away or replaced under it, and such writes would be gone with
    the next start. So the file is identified before work is begun and again before it is acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal_path = f"{path}-wal"
        self._file: _Identity | None = None
        self._wal: _Identity | None = None
        self._absent = False

    def identify(self) -> _Identity:
        """The file that is there. Raises `StoreUnavailableError` where none is, or one that must not be opened."""
        found = _identity(self.path)
        if found is None:
            self._note_absence()
            raise StoreUnavailableError
        self._absent = False
        if found != self._file:
            self._accept(found)
        return found

    def confirm(self) -> None:
        """Raise `StoreUnavailableError` unless the file is still the one identified last."""
        if _identity(self.path) != self._file:
            raise StoreUnavailableError
        self._wal = _identity(self._wal_path)

    def _note_absence(self) -> None:
        """Log once that the file is gone, not with every request."""
        if not self._absent:
            _log.error("database_gone", path=str(self.path))
        self._absent = True

    def _accept(self, found: _Identity) -> None:
        """Take another file for the database, unless SQLite would mix the former one's log into it."""
        if self._wal is not None and _identity(self._wal_path) == self._wal:
            _log.error("database_replaced_beside_its_log", path=str(self.path), move_away=self._wal_path)
            raise StoreUnavailableError
        if self._file is not None:
            _log.warning("database_replaced", path=str(self.path))
        self._file, self._wal = found, None


class Handle:
    """A connection in one role, made again after an error and when the file is another one."""

    def __init__(self, file: DatabaseFile, flags: int, pragmas: str) -> None:
        self._file = file
        self._flags = flags
        self._pragmas = pragmas
        self._connection: apsw.Connection | None = None
        self._opened: _Identity | None = None

    def connection(self) -> apsw.Connection:
        """A connection that waits for no lock. Raises `StoreUnavailableError` while there is no such database."""
        found = self._file.identify()
        if self._connection is None or found != self._opened:
            self.drop()
            self._connection, self._opened = self._connect(), found
        return self._connection

    def failed(self, error: apsw.Error) -> StoreUnavailableError:
        """What the caller is told of a driver's error. All but a lock drop the connection, to start afresh."""
        _log.error("database_error", error=type(error).__name__, reason=str(error))
        if not isinstance(error, apsw.BusyError | apsw.LockedError):
            self.drop()
        return StoreUnavailableError()

    def drop(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except apsw.Error as error:  # it failed before; there is nobody left to tell
            _log.warning("database_close_failed", error=type(error).__name__)

    def _connect(self) -> apsw.Connection:
        try:
            connection = apsw.Connection(str(self._file.path), flags=self._flags)
            # A plan once made stays: otherwise SQLite plans a statement again, at ten times the cost of running it,
            # whenever a value bound to it changes (https://sqlite.org/queryplanner-ng.html#qpsg).
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            connection.execute(self._pragmas)
            version = schema.found_version(connection)
        except (apsw.Error, ConfigurationError) as error:
            _log.error("database_unusable", error=type(error).__name__, reason=str(error))
            raise StoreUnavailableError from error
        if version != schema.SCHEMA_VERSION:
            _log.error("database_unusable", reason=f"schema version {version}: run headway migrate")
            raise StoreUnavailableError
        return connection


class Database:
    """One writing and one reading connection to one file."""

    def __init__(self, path: Path) -> None:
        self.file = DatabaseFile(path)
        self.writer = Handle(self.file, apsw.SQLITE_OPEN_READWRITE, _WRITER_PRAGMAS)
        self.reader = Handle(self.file, apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS)

    def prepare(self) -> list[str]:
        """Make the file where there is none and bring its schema up to date; answers the migrations applied.

        Raises `SchemaTooNewError`, having written nothing, and `ConfigurationError` where the path is unusable.
        """
        path = self.file.path
        try:
            if path.exists():
                _with_connection(path, apsw.SQLITE_OPEN_READONLY, "", schema.found_version)
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            return _with_connection(path, flags, _WRITER_PRAGMAS, schema.migrate)
        except (apsw.Error, OSError) as error:
            raise ConfigurationError(
                f"The database {path} can not be opened ({type(error).__name__}: {error}). "
                "Check HEADWAY_DATABASE_URL, that its folder exists and that this user may write there."
            ) from error


def _with_connection(path: Path, flags: int, pragmas: str, action: Callable[[apsw.Connection], T]) -> T:
    connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.set_busy_timeout(_START_PATIENCE)
        connection.execute(pragmas)
        return action(connection)
    finally:
        connection.close()


def _identity(path: str | Path) -> _Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - with every request; Path.stat costs twice as much
    except OSError:
        return None
    return status.st_dev, status.st_ino
