"""Routes the API's operations by method and path, and leaves every other request to FastAPI.

FastAPI's own routing costs several times as much as answering a learner's PUT (docs/decisions/0003). The same endpoint
answers in both cases.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.engine.endpoint import ANY_ORIGIN, Endpoint

_PARAMETER: Final = re.compile(r"{\w+}")
_PREFLIGHT: Final = (
    ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"86400"),
)


class _Paths(NamedTuple):
    """The paths of one method.

    `endpoints` has, by the last group that matched, the path's endpoint, and the slice of groups with its parameters.
    """

    pattern: re.Pattern[str]
    endpoints: Mapping[int | None, tuple[Endpoint, slice]]


class Routes:
    """Finds the endpoint of a request by its method and path.

    One pattern matches all paths of a method. That costs a third of splitting a path and looking up its parts.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._paths = {
            of: _paths({path: endpoint for (method, path), endpoint in endpoints.items() if method == of})
            for of in {method for method, _ in endpoints}
        }

    def find(self, method: str, path: str) -> tuple[Endpoint, Sequence[str]] | None:
        """Return the endpoint of a path, and the path's parameters; `None` where no endpoint serves it."""
        paths = self._paths.get(method)
        found = paths and paths.pattern.fullmatch(path)
        if not paths or not found:
            return None
        endpoint, parameters = paths.endpoints[found.lastindex]
        return endpoint, found.groups()[parameters]


class Dispatcher:
    """An ASGI application that serves the endpoints of `routes`, and hands other requests to `fallback`."""

    def __init__(self, routes: Routes, fallback: ASGIApp) -> None:
        self._routes = routes
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Other ASGI scopes (lifespan, WebSocket) go to the fallback."""
        found = self._routes.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._fallback(scope, receive, send)
            return
        endpoint, identifiers = found
        await endpoint(scope, receive, send, identifiers)


class Preflights:
    """An ASGI application that lets pages of every origin call the operations that are meant for them.

    A browser asks first whether a page may send JSON to another origin (Fetch Standard, "CORS-preflight fetch"). Only
    these operations are answered here, whatever the settings say of other origins.
    """

    def __init__(self, routes: Routes, app: ASGIApp) -> None:
        self._routes = routes
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Everything but such a question is passed on."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and self._is_allowed(scope):
            await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        asked = next((value for name, value in scope["headers"] if name == b"access-control-request-method"), b"")
        found = self._routes.find(asked.decode("latin-1"), scope["path"])
        return found is not None and found[0].operation.is_of_any_origin


def _paths(endpoints: Mapping[str, Endpoint]) -> _Paths:
    """Build the pattern of one method.

    Each path is a group around the groups of its parameters, so `lastindex` of a match identifies the path.
    """
    by_group: dict[int | None, tuple[Endpoint, slice]] = {}
    groups = 0
    for path, endpoint in endpoints.items():
        groups += 1
        parameters = path.count("{")
        by_group[groups] = endpoint, slice(groups, groups + parameters)
        groups += parameters
    return _Paths(re.compile("|".join(f"({_PARAMETER.sub('([^/]+)', path)})" for path in endpoints)), by_group)
