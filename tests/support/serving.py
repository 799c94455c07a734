"""Applications served by uvicorn from a thread of the tests' own process."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from headway import Settings
from headway.app import Headway
from headway.http.engine.protocol import BoundedHeadProtocol
from support.running import SECRET, eventually


@contextmanager
def served(app: ASGIApp, http: type[asyncio.Protocol] | None = None) -> Iterator[str]:
    """Serve an application, with a protocol of its own where one is given, and answer its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=http or "httptools",
        lifespan="on",
        log_config=None,
        server_header=False,
        timeout_keep_alive=60,  # a connection that has to be closed is not closed by waiting
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


WAYS_IN = ("service", "mounted")


@contextmanager
def served_by(way_in: str, folder: Path) -> Iterator[tuple[Headway, str]]:
    """Serve Headway on SQLite as a service, or mounted in another application. Yield it and its address."""
    headway = Headway(Settings(database_url=f"sqlite:///{folder}/headway.db", jwt_secret=SECRET, log_requests="none"))
    if way_in == "service":
        with served(headway.asgi(), BoundedHeadProtocol) as base_url:
            yield headway, base_url
        return
    host = FastAPI()
    host.include_router(headway.router())
    with served(host) as base_url:
        yield headway, base_url
