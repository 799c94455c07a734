"""Serves the JavaScript client at a fixed address, so that any page can import it without a build."""

import gzip
import hashlib
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response
from starlette.requests import Request

from headway.http.engine.parameters import takes_gzip

PATH: Final = "/client/headway-client.js"
"""The address of the client. The page may be of any origin: the file holds nothing of anybody."""

_HOUR: Final = "public, max-age=3600"


def client_router() -> APIRouter:
    """Build the router of the JavaScript client, which `make client` builds from `clients/javascript`."""
    router = APIRouter(include_in_schema=False)
    content = (files("headway.http.api") / "headway-client.js").read_bytes()
    compressed = gzip.compress(content, mtime=0)
    etag = f'"{hashlib.sha256(content).hexdigest()[:12]}"'
    fixed = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": _HOUR,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }

    @router.get(PATH)
    async def client(request: Request) -> Response:
        """Answer with the client, or that it is what the caller has."""
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=fixed)
        is_packed = takes_gzip(request.headers.get("accept-encoding", ""))
        headers = fixed | {"Content-Encoding": "gzip"} if is_packed else fixed
        return Response(compressed if is_packed else content, headers=headers, media_type="text/javascript")

    return router
