"""What comes of a delivery attempt, with receivers that answer well, badly, slowly, or without an end."""

import asyncio

import pytest

from headway.domain.deliveries import DeliveryAttempt, Outcome
from headway.domain.networks import read_network
from headway.webhooks.sender import Sender
from support.receivers import Answer, closing, endless, raw_receiver, receiver, silence, status, written

LOOPBACK = (read_network("127.0.0.0/8"),)
HEADERS = {"webhook-id": "an-id"}
BODY = '{"city": "Köln"}'.encode()
OK = b"HTTP/1.1 200 OK\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def attempt(sender: Sender, answer: Answer) -> DeliveryAttempt:
    """Send to a receiver that answers so."""
    async with receiver(answer) as found:
        made = await sender.send(found.url, HEADERS, BODY)
        await sender.aclose()
    return made


async def attempt_that_closes(sender: Sender, answer: Answer) -> DeliveryAttempt:
    """Send to a receiver that answers so, after which the connection has to be closed."""
    async with receiver(answer) as found:
        made = await sender.send(found.url, HEADERS, BODY)
        await found.nobody_is_there()
    return made


async def test_a_request_has_the_body_and_the_headers(sender: Sender) -> None:
    async with receiver(status(204)) as found:
        made = await sender.send(f"{found.url}/a;b?c=d&e", HEADERS, BODY)
        await sender.aclose()
    assert made == DeliveryAttempt(Outcome.ANSWERED, 204)
    [request] = found.requests
    assert request.line == "POST /hooks/a;b?c=d&e HTTP/1.1"
    assert request.body == BODY
    assert request.headers == {
        "host": f"127.0.0.1:{found.port}",
        "content-length": str(len(BODY)),
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "Headway/1.2.3",
        "webhook-id": "an-id",
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (status(200, body=b"taken"), DeliveryAttempt(Outcome.ANSWERED, 200)),
        (status(410), DeliveryAttempt(Outcome.ANSWERED, 410)),
        (status(429, "retry-AFTER: 120"), DeliveryAttempt(Outcome.ANSWERED, 429, "120")),
        (status(503, f"Retry-After: {'1' * 5000}"), DeliveryAttempt(Outcome.ANSWERED, 503, "1" * 64)),
        (status(503, "Retry-After: \xe4"), DeliveryAttempt(Outcome.ANSWERED, 503, "\xc3\xa4")),
        (status(500), DeliveryAttempt(Outcome.ANSWERED, 500)),
        (written(CONTINUE + OK + b"Content-Length: 0\r\n\r\n"), DeliveryAttempt(Outcome.ANSWERED, 200)),
    ],
)
async def test_the_answer_decides(sender: Sender, answer: Answer, expected: DeliveryAttempt) -> None:
    assert await attempt(sender, answer) == expected


async def test_a_redirect_is_not_followed(sender: Sender) -> None:
    async with receiver(status(200)) as elsewhere:
        made = await attempt(sender, status(301, f"Location: {elsewhere.url}"))
    assert made == DeliveryAttempt(Outcome.ANSWERED, 301)
    assert not made.is_success
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        closing(b""),
        closing(b"HTTP/1.1 200 O"),
        closing(OK + b"Content-Le"),
        written(b"220 mail.example ESMTP\r\n\r\n"),
        written(b"\x00" * 1000 + b"\r\n\r\n"),
        written(OK + b"Content-Length: -1\r\n\r\n"),
        written(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        endless(b"", b"x" * 1000),
        endless(OK, b"X-Header: more\r\n"),
        endless(OK + b"X-Header: ", b"x" * 1000),
        endless(b"", CONTINUE),
    ],
)
async def test_what_is_no_answer_or_one_without_an_end_fails(sender: Sender, answer: Answer) -> None:
    assert await attempt_that_closes(sender, answer) == DeliveryAttempt(Outcome.BAD_ANSWER)


@pytest.mark.parametrize(
    "answer",
    [
        closing(OK + b"Content-Length: 100\r\n\r\nnot a hundred"),
        closing(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        written(OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000),
        endless(OK + b"Content-Length: 9999999999\r\n\r\n", b"x" * 100_000),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: more\r\n"),
        endless(OK + b"\r\n", b"x"),
    ],
)
async def test_a_body_that_is_too_long_or_broken_off_does_not_change_the_answer(sender: Sender, answer: Answer) -> None:
    assert await attempt_that_closes(sender, answer) == DeliveryAttempt(Outcome.ANSWERED, 200)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("answer", [silence, endless(OK, b"X-H: a\r\n", 0.01), endless(b"", b"H", 0.01)])
async def test_a_receiver_that_does_not_answer_in_time_fails(sender: Sender, answer: Answer) -> None:
    assert await attempt_that_closes(sender, answer) == DeliveryAttempt(Outcome.TIMED_OUT)


async def test_a_slow_body_does_not_change_the_answer(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.webhooks.sender.REST_SECONDS", 0.2)
    slowly = endless(OK + b"Content-Length: 1000000\r\n\r\n", b"x", 0.01)
    assert await attempt_that_closes(sender, slowly) == DeliveryAttempt(Outcome.ANSWERED, 200)


@pytest.mark.usefixtures("impatient")
async def test_a_receiver_that_does_not_read_fails(sender: Sender) -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await sent.wait()
        writer.transport.abort()

    sent = asyncio.Event()
    async with raw_receiver(deaf) as found:
        made = await sender.send(found.url, HEADERS, b"x" * 50_000_000)
        sent.set()
    assert made == DeliveryAttempt(Outcome.TIMED_OUT)


async def test_a_port_where_nobody_listens_fails(sender: Sender) -> None:
    async with receiver(status(200)) as found:
        url = found.url
    assert await sender.send(url, HEADERS, BODY) == DeliveryAttempt(Outcome.CONNECTION_FAILED)


async def test_a_connection_is_used_again_for_the_same_receiver_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.webhooks.sender._IDLE_SECONDS", 3600)
    async with (
        receiver(status(200, body=b"taken")) as one,
        receiver(status(200)) as another,
        Sender(LOOPBACK, "1.2.3") as sender,
    ):
        for found in (one, one, another, one):
            assert (await sender.send(found.url, HEADERS, BODY)).is_success
    assert (len(one.requests), one.connections) == (3, 1)
    assert (len(another.requests), another.connections) == (1, 1)


async def test_after_a_bad_answer_there_is_a_new_connection(sender: Sender) -> None:
    async with receiver(endless(OK + b"Content-Length: 9999999999\r\n\r\n", b"x" * 100_000)) as found:
        for _ in range(2):
            assert (await sender.send(found.url, HEADERS, BODY)).is_success
    assert found.connections == 2


async def test_a_receiver_that_hangs_keeps_no_other_one_waiting(sender: Sender) -> None:
    async with receiver(silence) as hanging, receiver(status(204)) as found:
        waiting = [asyncio.create_task(sender.send(hanging.url, HEADERS, BODY)) for _ in range(50)]
        await hanging.gets(50)
        assert (await sender.send(found.url, HEADERS, BODY)).is_success
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await sender.aclose()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver(status(200)) as proxy, receiver(status(204)) as found:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with Sender(LOOPBACK, "1.2.3") as sender:
            made = await sender.send(found.url, HEADERS, BODY)
    assert made == DeliveryAttempt(Outcome.ANSWERED, 204)
    assert proxy.connections == 0
