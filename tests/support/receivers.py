"""Receivers of webhooks: small HTTP servers on this machine that answer well, or badly."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@dataclass(frozen=True)
class Received:
    """A request that a receiver got."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A running receiver: its port, what it got, and how many connections there were and are."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hooks"

    async def gets(self, requests: int) -> None:
        """Wait until so many requests have arrived."""
        async with asyncio.timeout(20):
            while len(self.requests) < requests:  # noqa: ASYNC110 - what adds to the list tells nobody
                await asyncio.sleep(0.01)

    async def nobody_is_there(self) -> None:
        """Wait until all connections are closed."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self.tasks)


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """Return what answers with a status."""
    head = "\r\n".join((f"HTTP/1.1 {code} Word", f"Content-Length: {len(body)}", *headers, "", ""))
    return written(head.encode() + body)


def written(data: bytes) -> Answer:
    """Return what answers with these bytes."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def closing(data: bytes) -> Answer:
    """Return what answers with these bytes and closes the connection."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return answer


def endless(head: bytes, repeated: bytes, pause: float = 0) -> Answer:
    """Return what begins with `head` and then writes for as long as somebody reads."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(repeated)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Never answer, and wait until the client gives up."""
    await reader.read()


@asynccontextmanager
async def raw_receiver(answer: Answer) -> AsyncIterator[Receiver]:
    """Yield a receiver that reads no request, but answers every connection with `answer`."""
    found = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer)
        await _close(writer)

    async with _listening(found, serve):
        yield found


@asynccontextmanager
async def receiver(
    answer: Answer, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    """Yield a receiver that answers every request with `answer`, until the block is left."""
    found = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while not writer.is_closing():
                found.requests.append(await _read(reader))
                await answer(reader, writer)
        await _close(writer)

    async with _listening(found, serve, context=context, host=host, port=port):
        yield found


@asynccontextmanager
async def _listening(
    found: Receiver,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]],
    *,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[None]:
    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        found.tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(connected, host, port, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        await found.nobody_is_there()
        await server.wait_closed()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Received:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    return Received(line, headers, await reader.readexactly(int(headers["content-length"])))
