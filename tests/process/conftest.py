"""What the tests of whole processes share."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.documents import course_document, document_file
from support.load import Written
from support.postgres import Server, server_in_memory
from support.program import headway


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database of one course, and the course's document."""
    folder = tmp_path_factory.mktemp("filled")
    file = document_file(folder / "course.json", course_document())
    assert headway(folder, "courses", "put", str(file)).code == 0
    return folder


@pytest.fixture
def all_progress(folder: Path, filled: Path) -> list[Written]:
    """Return lesson progress to write, of three learners in the one course of the database in the test's folder."""
    for name in ("headway.db", "course.json"):
        shutil.copy(filled / name, folder)
    document: dict[str, Any] = json.loads((folder / "course.json").read_text())
    return [
        Written(learner, document["id"], lesson["id"])
        for learner in (str(uuid4()) for _ in range(3))
        for lesson in document["lessons"]
    ]


@pytest.fixture(scope="session")
def own_server() -> Iterator[Server]:
    """Yield a PostgreSQL server for these tests only, which they may stop and hold up."""
    with server_in_memory() as started:
        yield started
