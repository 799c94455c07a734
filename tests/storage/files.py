"""A database file seen from outside the store: as another program, an operator or a backup sees it."""

import hashlib
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

TESTS = Path(__file__).parents[1]


def database(folder: Path) -> Path:
    return folder / "headway.db"


def log(folder: Path) -> Path:
    """Return the path of the log with the commits that are not in the database's own file yet."""
    return folder / "headway.db-wal"


def execute(path: Path, *statements: str) -> list[Any]:
    """Run statements on a connection of their own; answers the last one's rows."""
    rows: list[Any] = []
    # The library that the store uses: two of them in one process do not see each other's locks.
    with closing(apsw.Connection(str(path))) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the write lock, as a long transaction of another program does."""
    with closing(apsw.Connection(str(database(folder)))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


_LONG_READ = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN")
print(connection.execute("SELECT count(*) FROM lesson_progress").get, flush=True)
sys.stdin.read()
"""


@contextmanager
def long_read(folder: Path) -> Iterator[None]:
    """Let another process read for long from one snapshot, as a backup does."""
    command = [sys.executable, "-c", _LONG_READ, str(database(folder))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == b"1\n"
        yield
        reading.communicate()


def back_up(folder: Path, name: str) -> Path:
    """Copy the database as it is now to a file beside it."""
    copy = folder / name
    execute(database(folder), f"VACUUM INTO '{copy}'")
    return copy


def contents(folder: Path) -> dict[str, str]:
    """Return the files in the folder, each with a digest of its bytes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def modes(folder: Path) -> dict[str, int]:
    """Return the files in the folder, each with what its owner and others may do with it."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def process(what: str, folder: Path) -> Any:
    """Run `what` in another process and return its answer (see processes.py)."""
    command = [sys.executable, "-m", "storage.processes", what, str(folder)]
    done = subprocess.run(command, cwd=TESTS, stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)
