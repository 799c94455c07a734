"""Writes answers through uvicorn, with shortcuts: one to send a complete answer, one to break off an answer."""

from asyncio import Transport
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


class Exit:
    """The transport as an answer sees it. To close it, the answer calls the connection's `close`."""

    __slots__ = ("abort", "close", "is_closing", "write")

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.abort = transport.abort
        self.close = close


class CloseDelimited(RequestResponseCycle):
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


def respond(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a complete answer at once. Returns `False` where the caller has to send it by ASGI.

    It writes the same bytes as ASGI's two messages would. It does not look for line breaks in the headers, since none
    of them comes from outside. `False` where `send` is not uvicorn's, the connection closes after the answer, or the
    client reads slowly.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        return False
    if cycle.transport.is_closing():  # the client is gone
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
    """An answer that has begun can not be completed. The server closes the connection."""


def break_off(send: Send) -> None:
    """Close the connection in the middle of an answer, so that the client does not take the part for the whole.

    Where the client does not read, the unsent bytes are dropped.
    Raises `BrokenOffError` where `send` is not uvicorn's: an error is the only way to tell such a server.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        raise BrokenOffError("The answer was broken off; the log says why.")
    cycle.response_complete = True
    if cycle.flow.write_paused:
        cycle.transport.abort()
    else:
        cycle.transport.close()
