"""Sends long answers: those that are built while they are sent, and those that are sent in pieces."""

import asyncio
import contextlib
from typing import Final

from starlette.types import Message, Receive, Send

from headway.domain.errors import HeadwayError, StoppingError
from headway.http.engine.errors import INTERNAL_ERROR, to_reply
from headway.http.engine.replies import PIECE_BYTES, Chunks, Reply, StreamedReply
from headway.http.engine.requests import ClientGoneError
from headway.logs import get_logger

_log = get_logger("headway.http")

_LEAST_BYTES_A_SECOND: Final = 64 * 1024
_LEAST_SECONDS: Final = 60.0
CLIENT_GONE: Final = 499
CLIENT_SLOW: Final = 408
"""The status that is logged for a client that read nothing for too long (RFC 9110 section 15.5.9)."""


class _SlowClientError(Exception):
    """The client read nothing for too long."""


async def send_streamed(reply: StreamedReply, receive: Receive, send: Send) -> int:
    """Send an answer chunk by chunk. Returns its status, or the status of the error that cut it short.

    An answer that was cut short is not ended. The caller has to break it off.
    """
    listening = asyncio.ensure_future(_hung_up(receive))
    try:
        await _send(send, {"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        async with contextlib.aclosing(reply.chunks) as chunks:
            async for chunk in chunks:
                if chunk:
                    await _send_within(reply.patience_seconds, send, chunk)
                await asyncio.sleep(0)  # let other requests run
                if listening.done():
                    return CLIENT_GONE
        await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})
    except _SlowClientError:
        return CLIENT_SLOW
    except HeadwayError as refusal:
        return to_reply(refusal).status
    except asyncio.CancelledError:  # the service stops and has waited long enough
        return to_reply(StoppingError()).status
    except Exception:  # noqa: BLE001 - goes to the log; the client sees that the answer is not complete
        _log.exception("request_failed")
        return INTERNAL_ERROR.status
    finally:
        listening.cancel()
    return reply.status


async def send_in_pieces(reply: Reply, receive: Receive, send: Send) -> int:
    """Send a long answer piece by piece. Returns its status, CLIENT_GONE or CLIENT_SLOW.

    Each piece is sent when the client has read most of the one before. When this returns, the body is no longer needed.
    The client has a minute, or the time that the body takes at 64 KiB a second where that is longer: the body takes
    memory from others meanwhile. After CLIENT_SLOW, the caller has to break the answer off.
    """
    status, body, headers = reply
    listening = asyncio.ensure_future(_hung_up(receive))
    try:
        async with asyncio.timeout(max(_LEAST_SECONDS, len(body) / _LEAST_BYTES_A_SECOND)):
            await send({"type": "http.response.start", "status": status, "headers": list(headers)})
            for at in range(0, len(body), PIECE_BYTES):
                await send({"type": "http.response.body", "body": body[at : at + PIECE_BYTES], "more_body": True})
                await asyncio.sleep(0)  # let other requests run
                if listening.done():
                    return CLIENT_GONE
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        return CLIENT_SLOW
    finally:
        listening.cancel()
    return status


async def begun(chunks: Chunks) -> Chunks:
    """Build the first chunk, and return all of them. An error is so raised before anything is sent."""
    return _resumed(await anext(chunks), chunks)


async def _resumed(first: bytes, rest: Chunks) -> Chunks:
    yield first
    async with contextlib.aclosing(rest):
        async for chunk in rest:
            yield chunk


async def _hung_up(receive: Receive) -> None:
    """Return when the client closes the connection. What it sends until then is discarded."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_within(seconds: float | None, send: Send, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _send(send, {"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError as error:
        raise _SlowClientError from error


async def _send(send: Send, message: Message) -> None:
    """Send one message. Raises `ClientGoneError` where the server raises `OSError`, as some do without a client."""
    try:
        await send(message)
    except OSError as error:
        raise ClientGoneError("The client closed the connection.") from error
