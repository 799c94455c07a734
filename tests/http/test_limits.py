"""What one caller can take of the service's memory and time."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.standing import LessonsStamp
from headway.http.lists import RenderedLists
from headway.http.render import json_reply
from support.running import PREFIX, Running, authorization, course


@pytest.fixture
def connection(running: Running) -> Iterator[socket.socket]:
    address = urlsplit(running.base_url)
    with closing(socket.create_connection((address.hostname, address.port), timeout=10)) as connected:
        yield connected


def test_lists_that_are_kept_are_bounded_however_small_each_is() -> None:
    lists = RenderedLists(kept_bytes=100_000)
    keys = [(LearnerId(str(uuid4())), CourseId(str(uuid4()))) for _ in range(1_000)]
    stamp = LessonsStamp(1, None)
    for key in keys:
        lists.keep(key, stamp, json_reply([]))
    kept = [key for key in keys if lists.find(key, stamp)]
    assert kept == keys[-len(kept) :]
    assert 0 < len(kept) < 100


def test_a_list_of_another_stamp_is_not_answered() -> None:
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


def test_many_requests_at_once_are_no_head_too_large(connection: socket.socket) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in (authorization(str(uuid4())) | {"Host": "x"}).items())
    request = f"GET {PREFIX}/progress HTTP/1.1\r\n{headers}\r\n".encode()
    connection.sendall(request * 400)
    answers = b""
    while answers.count(b"HTTP/1.1 200 ") < 400:
        received = connection.recv(100_000)
        assert received, answers[-300:]
        answers += received
    assert answers.count(b"HTTP/1.1 ") == 400


def test_a_length_of_many_digits_is_a_length(running: Running, connection: socket.socket) -> None:
    document = course()
    course_id = running.put_course(document)
    path = f"{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
    headers = authorization(str(uuid4())) | {"Host": "x", "Content-Length": "0" * 5_000 + "2"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"PUT {path} HTTP/1.1\r\n{head}\r\n{{}}".encode())
    assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")
