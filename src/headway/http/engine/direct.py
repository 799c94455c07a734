"""Answers requests in the connection, below ASGI.

A learner's PUT takes less time without ASGI's scope, task, events and messages (docs/decisions/0055). So the connection
runs the endpoint's coroutine itself: up to its first wait, and the rest when that wait is over. ASGI runs the same
coroutine. Where an answer can not be written at once, ASGI sends it.

An answer under way is a task of its own kind, as asyncio's documentation describes under "Extending".
"""

import asyncio
from asyncio import _enter_task, _leave_task
from collections.abc import Callable, MutableMapping, Sequence
from contextvars import copy_context
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.engine.arrivals import Arrivals
from headway.http.engine.endpoint import Endpoint, Request
from headway.http.engine.replies import Headers, Reply, StreamedReply
from headway.http.engine.requests import UNCOUNTED_BODY_BYTES, RequestHeaders, host_name, read_headers

DIRECT: Final = "headway_direct"
"""Key in the lifespan's state: the `Direct` of the service."""

_DIGITS: Final = len(str(UNCOUNTED_BODY_BYTES))
_VARIES: Final = ((b"vary", b"Origin"),)


class Head(NamedTuple):
    """The head of a request. `target` is as RFC 9112 section 3.2 describes it."""

    method: str
    version: str
    scheme: str
    target: bytes
    lines: list[tuple[bytes, bytes]]
    expects_100_continue: bool


class Found(NamedTuple):
    """An endpoint, what it needs of a request besides the body, and `more` headers for its answer."""

    endpoint: Endpoint
    headers: RequestHeaders
    identifiers: Sequence[str]
    query: bytes
    more: Headers


class Direct(NamedTuple):
    """Where requests are answered directly: `find` returns a path's endpoint and parameters.

    `origins_matter`: a request with an `Origin` passes the CORS middleware, and other answers have its `Vary`.
    `not_host`: requests to the host of this name are answered by ASGI; `None`: there is no such host.
    """

    find: Callable[[str, str], tuple[Endpoint, Sequence[str]] | None]
    origins_matter: bool
    arrivals: Arrivals
    not_host: bytes | None = None

    def endpoint_of(self, head: Head) -> Found | None:
        """Return what answers a request directly; `None` where ASGI has to answer it."""
        path, _, query = head.target.partition(b"?")
        if b"%" in path or b"#" in head.target or not head.target.isascii():
            return None
        found = self.find(head.method, path.decode())
        if found is None or not found[0].operation.is_direct:
            return None
        endpoint, identifiers = found
        headers = read_headers(head.lines)
        if self.not_host is not None and host_name(headers.get(b"host", b"")) == self.not_host:
            return None
        passes_cors = self.origins_matter and b"origin" in headers
        if passes_cors or head.expects_100_continue or not _is_small(headers, endpoint.operation.body_limit):
            return None
        return Found(endpoint, headers, identifiers, query, _VARIES if self.origins_matter else ())


def _is_small(headers: RequestHeaders, body_limit: int) -> bool:
    """Whether there is no body, or one that nobody has to count, for an operation that reads it."""
    if b"transfer-encoding" in headers:
        return False
    length = headers.get(b"content-length")
    if length is None:
        return True
    return body_limit > 0 and length.isdigit() and len(length) <= _DIGITS and int(length) <= UNCOUNTED_BODY_BYTES


class Connection(Protocol):
    """What an answer needs of its connection."""

    def write_answer(self, answer: "DirectAnswer", reply: Reply) -> bool:
        """Write a complete answer, unless the connection closes after it or the client reads slowly."""

    def answer_by_asgi(self, answer: "DirectAnswer", app: ASGIApp) -> None:
        """Let an ASGI application send the answer instead."""


class DirectAnswer:
    """A request and its answer, with what a connection uses of uvicorn's cycle, and asyncio of a task."""

    __slots__ = (
        "_all_read", "_cancelled", "_connection", "_context", "_coroutine", "_found", "_is_to_cancel", "_loop",
        "_started", "_waits_for", "body", "disconnected", "head", "keep_alive", "more_body", "response_complete",
        "response_started",
    )  # fmt: skip

    def __init__(self, connection: Connection, found: Found, head: Head, loop: asyncio.AbstractEventLoop) -> None:
        self._connection, self._found, self.head, self._loop = connection, found, head, loop
        self.body = b""
        self.more_body = self.keep_alive = True
        self.disconnected = self.response_started = self.response_complete = False
        self._all_read: asyncio.Future[None] | None = None
        self._waits_for: asyncio.Future[Any] | None = None
        self._is_to_cancel = False
        self._cancelled = 0

    def begin(self) -> None:
        """Run the endpoint, with the body if that has arrived, up to its first wait."""
        self._started = perf_counter()
        endpoint, headers, identifiers, query, _ = self._found
        body = None if self.more_body else self.body
        self._coroutine = endpoint.reply(Request(headers, identifiers, query, self.head.scheme, self._receive, body))
        self._context = copy_context()
        is_to_cancel, self._is_to_cancel = self._is_to_cancel, False  # a coroutine that has not begun catches nothing
        self._context.run(self._go_on)
        if is_to_cancel:
            self.cancel()

    def cancel(self, msg: object = None) -> bool:
        """End the wait, as uvicorn ends its tasks when the time to stop is over. The endpoint then answers 503."""
        self._cancelled += 1
        self._is_to_cancel = self._waits_for is None or not self._waits_for.cancel(msg)
        return True

    def cancelling(self) -> int:
        """Return how many calls of `cancel` are not taken back."""
        return self._cancelled

    def uncancel(self) -> int:
        """Take a call of `cancel` back, as `asyncio.timeout` does. Returns how many are left."""
        self._cancelled -= 1
        return self._cancelled

    @property
    def message_event(self) -> "DirectAnswer":
        """What the connection calls `set` of when more of the request has arrived, or the client is gone."""
        return self

    def set(self) -> None:
        """Go on with a body that is complete now, or will never be."""
        if self._all_read is not None and not self._all_read.done() and (self.disconnected or not self.more_body):
            self._all_read.set_result(None)

    def _go_on(self, _done: object = None) -> None:
        """Run the endpoint up to its next wait. What it waits for is a future; `None`: the next turn of the loop."""
        self._waits_for = None
        try:
            waits_for = self._step()
        except StopIteration as end:
            self._finish(end.value)
            return
        self._waits_for = waits_for
        if waits_for is None:
            self._loop.call_soon(self._go_on, context=self._context)
        else:
            waits_for._asyncio_future_blocking = False  # noqa: SLF001 - as every task does, or awaiting it again fails
            waits_for.add_done_callback(self._go_on, context=self._context)

    def _step(self) -> Any:
        _enter_task(self._loop, cast("Any", self))
        try:
            if self._is_to_cancel:
                self._is_to_cancel = False
                return self._coroutine.throw(asyncio.CancelledError())
            return self._coroutine.send(None)
        finally:
            _leave_task(self._loop, cast("Any", self))

    def _finish(self, reply: Reply | StreamedReply) -> None:
        endpoint, started = self._found.endpoint, self._started
        if self._found.more:
            reply = reply.with_more(self._found.more)
        if isinstance(reply, Reply) and reply.is_plain and self._connection.write_answer(self, reply):
            endpoint.observer.answered(reply.status, started)
            return

        async def sending(_scope: Scope, receive: Receive, send: Send) -> None:
            await endpoint.send(reply, receive, send, started)

        self._connection.answer_by_asgi(self, sending)

    async def _receive(self) -> MutableMapping[str, Any]:
        """Return the whole body, as an ASGI message."""
        if self.more_body and not self.disconnected:
            self._all_read = self._loop.create_future()
            await self._all_read
        if self.disconnected:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.body, "more_body": False}
