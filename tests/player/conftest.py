"""What the tests of the player need: a browser, and the service with content in each of the places where it may run."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from player.content import Course, Place
from support import browser as browsers
from support.browser import visiting
from support.postgres import Databases
from support.probes import free_port
from support.running import Running, headway_serve


@pytest.fixture(scope="session", params=list(Place))
def place(request: pytest.FixtureRequest) -> Place:
    """Return where content runs. Each place is tested with another store: they have nothing to do with each other."""
    found: Place = request.param
    return found


class Installation:
    """An installation of Headway: its folder, its address and its database stay when the service is started again."""

    def __init__(self, folder: Path, place: Place, database_url: str | None) -> None:
        self.folder, self.port = folder, free_port()
        self.pages = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, object] = {"packages_dir": folder / "packages", "public_url": self.pages}
        if place is Place.OWN_ORIGIN:
            self.settings["content_origin"] = f"http://localhost:{self.port}"
        if database_url is not None:
            self.settings["database_url"] = database_url

    def started(self, **settings: object) -> AbstractContextManager[Running]:
        """Start the service, until the block is left."""
        return headway_serve(self.folder, "--port", str(self.port), **(self.settings | settings))


@contextmanager
def _installed(folder: Path, place: Place, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Yield an installation: with content on a host name of its own on SQLite, and in a sandbox on PostgreSQL."""
    if place is Place.OWN_ORIGIN:
        yield Installation(folder, place, None)
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.fresh() as database_url:
        yield Installation(folder, place, database_url)


@pytest.fixture(scope="session")
def running(
    place: Place, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Yield the service that the tests of a place share."""
    with _installed(tmp_path_factory.mktemp("player"), place, request) as installation, installation.started() as begun:
        yield begun


@pytest.fixture
def installation(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Yield an installation of the test's own, which is not started."""
    with _installed(tmp_path, place, request) as own:
        yield own


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
