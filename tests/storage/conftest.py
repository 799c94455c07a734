"""The stores that the suite runs over, one after the other."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from headway.storage.port import Store
from storage.stores import MakeStore, opened, sqlite_stores

DATABASES: dict[str, Callable[[Path], MakeStore]] = {"sqlite": sqlite_stores}


@pytest.fixture(params=DATABASES)
def make_store(request: pytest.FixtureRequest, folder: Path) -> MakeStore:
    """Makes any number of stores, not opened yet, on one database of the test's own."""
    database: str = request.param
    return DATABASES[database](folder)


@pytest.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    """An open store."""
    async with opened(make_store()) as store:
        yield store
