"""The embedded store: SQLite through apsw, one writer with group commit, readers beside it."""

from headway.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
