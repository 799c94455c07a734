"""What the tests of the pages need: a browser, and a learner with progress in courses."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dashboard.taught import Taught
from support import browser as browsers
from support.running import Running


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Running:
    """Return the service on SQLite, or on the store that a test asks for (ON_BOTH_STORES)."""
    service: Running = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_service")
    return service


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Yield a browser for this folder. Playwright keeps an event loop running in the tests' thread until the folder's
    last test: asynchronous tests are elsewhere.
    """
    with browsers.browser() as opened:
        yield opened


@pytest.fixture
def taught(running: Running) -> Taught:
    """Return a course of the test's own with five learners. Each has done one lesson more than the one before."""
    return Taught(running)
