"""Serves the JavaScript client at a fixed address, so that any page can import it without a build."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response
from starlette.requests import Request

from headway.http.engine.static_files import ANY_ORIGIN, StaticFile

PATH: Final = "/client/headway-client.js"
"""The address of the client. The page may be of any origin: the file holds nothing of anybody."""

_HOUR: Final = "public, max-age=3600"


def client_router() -> APIRouter:
    """Build the router of the JavaScript client, which `make client` builds from `clients/javascript`."""
    router = APIRouter(include_in_schema=False)
    content = (files("headway.http.api") / "headway-client.js").read_bytes()
    file = StaticFile.of(PATH, content)

    @router.get(PATH)
    async def client(request: Request) -> Response:
        """Answer with the client, or that it is what the caller has."""
        return file.answer(request, {"Cache-Control": _HOUR, **ANY_ORIGIN})

    return router
