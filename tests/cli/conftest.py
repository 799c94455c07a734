"""What the tests of commands share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.documents import course_document, document_file
from support.postgres import Session, session
from support.program import Program
from support.running import lesson
from support.tables import execute


@pytest.fixture
def program(folder: Path, database_url: str) -> Program:
    """Return the program in the test's folder, on a database without rows: one on each store."""
    return Program(folder, database_url)


@pytest.fixture
def document(program: Program) -> dict[str, Any]:
    """Return the document of a course that is in the catalogue."""
    found = course_document(lesson(), lesson())
    assert program("courses", "put", str(document_file(program.folder / "course.json", found))).code == 0
    return found


@pytest.fixture
def sqlite_url(folder: Path) -> str:
    """Return the address of a database file in the test's folder."""
    return f"sqlite:///{folder}/headway.db"


@pytest.fixture
def connected(postgres_url: str) -> Iterator[Session]:
    """Yield a connection of the test's own to its PostgreSQL database."""
    with session(postgres_url) as connection:
        yield connection


@pytest.fixture
def tamper(program: Program) -> Callable[..., None]:
    """Runs statements on the database behind the service's back."""

    return lambda *statements: execute(program.database_url, *statements)
