"""What is sent compressed, and who can read it."""

import asyncio
import gzip
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.parameters import accepted

VARIES: Final = {"Vary": "Accept-Encoding"}

_OK: Final = 200
_LEAST_BYTES: Final = 1000  # what is smaller fits into one packet as it is
_LEVEL: Final = 5  # from here on it takes much longer and becomes hardly smaller


def takes_gzip(request: Request) -> bool:
    """Whether the sender of a request can read gzip (RFC 9110 section 12.5.3)."""
    return accepted(request.headers.get("accept-encoding", "")).get("gzip", 0) > 0


async def compressed(request: Request, response: Response) -> Response:
    """The same answer, compressed where its body is worth that and its reader can read it.

    It is compressed beside the event loop. Not for an answer in which a text that others choose with the address
    stands beside what they may not know: its length would tell them of that (BREACH).
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
