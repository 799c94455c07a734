"""Fixtures for every tier. Each test takes learners and courses of its own, so one process serves many tests."""

import gc
import os
import select
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from headway import Settings
from headway.app import Headway
from support import postgres
from support.postgres import Databases
from support.running import SECRET, STORES, Running, headway_serve
from support.school import Clock, told_the_time

# How long one example takes says nothing on a machine that runs other tests beside it. `make test-fast` takes "quick".
hypothesis_settings.register_profile("unhurried", max_examples=75, deadline=None)
hypothesis_settings.register_profile("quick", max_examples=10, deadline=None)
hypothesis_settings.load_profile("unhurried")

# Whatever the machine prefers: the many processes that tests start would all compile the whole program again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Imports and thousands of tests leave objects that stay. Looking through them takes a fifth of what a collection takes.
gc.set_threshold(20_000, 20, 100)

if "FAKETIME" in os.environ:  # see tools/days.py
    # libfaketime spoils the call that Python sleeps with (clock_nanosleep, of the clock that it is to leave alone).
    time.sleep = lambda seconds: (select.select((), (), (), float(seconds)), None)[1]


def pytest_xdist_auto_num_workers() -> int:
    """Return two workers for each core: tests wait for processes and browsers more than half of their time."""
    return 2 * (os.cpu_count() or 1)


_OF_POSTGRES = {"databases", "empty_postgres_url", "own_server", "postgres_service", "postgres_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need PostgreSQL, which `make test-fast` leaves out. Leave out those that need a cluster."""
    for item in items:
        if isinstance(item, pytest.Function) and _needs_postgres(item):
            item.add_marker("postgres")
    if "HEADWAY_TEST_CITUS_URL" not in os.environ:  # `make test-citus` says so where it is missing
        items[:] = [item for item in items if item.get_closest_marker("citus") is None]


def pytest_collection_finish() -> None:
    """Keep what was imported and collected from the garbage collector, as `support.frozen` does."""
    gc.collect()
    gc.freeze()


def _needs_postgres(item: pytest.Function) -> bool:
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "postgres" in given or not _OF_POSTGRES.isdisjoint(item.fixturenames)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Yield the maker of databases on the PostgreSQL server of this worker."""
    with postgres.databases() as made:
        yield made


@pytest.fixture(scope="session", params=STORES)
def running(request: pytest.FixtureRequest) -> Running:
    """Return a `headway serve` process that all tests of one worker share: one on each store."""
    service: Running = request.getfixturevalue(f"{request.param}_service")
    return service


@pytest.fixture(scope="session")
def sqlite_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield the shared service on SQLite."""
    with _lasting_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="session")
def postgres_service(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Running]:
    """Yield the shared service on PostgreSQL."""
    with databases.fresh() as url, _lasting_service(tmp_path_factory.mktemp("service"), database_url=url) as service:
        yield service


@contextmanager
def _lasting_service(folder: Path, **settings: object) -> Iterator[Running]:
    with headway_serve(folder, **settings) as service:
        yield service
        assert service.process.poll() is None, "the service died:\n" + "".join(service.log)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder of the test's own."""
    return tmp_path


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """Yield the address of a PostgreSQL database of the test's own: migrated, without rows."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
def empty_postgres_url(databases: Databases) -> Iterator[str]:
    """Yield the address of a PostgreSQL database of the test's own, without tables."""
    with databases.empty() as url:
        yield url


@pytest.fixture(params=STORES)
def empty_database_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the address of a database of the test's own without tables: no file yet, or `empty_postgres_url`."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/headway.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the address of a database of the test's own without rows: a file in its folder, or `postgres_url`."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/headway.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the test sets."""
    return Clock()


@pytest.fixture
async def headway(database_url: str, clock: Clock) -> AsyncIterator[Headway]:
    """Yield the use cases over a store, with the time of `clock`: one on each store."""
    with told_the_time(clock):
        headway = Headway(Settings(database_url=database_url, jwt_secret=SECRET))
        async with headway.lifespan(None):
            yield headway
