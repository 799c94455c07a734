"""Compresses pages with gzip where the browser accepts it."""

import asyncio
import gzip
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.parameters import accepted

VARIES: Final = {"Vary": "Accept-Encoding"}

_OK: Final = 200
_LEAST_BYTES: Final = 1000  # a smaller body fits into one packet without compression
_LEVEL: Final = 5  # higher levels take much longer and save little


def takes_gzip(request: Request) -> bool:
    """Whether a request accepts gzip (RFC 9110 section 12.5.3)."""
    return accepted(request.headers.get("accept-encoding", "")).get("gzip", 0) > 0


async def compressed(request: Request, response: Response) -> Response:
    """Return the response, compressed where the body is large enough and the request accepts gzip.

    A thread compresses it, so the event loop goes on. Do not use it for a page that holds both secrets and text from
    the address: others can choose that text, and the compressed length would reveal the secrets (BREACH).
    """
    body = bytes(response.body)
    if response.status_code != _OK or len(body) < _LEAST_BYTES:
        return response
    response.headers.update(VARIES)
    if takes_gzip(request):
        response.body = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response
