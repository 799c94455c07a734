"""The address that the service listens on, and the URLs by which clients reach it."""

import ipaddress
import socket
from typing import Final

from headway.domain.errors import ConfigurationError, ServerError
from headway.settings import Settings

BACKLOG: Final = 2048
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def refuse_unsafe(settings: Settings) -> None:
    """Raise `ConfigurationError` for settings with which the service must not start."""
    if settings.workers > 1 and settings.database_url.startswith("sqlite"):
        raise ConfigurationError(
            f"{settings.workers} workers can not share a SQLite database: it takes one writing process. Use one "
            "worker, or PostgreSQL: HEADWAY_DATABASE_URL=postgresql://user@host/database."
        )
    if not settings.has_key and not _is_loopback(settings.host):
        raise ConfigurationError(
            f"Listening on {settings.host} needs a configured key, so that not everybody on the network shares the "
            "one made on this machine. Set HEADWAY_JWT_SECRET (32 bytes at least), HEADWAY_JWT_PUBLIC_KEY or "
            "HEADWAY_JWT_JWKS_URL, or listen on 127.0.0.1."
        )


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket. Clients that connect before the service is ready wait until it answers.

    Raises `ServerError` where the address is in use or is not valid.
    """
    family, kind, protocol, _, address = _resolve(host, port)
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ServerError(f"Can not listen on {host}:{port} ({error.strerror}). Choose another with --port.") from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def base_url(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return _http_url(host, port)


def configured_url(settings: Settings) -> str:
    """Return the URL that browsers use: the setting `public_url`, else one made of the host and port."""
    if settings.public_url is not None:
        return settings.public_url
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    return _http_url(host, settings.port)


def _http_url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _resolve(host: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ServerError(f"Can not listen on {host} ({error.strerror}).") from error
