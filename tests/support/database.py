"""What another process may do to the database file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the database's write lock, as a long transaction of another program does."""
    with closing(sqlite3.connect(folder / "headway.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def read_only(folder: Path, how: str = "mode=ro") -> sqlite3.Connection:
    """Return a connection that does not change the file."""
    return sqlite3.connect(f"file:{folder}/headway.db?{how}", uri=True)


def write_ahead_log(folder: Path) -> Path:
    """Return the path of the log with the commits that are not in the database's own file yet."""
    return folder / "headway.db-wal"
