"""What the tests of the player need: a browser, and the service with content in each of the places where it may run."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext

from player.content import Course, Place
from support import browser as browsers
from support.browser import visiting
from support.postgres import Databases
from support.running import Running, headway_serve


@pytest.fixture(scope="session", params=list(Place))
def place(request: pytest.FixtureRequest) -> Place:
    """Return where content runs. Each place is tested with another store: they have nothing to do with each other."""
    found: Place = request.param
    return found


@pytest.fixture(scope="session")
def running(
    place: Place, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Yield the service: with content on a host name of its own on SQLite, and in a sandbox on PostgreSQL."""
    folder = tmp_path_factory.mktemp("player")
    port = _free_port()
    pages = f"http://127.0.0.1:{port}"
    settings: dict[str, object] = {"packages_dir": folder / "packages", "public_url": pages}
    with ExitStack() as stack:
        if place is Place.OWN_ORIGIN:
            settings["content_origin"] = f"http://localhost:{port}"
        else:
            databases: Databases = request.getfixturevalue("databases")
            settings["database_url"] = stack.enter_context(databases.fresh())
        yield stack.enter_context(headway_serve(folder, "--port", str(port), **settings))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Yield a browser for this folder. Playwright keeps an event loop running in the tests' thread until the folder's
    last test: asynchronous tests are elsewhere.
    """
    with browsers.browser() as opened:
        yield opened


@pytest.fixture
def course(running: Running) -> Course:
    """Return a course of the test's own, with one SCO of each version, and a learner."""
    return Course(running)


@pytest.fixture
def context(browser: Browser, running: Running, course: Course) -> Iterator[BrowserContext]:
    """Yield the device of the course's learner, who has signed in. Its network may fail."""
    with visiting(browser, running, course.learner, refusals=(0,)) as opened:
        yield opened


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
