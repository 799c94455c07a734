"""The stores that the suite runs over, one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headway.domain.ports import Store
from storage.stores import MakeStore, opened, stores_on


@pytest.fixture
def make_store(database_url: str, folder: Path) -> MakeStore:
    """Makes any number of stores, not opened yet, on one database of the test's own: one on each kind of database."""
    return stores_on(database_url, folder)


@pytest.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    """Yield an open store."""
    async with opened(make_store()) as store:
        yield store
