"""Sending an answer while it is made."""

import asyncio
import contextlib
from typing import Final

from starlette.types import Message, Receive, Send

from headway.domain.errors import HeadwayError, StoppingError
from headway.http.engine.errors import INTERNAL_ERROR, to_reply
from headway.http.engine.replies import Chunks, Headers, Reply, StreamedReply
from headway.http.engine.requests import ClientGoneError
from headway.logs import get_logger

_log = get_logger("headway.http")

PIECE_BYTES: Final = 64 * 1024
"""How much of an answer is handed to the server at once: what a client has not taken yet is copied no further."""
_LEAST_BYTES_A_SECOND: Final = 64 * 1024
_LEAST_SECONDS: Final = 60.0
CLIENT_GONE: Final = 499
CLIENT_SLOW: Final = 408
"""What is counted of a client that took nothing of what was sent for too long (RFC 9110 section 15.5.9)."""


class _SlowClientError(Exception):
    """A client took nothing of what was sent for too long."""


async def send_streamed(reply: StreamedReply, headers: Headers, receive: Receive, send: Send) -> int:
    """Send an answer chunk by chunk; answers its status, or that of what cut it short.

    One that was cut short is not ended: that is for the caller to tell the server.
    """
    listening = asyncio.ensure_future(_hung_up(receive))
    try:
        await _send(send, {"type": "http.response.start", "status": reply.status, "headers": list(headers)})
        async with contextlib.aclosing(reply.chunks) as chunks:
            async for chunk in chunks:
                if chunk:
                    await _send_within(reply.patience_seconds, send, chunk)
                await asyncio.sleep(0)  # others have their turn
                if listening.done():
                    return CLIENT_GONE
        await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})
    except _SlowClientError:
        return CLIENT_SLOW
    except HeadwayError as refusal:
        return to_reply(refusal).status
    except asyncio.CancelledError:  # the service stops and has waited long enough
        return to_reply(StoppingError()).status
    except Exception:  # noqa: BLE001 - what it was has the log; the client sees that the answer does not end
        _log.exception("request_failed")
        return INTERNAL_ERROR.status
    finally:
        listening.cancel()
    return reply.status


async def send_in_pieces(reply: Reply, receive: Receive, send: Send) -> int:
    """Send a long answer, each piece when the client has taken most of the one before; answers as `send_streamed`.

    The last piece is waited for, too: then the body is needed no more. The server gives up a client that takes nothing,
    which is then one that has hung up. One that takes little is given up, too: a minute, or what it takes at 64 KiB a
    second, is the most, since others have no room meanwhile. The answer is not ended then: that is for the caller.
    """
    status, body, headers = reply
    listening = asyncio.ensure_future(_hung_up(receive))
    try:
        async with asyncio.timeout(max(_LEAST_SECONDS, len(body) / _LEAST_BYTES_A_SECOND)):
            await send({"type": "http.response.start", "status": status, "headers": list(headers)})
            for at in range(0, len(body), PIECE_BYTES):
                await send({"type": "http.response.body", "body": body[at : at + PIECE_BYTES], "more_body": True})
                await asyncio.sleep(0)  # others have their turn
                if listening.done():
                    return CLIENT_GONE
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        return CLIENT_SLOW
    finally:
        listening.cancel()
    return status


async def begun(chunks: Chunks) -> Chunks:
    """Chunks of which the first has been made: whatever can be refused is, before anything is sent."""
    return _resumed(await anext(chunks), chunks)


async def _resumed(first: bytes, rest: Chunks) -> Chunks:
    yield first
    async with contextlib.aclosing(rest):
        async for chunk in rest:
            yield chunk


async def _hung_up(receive: Receive) -> None:
    """Return when the client hangs up; what it sends until then is of no use to anybody."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_within(seconds: float | None, send: Send, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _send(send, {"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError as error:
        raise _SlowClientError from error


async def _send(send: Send, message: Message) -> None:
    """Send one message. Some servers say with an `OSError` that nobody is there."""
    try:
        await send(message)
    except OSError as error:
        raise ClientGoneError("The client hung up.") from error
