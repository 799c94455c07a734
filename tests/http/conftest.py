"""What most tests of the API need: a new learner, an author, and a new course with its lessons' paths."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.postgres import Databases
from support.running import PREFIX, STORES, Running, authorization, course
from support.school import School, limited_token, school


@pytest.fixture(scope="session")
def connections() -> Iterator[httpx.HTTPTransport]:
    """Connections that all the tests' clients share: a client of its own reads the system's certificates first."""
    with httpx.HTTPTransport(verify=False, limits=httpx.Limits(max_connections=64)) as transport:
        yield transport


@pytest.fixture
def visitor(running: Running, connections: httpx.HTTPTransport) -> httpx.Client:
    """Return a client without a token, at the service's root."""
    return httpx.Client(base_url=running.base_url, transport=connections, timeout=20)


@pytest.fixture
def learner_id() -> str:
    """Return the id of a learner of the test's own."""
    return str(uuid4())


@pytest.fixture
def learner(client_of: Callable[..., httpx.Client], learner_id: str) -> httpx.Client:
    """Return that learner's client."""
    return client_of(learner_id)


@pytest.fixture
def other_learner(running: Running, connections: httpx.HTTPTransport) -> httpx.Client:
    """Return the client of another new learner."""
    return _client(running, connections, authorization(str(uuid4())))


@pytest.fixture
def author(running: Running, connections: httpx.HTTPTransport) -> httpx.Client:
    """Return a client that may write courses."""
    return _client(running, connections, authorization(str(uuid4()), "courses:write"))


@pytest.fixture
def client_of(running: Running, connections: httpx.HTTPTransport) -> Callable[..., httpx.Client]:
    """Makes clients by the learner's id and the scopes."""
    return lambda learner_id, *scopes: _client(running, connections, authorization(learner_id, *scopes))


@pytest.fixture
def admin_id() -> str:
    """Return the id of the administrator, who may write for learners."""
    return str(uuid4())


@pytest.fixture
def admin(client_of: Callable[..., httpx.Client], admin_id: str) -> httpx.Client:
    """Return the client of the administrator."""
    return client_of(admin_id, "learners:admin")


@pytest.fixture
def document() -> dict[str, Any]:
    """Return the document of the test's own course: three plain lessons."""
    return course()


@pytest.fixture
def publish(author: httpx.Client) -> Callable[..., str]:
    """Puts a document, in the place of one published before where its path is given; answers the path of progress."""

    def put(document: dict[str, Any], course_path: str | None = None) -> str:
        course_path = course_path or f"/progress/{uuid4()}"
        author.put(course_path.replace("/progress/", "/courses/"), json=document).raise_for_status()
        return course_path

    return put


@pytest.fixture
def course_path(publish: Callable[..., str], document: dict[str, Any]) -> str:
    """Return the path of a learner's progress in the test's own course."""
    return publish(document)


@pytest.fixture
def catalogued_path(course_path: str) -> str:
    """Return the path of that course's document."""
    return course_path.replace("/progress/", "/courses/")


@pytest.fixture
def lesson_paths(course_path: str, document: dict[str, Any]) -> list[str]:
    """Return the paths of a learner's progress in that course's lessons, in its order."""
    return [f"{course_path}/lessons/{lesson['id']}" for lesson in document["lessons"]]


@pytest.fixture
def lesson_path(lesson_paths: list[str]) -> str:
    """Return the path of a learner's progress in that course's first lesson."""
    return lesson_paths[0]


def _client(running: Running, connections: httpx.HTTPTransport, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=running.base_url + PREFIX, headers=headers, transport=connections, timeout=20)


@pytest.fixture
def teacher(running: Running, connections: httpx.HTTPTransport) -> httpx.Client:
    """Return a client that may read statistics."""
    return _client(running, connections, authorization(str(uuid4()), "statistics:read"))


@pytest.fixture
def limited(running: Running, connections: httpx.HTTPTransport) -> Callable[..., httpx.Client]:
    """Makes clients whose `statistics:read` and `events:read` are limited by claims."""
    scopes = "statistics:read", "events:read"
    return lambda **claims: _client(running, connections, limited_token(*scopes, **claims))


@pytest.fixture(scope="module", params=STORES)
def lasting_school(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, connections: httpx.HTTPTransport
) -> Iterator[School]:
    """Yield a school whose time the tests set, for the tests of one module: one on each store."""
    with ExitStack() as made:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('school')}/headway.db"
        else:
            databases: Databases = request.getfixturevalue("databases")
            url = made.enter_context(databases.fresh())
        yield made.enter_context(school(url, connections))
