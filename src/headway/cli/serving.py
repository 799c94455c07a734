"""Running the service: which address it may listen on, and uvicorn under it."""

import ipaddress
import socket
from typing import Final

import uvicorn

from headway.app import VERSION, Headway
from headway.cli.console import err, fail
from headway.domain.errors import ConfigurationError
from headway.http.protocol import BoundedHeadProtocol
from headway.logs import configure, get_logger
from headway.settings import LogFormat, Settings

_log = get_logger("headway")

_BACKLOG: Final = 2048


def refuse_unsafe(settings: Settings) -> None:
    """Raise `ConfigurationError` for what this service must not be started with."""
    if settings.workers > 1:
        raise ConfigurationError(
            f"{settings.workers} workers can not share a SQLite database: it takes one writing process. Use one "
            "worker, or PostgreSQL (HEADWAY_DATABASE_URL=postgresql://...) in a version that has that store."
        )
    if not settings.has_key and not _is_loopback(settings.host):
        raise ConfigurationError(
            f"Listening on {settings.host} needs a configured key, so that not everybody on the network shares the "
            "one made on this machine. Set HEADWAY_JWT_SECRET (32 bytes at least), HEADWAY_JWT_PUBLIC_KEY or "
            "HEADWAY_JWT_JWKS_URL, or listen on 127.0.0.1."
        )


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket: whoever connects from now on waits until the service answers. Ends the program if taken."""
    family, kind, protocol, _, address = _resolve(host, port)
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        fail(f"Can not listen on {host}:{port} ({error.strerror}). Choose another with --port.")
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def base_url(listener: socket.socket) -> str:
    """The address that clients of a listening socket use."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(headway: Headway, listener: socket.socket) -> None:
    """Serve until stopped; then answer the requests under way, commit what is queued, and return."""
    settings = headway.settings
    as_json = settings.log_format is LogFormat.JSON
    configure(json=as_json, level=settings.log_level)
    url = base_url(listener)
    announcement = f"Headway {VERSION} answers at {url} (pages: {url}/docs)"
    if as_json:
        _log.info(announcement)
    else:
        err.print(announcement)
    config = uvicorn.Config(
        headway.asgi(),
        loop="uvloop",
        http=BoundedHeadProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        fail("The service did not start; the log above says why.")


def _is_loopback(host: str) -> bool:
    """Whether all that `host` names is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _resolve(host: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        fail(f"{host} is no address to listen on ({error.strerror}).")
