"""What a connection can do for an endpoint besides ASGI: send a complete answer at once, and break off an answer.

`protocol.py` meets the interface for uvicorn. Under any other server, and in tests, answers go by ASGI.
"""

from collections.abc import Iterable

from starlette.types import Send


class Responder:
    """An answer on its way to a client. The server's object with the ASGI function `send` inherits from it."""

    __slots__ = ()

    def respond(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write a complete answer at once. Returns `False` where the caller has to send it by ASGI.

        The client gets the same bytes as by ASGI. Line breaks in headers are not looked for, since none of the headers
        comes from outside.
        """
        raise NotImplementedError

    def break_off(self) -> None:
        """Close the connection in the middle of an answer. Where the client does not read, unsent bytes are dropped."""
        raise NotImplementedError


class BrokenOffError(Exception):
    """An answer that has begun can not be completed. The server closes the connection."""


def respond(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a complete answer at once, if the server can. Returns `False` where the caller has to send it by ASGI."""
    responder = getattr(send, "__self__", None)
    return isinstance(responder, Responder) and responder.respond(status, headers, body)


def break_off(send: Send) -> None:
    """Close the connection in the middle of an answer, so that the client does not take the part for the whole.

    Raises `BrokenOffError` where the server has no `Responder`: an error is the only way to tell such a server.
    """
    responder = getattr(send, "__self__", None)
    if not isinstance(responder, Responder):
        raise BrokenOffError("The answer was broken off; the log says why.")
    responder.break_off()
