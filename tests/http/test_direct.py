"""Requests that the connection answers itself, below ASGI: which they are, and that nothing is lost by it."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest

from headway import Settings
from headway.app import Headway
from headway.formats.progress import CourseSummary
from headway.http.engine.deadlines import ConnectionLimits
from headway.http.engine.replies import PIECE_BYTES
from headway.logs import REQUEST_ID
from headway.service import ProgressService
from support.asgi import lifespan
from support.connection import MOST_UNSENT, Connection, until
from support.probes import counted_requests
from support.running import PREFIX, SECRET, authorization, course

LEARNER: Final = "a learner of the direct way"
AUTHORIZED: Final = authorization(LEARNER)["Authorization"]
OF_AUTHOR: Final = authorization("an author", "courses:write")["Authorization"]
PUT_ROUTE: Final = f"{PREFIX}/progress/{{course_id}}/lessons/{{lesson_id}}"
SUMMARY_ROUTE: Final = f"{PREFIX}/progress/{{course_id}}/summary"


def request(
    method: str, path: str, *lines: str, body: bytes | None = None, version: str = "1.1", by: str = AUTHORIZED
) -> bytes:
    """Return a request as it stands on the wire, with its body's length where it has one."""
    head = [f"{method} {PREFIX}{path} HTTP/{version}", "Host: x", f"Authorization: {by}", *lines]
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*head, "", "")).encode() + (body or b"")


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def ids(answers: bytes) -> list[bytes]:
    return re.findall(rb"x-request-id: ([^\r]*)\r\n", answers)


def body_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@dataclass(frozen=True)
class Service:
    """A started service with a course, and connections with it."""

    headway: Headway
    connect: Callable[..., Connection]
    course_path: str
    lesson_paths: list[str]

    @property
    def lesson_path(self) -> str:
        return self.lesson_paths[0]

    def put(self, *lines: str, body: bytes = b'{"progress_percentage": 40}') -> bytes:
        return request("PUT", self.lesson_path, *lines, body=body)

    def counted(self, route: str = PUT_ROUTE) -> dict[str, int]:
        return counted_requests(self.headway, route)

    async def percentage(self) -> float | None:
        """The stored percentage of the first lesson, asked on another connection; `None` where nothing is stored."""
        connection = self.connect()
        connection.give(request("GET", self.lesson_path))
        answer = await connection.answered()
        await connection.hang_up()
        return body_of(answer)["progress_percentage"] if statuses(answer) == [200] else None


@asynccontextmanager
async def started(database_url: str, **settings: Any) -> AsyncIterator[Service]:
    headway = Headway(Settings(database_url=database_url, jwt_secret=SECRET, log_requests="all", **settings))
    app = headway.asgi()
    connections: list[Connection] = []
    async with lifespan(app) as state:

        def connect(**options: Any) -> Connection:
            connections.append(Connection(app, state, **options))
            return connections[-1]

        document = course()
        course_id = uuid4()
        author = connect()
        author.give(request("PUT", f"/courses/{course_id}", body=json.dumps(document).encode(), by=OF_AUTHOR))
        assert statuses(await author.answered()) == [200]
        path = f"/progress/{course_id}"
        yield Service(headway, connect, path, [f"{path}/lessons/{lesson['id']}" for lesson in document["lessons"]])
        for connection in connections:
            await connection.hang_up()


@pytest.fixture
async def service(database_url: str, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Service]:
    """Yield a service, and check that it logs no error: nor does the event loop, of an exception that was not taken."""
    async with started(database_url) as service:
        yield service
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# Which way


async def test_hot_operations_are_answered_without_asgi(service: Service) -> None:
    connection = service.connect()
    sent = [
        service.put(),
        service.put("Connection: keep-alive", "Upgrade: h2c", body=b""),
        request("GET", service.course_path),
        request("GET", f"{service.course_path}/summary?explain=true"),
    ]
    answered = []
    for one in sent:
        connection.give(one)
        answered += statuses(await connection.answered())
    assert answered == [200, 422, 200, 200]
    assert connection.scopes == []
    assert connection.is_open


@pytest.mark.parametrize(
    ("lines", "body", "version"),
    [
        (["Expect: 100-continue"], b"{}", "1.1"),
        (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n", "1.1"),
        ([], b"{}" + b" " * 4096, "1.1"),
        (["Connection: close"], b"{}", "1.1"),
        ([], b"{}", "1.0"),
        (["Connection: keep-alive"], b"{}", "1.0"),
    ],
    ids=["expect", "chunked", "over-4-KiB", "close", "HTTP/1.0", "HTTP/1.0-keep-alive"],
)
async def test_other_writes_are_answered_by_asgi(service: Service, lines: list[str], body: bytes, version: str) -> None:
    is_chunked = "Transfer-Encoding: chunked" in lines
    head = request("PUT", service.lesson_path, *lines, body=None if is_chunked else body, version=version)
    connection = service.connect()
    connection.give(head + body if is_chunked else head)
    answers = await connection.answered()
    assert [status for status in statuses(answers) if status != 100] == [200]
    assert [scope["method"] for scope in connection.scopes] == ["PUT"]


async def test_other_requests_are_answered_by_asgi(service: Service) -> None:
    connection = service.connect()
    sent = [
        request("GET", service.course_path.replace("-", "%2D")),
        request("GET", f"{service.course_path}#fragment"),
        request("GET", service.course_path, body=b"{}"),
        request("HEAD", service.course_path),
        request("GET", service.lesson_path),
        request("GET", "/progress"),
    ]
    for one in sent:
        connection.give(one)
        await connection.answered()
    assert len(connection.scopes) == len(sent)


async def test_a_request_behind_an_unanswered_one_is_answered_by_asgi(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put() + request("GET", service.course_path))
    assert statuses(await connection.answered(2)) == [200, 200]
    assert [scope["method"] for scope in connection.scopes] == ["GET"]


async def test_only_a_request_of_another_origin_passes_the_cors_middleware(database_url: str) -> None:
    async with started(database_url, cors_origins=["https://pages.example"]) as service:
        connection = service.connect()
        connection.give(service.put())
        assert b"access-control" not in await connection.answered()
        assert connection.scopes == []
        connection.give(service.put("Origin: https://pages.example"))
        assert b"access-control-allow-origin: https://pages.example\r\n" in await connection.answered()
        assert len(connection.scopes) == 1


async def test_with_cors_every_answer_varies_with_the_origin(database_url: str) -> None:
    async with started(database_url, cors_origins=["https://pages.example"]) as service:
        connection = service.connect()
        summary = f"{service.course_path}/summary"
        for status, asked in (
            (200, service.put()),
            (304, request("GET", summary, "If-None-Match: *")),
            (401, request("GET", summary, by="Bearer nobody")),
        ):
            connection.give(asked)
            answer = await connection.answered()
            assert statuses(answer) == [status]
            assert answer.lower().count(b"\r\nvary: origin\r\n") == 1
        assert connection.scopes == []


async def test_without_cors_an_origin_does_not_matter(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put("Origin: https://pages.example"))
    answer = await connection.answered()
    assert statuses(answer) == [200]
    assert b"\r\nvary:" not in answer
    assert connection.scopes == []


# One connection, several requests


async def test_requests_after_one_another_are_answered_on_one_connection(service: Service) -> None:
    connection = service.connect()
    for percentage in (10, 20, 30):
        connection.give(service.put(body=b'{"progress_percentage": %d}' % percentage))
        assert body_of(await connection.answered())["progress_percentage"] == percentage
    assert (connection.scopes, connection.is_open) == ([], True)


async def test_three_writes_in_one_segment_are_answered_in_order(service: Service) -> None:
    connection = service.connect()
    writes = [
        service.put(f"X-Request-ID: {percentage}", body=b'{"progress_percentage": %d}' % percentage)
        for percentage in (10, 20, 30)
    ]
    connection.give(b"".join(writes))
    answers = await connection.answered(3)
    assert re.findall(rb'"progress_percentage":(\d+)', answers) == ids(answers) == [b"10", b"20", b"30"]
    assert service.counted() == {"200": 3}


async def test_a_body_may_arrive_in_pieces(service: Service) -> None:
    connection = service.connect()
    sent = service.put()
    for at in range(len(sent)):
        connection.give(sent[at : at + 1])
        await asyncio.sleep(0)
    assert body_of(await connection.answered())["progress_percentage"] == 40
    assert connection.scopes == []


async def test_an_answer_waits_for_a_client_that_does_not_read(service: Service) -> None:
    connection = service.connect(reads=False)
    asked: list[bytes] = []

    def summary() -> bytes:
        asked.append(b"%d" % len(asked))
        return request("GET", f"{service.course_path}/summary", f"X-Request-ID: {asked[-1].decode()}")

    connection.give(b"".join(summary() for _ in range(40)))
    await until(lambda: connection.protocol.flow.write_paused)
    one_answer = len(connection.transport.written) / connection.server.total_requests
    while connection.transport.reading:
        connection.give(summary())
        assert len(asked) <= 42, "the server reads on"
    assert connection.transport.get_write_buffer_size() <= MOST_UNSENT + one_answer
    connection.transport.read()
    assert ids(await connection.answered(len(asked))) == asked
    assert service.counted(SUMMARY_ROUTE) == {"200": len(asked)}


async def test_a_client_that_does_not_read_may_hang_up(service: Service) -> None:
    connection = service.connect(reads=False)
    connection.give(request("GET", f"{service.course_path}/summary") * 40)
    await until(lambda: connection.protocol.flow.write_paused)
    await connection.hang_up()
    assert not connection.server.tasks


async def test_a_long_list_is_sent_in_pieces(service: Service) -> None:
    connection = service.connect()
    document = json.dumps({"metadata": {"text": "x" * 16_000}, "user_notes": "x" * 10_000}).encode()
    for path in service.lesson_paths:
        connection.give(request("PUT", path, body=document))
        assert statuses(await connection.answered()) == [200]
    connection.scopes.clear()
    connection.give(request("GET", service.course_path))
    answer = await connection.answered()
    assert len(answer) > PIECE_BYTES
    assert len(body_of(answer)) == len(service.lesson_paths)
    assert connection.scopes == []


# Limits and refusals


async def test_a_body_that_is_too_large_is_refused(service: Service) -> None:
    connection = service.connect()
    connection.give(request("PUT", service.lesson_path, "Content-Length: 65537"))
    answer = await connection.answered()
    assert (statuses(answer), body_of(answer)["code"]) == ([413], "body_too_large")
    assert not connection.is_open


async def test_a_head_that_is_too_large_is_refused(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put(f"X-Long: {'x' * 65 * 1024}"))
    answer = await connection.answered()
    assert (statuses(answer), body_of(answer)["code"]) == ([431], "head_too_large")
    assert not connection.is_open
    assert service.counted() == {}


async def test_a_body_has_to_arrive_in_time(service: Service) -> None:
    connection = service.connect(limits=ConnectionLimits(body_seconds=0.05))
    connection.give(service.put()[:-1])
    answer = await connection.answered()
    assert (statuses(answer), body_of(answer)["code"]) == ([408], "request_timeout")
    await connection.hang_up()
    assert (service.counted(), await service.percentage()) == ({"499": 1}, None)


async def test_a_refusal_does_not_wait_for_the_body(service: Service) -> None:
    connection = service.connect()
    nobodys = request("PUT", service.lesson_path, body=b"{}", by="Bearer nobody's")
    connection.give(nobodys[:-2])
    assert statuses(await connection.answered()) == [401]
    connection.give(nobodys[-2:-1], nobodys[-1:] + service.put())
    assert statuses(await connection.answered()) == [200]
    assert (connection.scopes, service.counted()) == ([], {"200": 1, "401": 1})


async def test_a_request_after_one_that_is_no_request_is_not_answered(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put() + b"\0\0 no request\r\n\r\n")
    answers = await connection.answered(2)
    assert statuses(answers) == [200, 400]
    assert not connection.is_open


async def test_an_error_is_answered_and_logged(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object) -> CourseSummary:
        raise RuntimeError("It does not work.")

    monkeypatch.setattr(ProgressService, "summary", failing)
    async with started(database_url) as service:
        connection = service.connect()
        connection.give(request("GET", f"{service.course_path}/summary", "X-Request-ID: failing"))
        answer = await connection.answered()
    assert (statuses(answer), body_of(answer)["code"]) == ([500], "internal_error")
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert (record.message, record.__dict__["request_id"]) == ("request_failed", "failing")


async def test_a_handler_may_let_the_event_loop_turn(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = ProgressService.summary

    async def in_turns(*arguments: Any) -> Any:
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: None)
        await asyncio.sleep(0)
        return await summary(*arguments)

    monkeypatch.setattr(ProgressService, "summary", in_turns)
    connection = service.connect()
    connection.give(request("GET", f"{service.course_path}/summary"))
    assert statuses(await connection.answered()) == [200]
    assert connection.scopes == []


# Clients that are gone


async def test_a_body_that_breaks_off_stores_nothing(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put()[:-1])
    await connection.hang_up()
    assert connection.taken() == b""
    assert (service.counted(), await service.percentage()) == ({"499": 1}, None)


async def test_a_write_whose_client_is_gone_is_stored(service: Service) -> None:
    connection = service.connect()
    connection.give(service.put())
    assert connection.server.tasks, "the write is answered before it is stored"
    await connection.hang_up()
    assert connection.taken() == b""
    assert (service.counted(), await service.percentage()) == ({"200": 1}, 40)


# Stopping


async def test_a_write_under_way_is_answered_when_the_service_stops(service: Service) -> None:
    connection, idle = service.connect(), service.connect()
    connection.give(service.put())
    for one in (connection, idle):
        one.protocol.shutdown()
    answer = await connection.answered()
    assert statuses(answer) == [200]
    assert b"\r\nconnection: close\r\n" in answer
    assert not connection.is_open
    assert not idle.is_open
    assert await service.percentage() == 40


@pytest.mark.parametrize("arrived", ["all", "a part"])
@pytest.mark.parametrize("direct", [True, False])
async def test_a_write_that_takes_longer_than_the_stop_is_refused(service: Service, direct: bool, arrived: str) -> None:
    connection = service.connect(direct=direct)
    connection.give(service.put() if arrived == "all" else service.put()[:-1])
    await asyncio.sleep(0)  # ASGI's task begins
    connection.protocol.shutdown()
    for task in connection.server.tasks:
        task.cancel(msg="The time to stop is over.")
    answer = await connection.answered()
    assert (statuses(answer), body_of(answer)["code"]) == ([503], "stopping")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert not connection.is_open
    assert service.counted() == {"503": 1}


async def _turn() -> None:
    await asyncio.sleep(0)


async def _end_a_wait() -> None:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over.get_loop().call_soon(over.set_result, None)
    await over


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("wait", [_turn, _end_a_wait])
@pytest.mark.parametrize("direct", [True, False])
async def test_the_end_of_the_stop_is_not_missed_between_two_waits(
    service: Service, monkeypatch: pytest.MonkeyPatch, direct: bool, wait: Callable[[], Awaitable[None]], turns: int
) -> None:
    async def waiting(*_: object) -> None:
        while True:
            await wait()

    monkeypatch.setattr(ProgressService, "summary", waiting)
    connection = service.connect(direct=direct)
    connection.give(request("GET", f"{service.course_path}/summary"))
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in connection.server.tasks:
        task.cancel(msg="The time to stop is over.")
    assert statuses(await connection.answered()) == [503]


# What is observed


async def test_each_request_is_counted_once_and_logged_with_its_own_id(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "headway.http")
    caplog.clear()
    unknown = service.lesson_path[:-36] + str(uuid4())
    connections = [service.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        path = service.lesson_path if number % 2 else unknown
        by = authorization(f"learner {number}")["Authorization"]
        connection.give(request("PUT", path, f"X-Request-ID: id-{number}", body=b"{}", by=by))
    assert REQUEST_ID.get() is None
    answers = [await connection.answered() for connection in connections]
    expected = {f"id-{number}": 200 if number % 2 else 404 for number in range(20)}
    assert {ids(one)[0].decode(): statuses(one)[0] for one in answers} == expected
    lines = [record.__dict__ for record in caplog.records if record.message == "request"]
    assert sorted((line["request_id"], line["status"]) for line in lines) == sorted(expected.items())
    assert {(line["method"], line["route"]) for line in lines} == {("PUT", PUT_ROUTE)}
    assert service.counted() == {"200": 10, "404": 10}


async def test_a_request_without_an_id_gets_one_of_its_own(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "headway.http")
    caplog.clear()
    connection = service.connect()
    connection.give(service.put() * 3)
    given = [one.decode() for one in ids(await connection.answered(3))]
    assert len(set(given)) == 3
    assert [record.__dict__["request_id"] for record in caplog.records if record.message == "request"] == given
