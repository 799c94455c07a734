"""What the tests of commands share."""

from pathlib import Path

import pytest

from support.program import Program


@pytest.fixture
def program(folder: Path, database_url: str) -> Program:
    """The program in the test's folder, on an empty database: one on each store."""
    return Program(folder, database_url)
