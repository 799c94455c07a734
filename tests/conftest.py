"""Fixtures for every tier. Each test takes learners and courses of its own, so one process serves many tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running import Running, headway_serve


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `headway serve` process, shared by the tests of one worker."""
    with headway_serve(tmp_path_factory.mktemp("service")) as service:
        yield service
        assert service.process.poll() is None, "the service died:\n" + "".join(service.log)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of the test's own."""
    return tmp_path
