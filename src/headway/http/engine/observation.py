"""Every request's id in the answer, its figures in the metrics, and its line in the log."""

import re
from itertools import count
from secrets import token_hex
from time import perf_counter
from typing import Final, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.logs import REQUEST_ID, get_logger
from headway.metrics import Metrics, RequestMeter

LoggedRequests = Literal["all", "refused", "none"]

_log = get_logger("headway.http")

_GIVEN_ID: Final = re.compile(rb"[!-~]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROCESS: Final = token_hex(6)
_NUMBERS: Final = count(1)


def request_id(given: bytes | None) -> str:
    """Return the id that the caller gave, or a new one where that is missing, too long or not printable ASCII.

    A new id is a random part of this process and a running number. It is unique, and far cheaper than a UUID.
    """
    if given is not None and _GIVEN_ID.fullmatch(given):
        return given.decode()
    return f"{_PROCESS}-{next(_NUMBERS):x}"


class Observer:
    """Counts the requests of one route, and logs those that the setting `logged` selects."""

    def __init__(self, meter: RequestMeter, method: str, route: str, logged: LoggedRequests) -> None:
        self._meter = meter
        self._method = method
        self._route = route
        self._least_logged_status = {"all": 0, "refused": 400, "none": 500}[logged]

    def answered(self, status: int, started: float) -> None:
        """Count one request, which began at `started` (seconds, of `perf_counter`)."""
        seconds = perf_counter() - started
        self._meter.record(status, seconds)
        if status >= self._least_logged_status:
            _log.info(
                "request",
                method=self._method,
                route=self._route,
                status=status,
                milliseconds=round(seconds * 1000, 3),
            )


class Observed:
    """Observes the requests that no `Endpoint` answers: pages, probes, unknown paths."""

    def __init__(self, app: ASGIApp, metrics: Metrics, logged: LoggedRequests) -> None:
        self._app = app
        self._metrics = metrics
        self._logged = logged
        self._observers: dict[tuple[str, str], Observer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and observe it. Other ASGI scopes are passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        identity = request_id(dict(scope["headers"]).get(b"x-request-id"))
        REQUEST_ID.set(identity)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._observer(scope).answered(status, started)

    def _observer(self, scope: Scope) -> Observer:
        """Return the observer of the request's route.

        All unknown paths and methods share one, which bounds the metrics.
        """
        path = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS and path != "other" else "other"
        if (method, path) not in self._observers:
            meter = self._metrics.meter(method, path)
            self._observers[method, path] = Observer(meter, method, path, self._logged)
        return self._observers[method, path]
