"""The short way in: the API's operations found by their method and path, everything else left to FastAPI.

FastAPI's own way to a route costs several times what answering a heartbeat does; the figures are in
docs/decisions. The same endpoint answers either way.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.engine.endpoint import Endpoint

_PARAMETER: Final = re.compile(r"{\w+}")


class _Paths(NamedTuple):
    """The paths of one method. By the last group that matched, whose endpoint it is and where its parameters are."""

    pattern: re.Pattern[str]
    endpoints: Mapping[int | None, tuple[Endpoint, slice]]


class Dispatcher:
    """An ASGI application over `endpoints`, by method and path; `fallback` serves whatever they do not.

    One pattern knows all paths of a method: that costs a third of what it takes to split a path and look its parts up.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint], fallback: ASGIApp) -> None:
        self._fallback = fallback
        self._paths = {
            of: _paths({path: endpoint for (method, path), endpoint in endpoints.items() if method == of})
            for of in {method for method, _ in endpoints}
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on whatever else the server says."""
        if scope["type"] == "http":
            paths = self._paths.get(scope["method"])
            found = paths and paths.pattern.fullmatch(scope["path"])
            if paths and found:
                endpoint, parameters = paths.endpoints[found.lastindex]
                identifiers: Sequence[str] = found.groups()[parameters]
                await endpoint(scope, receive, send, identifiers)
                return
        await self._fallback(scope, receive, send)


def _paths(endpoints: Mapping[str, Endpoint]) -> _Paths:
    """Each path is a group around those of its parameters, so that a match's last group tells which it was."""
    by_group: dict[int | None, tuple[Endpoint, slice]] = {}
    groups = 0
    for path, endpoint in endpoints.items():
        groups += 1
        parameters = path.count("{")
        by_group[groups] = endpoint, slice(groups, groups + parameters)
        groups += parameters
    return _Paths(re.compile("|".join(f"({_PARAMETER.sub('([^/]+)', path)})" for path in endpoints)), by_group)
