"""The database file: opened, watched, and opened again after it was away."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import structlog

from headway.domain.errors import ConfigurationError, HeadwayError, StoreUnavailableError
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


class Database:
    """One writing and one reading connection to one file.

    SQLite goes on writing to a file that was moved away or replaced under it, and such writes would be gone with
    the next start; so the file's identity is confirmed before work is begun and before it is acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._writer: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None

    def prepare(self) -> list[str]:
        """Open or create the file and bring its schema up to date; answers the migrations applied.

        Raises `SchemaTooNewError`, having written nothing, and `ConfigurationError` where the path is unusable.
        """
        try:
            if self.path.exists():
                self._refuse_unknown_schema()
            self._writer = self._connect(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, _WRITER_PRAGMAS)
            applied = schema.migrate(self._writer)
            self._writer.set_busy_timeout(0)
        except (apsw.Error, OSError) as error:
            self.close()
            raise ConfigurationError(
                f"The database {self.path} can not be opened ({type(error).__name__}: {error}). "
                "Check HEADWAY_DATABASE_URL, that its folder exists and that this user may write there."
            ) from error
        except HeadwayError:
            self.close()
            raise
        self._identity = self._identity_on_disk()
        return applied

    def writer(self) -> apsw.Connection:
        """The writing connection, waiting for no lock. Raises `StoreUnavailableError` while the file is gone."""
        self.confirm()
        if self._writer is None:
            self._writer = self._reconnect(apsw.SQLITE_OPEN_READWRITE, _WRITER_PRAGMAS)
        return self._writer

    def reader(self) -> apsw.Connection:
        """The reading connection, waiting for no lock. Raises `StoreUnavailableError` while the file is gone."""
        self.confirm()
        if self._reader is None:
            self._reader = self._reconnect(apsw.SQLITE_OPEN_READONLY, _READER_PRAGMAS)
        return self._reader

    def confirm(self) -> None:
        """Raise `StoreUnavailableError` unless the file is where it was when it was opened."""
        identity = self._identity_on_disk()
        if identity == self._identity:
            return
        self.close()
        self._identity = identity
        if identity is None:
            _log.error("database_gone", path=str(self.path))
            raise StoreUnavailableError
        _log.warning("database_replaced", path=str(self.path))

    def failed(self, error: apsw.Error) -> StoreUnavailableError:
        """What the caller is told of a driver's error. All but a lock drop the connections, to start afresh."""
        _log.error("database_error", error=type(error).__name__, reason=str(error))
        if not isinstance(error, apsw.BusyError | apsw.LockedError):
            self.close()
        return StoreUnavailableError()

    def close(self) -> None:
        """Let go of the file."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                _quietly(connection.close)
        self._reader = self._writer = None

    def _refuse_unknown_schema(self) -> None:
        connection = self._connect(apsw.SQLITE_OPEN_READONLY, "")
        try:
            schema.found_version(connection)
        finally:
            connection.close()

    def _connect(self, flags: int, pragmas: str) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_timeout(_START_PATIENCE)
        connection.execute(pragmas)
        return connection

    def _reconnect(self, flags: int, pragmas: str) -> apsw.Connection:
        try:
            connection = apsw.Connection(str(self.path), flags=flags)
            connection.execute(pragmas)
            version = schema.found_version(connection)
        except (apsw.Error, ConfigurationError) as error:
            _log.error("database_unusable", error=type(error).__name__, reason=str(error))
            raise StoreUnavailableError from error
        if version != schema.SCHEMA_VERSION:
            _log.error("database_unusable", reason=f"schema version {version}; run headway migrate")
            raise StoreUnavailableError
        return connection

    def _identity_on_disk(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)  # noqa: PTH116 - on every request; Path.stat costs twice as much
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _quietly(action: Callable[[], None]) -> None:
    """A connection that failed may fail to close, too; there is nobody left to tell."""
    try:
        action()
    except apsw.Error as error:
        _log.warning("database_close_failed", error=type(error).__name__)
