"""Rosters as files: many pages, broken off, and readers that hang up; service and mounted router."""

import asyncio
import io
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from headway import Settings
from headway.app import Headway
from headway.domain.course_progress import CourseProgress
from headway.domain.errors import StoreUnavailableError
from headway.domain.identifiers import CourseId
from headway.domain.roster import RosterQuery
from headway.http.engine.protocol import BoundedHeadProtocol
from headway.http.engine.responder import BrokenOffError
from headway.service import statistics
from support.asgi import lifespan
from support.probes import counted_requests
from support.running import PATIENCE, PREFIX, SECRET, authorization, course, eventually
from support.serving import served

pytestmark = pytest.mark.slow

ROUTE = f"{PREFIX}/statistics/{{course_id}}/learners"
LEARNERS = 11
Roster = Callable[[CourseId, RosterQuery], Awaitable[Sequence[CourseProgress]]]


class Served:
    """A Headway behind one of the ways in, and a course that has some learners."""

    def __init__(self, headway: Headway, base_url: str) -> None:
        self.headway = headway
        self.base_url = base_url
        self.headers = authorization(str(uuid4()), "statistics:read", "courses:write")
        document = course()
        course_id, lesson_id = str(uuid4()), document["lessons"][0]["id"]
        with self.client() as client:
            client.put(f"/courses/{course_id}", json=document).raise_for_status()
            for _ in range(LEARNERS):
                headers = authorization(str(uuid4()))
                lesson_path = f"/progress/{course_id}/lessons/{lesson_id}"
                client.put(lesson_path, json={"status": "completed"}, headers=headers).raise_for_status()
        self.path = f"/statistics/{course_id}/learners"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url + PREFIX, headers=self.headers, timeout=20, verify=False)

    def counted(self) -> dict[str, int]:
        """How many requests for rosters were counted, by status."""
        return counted_requests(self.headway, ROUTE)

    def has_counted(self, **statuses: int) -> Callable[[], bool]:
        return lambda: self.counted() == {name.strip("_"): count for name, count in statuses.items()}

    def ask_raw(self) -> socket.socket:
        """A connection that has asked for the roster as CSV, from whose answer nothing was read yet."""
        address = urlsplit(self.base_url)
        connection = socket.create_connection((address.hostname, address.port), timeout=20)
        head = f"GET {PREFIX}{self.path}?format=csv HTTP/1.1\r\nHost: x\r\nX-Request-ID: an-id\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        connection.sendall(f"{head}{lines}\r\n".encode())
        return connection


def _mounted(headway: Headway) -> ASGIApp:
    host = FastAPI()
    host.include_router(headway.router())
    return host


def _headway(database_url: str) -> Headway:
    return Headway(Settings(database_url=database_url, jwt_secret=SECRET, log_requests="none"))


@pytest.fixture(params=["service", "mounted"])
def way(request: pytest.FixtureRequest) -> str:
    way: str = request.param
    return way


@pytest.fixture
def answering(database_url: str, way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Whose pages have four lines, and row groups eight."""
    monkeypatch.setattr(statistics, "PAGE_OF_A_FILE", 4)
    monkeypatch.setattr("headway.http.api.statistics_export._ROW_GROUP", 8)
    headway = _headway(database_url)
    app, http = (headway.asgi(), BoundedHeadProtocol) if way == "service" else (_mounted(headway), None)
    with served(app, http) as base_url:
        yield Served(headway, base_url)


@pytest.fixture
def replace_roster(answering: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Roster], Roster]], None]:
    """Lets the store answer rosters otherwise."""

    def replace(change: Callable[[Roster], Roster]) -> None:
        store = answering.headway.store
        monkeypatch.setattr(store, "roster", change(store.roster))

    return replace


def _failing(error: Exception, after: int) -> Callable[[Roster], Roster]:
    """A store that fails once it has answered some pages."""

    def change(roster: Roster) -> Roster:
        pages = iter(range(after))

        async def roster_or_error(course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
            if next(pages, None) is None:
                raise error
            return await roster(course_id, query)

        return roster_or_error

    return change


class Endless:
    """A store whose rosters have no end; counts the pages that it was asked for."""

    def __init__(self) -> None:
        self.pages = 0

    def __call__(self, roster: Roster) -> Roster:
        async def first_page(course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
            self.pages += 1
            return await roster(course_id, RosterQuery(limit=query.limit))

        return first_page


ReplaceRoster = Callable[[Callable[[Roster], Roster]], None]


def test_a_file_of_many_pages_equals_one_page(answering: Served) -> None:
    with answering.client() as client:
        [page] = [client.get(answering.path).json()["learners"]]
        lines = client.get(f"{answering.path}?format=csv", headers={"X-Request-ID": "an-id"})
        table = client.get(f"{answering.path}?format=parquet")
    ids = [line["user_id"] for line in page]
    assert len(ids) == LEARNERS
    assert (lines.headers["transfer-encoding"], lines.headers["x-request-id"]) == ("chunked", "an-id")
    assert [line.partition(",")[0] for line in lines.text.splitlines()] == ["user_id", *ids]
    read = pyarrow.parquet.ParquetFile(io.BytesIO(table.content))
    assert read.read().column("user_id").to_pylist() == ids
    assert read.num_row_groups == 2
    eventually(answering.has_counted(_200=3))


def test_a_connection_stays_usable_after_a_file(answering: Served) -> None:
    with answering.ask_raw() as connection:
        answer = b""
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += connection.recv(65_536)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert rest.startswith(b"HTTP/1.1 ")


def test_a_store_that_fails_at_once_gives_503(answering: Served, replace_roster: ReplaceRoster) -> None:
    replace_roster(_failing(StoreUnavailableError(), after=0))
    with answering.client() as client:
        for form in ("csv", "parquet", "json"):
            refused = client.get(f"{answering.path}?format={form}")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    eventually(answering.has_counted(_503=3))


@pytest.mark.parametrize(
    ("error", "status", "event"),
    [(StoreUnavailableError(), "503", "request"), (RuntimeError("a fault"), "500", "request_failed")],
)
def test_an_answer_that_breaks_off_has_no_final_chunk(
    answering: Served,
    replace_roster: ReplaceRoster,
    caplog: pytest.LogCaptureFixture,
    way: str,
    error: Exception,
    status: str,
    event: str,
) -> None:
    caplog.set_level(logging.INFO, "headway.http")
    replace_roster(_failing(error, after=2))
    with answering.ask_raw() as connection:
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"x-request-id: an-id\r\n" in answer
    assert len(re.findall(rb"[0-9a-f-]{36},", answer)) == 8
    assert not answer.endswith(b"\r\n0\r\n\r\n")
    eventually(answering.has_counted(**{f"_{status}": 1}))
    logged = [record for record in caplog.records if record.name == "headway.http"]
    assert sorted({event, "request"}) == sorted(record.msg for record in logged)
    # The server of a host is told by an error that the answer does not end; ours needs none.
    assert ("uvicorn.error" in {record.name for record in caplog.records if record.levelno >= logging.ERROR}) == (
        way == "mounted"
    )


def test_a_client_gets_an_error_for_an_answer_that_breaks_off(answering: Served, replace_roster: ReplaceRoster) -> None:
    replace_roster(_failing(StoreUnavailableError(), after=2))
    with answering.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{answering.path}?format=csv")


def test_reading_stops_when_the_client_hangs_up(
    answering: Served, replace_roster: ReplaceRoster, caplog: pytest.LogCaptureFixture
) -> None:
    endless = Endless()
    replace_roster(endless)
    with answering.ask_raw() as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    eventually(answering.has_counted(_499=1))
    pages = endless.pages
    with answering.client() as client:
        for _ in range(20):
            client.get("/progress").raise_for_status()
    assert endless.pages == pages
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_other_requests_are_served_while_a_file_is_sent(answering: Served, replace_roster: ReplaceRoster) -> None:
    endless = Endless()
    replace_roster(endless)
    with answering.client() as client, client.stream("GET", f"{answering.path}?format=csv") as answer:
        chunks = answer.iter_raw()
        for _ in range(10):
            next(chunks)
            with answering.client() as other:
                assert other.get("/progress").json() == []


async def test_stopping_breaks_off_a_running_answer(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When uvicorn stops, it cancels requests that have not ended in time."""
    headway = _headway(database_url)
    app = headway.asgi()
    headers = authorization(str(uuid4()), "statistics:read", "courses:write")
    sent: list[Message] = []
    begun = asyncio.Event()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 5:
            begun.set()

    async with lifespan(app):
        path, document = f"/courses/{uuid4()}", course()
        lesson_path = f"{path.replace('/courses/', '/progress/')}/lessons/{document['lessons'][0]['id']}"
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://x{PREFIX}", headers=headers, timeout=PATIENCE
        ) as client:
            (await client.put(path, json=document)).raise_for_status()
            for learner in (headers, authorization(str(uuid4()))):
                (await client.put(lesson_path, json={}, headers=learner)).raise_for_status()
        monkeypatch.setattr(statistics, "PAGE_OF_A_FILE", 1)
        endless = Endless()
        monkeypatch.setattr(headway.store, "roster", endless(headway.store.roster))
        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": f"{PREFIX}{path.replace('/courses/', '/statistics/')}/learners",
            "headers": lines,
            "query_string": b"format=csv",
        }
        answering = asyncio.ensure_future(app(scope, receive, send))
        await begun.wait()
        answering.cancel()
        with pytest.raises(BrokenOffError):
            await answering
    assert sent[0]["status"] == 200
    assert all(message["more_body"] for message in sent[1:])
