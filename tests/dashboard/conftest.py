"""What the tests of the pages need: a browser, and a learner with progress in courses."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dashboard.taught import Taught
from support import browser as browsers
from support.running import Running


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Running:
    """The service on SQLite, or on the store that a test asks for (ON_BOTH_STORES)."""
    service: Running = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_service")
    return service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. Not for longer than a module: Playwright keeps an event loop running in the tests' thread."""
    with browsers.browser() as opened:
        yield opened


@pytest.fixture
def taught(running: Running) -> Taught:
    """A course of the test's own with five learners, each further than the one before."""
    return Taught(running)
