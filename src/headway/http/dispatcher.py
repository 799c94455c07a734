"""The short way in: the API's operations found by their path's parts, everything else left to FastAPI.

FastAPI's own way to a route costs several times what answering a heartbeat does; the figures are in
docs/decisions. The same endpoint answers either way.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.http.endpoint import Endpoint

_PARAMETER: Final = re.compile(r"{\w+}")


class Dispatcher:
    """An ASGI application over `endpoints`, by method and path; `fallback` serves whatever they do not.

    One pattern knows all paths: that costs a third of what it takes to split a path and look its parts up.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], Endpoint], fallback: ASGIApp) -> None:
        self._fallback = fallback
        self._methods: dict[int | None, dict[str, Endpoint]] = {}
        self._parameters: dict[int | None, slice] = {}
        paths = dict.fromkeys(path for _, path in endpoints)
        groups = 0
        for path in paths:
            groups += 1
            parameters = path.count("{")
            self._parameters[groups] = slice(groups, groups + parameters)
            self._methods[groups] = {method: endpoint for (method, of), endpoint in endpoints.items() if of == path}
            groups += parameters
        # Each path is a group around those of its parameters, so that the match's last group tells which it was.
        self._paths = re.compile("|".join(f"({_PARAMETER.sub('([^/]+)', path)})" for path in paths))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on whatever else the server says."""
        if scope["type"] == "http":
            found = self._paths.fullmatch(scope["path"])
            if found is not None:
                endpoint = self._methods[found.lastindex].get(scope["method"])
                if endpoint is not None:
                    identifiers: Sequence[str] = found.groups()[self._parameters[found.lastindex]]
                    await endpoint(scope, receive, send, identifiers)
                    return
        await self._fallback(scope, receive, send)
