"""The short way in: the API's operations found by their path's parts, everything else left to FastAPI.

FastAPI's own way to a route costs several times what answering a heartbeat does; the figures are in
docs/decisions. The same endpoint answers either way.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.endpoint import Endpoint

_PARAMETER: Final = None
_METHODS: Final = ""

_Node = dict[str | None, Any]


class Dispatcher:
    """An ASGI application over `endpoints`, by method and path; `fallback` serves whatever they do not."""

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint], fallback: ASGIApp) -> None:
        self._fallback = fallback
        self._root: _Node = {}
        for (method, path), endpoint in endpoints.items():
            node = self._root
            for part in path.split("/")[1:]:
                node = node.setdefault(_PARAMETER if part.startswith("{") else part, {})
            node.setdefault(_METHODS, {})[method] = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on whatever else the server says."""
        if scope["type"] == "http":
            endpoint, identifiers = self._find(scope["method"], scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send, identifiers)
                return
        await self._fallback(scope, receive, send)

    def _find(self, method: str, path: str) -> tuple[Endpoint | None, list[str]]:
        node: _Node | None = self._root
        identifiers: list[str] = []
        for part in path.split("/")[1:]:
            if node is None or not part:
                return None, identifiers
            following = node.get(part)
            if following is None:
                following = node.get(_PARAMETER)
                identifiers.append(part)
            node = following
        return (node or {}).get(_METHODS, {}).get(method), identifiers
