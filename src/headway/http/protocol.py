"""uvicorn's HTTP protocol with a bound on a request's head.

And with shorter ways out for two kinds of answers: one that is all there, and one that will never be.
"""

from collections.abc import Iterable
from typing import Final

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES: Final = 64 * 1024
STOPPING: Final = "headway_stopping"
"""Where the lifespan's state has what is to be called when the server stops, before it waits for answers to end."""

_REASON: Final = b'{"detail":"The request line and headers are over 64 KiB.","code":"head_too_large"}'
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_REASON), _REASON)
)


class BoundedHeadProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers do not end within HEAD_BYTES (RFC 6585 section 5)."""

    _head_bytes = 0
    _in_head = False
    _in_message = False
    _begun = 0

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head = self._in_message = True
        self._begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has ended, too."""
        self._in_message = False
        super().on_message_complete()

    def shutdown(self) -> None:
        """The server stops: answers that end only then are told so first."""
        tell = self.app_state.get(STOPPING)
        if tell is not None:
            tell()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless it makes a head too large. Of a head that begins in its middle the next counts."""
        is_a_beginning, self._begun = not self._in_message, 0
        super().data_received(data)
        if self._begun > 1 or (self._begun and not is_a_beginning):
            self._head_bytes = 0
        elif self._in_head:
            self._head_bytes += len(data)
        else:
            self._head_bytes = 0
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()


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
