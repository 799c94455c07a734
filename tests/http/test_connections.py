"""Connections: the order of answers, bounds on what a client sends, and what closes a connection."""

import asyncio
import json
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from starlette.types import Message

from headway.http.engine.replies import PIECE_BYTES, Reply
from headway.http.engine.streaming import send_in_pieces
from headway.server.serving import connection_limits
from headway.settings import Settings
from support.program import forked_headway_serve
from support.running import (
    HEADWAY,
    PATIENCE,
    PREFIX,
    Running,
    answering,
    authorization,
    course,
    eventually,
    lesson,
    service_environment,
)

pytestmark = pytest.mark.slow

KIB = 1024
Connect = Callable[[], socket.socket]


def _connected(running: Running) -> socket.socket:
    address = urlsplit(running.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


@pytest.fixture
def connection(running: Running) -> Iterator[socket.socket]:
    with closing(_connected(running)) as connected:
        yield connected


@pytest.fixture
def lesson_path(running: Running) -> str:
    document = course()
    return f"{PREFIX}/progress/{running.put_course(document)}/lessons/{document['lessons'][0]['id']}"


def _request(
    method: str, path: str, *lines: str, body: bytes = b"", version: str = "1.1", host: str = "Host: x"
) -> bytes:
    given = [f"{name}: {value}" for name, value in authorization("a learner of connections").items()]
    head = [f"{method} {path} HTTP/{version}", *given, *([host] if host else []), *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*head, "", "")).encode() + body


def _answer(reader: Any) -> tuple[int, dict[str, str], bytes]:
    """Read the next answer of a connection. The answer has a length."""
    status = int(reader.readline().split()[1])
    headers = {}
    while line := reader.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, reader.read(int(headers.get("content-length", 0)))


def _answers(connection: socket.socket, sent: bytes, number: int) -> list[tuple[int, dict[str, str], bytes]]:
    connection.sendall(sent)
    reader = connection.makefile("rb")
    return [_answer(reader) for _ in range(number)]


def _is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(KIB) == b""
    except ConnectionResetError:
        return True


# Upgrade

UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")


@pytest.mark.parametrize("upgrade", [UPGRADE, ("Connection: Upgrade", "Upgrade: websocket")], ids=["h2c", "websocket"])
def test_an_upgrade_is_ignored_and_its_body_is_read_by_length(
    connection: socket.socket, lesson_path: str, upgrade: tuple[str, ...]
) -> None:
    smuggled = _request("DELETE", lesson_path)
    body = json.dumps({"progress_percentage": 40, "metadata": {"text": smuggled.decode()}}).encode()
    sent = _request("PUT", lesson_path, *upgrade, body=body) + _request("GET", lesson_path)
    put, got = _answers(connection, sent, 2)
    assert (put[0], got[0]) == (200, 200)
    assert json.loads(put[2])["metadata"] == json.loads(got[2])["metadata"] == json.loads(body)["metadata"]


def test_an_upgrade_with_chunks_in_pieces_is_ignored(connection: socket.socket, lesson_path: str) -> None:
    body = b'10\r\n{"progress_perce\r\nb\r\nntage": 41}\r\n0\r\n\r\n'
    sent = (
        _request("PUT", lesson_path, *UPGRADE, "Transfer-Encoding: chunked")
        + body
        + _request("GET", lesson_path, *UPGRADE)
    )
    for at in range(0, len(sent), 7):
        connection.sendall(sent[at : at + 7])
    put, got = _answers(connection, b"", 2)
    assert (put[0], got[0], json.loads(got[2])["progress_percentage"]) == (200, 200, 41)


def test_many_upgrades_are_answered_and_leave_no_line_in_the_log(
    connection: socket.socket, running: Running, lesson_path: str
) -> None:
    lines = len(running.log)
    answers = _answers(connection, _request("GET", lesson_path, *UPGRADE, host="HOST: x") * 20, 20)
    assert {status for status, _, _ in answers} <= {200, 404}
    assert not any("pgrade" in line for line in running.log[lines:])


def test_connect_is_refused(connection: socket.socket) -> None:
    [(status, headers, body)] = _answers(connection, b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n", 1)
    assert (status, headers["connection"]) == (501, "close")
    assert json.loads(body)["code"] == "method_not_implemented"
    assert _is_ended(connection)


# Heads and trailers


def test_trailers_without_an_end_are_cut_off(connection: socket.socket, lesson_path: str) -> None:
    connection.sendall(_request("PUT", lesson_path, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n")
    taken = 0
    with suppress(BrokenPipeError, ConnectionResetError):
        while taken < 40 * 1024 * KIB:
            connection.sendall(b"a:\r\n" * KIB)
            taken += 4 * KIB
    assert taken < 40 * 1024 * KIB


@pytest.mark.parametrize("piece", [b"a:\r\n" * 17 * KIB, b"a" * 66 * KIB], ids=["many", "one"])
def test_trailers_count_in_the_bound_of_the_head(connection: socket.socket, lesson_path: str, piece: bytes) -> None:
    connection.sendall(_request("PUT", lesson_path, "Transfer-Encoding: chunked"))
    [(status, _, body)] = _answers(connection, b"2\r\n{}\r\n0\r\n" + piece + b":\r\n\r\n", 1)
    assert (status, json.loads(body)["code"]) == (431, "head_too_large")


def test_trailers_are_not_used_as_headers(connection: socket.socket, lesson_path: str) -> None:
    head = f"PUT {lesson_path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    trailer = f"Authorization: {authorization('somebody')['Authorization']}\r\n".encode()
    [(status, _, _)] = _answers(connection, head + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n", 1)
    assert status == 401
    conditional = (
        _request("PUT", lesson_path, "Transfer-Encoding: chunked") + b'2\r\n{}\r\n0\r\nIf-Match: "none"\r\n\r\n'
    )
    put, after = _answers(connection, conditional + _request("GET", lesson_path), 2)
    assert (put[0], after[0]) == (200, 200)


@pytest.mark.parametrize(("size", "status"), [(63, 200), (65, 431)])
@pytest.mark.parametrize("before", [0, 3], ids=["first", "behind-others"])
def test_a_whole_head_in_one_piece_is_bounded(connection: socket.socket, size: int, status: int, before: int) -> None:
    padded = _request("GET", f"{PREFIX}/progress", "X-Long: ")
    padded = padded.replace(b"X-Long: ", b"X-Long: " + b"x" * (size * KIB - len(padded)))
    answers = _answers(connection, _request("GET", f"{PREFIX}/progress") * before + padded, before + 1)
    assert [one[0] for one in answers] == [200] * before + [status]


def test_a_second_head_too_large_is_answered_behind_the_first_request(
    connection: socket.socket, lesson_path: str
) -> None:
    first = _request("PUT", lesson_path, body=b'{"progress_percentage": 12}')
    put, refused = _answers(connection, first + b"GET / HTTP/1.1\r\nx-long: " + b"x" * 300 * KIB, 2)
    assert (put[0], json.loads(put[2])["progress_percentage"], refused[0]) == (200, 12, 431)
    assert _is_ended(connection)


def test_an_invalid_second_request_is_answered_after_the_first(connection: socket.socket, lesson_path: str) -> None:
    put, refused = _answers(connection, _request("PUT", lesson_path, body=b"{}") + b"\0\0\0 no request\r\n\r\n", 2)
    assert (put[0], refused[0], json.loads(refused[2])["code"]) == (200, 400, "invalid_request")


def test_a_body_that_breaks_off_is_answered_in_its_turn(connection: socket.socket, lesson_path: str) -> None:
    sent = (
        _request("PUT", lesson_path, body=b"{}")
        + _request("PUT", lesson_path, "Transfer-Encoding: chunked")
        + b"no length\r\n"
    )
    put, refused = _answers(connection, sent, 2)
    assert (put[0], refused[0]) == (200, 400)


@pytest.mark.parametrize(
    ("host", "version", "status"),
    [
        ("", "1.1", 400),
        ("Host: x\r\nhost: x", "1.1", 400),
        ("Host: x\r\nHOST: y", "1.0", 400),
        ("Host:", "1.1", 200),
        ("", "1.0", 200),
    ],
)
def test_a_request_without_exactly_one_host_is_refused(
    connection: socket.socket, host: str, version: str, status: int
) -> None:
    [(answered, _, _)] = _answers(connection, _request("GET", f"{PREFIX}/progress", host=host, version=version), 1)
    assert answered == status


def test_an_http_1_0_client_gets_no_chunks(connection: socket.socket, running: Running) -> None:
    course_id = running.put_course(course())
    headers = authorization("a teacher of connections", "statistics:read") | {"Accept": "text/csv"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"GET {PREFIX}/statistics/{course_id}/learners HTTP/1.0\r\n{lines}\r\n".encode())
    head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"user_id,")
    assert body.endswith(b"\r\n")


# Clients that are still sending


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_client_that_is_still_sending_sees_that_its_body_is_too_large(
    connection: socket.socket, lesson_path: str, framing: str
) -> None:
    if framing == "length":
        connection.sendall(_request("PUT", lesson_path, f"Content-Length: {8 * 1024 * KIB}"))
    else:
        connection.sendall(_request("PUT", lesson_path, "Transfer-Encoding: chunked"))
    for _ in range(8):
        piece = b" " * 1024 * KIB
        connection.sendall(piece if framing == "length" else b"%x\r\n%b\r\n" % (len(piece), piece))
    [(status, headers, _)] = _answers(connection, b"", 1)
    assert (status, headers["connection"]) == (413, "close")
    assert _is_ended(connection)


def test_a_refused_body_is_read_only_for_a_limited_time(connection: socket.socket, lesson_path: str) -> None:
    head = f"PUT {lesson_path} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n\r\n"
    [(status, _, _)] = _answers(connection, head.encode(), 1)
    assert status == 401
    sent = 0
    with suppress(BrokenPipeError, ConnectionResetError):
        while sent < 64:
            connection.sendall(b" " * 1024 * KIB)
            sent += 1
    assert sent < 64


# Clients that take their time

LIMIT = 40


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {"head_seconds": 1, "body_seconds": 0.5, "patience_seconds": 1, "connection_limit": LIMIT}
    with forked_headway_serve(tmp_path_factory.mktemp("impatient"), **settings) as running:
        yield running


def _cut_off(running: Running, reason: str) -> float:
    lines = httpx.get(f"{running.base_url}/metrics", verify=False, timeout=PATIENCE).text.splitlines()
    name = f'headway_connections_cut_off_total{{reason="{reason}"}} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "line-breaks"])
def test_a_silent_connection_is_closed(impatient: Running, sent: bytes) -> None:
    with closing(_connected(impatient)) as connection:
        connection.sendall(sent)
        assert _is_ended(connection)


def test_a_head_has_to_arrive_in_time(impatient: Running) -> None:
    with closing(_connected(impatient)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        [(status, _, body)] = _answers(connection, b"X-Half:", 1)
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")
        assert _is_ended(connection)


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_has_to_arrive_in_time(impatient: Running, framing: str) -> None:
    with closing(_connected(impatient)) as connection:
        path = f"{PREFIX}/progress/{uuid4()}/lessons/{uuid4()}"
        [(status, _, _)] = _answers(connection, _request("PUT", path, framing) + b"2\r\n{}\r\n", 1)
        assert status == 408
        assert _is_ended(connection)


def test_a_body_that_arrives_slowly_is_cut_off(impatient: Running) -> None:
    with closing(_connected(impatient)) as connection:
        path = f"{PREFIX}/progress/{uuid4()}/lessons/{uuid4()}"
        connection.sendall(_request("PUT", path, "Content-Length: 1000"))
        connection.settimeout(0.2)
        answer = b""
        for _ in range(100):
            connection.sendall(b" ")
            with suppress(TimeoutError):
                answer = connection.recv(KIB)
            if answer:
                break
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_used_connection_stays_open(impatient: Running) -> None:
    with closing(_connected(impatient)) as connection:
        for _ in range(2):
            connection.settimeout(PATIENCE)
            [(status, _, _)] = _answers(connection, _request("GET", f"{PREFIX}/progress"), 1)
            assert status == 200
            connection.settimeout(1.5)
            with suppress(TimeoutError):
                assert connection.recv(1)


def test_connections_over_the_limit_are_answered_503(folder: Path) -> None:
    # A service that is patient: the silent connections have to stay until the last one has come.
    with forked_headway_serve(folder, connection_limit=LIMIT) as service:
        with ExitStack() as held:
            connections = [held.enter_context(closing(_connected(service))) for _ in range(LIMIT + 100)]
            for connection in connections[-100:]:
                answer = connection.recv(KIB)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: 1\r\n" in answer
        eventually(lambda: httpx.get(f"{service.base_url}/healthz", verify=False, timeout=PATIENCE).status_code == 200)
        assert _cut_off(service, "too_many_connections") >= 100


def _resident_mib(running: Running) -> float:
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / KIB


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Running]:
    """Yield a service that waits only for clients that take no answer."""
    with forked_headway_serve(tmp_path, patience_seconds=1, connection_limit=LIMIT) as running:
        yield running


def test_clients_that_do_not_read_are_cut_off_and_use_little_memory(unread: Running) -> None:
    lessons = [lesson(title="x" * 200) for _ in range(2500)]
    path = f"{PREFIX}/courses/{unread.put_course(course(*lessons))}"
    before, resident = _cut_off(unread, "answer_not_taken"), _resident_mib(unread)
    silent = [_connected(unread) for _ in range(LIMIT - 10)]
    try:
        for connection in silent:
            connection.sendall(_request("GET", path) * 64)
        eventually(lambda: _cut_off(unread, "answer_not_taken") == before + len(silent), seconds=80)
    finally:
        for connection in silent:
            connection.close()
    assert _resident_mib(unread) < resident + 100


def test_a_large_answer_is_sent_in_pieces() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return await asyncio.Future()

    for size in (0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES):
        sent.clear()
        body = bytes(size)
        assert asyncio.run(send_in_pieces(Reply(200, body, ()), receive, send)) == 200
        start, *pieces = sent
        assert start["status"] == 200
        assert b"".join(message["body"] for message in pieces) == body
        assert max(len(message["body"]) for message in pieces) <= PIECE_BYTES
        assert [message["more_body"] for message in pieces] == [True] * (len(pieces) - 1) + [False]


def test_nothing_more_is_sent_to_a_client_that_hung_up() -> None:
    pieces = 0

    async def send(message: Message) -> None:
        nonlocal pieces
        pieces += message["type"] == "http.response.body"

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    assert asyncio.run(send_in_pieces(Reply(200, bytes(100 * PIECE_BYTES), ()), receive, send)) == 499
    assert pieces == 1


def test_silent_connections_leave_file_descriptors_for_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, 1024))
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    limits = connection_limits(Settings(connection_limit=10_000))
    assert (limits.connections, raised) == (1024 - 128, [(1024, 1024)])


def test_a_write_beside_more_silent_connections_than_descriptors_is_answered(folder: Path) -> None:
    mine = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, mine[1]), mine[1]))
    with limited_serve(folder, 1024) as service, ExitStack() as held, service.client() as learner:
        document = course()
        path = f"/progress/{service.put_course(document)}/lessons/{document['lessons'][0]['id']}"
        assert learner.put(path, json={}).status_code == 200
        for _ in range(1_100):
            held.enter_context(closing(_connected(service)))
        assert learner.put(path, json={"progress_percentage": 7}).status_code == 200  # it was there before
        with service.client() as another:
            refused = another.put(path, json={})
            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_connections")
        held.close()
        eventually(lambda: httpx.get(f"{service.base_url}/healthz", verify=False, timeout=PATIENCE).status_code == 200)
        with service.client() as another:
            assert another.put(path, json={}).status_code == 200
    resource.setrlimit(resource.RLIMIT_NOFILE, mine)


@contextmanager
def limited_serve(folder: Path, descriptors: int) -> Iterator[Running]:
    """Run a service that may have this many descriptors."""
    process = subprocess.Popen(
        ["sh", "-c", f'ulimit -n {descriptors}; exec "$0" "$@"', HEADWAY, "serve", "--port", "0"],
        cwd=folder,
        env=service_environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with answering(process, process.stderr) as running:
        yield running
