"""The PostgreSQL store."""

from headway.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
