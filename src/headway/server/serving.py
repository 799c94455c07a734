"""Runs the service under uvicorn until it is stopped, in one process or in several."""

import os
import resource
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from headway.app import Headway
from headway.domain.errors import ServerError
from headway.http.engine.deadlines import ConnectionLimits
from headway.http.engine.protocol import BoundedHeadProtocol
from headway.metrics import SHARED_FOLDER_VARIABLE
from headway.server.listening import BACKLOG
from headway.server.workers import Worker, Workers, look_for_garbage_less_often, shared_folder
from headway.settings import Settings

_DESCRIPTORS_KEPT: Final = 128
"""File descriptors that are not for clients: listeners, database files, fetches of keys, refused connections."""


def run(headway: Headway, listener: socket.socket) -> None:
    """Serve until the process is told to stop. Then finish the open requests, commit queued writes and return.

    Raises `ServerError` where the service does not start.
    """
    if headway.settings.workers > 1:
        _run_workers(headway.settings, listener)
    else:
        _run_alone(headway, listener)


def _run_alone(headway: Headway, listener: socket.socket) -> None:
    server = uvicorn.Server(_uvicorn_config(headway.settings, headway.asgi()))
    look_for_garbage_less_often()
    server.run(sockets=[listener])
    if not server.started:
        raise ServerError("The service did not start; the log above says why.")


def _run_workers(settings: Settings, listener: socket.socket) -> None:
    worker = Worker(Headway(settings))
    workers = Workers(_uvicorn_config(settings, worker.make_app, worker.share_metrics), [listener])
    with shared_folder() as folder:
        if folder is not None:
            os.environ[SHARED_FOLDER_VARIABLE] = folder
        workers.run()
    if workers.failed:
        raise ServerError("No worker could start; the log above says why.")


def _uvicorn_config(
    settings: Settings,
    app: ASGIApp | Callable[[], ASGIApp],
    every_second: Callable[[], Awaitable[None]] | None = None,
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=settings.workers > 1,
        workers=settings.workers,
        callback_notify=every_second,
        timeout_notify=1,
        loop="uvloop",
        http=partial(BoundedHeadProtocol, limits=connection_limits(settings)),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing here uses the client's address
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def connection_limits(settings: Settings) -> ConnectionLimits:
    """Return the connection limits. The number of connections is limited by this process's file descriptors.

    It first raises the soft limit of descriptors as far as needed, up to the hard limit.
    """
    kept = _DESCRIPTORS_KEPT + (settings.postgres_connections if settings.uses_postgres else 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connection_limit + kept
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = settings.connection_limit if soft == resource.RLIM_INFINITY else max(soft - kept, soft // 2)
    return ConnectionLimits(
        min(room, settings.connection_limit), settings.head_seconds, settings.body_seconds, settings.patience_seconds
    )
