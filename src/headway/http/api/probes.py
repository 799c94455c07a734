"""Probes and metrics for operators, and what is answered to requests that no operation takes."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from headway.domain.errors import UnavailableError
from headway.http.engine.errors import INTERNAL_ERROR, refusal_of_no_class, to_reply
from headway.http.engine.replies import to_response
from headway.metrics import Metrics


def probes_router(version: str, probe: Callable[[], Awaitable[None]], metrics: Metrics) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`. `probe` returns if the store answers, or raises `UnavailableError`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok", "version": version}

    @router.get("/readyz")
    async def readiness() -> Response:
        """The store answers."""
        try:
            await probe()
        except UnavailableError as error:
            return to_response(to_reply(error))
        return JSONResponse({"status": "ready"})

    @router.get("/metrics")
    async def exposition() -> Response:
        """Prometheus' text format."""
        return Response(await metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def refused_by_framework(_request: Request, error: Exception) -> Response:
    """What the framework refuses: paths that it does not know, and methods that they do not take."""
    if not isinstance(error, HTTPException):
        raise error
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    return to_response(refusal_of_no_class(error.detail, error.status_code, headers))


async def failed(_request: Request, _error: Exception) -> Response:
    """A fault: the server writes it to the log."""
    return to_response(INTERNAL_ERROR)
