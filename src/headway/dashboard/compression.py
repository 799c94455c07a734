"""Compresses pages with gzip where the browser accepts it."""

import asyncio
import gzip
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine import parameters

VARIES: Final = {"Vary": "Accept-Encoding"}

_LEAST_BYTES: Final = 1000  # a smaller body fits into one packet without compression
_LEVEL: Final = 5  # higher levels take much longer and save little
# RFC 1952, section 2.3: the header of a gzip member, the byte of it that says what follows, and the bit for a name.
_HEADER: Final = 10
_FLAGS: Final = 3
_HAS_NAME: Final = 0b1000
_LONGEST_NAME: Final = 100


def takes_gzip(request: Request) -> bool:
    """Whether a request accepts gzip."""
    return parameters.takes_gzip(request.headers.get("accept-encoding", ""))


async def compressed(request: Request, response: Response) -> Response:
    """Return the response, compressed where the body is large enough and the request accepts gzip.

    A thread compresses it, so the event loop goes on. A streamed response has no body yet, and stays as it is.
    """
    body = bytes(getattr(response, "body", b""))
    if len(body) < _LEAST_BYTES:
        return response
    response.headers.update(VARIES)
    if takes_gzip(request):
        response.body = await asyncio.to_thread(_packed, body)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _packed(body: bytes) -> bytes:
    """Compress a body, and give it a file name of random length, which browsers ignore.

    Without it, the length would tell how much of a text from the address, which anybody can choose, is in the rest of
    the page, too (BREACH). The forgery token of a page is hidden by its own mask.
    """
    packed = gzip.compress(body, _LEVEL, mtime=0)
    header = bytearray(packed[:_HEADER])
    header[_FLAGS] |= _HAS_NAME
    name = b"h" * secrets.randbelow(_LONGEST_NAME)
    return bytes(header) + name + b"\0" + packed[_HEADER:]
