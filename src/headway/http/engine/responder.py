"""How an answer leaves: uvicorn's way, with shorter ones for an answer that is all there and one that will never be."""

from asyncio import Transport
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


class Exit:
    """What an answer is written to: the transport, whose end is the connection's to tell."""

    __slots__ = ("abort", "close", "is_closing", "write")

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.abort = transport.abort
        self.close = close


class CloseDelimited(RequestResponseCycle):
    """An answer to HTTP/1.0, which knows no chunks (RFC 9112 section 6.1): the end of the connection ends it."""

    _ends_with_connection = False

    async def send(self, message: Any) -> None:
        """Send one message of ASGI."""
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._ends_with_connection = b"content-length" not in names
            if self._ends_with_connection:
                self.chunked_encoding = False
        elif self._ends_with_connection:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def respond(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a whole answer at once, where `send` is this protocol's own; `False` where it has to be sent by ASGI.

    The same bytes as ASGI's two messages make, without looking for line breaks in headers that hold none: they are
    of our own making. Not for an answer after which the connection closes, nor to a client that is slow to read.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        return False
    if cycle.transport.is_closing():  # nobody is there any more
        cycle.response_started = cycle.response_complete = True
        return True
    if cycle.disconnected or cycle.flow.write_paused or not cycle.keep_alive:
        return False
    content = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        content += (name, b": ", value, b"\r\n")
    content += (b"\r\n", body)
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(b"".join(content))
    cycle.on_response()
    return True


class BrokenOffError(Exception):
    """An answer that has begun can not be ended: for the server, which closes the connection."""


def break_off(send: Send) -> None:
    """Close the connection in the middle of an answer, so that nobody takes the part for the whole.

    What a client does not read is not kept for it. Where `send` is not this protocol's own, only a failing application
    can say so: raises `BrokenOffError`.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        raise BrokenOffError("The answer was broken off; the log says why.")
    cycle.response_complete = True
    if cycle.flow.write_paused:
        cycle.transport.abort()
    else:
        cycle.transport.close()
