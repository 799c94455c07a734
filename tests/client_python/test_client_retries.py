"""What is sent again, what is not, and for how long: against a server that refuses and cuts connections."""

import logging
import pickle
import socket
from collections.abc import Callable
from traceback import format_exception
from typing import Any

import httpx2
import pytest

from headway.client import NO_RETRIES, AsyncClient, HeadwayError, NoAnswerError, Retries
from headway.client.calls import Answer, Call
from headway.client.retries import Trial, may_repeat
from support.clients import made
from support.faulty import CUT, Faulty, Reply, faulty

FAST = Retries(first_pause=0.001)
DONE = Reply(200, {"status": "completed"}, {"ETag": '"1"'})
GONE = Reply(204, b"")
BUSY = Reply(503, {"detail": "Too many writes are waiting.", "code": "queue_full"}, {"Retry-After": "0"})
UNSURE = Reply(503, {"detail": "The database is not there.", "code": "store_unavailable"}, {"Retry-After": "0"})
PROXY = Reply(502, b"<html>Bad Gateway</html>")
RUNNING = Reply(409, {"detail": "It is running.", "code": "import_under_way"}, {"Retry-After": "0"})
CONFLICT = Reply(409, {"detail": "Another run.", "code": "other_run"})


async def write(client: AsyncClient, **conditions: str) -> None:
    await client.progress.write("l", "c", "n", {"status": "completed"}, **conditions)  # type: ignore[arg-type]  # texts


async def conditional_write(client: AsyncClient) -> None:
    await write(client, if_match='"1"')


async def read(client: AsyncClient) -> None:
    await client.progress.lesson("l", "c", "n")


async def remove(client: AsyncClient) -> None:
    await client.progress.remove("l", "c", "n")


async def import_lines(client: AsyncClient) -> None:
    line: Any = {"user_id": "l", "course_id": "c", "lesson_id": "n"}
    await client.progress.import_file(b"%r" % line, "application/x-ndjson")


async def begin_run(client: AsyncClient) -> None:
    await client.enrolments.begin_run("l", "c", number=2)


Operation = Callable[[AsyncClient], Any]


async def attempts(kind: str, operation: Operation, *replies: Reply, retries: Retries = FAST) -> tuple[Faulty, Any]:
    """Return the server that got the attempts, and the error that was raised in the end, if any."""
    with faulty(*replies) as server:
        client = made(kind, server.address, "a token", retries=retries)
        try:
            await operation(client)
        except HeadwayError as error:
            return server, error
        finally:
            await client.aclose()
    return server, None


@pytest.mark.parametrize("operation", [read, write, remove, import_lines])
@pytest.mark.parametrize("fault", [BUSY, UNSURE, PROXY, CUT], ids=["busy", "unsure", "proxy", "cut"])
async def test_what_may_be_repeated_is_sent_again_as_it_was(kind: str, operation: Operation, fault: Reply) -> None:
    server, error = await attempts(kind, operation, fault, fault, DONE)
    assert error is None
    first, *others = [(one.method, one.path, one.body, one.headers.get("idempotency-key")) for one in server.received]
    assert others == [first, first]


@pytest.mark.parametrize("operation", [conditional_write, begin_run])
@pytest.mark.parametrize("fault", [UNSURE, PROXY, CUT], ids=["unsure", "proxy", "cut"])
async def test_what_was_perhaps_done_is_not_sent_again_if_that_does_more(
    kind: str, operation: Operation, fault: Reply
) -> None:
    server, error = await attempts(kind, operation, fault, DONE)
    assert len(server.received) == 1
    assert isinstance(error, HeadwayError)
    assert error.status == fault.status
    assert isinstance(error, NoAnswerError) == (fault is CUT)


@pytest.mark.parametrize("operation", [conditional_write, begin_run])
async def test_what_was_surely_not_done_is_always_sent_again(kind: str, operation: Operation) -> None:
    server, error = await attempts(kind, operation, BUSY, RUNNING, DONE)
    assert error is None
    assert len(server.received) == 3


async def test_a_conflict_is_waited_for_only_where_the_answer_says_so(kind: str) -> None:
    server, error = await attempts(kind, import_lines, RUNNING, RUNNING, DONE)
    assert (len(server.received), error) == (3, None)
    server, error = await attempts(kind, write, CONFLICT)
    assert (len(server.received), error.code) == (1, "other_run")


async def test_attempts_are_bounded_and_the_last_refusal_is_raised(kind: str) -> None:
    server, error = await attempts(kind, read, UNSURE, BUSY, retries=Retries(attempts=3, first_pause=0.001))
    assert (len(server.received), error.status, error.code) == (3, 503, "queue_full")
    server, error = await attempts(kind, read, UNSURE, retries=NO_RETRIES)
    assert (len(server.received), error.code) == (1, "store_unavailable")
    long = Reply(503, {"detail": "Later.", "code": "stopping"}, {"Retry-After": "3600"})
    server, error = await attempts(kind, read, long, DONE)
    assert (len(server.received), error.code) == (1, "stopping")


async def test_a_service_that_is_not_there(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = made(kind, f"http://127.0.0.1:{port}", "a token", retries=Retries(attempts=3, first_pause=0.001))
    with pytest.raises(NoAnswerError) as lost:
        await client.progress.of("l", "c")
    await client.aclose()
    assert (lost.value.status, lost.value.code) == (None, None)
    assert "ConnectError" in lost.value.detail
    assert isinstance(lost.value.__cause__, httpx2.ConnectError)


async def test_an_expired_token_is_asked_for_again_once(kind: str) -> None:
    expired = Reply(401, {"detail": "The token has expired.", "code": "not_authenticated"})
    tokens = iter(["first", "second", "third", "fourth"])
    with faulty(DONE, expired, DONE, expired) as server:
        client = made(kind, server.address, lambda: next(tokens))
        await read(client)
        await read(client)
        with pytest.raises(HeadwayError) as refused:
            await read(client)
        await client.aclose()
    assert refused.value.status == 401
    sent = [request.headers["authorization"].removeprefix("Bearer ") for request in server.received]
    assert sent == ["first", "first", "second", "second", "third"]


async def test_a_token_from_a_file_may_end_in_a_line_break_and_no_error_shows_a_token(kind: str) -> None:
    with faulty(DONE) as server:
        client = made(kind, f"{server.address}/api/v1/education/", "from a file\n")
        await read(client)
        for wrong in ("a secret\nX: y", "a sécret"):
            with pytest.raises(ValueError, match="no header may have") as refused:
                await read(client.with_token(wrong))
            assert "cret" not in "".join(format_exception(refused.value))
        await client.aclose()
    [request] = server.received
    assert (request.headers["authorization"], request.path[:18]) == ("Bearer from a file", "/api/v1/education/")


def test_errors_can_be_sent_to_another_process() -> None:
    fault: Any = {"loc": ["body"], "msg": "Wrong", "type": "wrong"}
    for error in (NoAnswerError(None, None, "No answer"), HeadwayError(422, None, "body: Wrong", [fault])):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


async def test_a_token_that_is_a_text_is_sent_once(kind: str) -> None:
    expired = Reply(401, {"detail": "The token has expired.", "code": "not_authenticated"})
    server, error = await attempts(kind, read, expired)
    assert (len(server.received), error.code) == (1, "not_authenticated")


async def test_the_token_of_an_async_client_may_be_awaited() -> None:
    async def token() -> str:
        return "made"

    with faulty(GONE) as server:
        async with AsyncClient(server.address, token) as client:
            await remove(client)
    assert server.received[0].headers["authorization"] == "Bearer made"


async def test_an_answer_that_is_not_the_services_is_an_error(kind: str) -> None:
    _, error = await attempts(kind, read, Reply(200, b"<html>Welcome</html>"))
    assert (error.status, error.code) == (200, None)
    _, error = await attempts(kind, read, Reply(403, b"[1]"))
    assert (error.status, error.code, error.detail) == (403, None, "The answer gives no reason.")


async def test_searches_are_not_logged(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with faulty(Reply(200, {"learners": [], "next": None})) as server:
        client = made(kind, server.address, "a token")
        assert [one async for one in client.people.find("Ada Lovelace")] == []
        await client.aclose()
    assert "query=Ada" in server.received[0].path
    assert "/api/v1/education/learners" in caplog.text
    assert "Ada" not in caplog.text


CALL = Call("GET", "/", type(None))


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    trial = Trial(Retries(attempts=99, first_pause=1, longest_pause=8, total_seconds=1000))
    pauses = [trial.pause_after(CALL, Answer(502, {}, b"")) or 0 for _ in range(90)]
    for pause, most in zip(pauses, [1, 2, 4, 8, 8, 8], strict=False):
        assert most / 2 <= pause <= most
    assert len(set(pauses[4:])) > 10


def test_a_retry_after_is_kept() -> None:
    trial = Trial(Retries(first_pause=1))
    assert 7.5 <= (trial.pause_after(CALL, Answer(503, {"retry-after": "7"}, b"")) or 0) <= 8
    assert (trial.pause_after(CALL, Answer(503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"")) or 9) <= 2


def test_no_attempt_begins_after_the_whole_time() -> None:
    retries = Retries(total_seconds=5)
    assert Trial(retries).pause_after(CALL, Answer(503, {"retry-after": "6"}, b"")) is None
    assert Trial(retries).pause_after(CALL, Answer(503, {"retry-after": "1"}, b"")) is not None


def test_a_request_that_can_not_be_made_is_not_sent_again() -> None:
    assert not may_repeat(CALL, httpx2.UnsupportedProtocol("no http"))
    assert not may_repeat(CALL, httpx2.LocalProtocolError("a wrong header"))
