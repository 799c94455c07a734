"""What the tests of the pages need: a browser, and a learner with progress in courses."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support import browser as browsers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. Not for longer than a module: Playwright keeps an event loop running in the tests' thread."""
    with browsers.browser() as opened:
        yield opened
