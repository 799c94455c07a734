"""The store on SQLite, by apsw: one writer with group commit, and several readers."""

from headway.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
