"""ASGI applications asked without a server between, so that every byte of a request is the test's own."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import unquote

import uvicorn
from starlette.types import ASGIApp
from uvicorn.lifespan.on import LifespanOn

HeaderLines = tuple[tuple[bytes, bytes], ...]


class Sent(NamedTuple):
    """A request. `path` is as it stands on the wire; the body comes in messages that end at `cuts` and at its end.

    A client that `hangs_up` does so before its last message.
    """

    method: str
    path: str
    headers: HeaderLines = ()
    body: bytes = b""
    cuts: tuple[int, ...] = ()
    hangs_up: bool = False
    query: bytes = b""


class Answer(NamedTuple):
    """What an application sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@asynccontextmanager
async def lifespan(app: ASGIApp) -> AsyncIterator[MutableMapping[str, Any]]:
    """Start an application as uvicorn does, and stop it when the block is left. Yield the state of its lifespan."""
    life = LifespanOn(uvicorn.Config(app, lifespan="on", log_config=None))
    await life.startup()
    assert not life.should_exit, "the application does not start"
    yield life.state
    await life.shutdown()
    assert not life.should_exit, "the application does not stop"


async def ask(app: ASGIApp, sent: Sent) -> Answer:
    """Ask a started application, as uvicorn's protocol on httptools does."""
    incoming = iter(_messages(sent))
    outgoing: list[MutableMapping[str, Any]] = []
    is_over = asyncio.Event()
    if sent.hangs_up:
        is_over.set()

    async def receive() -> MutableMapping[str, Any]:
        message = next(incoming, None)
        if message is not None:
            return message
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        outgoing.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            is_over.set()

    await app(_scope(sent), receive, send)
    start, *bodies = outgoing
    assert start["type"] == "http.response.start"
    assert {message["type"] for message in bodies} == {"http.response.body"}
    goes_on = [message.get("more_body", False) for message in bodies]
    assert all(goes_on[:-1])
    assert not goes_on[-1] or sent.hangs_up  # an answer that nobody waits for need not be ended
    return Answer(start["status"], list(start["headers"]), b"".join(message.get("body", b"") for message in bodies))


def _scope(sent: Sent) -> MutableMapping[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": sent.method,
        "root_path": "",
        "path": unquote(sent.path),
        "raw_path": sent.path.encode("ascii"),
        "query_string": sent.query,
        "headers": list(sent.headers),
        "state": {},
    }


def _messages(sent: Sent) -> list[MutableMapping[str, Any]]:
    ends = [0, *sorted(cut % (len(sent.body) + 1) for cut in sent.cuts), len(sent.body)]
    parts = [sent.body[start:end] for start, end in pairwise(ends)]
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ]
    return messages[:-1] if sent.hangs_up else messages
