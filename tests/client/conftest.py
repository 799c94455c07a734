"""What the tests of the JavaScript client need: a browser, the service on a store, and a proxy between them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from client.between import Between, between
from client.player import Player, School, device
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
def proxy(running: Running) -> Iterator[Between]:
    """Yield a proxy in front of the service."""
    with between(running.base_url) as made:
        yield made


@pytest.fixture
def school(running: Running) -> School:
    """Return a course of the test's own, with three lessons, and a learner."""
    return School(running)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Yield a device."""
    with device(browser) as opened:
        yield opened


@pytest.fixture
def player(context: BrowserContext, proxy: Between, school: School) -> Player:
    """Return a page of the learner's."""
    return Player(context.new_page(), proxy, school, school.learner)
