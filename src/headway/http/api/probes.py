"""Probes and metrics for operators, and the answers to requests that no operation serves."""

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
    """Build the router of `/healthz`, `/readyz` and `/metrics`.

    `probe` returns if the store answers, and raises `UnavailableError` if it does not.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        """Answer that the process runs."""
        return {"status": "ok", "version": version}

    @router.get("/readyz")
    async def readiness() -> Response:
        """Answer whether the store answers."""
        try:
            await probe()
        except UnavailableError as error:
            return to_response(to_reply(error))
        return JSONResponse({"status": "ready"})

    @router.get("/metrics")
    async def exposition() -> Response:
        """Answer the metrics in Prometheus' text format."""
        return Response(await metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def refused_by_framework(_request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown paths, and methods that a path does not have."""
    if not isinstance(error, HTTPException):
        raise error
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    return to_response(refusal_of_no_class(error.detail, error.status_code, headers))


async def failed(_request: Request, _error: Exception) -> Response:
    """Answer an internal error. The server writes it to the log."""
    return to_response(INTERNAL_ERROR)
