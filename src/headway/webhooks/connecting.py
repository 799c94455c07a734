"""Connections to receivers: a name is resolved once, and the address that was checked is the one connected to."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Final

import httpcore2

from headway.domain.deliveries import Outcome
from headway.domain.networks import NetworkAddress, Networks, may_be_reached

RESOLVE_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0
"""The time for one address; of a name with several, the next one is tried then."""
MOST_BYTES: Final = 80 * 1024
"""The most bytes that are read of one answer, head and body together."""

_MOST_TRIED: Final = 4
_THREADS: Final = 8


class SendError(Exception):
    """Nothing was delivered. `outcome` says why; the text has no address and no secret."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Resolver:
    """Resolves names in threads of its own, so that slow name servers do not keep other work of the process waiting.

    A name takes one thread at a time, whoever asks for it: a slow one leaves the other threads to others.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "headway-resolve")
        self._under_way: dict[str, asyncio.Future[list[NetworkAddress]]] = {}

    async def resolve(self, host: str, port: int) -> list[NetworkAddress]:
        """Return the addresses of a host, in the order in which to try them. Raises `SendError`."""
        with contextlib.suppress(ValueError):
            return [ip_address(host)]
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await asyncio.shield(self._looking_up(host, port))
        except TimeoutError:
            raise SendError(Outcome.TIMED_OUT) from None
        except (OSError, UnicodeError):  # no such name, or one that no name can be
            raise SendError(Outcome.NAME_NOT_FOUND) from None
        return found

    def _looking_up(self, host: str, port: int) -> asyncio.Future[list[NetworkAddress]]:
        if host not in self._under_way:
            looking = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
            self._under_way[host] = looking
            looking.add_done_callback(lambda _: self._ended(host))
        return self._under_way[host]

    def _ended(self, host: str) -> None:
        ended = self._under_way.pop(host)
        if not ended.cancelled():
            ended.exception()  # looked at, so that nobody logs it as forgotten: perhaps all have given up waiting

    def close(self) -> None:
        """End the threads, as soon as each has its answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[NetworkAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that a webhook may be sent to (`may_be_reached`), and to no others."""

    def __init__(self, resolver: Resolver, allowed: Networks, *, encrypted: bool) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._encrypted = encrypted
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the interface; the time for an address is a constant
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check and connect. Raises `SendError` where any address of the host may not be reached."""
        addresses = await self._resolver.resolve(host, port)
        if not all(may_be_reached(one, self._allowed, encrypted=self._encrypted) for one in addresses):
            raise SendError(Outcome.ADDRESS_REFUSED)
        for address in addresses[:_MOST_TRIED]:
            try:
                stream = await self._network.connect_tcp(
                    str(address), port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            return _BoundedStream(stream)
        raise SendError(Outcome.CONNECTION_FAILED)


class _BoundedStream(httpcore2.AsyncNetworkStream):
    """Reads at most MOST_BYTES between two writes, which is one answer. Then it raises `SendError`."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MOST_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the interface
        if self._left == 0:
            raise SendError(Outcome.BAD_ANSWER)
        data = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the interface
        self._left = MOST_BYTES
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        except (httpcore2.ConnectError, OSError):
            raise SendError(Outcome.TLS_FAILED) from None
        except asyncio.CancelledError:
            await self.aclose()  # nobody else closes what the time of an attempt ends here
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
