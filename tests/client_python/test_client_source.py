"""The client reaches what a back end needs, imports nothing of the service, and its generated parts are current."""

import inspect
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, assert_type
from uuid import UUID

import httpx2

from headway.client import ME, AsyncClient, Client
from headway.client.calls import PREFIX
from headway.client.shapes import LessonProgress, PersonLine
from headway.http.api.routes import OPERATIONS
from python_client import CLIENT, generated
from support.faulty import Reply, faulty

LEFT_OUT: Final = {
    ("GET", "/schemas/course"): "the shapes have it as types",
    ("GET", "/schemas/events"): "the shapes have it as types",
    ("GET", "/launches/{launch}"): "for the player page, which has the launch's token alone",
    ("POST", "/launches/{launch}/commits"): "content sends it by way of scorm-again",
    ("POST", "/packages"): "a package is too large for the memory, in which this client holds what it sends again",
    ("GET", "/statistics/{course_id}/stream"): "for open pages; a back end follows events, and reads the figures",
}
"""Operations that no method sends, each with the reason."""
SUBJECTS: Final = ("progress", "people", "enrolments", "groups", "courses", "statistics", "events", "webhooks")
AN_ID: Final = UUID(int=7)
ARGUMENTS: Final[dict[str, Any]] = {
    "number": 2, "delivery": 3, "days_per_week": 3, "reason": "late", "title": "Class 7a", "members": [],
    "content": b"", "content_type": "text/csv", "profile": {}, "document": {}, "progress": {},
    "writes": [{"key": "1"}], "lines": [{"user_id": "1"}],
}  # fmt: skip


class Sent(Exception):  # noqa: N818 - it is no error
    """A request that would have been sent."""

    def __init__(self, request: httpx2.Request) -> None:
        super().__init__(request.url)
        self.operation = request.method, request.url.path


def refuse(request: httpx2.Request) -> httpx2.Response:
    """Raise the request in place of sending it."""
    raise Sent(request)


def arguments(method: Callable[..., Any], learner: Any) -> dict[str, Any]:
    """Return values for the parameters of a method that have no default; ids for those that are not named above."""
    needed = [one for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    named = [one.name for one in needed if one.kind is not one.VAR_KEYWORD]
    return {name: learner if name == "learner" else ARGUMENTS.get(name, AN_ID) for name in named}


async def sent_by(client: Any, learner: Any) -> dict[str, tuple[str, str]]:
    """Return what each method of a client sends first."""
    found = {}
    for subject in SUBJECTS:
        for name, method in inspect.getmembers(getattr(client, subject), inspect.ismethod):
            if not name.startswith("_"):
                found[f"{subject}.{name}"] = await operation_of(method, arguments(method, learner))
    return found | {"sign_in_code": await operation_of(client.sign_in_code, {})}


async def operation_of(method: Callable[..., Any], given: dict[str, Any]) -> tuple[str, str]:
    try:
        result = method(**given)
        if inspect.isasyncgen(result):
            await anext(result)
        elif inspect.isgenerator(result):
            next(result)
        elif inspect.isawaitable(result):
            await result
    except Sent as sent:
        return sent.operation
    raise AssertionError(f"{method.__name__} sends nothing")


def template(method: str, path: str) -> tuple[str, str]:
    """Return the operation of a request, as the service names it. One without is returned as it is."""
    below = path.removeprefix(PREFIX)
    for one in OPERATIONS:
        if one.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.path), below):
            return method, one.path
    return method, below


async def test_every_operation_is_reached_or_left_out_with_a_reason() -> None:
    mock = httpx2.MockTransport(refuse)
    client = AsyncClient("http://service", "a token", http=httpx2.AsyncClient(transport=mock))
    reached = {template(*sent) for learner in (AN_ID, ME) for sent in (await sent_by(client, learner)).values()}
    await client._sender.http.aclose()
    operations = {(one.method, one.path) for one in OPERATIONS}
    assert reached <= operations
    assert operations - reached == LEFT_OUT.keys()


async def test_both_clients_send_the_same() -> None:
    mock = httpx2.MockTransport(refuse)
    aio = AsyncClient("http://service/", "a token", http=httpx2.AsyncClient(transport=mock))
    blocking = Client("http://service/", "a token", http=httpx2.Client(transport=mock))
    assert await sent_by(aio, AN_ID) == await sent_by(blocking, AN_ID)
    await aio._sender.http.aclose()
    blocking._sender.http.close()


async def test_both_clients_say_the_types_of_what_they_return() -> None:
    """The type checker checks it: `assert_type` does nothing when it runs."""
    with faulty(Reply(200, [])) as server:
        with Client(server.address, "a token") as client:
            assert_type(client.progress.of(AN_ID, AN_ID), list[LessonProgress])
            assert_type(client.people.find("Ada"), Iterator[PersonLine])
        async with AsyncClient(server.address, "a token") as aio:
            assert_type(await aio.progress.of(AN_ID, AN_ID), list[LessonProgress])
            assert_type(aio.people.find("Ada"), AsyncIterator[PersonLine])
    assert len(server.received) == 2


def test_the_generated_parts_are_current() -> None:
    for path, text in generated().items():
        assert path.read_text() == text, f"{path.name} is not current: run make client"


def test_no_generated_module_has_lost_its_source() -> None:
    assert {path.name for path in (CLIENT / "aio").glob("*.py")} == {
        path.name for path in (CLIENT / "blocking").glob("*.py")
    }


def test_the_client_imports_nothing_of_the_service(folder: Path) -> None:
    script = (
        "import sys, headway.client\n"
        "ours = [name for name in sys.modules if name.startswith('headway.') and name.split('.')[1] != 'client']\n"
        "heavy = {'fastapi', 'starlette', 'pydantic', 'apsw', 'asyncpg', 'uvicorn', 'structlog'} & sys.modules.keys()\n"
        "assert not ours and not heavy, (ours, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_service_is_imported_by_its_names() -> None:
    script = "import headway; headway.Settings; headway.create_app; print(headway.__version__); headway.nothing"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip()
    assert "AttributeError: module 'headway' has no attribute 'nothing'" in done.stderr
