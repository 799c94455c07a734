"""The stream of a course's statistics: real clients, both stores, service and mounted router."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from headway.app import Headway
from headway.domain.errors import StoreUnavailableError, TooManyStreamsError, UnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import Principal
from headway.domain.statistics import CourseReading
from headway.http.api import statistics
from headway.http.engine import event_streams as statistics_stream
from headway.http.engine.event_streams import Event, Watched
from support.events import following
from support.probes import counted_requests
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, Running, authorization, course, eventually, token
from support.school import token_for_courses
from support.serving import WAYS_IN, served_by

pytestmark = pytest.mark.slow

COURSE = CourseId(str(uuid4()))
SOMEBODY = Principal(LearnerId(str(uuid4())))
NEVER = 600
"""Seconds that no test waits: a stop that waits for a stream does not end here."""
ROUTE = f"{PREFIX}/statistics/{{course_id}}/stream"


@pytest.fixture
def document() -> dict[str, Any]:
    return course(title="Followed")


@pytest.fixture
def course_id(running: Running, document: dict[str, Any]) -> str:
    return running.put_course(document)


@pytest.fixture
def write(running: Running, course_id: str, document: dict[str, Any]) -> Callable[[], None]:
    """Lets a new learner begin the course."""
    path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"

    def begin() -> None:
        with running.client() as learner:
            learner.put(path, json={"time_spent_minutes": 3}).raise_for_status()

    return begin


def test_figures_come_at_once_and_whenever_they_change(
    running: Running, course_id: str, write: Callable[[], None]
) -> None:
    with running.client(None, "statistics:read") as teacher, following(teacher, course_id) as stream:
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        ids = set()
        for learners in range(3):
            event = stream.until(learners=learners)
            assert event.name == "statistics"
            assert event.data == teacher.get(f"/statistics/{course_id}").json()
            ids.add(event.id)
            write()
        assert len(ids) == 3


def test_a_client_that_reconnects_gets_only_new_events(
    running: Running, course_id: str, write: Callable[[], None]
) -> None:
    with running.client(None, "statistics:read") as teacher:
        with following(teacher, course_id) as stream:
            first = stream.next()
        assert first is not None
        with following(teacher, course_id) as stream:
            assert stream.next() == first
        with following(teacher, course_id, last=first.id) as stream:
            comment = stream.next()
            assert comment is not None
            assert not comment.name
            write()
            event = stream.next_event()
            assert event is not None
            assert event.id != first.id
            assert event.data["learners"] == 1
        with following(teacher, course_id, last=first.id) as stream:
            assert stream.next() == event


def test_an_edit_of_the_course_sends_an_event(running: Running, course_id: str, document: dict[str, Any]) -> None:
    with running.client(None, "statistics:read") as teacher, following(teacher, course_id) as stream:
        stream.until(title="Followed")
        running.put_course(document | {"title": "Followed on"}, course_id)
        stream.until(title="Followed on")


def test_a_stream_needs_the_scope_of_statistics(running: Running, course_id: str) -> None:
    with running.client() as learner:
        assert learner.get(f"/statistics/{course_id}/stream").status_code == 403
    with running.client(None, "statistics:read") as teacher:
        assert teacher.get(f"/statistics/{uuid4()}/stream").status_code == 404
        assert teacher.get("/statistics/none/stream").status_code == 422
        teacher.headers = httpx.Headers(token_for_courses(str(uuid4()), "statistics:read"))
        assert teacher.get(f"/statistics/{course_id}/stream").status_code == 403
        teacher.headers = httpx.Headers(token_for_courses(course_id, "statistics:read"))
        with following(teacher, course_id) as stream:
            assert stream.next() is not None


def test_a_stream_ends_with_its_token(running: Running, course_id: str) -> None:
    bearer = {"Authorization": f"Bearer {token(str(uuid4()), 'statistics:read', lifetime=timedelta(seconds=5))}"}
    with running.client() as teacher:
        teacher.headers.update(bearer)
        with following(teacher, course_id) as stream:
            while stream.next() is not None:
                pass
        assert teacher.get(f"/statistics/{course_id}/stream").status_code == 401


def test_a_course_that_is_removed_ends_its_streams(running: Running, course_id: str) -> None:
    with running.client(None, "statistics:read", "courses:write") as teacher:
        with following(teacher, course_id) as stream:
            assert stream.next() is not None
            teacher.delete(f"/courses/{course_id}").raise_for_status()
            assert stream.next() is None
        assert teacher.get(f"/statistics/{course_id}/stream").status_code == 404


def test_a_process_refuses_streams_over_its_bound(folder: Path, database_url: str) -> None:
    with (
        forked_headway_serve(folder, database_url=database_url, stream_limit=2) as running,
        ExitStack() as open_streams,
    ):
        course_ids = [running.put_course(course()) for _ in range(3)]
        teachers = [open_streams.enter_context(running.client(None, "statistics:read")) for _ in course_ids]
        for teacher, course_id in zip(teachers[:2], course_ids, strict=False):
            open_streams.enter_context(following(teacher, course_id)).next()
        refused = teachers[2].get(f"/statistics/{course_ids[0]}/stream")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "headway_streams 2.0" in httpx.get(f"{running.base_url}/metrics", timeout=PATIENCE).text
        open_streams.pop_all().close()
        with running.client(None, "statistics:read") as teacher:
            eventually(lambda: "headway_streams 0.0" in httpx.get(f"{running.base_url}/metrics", timeout=PATIENCE).text)
            with following(teacher, course_ids[2]) as stream:
                assert stream.next() is not None


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_stop_ends_streams_at_once_after_a_complete_event(folder: Path, database_url: str, connection: str) -> None:
    with forked_headway_serve(folder, database_url=database_url, shutdown_seconds=NEVER) as running:
        course_id = running.put_course(course())
        with running.client(None, "statistics:read") as teacher:
            teacher.headers["Connection"] = connection
            with following(teacher, course_id) as stream:
                assert stream.next() is not None
                running.process.terminate()
                assert stream.next() is None
        running.process.wait(20)
    assert "Traceback" not in "".join(running.log)


class Followed:
    """A Headway in the tests' own process, with a course, whose readings are counted and may be others."""

    def __init__(self, headway: Headway, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.headway = headway
        self.base_url = base_url
        self.readings = 0
        self.under_way = 0
        self.most_at_once = 0
        self.error: Exception | None = None
        self.document = course()
        self.course_id = str(uuid4())
        with self.client() as client:
            client.put(f"/courses/{self.course_id}", json=self.document).raise_for_status()
        self._read = headway.store.statistics
        monkeypatch.setattr(headway.store, "statistics", self.read)

    async def read(self, course_id: CourseId, first: date, last: date) -> CourseReading:
        self.readings += 1
        if self.error is not None:
            raise self.error
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.sleep(0.02)  # so that of two who read at the same time one finds the other
            return await self._read(course_id, first, last)
        finally:
            self.under_way -= 1

    def client(self) -> httpx.Client:
        headers = authorization(str(uuid4()), "statistics:read", "courses:write")
        return httpx.Client(base_url=self.base_url + PREFIX, headers=headers, timeout=20, verify=False)

    def write(self) -> None:
        with self.client() as client:
            path = f"/progress/{self.course_id}/lessons/{self.document['lessons'][0]['id']}"
            client.put(path, json={}).raise_for_status()

    def counted(self) -> dict[str, int]:
        """How many streams were counted, by status."""
        return counted_requests(self.headway, ROUTE)


@pytest.fixture(params=WAYS_IN)
def followed(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    """Read twenty times a second, by either way in."""
    monkeypatch.setattr(statistics_stream, "READ_SECONDS", 0.05)
    with served_by(request.param, folder) as (headway, base_url):
        yield Followed(headway, base_url, monkeypatch)


def test_one_reading_serves_all_streams_and_none_is_made_without_streams(followed: Followed) -> None:
    with ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(following(open_streams.enter_context(followed.client()), followed.course_id))
            for _ in range(8)
        ]
        assert len({str(stream.next()) for stream in streams}) == 1
        followed.write()
        assert len({str(stream.next_event()) for stream in streams}) == 1
        assert followed.most_at_once == 1
        assert followed.headway.streams.open == 8
    eventually(lambda: followed.headway.streams.open == 0)
    eventually(lambda: not followed.headway.streams._watches)
    readings = followed.readings
    with followed.client() as client:
        for _ in range(50):
            client.get("/progress").raise_for_status()
    assert followed.readings == readings
    assert followed.counted() == {"499": 8}


def test_a_stream_without_changes_sends_comments(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_stream, "COMMENT_SECONDS", 0.2)
    with followed.client() as client, following(client, followed.course_id) as stream:
        assert [getattr(stream.next(), "name", None) for _ in range(3)] == ["statistics", "", ""]


def test_a_stream_continues_after_an_outage_of_the_database(followed: Followed) -> None:
    with followed.client() as client, following(client, followed.course_id) as stream:
        stream.until(learners=0)
        followed.error = StoreUnavailableError()
        followed.write()
        readings = followed.readings
        eventually(lambda: followed.readings > readings + 3)
        followed.error = None
        stream.until(learners=1)


def test_a_stream_without_a_database_is_answered_503(followed: Followed) -> None:
    followed.error = StoreUnavailableError()
    with followed.client() as client:
        assert client.get(f"/statistics/{followed.course_id}/stream").status_code == 503
        followed.error = None
        with following(client, followed.course_id) as stream:
            stream.until(learners=0)


def test_an_internal_error_cuts_streams_off(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "headway.http")
    with followed.client() as client, following(client, followed.course_id) as stream:
        stream.until(learners=0)
        followed.error = RuntimeError("a fault")
        with pytest.raises(httpx.RemoteProtocolError):
            stream.next()
    assert "watch_failed" in {record.msg for record in caplog.records}
    followed.error = None
    with followed.client() as client, following(client, followed.course_id) as stream:
        stream.until(learners=0)


def test_a_client_that_never_reads_is_cut_off_and_delays_no_other(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count()

    def large_event(_figures: bytes) -> Event:
        number = next(numbers)
        return Event(str(number), b"event: statistics\nid: %d\ndata: %b\n\n" % (number, b'"%b"' % (b"x" * 500_000)))

    monkeypatch.setattr(statistics, "event_of", large_event)
    monkeypatch.setattr(statistics, "PATIENCE_SECONDS", 1.0)
    address = urlsplit(followed.base_url)
    with socket.socket() as lazy, followed.client() as client:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((address.hostname, address.port))
        head = f"GET {PREFIX}/statistics/{followed.course_id}/stream HTTP/1.1\r\nHost: x\r\n"
        lazy.sendall(f"{head}Authorization: {client.headers['Authorization']}\r\n\r\n".encode())
        with following(client, followed.course_id) as stream:
            for _ in range(40):
                assert stream.next_event() is not None
            eventually(lambda: followed.counted() == {"408": 1})
        # What waited for it was no more than a few events, however many there were.
        assert _taken(lazy) < 10 * 500_000
        eventually(lambda: followed.headway.streams.open == 0)


def _taken(connection: socket.socket) -> int:
    """How many bytes there still are to read until the other side has hung up."""
    connection.settimeout(20)
    taken = 0
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            taken += len(part)
    return taken


async def test_one_subject_can_not_use_all_streams() -> None:
    streams = statistics_stream.Streams(limit=40)

    async def read() -> Event:
        return Event("state", b"figures")

    async def follow(principal: Principal) -> AsyncGenerator[bytes, None]:
        chunks = streams.follow(Watched(COURSE, None), read, "", principal)
        await anext(chunks)
        return chunks

    greedy = [await follow(SOMEBODY) for _ in range(10)]
    with pytest.raises(TooManyStreamsError):
        await follow(SOMEBODY)
    others = [await follow(Principal(LearnerId(str(uuid4())))) for _ in range(30)]
    with pytest.raises(TooManyStreamsError):
        await follow(Principal(LearnerId(str(uuid4()))))
    await greedy.pop().aclose()
    for chunks in (await follow(SOMEBODY), *greedy, *others):
        await chunks.aclose()
    assert streams.open == 0


async def test_no_stream_begins_while_the_service_stops() -> None:
    streams = statistics_stream.Streams(limit=1)

    async def never() -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    chunks = streams.follow(Watched(COURSE, None), never, "", SOMEBODY)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    streams.end()
    with pytest.raises(UnavailableError):
        await first
    assert streams.open == 0
    with pytest.raises(UnavailableError):
        await anext(streams.follow(Watched(COURSE, None), never, "", SOMEBODY))
