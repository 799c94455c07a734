"""uvicorn's HTTP protocol with bounds: on the size of a request's head, on the client's time, on connections.

Only this module of the engine touches uvicorn. It uses these undocumented parts: the attributes of `HttpToolsProtocol`,
`_start_asgi_task`, the constructor and state of `RequestResponseCycle`, `FlowControl`, `STATUS_LINE`, and the counters
of `ServerState`. `tests/http/test_uvicorn.py` says which of them a new version of uvicorn no longer has.
"""

import asyncio
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterable
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from headway.http.engine import errors
from headway.http.engine.deadlines import ConnectionLimits, Deadlines, Phase
from headway.http.engine.direct import DIRECT, Direct, DirectAnswer, Head
from headway.http.engine.replies import Reply
from headway.http.engine.responder import Responder

HEAD_BYTES: Final = 64 * 1024
STOPPING: Final = "headway_stopping"
"""Key in the lifespan's state: a function to call when the server stops, before it waits for answers to end."""
CUT_OFF: Final = "headway_cut_off"
"""Key in the lifespan's state: a function to call with the reason when a connection is refused or cut off."""

LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 16 * 1024 * 1024
"""How much is read and discarded from a client that is still sending when its answer is written."""
_LEAST_LOOK_SECONDS: Final = 0.02
_REQUEST_LINE_BYTES: Final = len(b"GET  HTTP/1.1\r\n\r\n")
_LINGERING: Final = 64
"""How many connections over the limit stay open for a moment, so that their clients can read the refusal."""


class _Exit:
    """The transport as an answer sees it. To close it, the answer calls the connection's `close`."""

    __slots__ = ("abort", "close", "is_closing", "write")

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.abort = transport.abort
        self.close = close


class _Answer(RequestResponseCycle, Responder):
    """uvicorn's request and its answer, with the engine's shortcuts."""

    def respond(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write a complete answer, unless the connection closes after it or the client reads slowly."""
        if self.transport.is_closing():  # the client is gone
            self.response_started = self.response_complete = True
            return True
        if self.disconnected or self.flow.write_paused or not self.keep_alive:
            return False
        self.response_started = self.response_complete = True
        self.transport.write(_rendered(status, self.default_headers, headers, body))
        self.on_response()
        return True

    def break_off(self) -> None:
        """Close the connection in the middle of the answer."""
        self.response_complete = True
        if self.flow.write_paused:
            self.transport.abort()
        else:
            self.transport.close()


class _CloseDelimitedAnswer(_Answer):
    """An answer to HTTP/1.0, which has no chunked encoding (RFC 9112 section 6.1).

    Where its length is not known, the end of the connection ends it.
    """

    _ends_with_connection = False

    async def send(self, message: Any) -> None:
        """Send one ASGI message."""
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._ends_with_connection = b"content-length" not in names
            if self._ends_with_connection:
                self.chunked_encoding = False
        elif self._ends_with_connection:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class _RefusedError(Exception):
    """A request is refused while it is parsed, before the application sees it."""

    def __init__(self, refusal: Reply) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


class BoundedHeadProtocol(HttpToolsProtocol):
    """One connection: what the client may send, how long it may take, and how the connection ends.

    - A head, trailers included, is bounded by HEAD_BYTES (RFC 6585 section 5). Trailers are counted and dropped.
    - `Upgrade` is ignored, which RFC 9110 section 7.8 allows: the body is read by its length.
    - A refusal is sent after the answers to the requests before it.
    - Where an answer ends the connection and the client is still sending, the server reads on for a while. Closing at
      once would reset the connection, and the answer would be lost (RFC 9112 section 9.6).
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        limits = limits or ConnectionLimits()
        self._connection_limit = limits.connections
        self._time = self.loop.time
        self._deadlines = Deadlines(limits, self.timeout_keep_alive, self._time())
        self._look_task: TimerHandle | None = None
        self._exit = cast("Any", None)
        self._in_head = self._in_message = self._upgrades = False
        self._hosts = self._size = self._unfinished = self._discarded = 0
        self._parser_moved = False
        self._is_discarding = self._is_leaving = False
        self._under_way: RequestResponseCycle | None = None  # is answered now; `cycle` is the last of the pipeline
        self._waiting_refusal: Reply | None = None

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept a client, or refuse it where there are too many connections."""
        super().connection_made(cast("Transport", transport))
        self._exit = _Exit(self.transport, self.leave)
        number = len(self.connections)
        if number <= self._connection_limit:
            self._look_task = self.loop.call_later(self._deadlines.shortest, self._look)
            return
        self._cut_off(errors.CODES_OF_NO_CLASS[errors.TOO_MANY_CONNECTIONS.status])
        self._write(errors.TOO_MANY_CONNECTIONS)
        if number <= self._connection_limit + _LINGERING:
            self._linger()
        else:
            self._is_discarding = self._is_leaving = True
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application that the client is gone."""
        if self._look_task is not None:
            self._look_task.cancel()
        if self._under_way is not None and not self._under_way.response_complete:
            self._under_way.disconnected = True
            self._under_way.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Stop: call the function under STOPPING first, which ends the answers that otherwise have no end."""
        tell = self.app_state.get(STOPPING)
        if tell is not None:
            tell()
        if self._is_leaving:
            self.transport.close()
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than the server writes, and since when."""
        self._deadlines.stall(self.transport.get_write_buffer_size(), self._time())
        super().pause_writing()

    # What arrives

    def data_received(self, data: bytes) -> None:
        """Parse what arrived. Refuse a head that becomes too large."""
        if self._is_discarding:
            self._discard(len(data))
            return
        self._parser_moved = False
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.refusal if isinstance(cause, _RefusedError) else errors.NO_REQUEST)
            return
        if not self._in_message or self._parser_moved:
            self._unfinished = len(data) - data.rfind(b"\n") - 1 if self._in_head else 0
        else:
            self._unfinished += len(data)
        if self._in_message and self._size + self._unfinished > HEAD_BYTES:
            self._refuse(errors.HEAD_TOO_LARGE)

    def _parse(self, data: bytes) -> None:
        """Parse `data`. After an upgrade the parser expects another protocol, so a new one reads the head again."""
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = memoryview(rest)[upgrade.args[0] :]
            else:
                return
            head = self._head_without_upgrade()
            self.parser = _new_parser(self)
            self.parser.feed_data(head)

    def _head_without_upgrade(self) -> bytes:
        """Return the last head without its `Upgrade` header."""
        self._upgrades = False
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join((*lines, b"", b""))

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head = self._in_message = True
        self._hosts = self._discarded = 0
        self._size = _REQUEST_LINE_BYTES
        self._deadlines.begin(self._time())
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        self._parser_moved = True
        self._size += len(url)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. A trailer is dropped: what a header decides is decided before the body."""
        self._parser_moved = True
        self._size += len(name) + len(value) + 4
        if not self._in_head:
            if self._size > HEAD_BYTES:
                raise _RefusedError(errors.HEAD_TOO_LARGE)
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or queue it behind those that are not answered yet."""
        if self._size > HEAD_BYTES:
            raise _RefusedError(errors.HEAD_TOO_LARGE)
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise _RefusedError(errors.NO_TUNNEL)
        if self._hosts != 1 and (self._hosts or version >= "1.1"):  # RFC 9112 section 3.2
            raise _RefusedError(errors.NOT_ONE_HOST)
        if self.parser.should_upgrade():
            self._upgrades = True
            return
        self._in_head = False
        head = Head(
            method.decode("ascii"), version, self.scheme or "http", self.url, self.headers, self.expect_100_continue
        )
        keeps_alive = version >= "1.1" and self.parser.should_keep_alive()
        is_idle = self._is_idle()
        if is_idle and keeps_alive and self._answers_directly(head):
            return
        self.cycle = self._new_cycle(head, keep_alive=keeps_alive)
        if is_idle:
            self._answer(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _answers_directly(self, head: Head) -> bool:
        """Answer a request below ASGI, if that is possible."""
        direct: Direct | None = self.app_state.get(DIRECT)
        found = direct and direct.endpoint_of(head)
        if not direct or not found or self.root_path:
            return False
        answer = DirectAnswer(self, found, head, self.loop)
        self.cycle = self._under_way = cast("Any", answer)
        self.tasks.add(cast("Any", answer))  # uvicorn waits for it, and cancels it, as it does with its tasks
        direct.arrivals.begin_soon(answer.begin, self.loop)
        return True

    def write_answer(self, answer: DirectAnswer, reply: Reply) -> bool:
        """Write a complete answer, unless the connection closes after it or the client reads slowly."""
        is_gone = self.transport.is_closing()
        if not is_gone and (answer.disconnected or answer.more_body or not answer.keep_alive or self.flow.write_paused):
            return False
        self.tasks.discard(cast("Any", answer))
        answer.response_started = answer.response_complete = True
        if not is_gone:
            self.transport.write(_rendered(reply.status, self.server_state.default_headers, reply.headers, reply.body))
            self.on_response_complete()
        return True

    def answer_by_asgi(self, answer: DirectAnswer, app: ASGIApp) -> None:
        """Let an ASGI application send the answer, with what has arrived of the request."""
        self.tasks.discard(cast("Any", answer))
        cycle = self._new_cycle(answer.head, keep_alive=answer.keep_alive)
        cycle.body, cycle.more_body, cycle.disconnected = bytearray(answer.body), answer.more_body, answer.disconnected
        if self.cycle is cast("Any", answer):
            self.cycle = cycle
        self._answer(cycle, app)

    def _answer(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._under_way = cycle
        self._start_asgi_task(cycle, app)

    def _is_idle(self) -> bool:
        """Whether every request is answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _new_cycle(self, head: Head, *, keep_alive: bool) -> RequestResponseCycle:
        kind = _CloseDelimitedAnswer if head.version < "1.1" else _Answer
        return kind(
            scope=self._scope(head),
            transport=self._exit,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=head.expects_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _scope(self, head: Head) -> Any:
        """Return the scope of a request, as ASGI's specification describes it."""
        url = httptools.parse_url(head.target)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": head.version,
            "server": self.server,
            "client": self.client,
            "scheme": head.scheme,
            "method": head.method,
            "root_path": self.root_path,
            "path": self.root_path + (unquote(path) if "%" in path else path),
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "headers": head.lines,
            "state": self.app_state.copy(),
        }

    def on_body(self, body: bytes) -> None:
        """Take a part of the body. Where the request is already answered, discard it, up to LINGER_BYTES."""
        self._parser_moved = True
        self._deadlines.hear(self._time())
        cycle = self.cycle
        if cycle.response_complete:
            self._discard(len(body))
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Mark the request as complete: its body has ended."""
        if self._upgrades:
            return
        self._in_message = False
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # What is answered

    def on_response_complete(self) -> None:
        """Go on after an answer: with the next request, or with the refusal that waits for its turn."""
        self.server_state.total_requests += 1
        if self._is_leaving or self.transport.is_closing():
            return
        self._deadlines.begin(self._time())
        self.flow.resume_reading()
        if self.pipeline:
            self._answer(*self.pipeline.pop())
        elif self._waiting_refusal is not None:
            self._write(self._waiting_refusal)
            self._linger()

    def _refuse(self, refusal: Reply) -> None:
        """Refuse a request, after the answers before it, and ignore what the client still sends."""
        self._cut_off(errors.CODES_OF_NO_CLASS[refusal.status])
        has_body_under_way, self._is_discarding = self._in_message and not self._in_head, True
        cycle = self.cycle
        if has_body_under_way and self.pipeline and self.pipeline[0][0] is cycle:  # still waits for its turn
            self.pipeline.popleft()
            self._waiting_refusal = refusal
        elif self._is_idle():
            self._write(refusal)
            self._linger()
        elif not has_body_under_way:
            self._waiting_refusal = refusal
        elif cycle.response_started:
            self.transport.abort()
        else:
            self._write(refusal)
            self._linger()
            cycle.disconnected = True
            cycle.message_event.set()

    def _write(self, refusal: Reply) -> None:
        lines = (*self.server_state.default_headers, *refusal.headers, (b"connection", b"close"))
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[refusal.status], head, refusal.body))

    def _cut_off(self, reason: str) -> None:
        tell = self.app_state.get(CUT_OFF)
        if tell is not None:
            tell(reason)

    # How it ends

    def leave(self) -> None:
        """End the connection after an answer: at once where the whole request has arrived, else by lingering."""
        if self._in_message:
            self._linger()
        else:
            self._is_discarding = self._is_leaving = True
            self.transport.close()

    def _linger(self) -> None:
        """Close the sending side, and discard what still arrives for LINGER_SECONDS."""
        if self._is_leaving or self.transport.is_closing():
            return
        self._is_discarding = self._is_leaving = True
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._look_task is not None:
            self._look_task.cancel()
        self._look_task = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > LINGER_BYTES and not self.transport.is_closing():
            self.transport.abort()

    def _look(self) -> None:
        """End the connection where the client takes too long, and look again when its time could be over."""
        now = self._time()
        self._look_task = None
        if self.flow.read_paused:
            self._deadlines.hear(now)
        latest = now + self._deadlines.shortest
        due = min(self._deadlines.due(self._phase(), self.transport.get_write_buffer_size(), now), latest)
        if due <= now:
            self._end_waiting()
        if self._look_task is None:
            self._look_task = self.loop.call_later(max(due - now, _LEAST_LOOK_SECONDS), self._look)

    def _phase(self) -> Phase:
        if self._is_discarding:
            return Phase.END
        if self._in_head or self.cycle is None:
            return Phase.HEAD
        if self._in_message:
            return Phase.BODY
        return Phase.NEXT if self.cycle.response_complete else Phase.ANSWER

    def _end_waiting(self) -> None:
        if self.transport.get_write_buffer_size():
            self._cut_off("answer_not_taken")
            self.transport.abort()
        elif self._in_head or (self._in_message and not self.cycle.response_complete):
            self._refuse(errors.REQUEST_LATE)
        else:
            self.transport.close()


def _rendered(
    status: int, first: Iterable[tuple[bytes, bytes]], headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> bytes:
    """Return an answer as bytes, with the `first` headers before the others."""
    content = [STATUS_LINE[status]]
    for name, value in first:
        content += (name, b": ", value, b"\r\n")
    for name, value in headers:
        content += (name, b": ", value, b"\r\n")
    content += (b"\r\n", body)
    return b"".join(content)


def _new_parser(protocol: BoundedHeadProtocol) -> httptools.HttpRequestParser:
    """Return a parser as uvicorn makes it: it also reads requests after one with `Connection: close`."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
