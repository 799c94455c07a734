"""Sends one request to a receiver, and says what came of it. Whatever the receiver does, that takes bounded time."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final, Self
from urllib.parse import urlsplit

import httpcore2

from headway.domain.deliveries import DeliveryAttempt, Outcome
from headway.domain.networks import Networks
from headway.webhooks.connecting import CheckedBackend, Resolver, SendError

ATTEMPT_SECONDS: Final = 15.0
"""The time of an attempt until the head of the answer is there."""
REST_SECONDS: Final = 2.0
"""The time for the body of the answer, which only decides whether the connection is used again."""

_IDLE_CONNECTIONS: Final = 16
_IDLE_SECONDS: Final = 5.0
_LONGEST_RETRY_AFTER: Final = 64
# OSError: what OpenSSL says of bytes that are no TLS is passed on as it is.
_BROKEN_OFF: Final = (SendError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError)


class Sender:
    """Sends requests to webhooks. It follows no redirect, uses no proxy, and logs nothing.

    A connection is used again for the same host and port, for some seconds. Its address was checked when it was made.
    `allowed` are networks whose addresses may be reached though they are not public. Certificates are checked against
    the authorities of the system, or those that `SSL_CERT_FILE` names.
    """

    def __init__(self, allowed: Networks, version: str) -> None:
        self._headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": f"Headway/{version}",
        }
        self._resolver = Resolver()
        self._pools = {
            "https": self._pool(allowed, ssl.create_default_context()),
            "http": self._pool(allowed, None),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()
        self._resolver.close()

    async def send(self, address: str, headers: Mapping[str, str], body: bytes) -> DeliveryAttempt:
        """Post a body to a webhook's address, in its canonical form. Return what came of it."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                response = await self._request(address, headers, body)
        except SendError as error:
            return DeliveryAttempt(error.outcome)
        except (TimeoutError, httpcore2.TimeoutException):
            return DeliveryAttempt(Outcome.TIMED_OUT)
        except _BROKEN_OFF:
            return DeliveryAttempt(Outcome.BAD_ANSWER)
        try:
            await _read_to_the_end(response)
        finally:
            await response.aclose()
        return DeliveryAttempt(Outcome.ANSWERED, response.status, _retry_after(response))

    async def _request(self, address: str, headers: Mapping[str, str], body: bytes) -> httpcore2.Response:
        parts = urlsplit(address)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        given = {"Host": parts.netloc, "Content-Length": str(len(body)), **self._headers, **headers}.items()
        # Not from the text: httpcore2 would lose what follows a semicolon in the path.
        url = httpcore2.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target or "/")
        request = httpcore2.Request("POST", url, headers=list(given), content=body)
        return await self._pools[parts.scheme].handle_async_request(request)

    def _pool(self, allowed: Networks, context: ssl.SSLContext | None) -> httpcore2.AsyncConnectionPool:
        return httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=CheckedBackend(self._resolver, allowed, encrypted=context is not None),
        )


async def _read_to_the_end(response: httpcore2.Response) -> None:
    """Read the body. Where it is too long, too slow or broken off, its connection is closed instead of used again."""
    with contextlib.suppress(TimeoutError, httpcore2.TimeoutException, *_BROKEN_OFF):
        async with asyncio.timeout(REST_SECONDS), aclosing(response.aiter_stream()) as chunks:
            async for _ in chunks:
                pass


def _retry_after(response: httpcore2.Response) -> str | None:
    values = (value for name, value in response.headers if name.lower() == b"retry-after")
    value = next(values, None)
    return None if value is None else value[:_LONGEST_RETRY_AFTER].decode("latin-1")
