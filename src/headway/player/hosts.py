"""Keeps the two origins apart: that of content, and that of everything else. Both lead to this service."""

from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.engine.errors import refusal_of_no_class
from headway.http.engine.replies import to_response
from headway.http.engine.requests import CONTENT_PATH, host_name

_NOT_HERE: Final = refusal_of_no_class("There is nothing at this address.", 404)


def host_of(origin: str) -> bytes:
    """Return the name of an origin's host, which no other origin of this service has."""
    return host_name(urlsplit(origin).netloc.encode())


class Hosts:
    """An ASGI application that serves content on its own host alone, and everything else on all others.

    So scripts of content can not ask the API as the learner: their host gets no session, and serves launches alone.
    """

    def __init__(self, app: ASGIApp, content_host: bytes, launches: str) -> None:
        """Make the application. `launches` is the path below which launches get what content commits."""
        self._app = app
        self._host = content_host
        self._launches = launches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Other ASGI scopes are passed on."""
        if scope["type"] == "http" and not self._is_served(scope):
            await to_response(_NOT_HERE)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_served(self, scope: Scope) -> bool:
        path: str = scope["path"]
        is_content = path.startswith(f"{CONTENT_PATH}/")
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if host_name(host) == self._host:
            return is_content or path.startswith(f"{self._launches}/")
        return not is_content
