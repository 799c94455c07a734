"""Bounds on the memory and time that one caller can use."""

import json
import re
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from starlette.types import Message

from headway.domain.course_progress import LessonsStamp
from headway.domain.identifiers import CourseId, LearnerId
from headway.formats.progress_file import IMPORT_BODY_BYTES
from headway.http.engine.replies import RenderedLists, json_reply
from headway.http.engine.requests import BodyBudget, BodyTooLargeError, HeldBody, TooManyBodiesError, Upload
from support.running import PREFIX, Running, authorization, course, headway_serve

pytestmark = pytest.mark.slow


@pytest.fixture
def connection(running: Running) -> Iterator[socket.socket]:
    address = urlsplit(running.base_url)
    with closing(socket.create_connection((address.hostname, address.port), timeout=10)) as connected:
        yield connected


def test_cached_lists_are_bounded_however_small_each_is() -> None:
    lists = RenderedLists(kept_bytes=100_000)
    keys = [(LearnerId(str(uuid4())), CourseId(str(uuid4()))) for _ in range(1_000)]
    stamp = LessonsStamp(1, None)
    for key in keys:
        lists.keep(key, stamp, json_reply([]))
    kept = [key for key in keys if lists.find(key, stamp)]
    assert kept == keys[-len(kept) :]
    assert 0 < len(kept) < 100


def test_a_cached_list_of_an_old_state_is_not_answered() -> None:
    lists = RenderedLists()
    key = (LearnerId("a"), CourseId("b"))
    lists.keep(key, LessonsStamp(1, 1), json_reply([]))
    assert lists.find(key, LessonsStamp(1, 1)) == json_reply([])
    assert lists.find(key, LessonsStamp(1, 2)) is None
    assert lists.find(key, LessonsStamp(2, 1)) is None


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nx-long: ", b"GET /"], ids=["header", "path"])
def test_a_head_without_an_end_is_cut_off(connection: socket.socket, start: bytes) -> None:
    connection.sendall(start)
    answer = b""
    for _ in range(1_000):
        try:
            connection.sendall(b"x" * 10_000)
        except (BrokenPipeError, ConnectionResetError):
            break
        connection.setblocking(False)
        with suppress(BlockingIOError, ConnectionResetError):
            answer += connection.recv(1_000)
        connection.settimeout(10)
        if answer:
            break
    else:
        pytest.fail("ten megabytes of a head were taken")
    assert answer.startswith(b"HTTP/1.1 431 ") or not answer


def test_many_pipelined_requests_are_not_a_head_too_large(connection: socket.socket) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in (authorization(str(uuid4())) | {"Host": "x"}).items())
    request = f"GET {PREFIX}/progress HTTP/1.1\r\n{headers}\r\n".encode()
    connection.sendall(request * 400)
    answers = b""
    while answers.count(b"HTTP/1.1 200 ") < 400:
        received = connection.recv(100_000)
        assert received, answers[-300:]
        answers += received
    assert answers.count(b"HTTP/1.1 ") == 400


def test_a_content_length_of_many_digits_is_accepted(running: Running, connection: socket.socket) -> None:
    document = course()
    course_id = running.put_course(document)
    path = f"{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
    headers = authorization(str(uuid4())) | {"Host": "x", "Content-Length": "0" * 5_000 + "2"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"PUT {path} HTTP/1.1\r\n{head}\r\n{{}}".encode())
    assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")


KIB, MIB = 1024, 1024 * 1024


def test_large_bodies_leave_a_quarter_of_the_memory_to_small_ones() -> None:
    budget = BodyBudget(16 * MIB)
    with HeldBody(budget, 10 * MIB) as large, ExitStack() as small:
        large.grow(10 * MIB)
        with HeldBody(budget, 10 * MIB) as other:
            with pytest.raises(TooManyBodiesError):
                other.grow(3 * MIB)
            other.grow(2 * MIB)
            for _ in range(64):
                small.enter_context(HeldBody(budget, 64 * KIB)).grow(64 * KIB)
            with pytest.raises(TooManyBodiesError):
                small.enter_context(HeldBody(budget, 64 * KIB)).grow(64 * KIB)
            small.enter_context(HeldBody(budget, 64 * KIB)).grow(4 * KIB)
    assert budget.held == 0


def test_a_body_is_counted_once_however_it_arrives() -> None:
    budget = BodyBudget(16 * MIB)
    with HeldBody(budget, 64 * KIB) as held:
        for size in (0, 4 * KIB, 5 * KIB, 60 * KIB, 7 * KIB):
            held.grow(size)
        assert budget.held == 60 * KIB
        with pytest.raises(BodyTooLargeError):
            held.grow(64 * KIB + 1)
    assert budget.held == 0


async def test_an_upload_is_counted_until_its_file_is_gone(tmp_path: Path) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"a" * 5 * KIB, "more_body": False}

    budget = BodyBudget(16 * MIB)
    async with Upload(receive, {}, budget).received(MIB, tmp_path) as file:
        assert (file.tell(), budget.held) == (5 * KIB, 5 * KIB)
    assert budget.held == 0


def _resident_kib(running: Running) -> int:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])


def _begin_import(service: Running, admin: dict[str, str], length_line: str, body: bytes) -> socket.socket:
    """Send as much of an import as the service takes, and return the connection."""
    lines = [f"POST {PREFIX}/progress/import HTTP/1.1", "Host: x", "Content-Type: application/x-ndjson", length_line]
    lines += [f"{name}: {value}" for name, value in admin.items()]
    address = urlsplit(service.base_url)
    connected = socket.create_connection((address.hostname, address.port), timeout=20)
    with suppress(OSError):  # who is refused may find the connection closed
        connected.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connected


def _whole_refusal(connected: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"}"):
        received = connected.recv(64 * KIB)
        assert received, answer
        answer += received
    return answer


def _all_but_one_refused(connections: list[socket.socket]) -> tuple[socket.socket, list[bytes]]:
    """Return the connection that has no answer, and the answers of the others."""
    waiting = set(connections)
    answers: list[bytes] = []
    while len(waiting) > 1:
        readable, _, _ = select.select(list(waiting), [], [], 20)
        assert readable, answers
        answers += [_whole_refusal(one) for one in readable]
        waiting.difference_update(readable)
    [left] = waiting
    return left, answers


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_all_bodies_together_stay_within_their_memory(folder: Path, chunked: bool) -> None:
    admin = authorization(str(uuid4()), "learners:admin")
    body = b"\n" * (IMPORT_BODY_BYTES - 1)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {IMPORT_BODY_BYTES}"
    sent = b"%x\r\n%b" % (IMPORT_BODY_BYTES, body) if chunked else body
    with headway_serve(folder, body_mib=16) as service, ExitStack() as open_connections:
        document = course()
        path = f"/progress/{service.put_course(document)}/lessons/{document['lessons'][0]['id']}"
        learner = open_connections.enter_context(service.client())
        assert learner.put(path, json={}).status_code == 200
        before = _resident_kib(service)
        connections = [
            open_connections.enter_context(closing(_begin_import(service, admin, length, sent))) for _ in range(9)
        ]
        taken, answers = _all_but_one_refused(connections)
        assert [answer[:13] for answer in answers] == [b"HTTP/1.1 503 "] * 8
        assert all(b'"code":"too_many_bodies"' in answer and b"retry-after: 1" in answer for answer in answers)
        assert _resident_kib(service) - before < 40 * KIB
        for size in (2, 60_000):
            assert learner.put(path, content=json.dumps({"status": "in_progress"}).ljust(size)).status_code == 200
        taken.sendall(b"\n\r\n0\r\n\r\n" if chunked else b"\n")
        assert taken.recv(64 * KIB).startswith(b"HTTP/1.1 200 ")
        with service.client(str(uuid4()), "learners:admin") as client:
            kind = {"Content-Type": "application/x-ndjson"}
            assert client.post("/progress/import", content=body, headers=kind).status_code == 200


def test_an_unknown_content_type_is_refused_before_the_file_is_read(connection: socket.socket) -> None:
    lines = [f"{name}: {value}" for name, value in authorization(str(uuid4()), "learners:admin").items()]
    lines += ["Host: x", "Content-Type: application/pdf", f"Content-Length: {5 * MIB}"]
    connection.sendall("\r\n".join((f"POST {PREFIX}/progress/import HTTP/1.1", *lines, "", "")).encode())
    assert connection.recv(64 * KIB).startswith(b"HTTP/1.1 415 ")
