"""What is in the tables of a service's database, whichever store it is on."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from support.database import read_only
from support.postgres import session

_POSTGRES_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query. The database is named by its address."""
    if database_url.startswith("postgresql:"):
        with session(database_url) as connection:
            return connection.rows(query)
    with closing(read_only(Path(database_url.removeprefix("sqlite:///")).parent)) as connection:
        return connection.execute(query).fetchall()


def execute(database_url: str, *statements: str) -> None:
    """Run statements on a database by its address, behind the service's back."""
    if database_url.startswith("postgresql:"):
        with session(database_url) as connected:
            connected.execute(*statements)
        return
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=20)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def let_imports_run_out(database_url: str) -> None:
    """End the lease of a killed import, as ten seconds would. Another process may continue it then."""
    execute(database_url, "UPDATE imports SET updated_at = '1970-01-01T00:00:00.000000+00:00' WHERE holder IS NOT NULL")


def tables_that_name(database_url: str, text: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows that contain a text, by their table."""
    tables = rows(database_url, _POSTGRES_TABLES if database_url.startswith("postgresql:") else _SQLITE_TABLES)
    found = {
        table: [row for row in rows(database_url, f"SELECT * FROM {table}") if text in str(row)] for (table,) in tables
    }
    return {table: naming for table, naming in found.items() if naming}
