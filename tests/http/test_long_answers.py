"""Answers of many megabytes: their memory, and the time of other requests."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import orjson
import pytest

from headway.http.engine.long_answers import LongAnswers, TooManyAnswersError, write_array
from support.running import PATIENCE, PREFIX, Running, authorization, course, eventually, headway_serve, lesson

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


@pytest.mark.parametrize("number", [0, 1, 2, 15, 16, 17, 32, 33, 100])
async def test_an_array_of_any_length_is_the_same_json(number: int) -> None:
    text = BytesIO()
    await write_array(text, range(number), lambda some: orjson.dumps(list(some)))
    assert text.getvalue() == orjson.dumps(list(range(number)))


async def test_other_requests_are_served_while_an_array_is_written() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    text = BytesIO()
    await write_array(text, ["x" * 64 * 1024] * 500, lambda some: orjson.dumps(list(some)))
    other.cancel()
    assert turns >= len(text.getvalue()) // MIB - 2 >= 29


def test_long_answers_leave_a_quarter_of_the_memory_to_shorter_ones() -> None:
    answers = LongAnswers(16 * MIB)
    with answers.holding(bytes(11 * MIB)), answers.holding(bytes(2 * MIB)):
        with pytest.raises(TooManyAnswersError), answers.holding(bytes(2 * MIB)):
            pass
        with ExitStack() as shorter:
            for _ in range(4):
                shorter.enter_context(answers.holding(bytes(MIB)))
            with pytest.raises(TooManyAnswersError):
                shorter.enter_context(answers.holding(bytes(100)))
    assert answers.held == 0


def test_an_answer_of_any_length_is_sent_if_it_is_the_only_one() -> None:
    answers = LongAnswers(16 * MIB)
    with answers.holding(bytes(100 * MIB)):
        assert answers.held == 100 * MIB
        with answers.holding(bytes(MIB)):
            assert answers.held == 101 * MIB
    assert answers.held == 0


def test_an_answer_to_several_clients_is_counted_once() -> None:
    answers, body = LongAnswers(16 * MIB), bytes(20 * MIB)
    with answers.holding(body), answers.holding(body):
        assert answers.held == len(body)
    assert answers.held == 0


async def test_one_long_answer_is_made_at_a_time_and_only_with_free_memory() -> None:
    answers = LongAnswers(16 * MIB)
    made: list[int] = []

    async def make(number: int) -> None:
        async with answers.turn():
            made.append(number)
            await asyncio.sleep(0)
            assert made[-1] == number

    await asyncio.gather(*map(make, range(10)))
    assert made == list(range(10))
    with answers.holding(bytes(12 * MIB)), pytest.raises(TooManyAnswersError):
        await make(11)


LESSONS = 700  # of 16 KiB each: a list of 11 MB


@pytest.fixture
def service(folder: Path) -> Iterator[Running]:
    with headway_serve(folder, answer_mib=32, patience_seconds=4) as running:
        yield running


def _filled(service: Running, learners: list[str]) -> str:
    """Return a course in which the learners have lists of 11 MB."""
    document = course(*(lesson() for _ in range(LESSONS)))
    course_id = service.put_course(document)
    text = "x" * 15_900
    with service.client(str(uuid4()), "learners:admin") as admin:
        for learner in learners:
            lines = [
                json.dumps(
                    {"user_id": learner, "course_id": course_id, "lesson_id": one["id"], "metadata": {"text": text}}
                )
                for one in document["lessons"]
            ]
            for part in (lines[: LESSONS // 2], lines[LESSONS // 2 :]):
                kind = {"Content-Type": "application/x-ndjson"}
                report = admin.post("/progress/import", content="\n".join(part), headers=kind).json()
                assert report["written"] == len(part)
    return course_id


def _asks(service: Running, path: str, learner: str, times: int = 1) -> socket.socket:
    """Return a client that sends a request and reads nothing."""
    address = urlsplit(service.base_url)
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connected.settimeout(20)
    connected.connect((address.hostname, address.port))
    headers = "".join(f"{name}: {value}\r\n" for name, value in (authorization(learner) | {"Host": "x"}).items())
    connected.sendall(f"GET {PREFIX}{path} HTTP/1.1\r\n{headers}\r\n".encode() * times)
    return connected


def _resident_mib(running: Running, name: str = "VmRSS") -> float:
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def test_a_hundred_clients_that_never_read_use_bounded_memory(service: Running) -> None:
    learners = [str(uuid4()) for _ in range(4)]
    course_id = _filled(service, learners)
    before = _resident_mib(service)
    paths = [f"/progress/{course_id}", *(f"/learners/{one}/export" for one in learners)]
    with ExitStack() as opened, service.client() as other:
        for number in range(100):
            learner = learners[number % 4]
            path = paths[0] if number % 5 == 0 else f"/learners/{learner}/export"
            opened.enter_context(closing(_asks(service, path, learner)))
        lessons = other.get(f"/courses/{course_id}").json()["lessons"]
        for one in lessons[:20]:
            assert other.put(f"/progress/{course_id}/lessons/{one['id']}", json={}).status_code == 200
        assert len(other.get(f"/progress/{course_id}").json()) == 20
        eventually(lambda: _answers(service, 503) >= 80)
        assert _resident_mib(service, "VmHWM") < before + 320
    with service.client(learners[0]) as reader:  # who has room again as soon as those are gone
        eventually(lambda: reader.get(f"/progress/{course_id}").status_code == 200)
        assert len(reader.get(f"/progress/{course_id}").content) > 11_000_000
        export = reader.get(f"/learners/{learners[0]}/export").json()
    assert [list(export), len(export["lesson_progress"])] == [
        [
            "user_id",
            "profile",
            "goal",
            "lesson_progress",
            "course_progress",
            "days",
            "completions",
            "groups",
            "runs",
            "content_states",
        ],
        LESSONS,
    ]


@pytest.mark.parametrize("times", [1, 10], ids=["one request", "pipelined"])
def test_a_client_that_hangs_up_during_an_answer_is_noticed(service: Running, times: int) -> None:
    learner = str(uuid4())
    course_id = _filled(service, [learner])
    for _ in range(3):
        with closing(_asks(service, f"/progress/{course_id}", learner, times)) as connected:
            assert connected.recv(100).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: _answers(service, 499) == 3)
    assert not [line for line in service.log if "Traceback" in line]


def _answers(service: Running, status: int) -> int:
    text = httpx.get(f"{service.base_url}/metrics", verify=False, timeout=PATIENCE).text
    return sum(
        int(float(line.rsplit(" ", 1)[1]))
        for line in text.splitlines()
        if line.startswith("headway_requests_total") and f'status="{status}"' in line
    )


def test_a_refusal_has_retry_after(service: Running) -> None:
    learner = str(uuid4())
    course_id = _filled(service, [learner])
    refusal = b""
    with ExitStack() as opened:
        silent = [
            opened.enter_context(closing(_asks(service, f"/learners/{learner}/export", learner))) for _ in range(9)
        ]
        with suppress(TimeoutError):
            for connected in reversed(silent):
                refusal = connected.recv(4096)
                if refusal.startswith(b"HTTP/1.1 503 "):
                    refusal += (
                        connected.recv(4096) if refusal.endswith(b"\r\n\r\n") else b""
                    )  # head and body may come apart
                    break
    assert b'"code":"too_many_answers"' in refusal
    assert b"retry-after: 1\r\n" in refusal
    with service.client(learner) as reader:
        eventually(lambda: reader.get(f"/progress/{course_id}").status_code == 200)
