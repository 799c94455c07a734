"""Reads the forms that pages send."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from headway.http.engine.requests import HeldBody, read_body, read_headers

_BYTES: Final = 4096


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a request's form. Raises `PayloadTooLargeError` where it is longer than 4096 bytes."""
    body = await read_body(request.receive, read_headers(request.scope["headers"]), HeldBody(None, _BYTES))
    return dict(parse_qsl(body.decode("latin-1")))
