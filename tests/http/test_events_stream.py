"""The feed of events as server-sent events: real clients, both stores, service and mounted router."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from headway.app import Headway
from headway.domain.errors import CursorExpiredError, HeadwayError, StoreUnavailableError
from headway.domain.events import EventFilter, Feed
from headway.http.api import events
from support.events import Event, Follower
from support.feed import Reader, Taught, following_events
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, Running, authorization, eventually, token
from support.serving import WAYS_IN, served_by

pytestmark = pytest.mark.slow

FIRST = ["enrolment.created", "course.started", "lesson.started", "lesson.completed"]
NEVER = 600
"""Seconds that no test waits: a stop that waits for a stream does not end here."""


def taken(stream: Follower, count: int) -> list[Event]:
    """Return the next events of a stream."""
    found = [stream.next_event() for _ in range(count)]
    assert None not in found
    return [event for event in found if event is not None]


@pytest.fixture
def reader(running: Running) -> Iterator[httpx.Client]:
    with running.client(None, "events:read") as client:
        yield client


@pytest.fixture
def taught(running: Running) -> Iterator[Taught]:
    with running.client(None, "courses:write") as author, running.client() as learner:
        yield Taught(author, learner)


def test_a_stream_tells_what_happens_from_now_on(reader: httpx.Client, taught: Taught) -> None:
    taught.feed(reader)
    with following_events(reader, course=taught.course_id) as stream:
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        first = stream.next()
        assert first is not None
        assert (first.name, first.data) == ("", None)
        taught.complete()
        told = taken(stream, 4)
    assert [event.name for event in told] == FIRST
    page = Reader(reader, first.id, course=taught.course_id).page()
    assert [event.data for event in told] == page["events"]
    assert told[-1].id == page["next"]


def test_a_client_that_connects_again_misses_nothing_and_gets_nothing_twice(
    reader: httpx.Client, taught: Taught
) -> None:
    types = ",".join({"course.published", *FIRST})  # other tests erase learners, and everybody is told of that
    with following_events(reader, after="0", course=taught.course_id, types=types) as stream:
        [published] = taken(stream, 1)
    assert published.name == "course.published"
    taught.complete()
    last, names, ids = published.id, [], set()
    for _ in range(4):
        with following_events(reader, last, after="0", course=taught.course_id, types=types) as stream:
            [event] = taken(stream, 1)
        last = event.id
        names.append(event.name)
        ids.add(event.data["id"])
    assert names == FIRST
    assert len(ids) == 4
    taught.complete(1)
    with following_events(reader, after=last, course=taught.course_id, types=types) as stream:
        assert [event.name for event in taken(stream, 2)] == ["lesson.started", "lesson.completed"]


def test_a_stream_is_refused_as_a_page_is(reader: httpx.Client, running: Running) -> None:
    asked = {"Accept": "text/event-stream"}
    with running.client() as learner:
        assert learner.get("/events", headers=asked).status_code == 403
    assert reader.get("/events?after=never", headers=asked).status_code == 422
    gone = reader.get("/events", headers=asked | {"Last-Event-ID": str(10**17)})
    assert (gone.status_code, gone.json()["code"]) == (410, "cursor_expired")
    wrong = reader.get("/events", headers=asked | {"Last-Event-ID": "5f0c31bd"})
    assert wrong.status_code == 422
    [fault] = wrong.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["header", "Last-Event-ID"], "cursor_parsing")


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("*/*", False), ("application/json", False), ("application/json, text/event-stream", False), ("", False),
        ("text/event-stream", True), ("text/event-stream, */*;q=0.1", True), ("text/*", False),
        ("application/json;q=0.5, text/event-stream", True), ("text/event-stream;q=0", False),
    ],
)  # fmt: skip
def test_accept_decides(reader: httpx.Client, accept: str, is_stream: bool) -> None:
    with reader.stream("GET", "/events", headers={"Accept": accept}) as answer:
        assert answer.headers["content-type"] == ("text/event-stream" if is_stream else "application/json")
        assert answer.headers["vary"] == "Accept"


def test_a_stream_ends_with_its_token(running: Running) -> None:
    bearer = {"Authorization": f"Bearer {token(str(uuid4()), 'events:read', lifetime=timedelta(seconds=5))}"}
    with running.client() as reader:
        reader.headers.update(bearer)
        with following_events(reader) as stream:
            while stream.next() is not None:
                pass
        assert reader.get("/events").status_code == 401


@pytest.mark.parametrize(
    ("accept", "query"), [("text/event-stream", ""), ("application/json", "?after=newest&wait=30")]
)
def test_a_stop_ends_streams_and_waiting_readers(folder: Path, database_url: str, accept: str, query: str) -> None:
    with forked_headway_serve(folder, database_url=database_url, shutdown_seconds=NEVER) as running:
        headers = authorization(str(uuid4()), "events:read") | {"Accept": accept}
        with ThreadPoolExecutor() as others:
            answer = others.submit(
                httpx.get, f"{running.base_url}{PREFIX}/events{query}", headers=headers, timeout=60, verify=False
            )
            eventually(lambda: "headway_streams 1.0" in httpx.get(f"{running.base_url}/metrics", timeout=PATIENCE).text)
            running.process.terminate()
            assert answer.result().status_code == 200
        running.process.wait(20)
    assert "Traceback" not in "".join(running.log)


def test_streams_and_waiting_readers_are_bounded(folder: Path, database_url: str) -> None:
    with (
        forked_headway_serve(folder, database_url=database_url, stream_limit=1) as running,
        running.client(None, "events:read") as reader,
        running.client(None, "events:read") as other,
    ):
        with following_events(reader) as stream:
            assert stream.next() is not None
            for accept, query in (("text/event-stream", ""), ("application/json", "?wait=5")):
                refused = other.get(f"/events{query}", headers={"Accept": accept})
                assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
            assert other.get("/events").status_code == 200
        eventually(lambda: other.get("/events?wait=1").status_code == 200)


class Watched:
    """A Headway in the tests' own process, whose feed the tests read in its stead."""

    def __init__(self, headway: Headway, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.headway = headway
        self.error: HeadwayError | None = None
        self.looks = 0
        self.readings = 0
        self._read = headway.store.events.read
        self._newest = headway.store.events.newest
        monkeypatch.setattr(headway.store.events, "read", self.read)
        monkeypatch.setattr(headway.store.events, "newest", self.newest)
        self.base_url = base_url
        self.clients = ExitStack()
        self.taught = Taught(self.client("courses:write"), self.client())

    def client(self, *scopes: str) -> httpx.Client:
        headers = authorization(str(uuid4()), *scopes)
        made = httpx.Client(base_url=self.base_url + PREFIX, headers=headers, timeout=20, verify=False)
        return self.clients.enter_context(made)

    async def read(self, after: int, limit: int, only: EventFilter) -> Feed:
        self.readings += 1
        if self.error is not None:
            raise self.error
        return await self._read(after, limit, only)

    async def newest(self) -> int:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return await self._newest()


@pytest.fixture(params=WAYS_IN)
def watched(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Yield it by either way in, with streams that look twenty times a second."""
    monkeypatch.setattr(events, "READ_SECONDS", 0.05)
    with served_by(request.param, folder) as (headway, base_url):
        found = Watched(headway, base_url, monkeypatch)
        with found.clients:
            yield found


def test_service_and_router_tell_the_same(watched: Watched) -> None:
    client = watched.client("events:read")
    with following_events(client, after="0") as stream:
        watched.taught.complete()
        told = taken(stream, 5)
    assert [event.name for event in told] == ["course.published", *FIRST]
    page = Reader(client, "0").page()
    assert [event.data for event in told] == page["events"]
    assert client.get("/events?limit=0").status_code == 422
    assert httpx.get(f"{watched.base_url}{PREFIX}/schemas/events", timeout=PATIENCE).json()["title"] == "EventDocument"


def test_a_stream_goes_on_after_an_outage_of_the_database(watched: Watched) -> None:
    with following_events(watched.client("events:read"), after="0") as stream:
        assert taken(stream, 1)[0].name == "course.published"
        watched.error = StoreUnavailableError()
        watched.taught.complete()
        looks = watched.looks
        eventually(lambda: watched.looks > looks + 1)
        watched.error = None
        assert [event.name for event in taken(stream, 4)] == FIRST


def test_a_stream_is_closed_where_its_cursor_expires(watched: Watched) -> None:
    with following_events(watched.client("events:read"), after="0") as stream:
        taken(stream, 1)
        watched.error = CursorExpiredError()
        with pytest.raises(httpx.RemoteProtocolError):
            stream.next_event()
    eventually(lambda: watched.headway.streams.open == 0)


def test_a_quiet_stream_says_its_cursor_now_and_then(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "COMMENT_SECONDS", 0.2)
    with following_events(watched.client("events:read"), course=str(uuid4())) as stream:
        ids = []
        for _ in range(3):
            message = stream.next()
            assert message is not None
            assert (message.name, message.data) == ("", None)
            ids.append(int(message.id))
        watched.taught.complete()
        eventually(lambda: int(getattr(stream.next(), "id", 0)) >= ids[0] + 4)


def test_all_who_wait_share_a_look_and_nobody_looks_without_them(watched: Watched) -> None:
    watched.taught.feed(watched.client("events:read"))
    course_id = watched.taught.course_id
    with ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(following_events(watched.client("events:read"), course=course_id))
            for _ in range(8)
        ]
        assert all(stream.next() for stream in streams)
        looks, readings = watched.looks, watched.readings
        eventually(lambda: watched.looks > looks + 2)
        assert watched.readings == readings
        watched.taught.complete()
        assert [[event.name for event in taken(stream, 4)] for stream in streams] == [FIRST] * 8
    eventually(lambda: watched.headway.streams.open == 0)
    looks = watched.looks
    watched.taught.complete(1)
    assert watched.looks == looks


def test_a_reader_for_whom_nothing_is_moves_on_over_ten_thousand_others(
    running: Running, reader: httpx.Client, taught: Taught
) -> None:
    """Each event of the course is left out. A page looks at a bounded number of them."""
    feed = taught.feed(reader)
    begun = int(feed.after)
    write_many(running, taught)
    eventually(lambda: int(Reader(reader).after) >= begun + 10_500, 60)
    newest = Reader(reader)
    other = Reader(reader, str(begun), course=str(uuid4()))
    page = other.page()
    assert page["events"] == []
    assert page["more"] is True
    assert begun + 10_000 <= int(page["next"]) < int(newest.after)
    page = other.page()
    assert (page["events"], page["more"]) == ([], False)
    with following_events(reader, str(begun), course=str(uuid4())) as stream:
        first = stream.next()
        assert first is not None
        assert int(first.id) >= begun + 10_000
        following = stream.next()
        assert following is not None
        assert int(following.id) > int(first.id)


def write_many(running: Running, taught: Taught) -> None:
    """Let an import of completed lessons tell over 10,500 events."""
    lines = ["user_id,course_id,lesson_id,status"]
    for _ in range(1_200):
        learner = uuid4()
        lines += [f"{learner},{taught.course_id},{lesson},completed" for lesson in taught.lessons]
    with running.client(None, "learners:admin") as admin:
        admin.timeout = 120
        answer = admin.post("/progress/import", content="\n".join(lines), headers={"Content-Type": "text/csv"})
        answer.raise_for_status()
