"""The store on PostgreSQL."""

from headway.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
