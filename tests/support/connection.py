"""A connection in memory: bytes are given to the server's protocol, and what it writes is kept."""

import asyncio
from asyncio import _enter_task, _leave_task
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from headway.http.engine.deadlines import ConnectionLimits
from headway.http.engine.direct import DIRECT
from headway.http.engine.protocol import BoundedHeadProtocol

ADDRESSES: Final = {"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 50_000)}


MOST_UNSENT: Final = 1024
"""How much the server's buffer takes of answers that the client does not read, before it tells the server so."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)


@contextmanager
def _outside_of_tasks() -> Iterator[None]:
    """Run the block as the event loop runs a protocol: no task is the current one."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    _leave_task(loop, task)
    try:
        yield
    finally:
        _enter_task(loop, task)


class Transport(asyncio.Transport):
    """Keeps what is written. A client that `reads` takes it at once; another one leaves it in the server's buffer."""

    def __init__(self, *, reads: bool = True) -> None:
        super().__init__(ADDRESSES)
        self.written = bytearray()
        self.ended = False
        self.reading = True
        self._reads = reads
        self._closing = False
        self._unsent = 0
        self._protocol: BoundedHeadProtocol | None = None

    def get_protocol(self) -> BoundedHeadProtocol:
        assert self._protocol is not None
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, BoundedHeadProtocol)
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "written after the end"
        self.written += data
        if not self._reads:
            self._unsent += len(data)
            if self._unsent > MOST_UNSENT:
                self.get_protocol().pause_writing()

    def read(self) -> None:
        """Take what is unsent, and from now on everything at once."""
        self._reads, self._unsent = True, 0
        self.get_protocol().resume_writing()

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self.get_protocol().connection_lost, None)

    def abort(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Connection:
    """One client's connection with a started application.

    `state` is what its lifespan yielded. Without `direct`, every request is answered by ASGI. `scopes` has the scope of
    each request that the application was called for.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: MutableMapping[str, Any],
        *,
        direct: bool = True,
        reads: bool = True,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self.scopes: list[Scope] = []

        async def seen(scope: Scope, receive: Receive, send: Send) -> None:
            self.scopes.append(scope)
            await app(scope, receive, send)

        config = Config(
            seen, lifespan="off", interface="asgi3", ws="none", log_config=None, access_log=False, proxy_headers=False
        )
        given = dict(state) if direct else {**state, DIRECT: None}
        self.server = ServerState()
        self.transport = Transport(reads=reads)
        self.protocol = BoundedHeadProtocol(config, self.server, given, limits=limits)
        self.transport.set_protocol(self.protocol)
        self.protocol.connection_made(self.transport)
        self._answers = self._taken = 0

    @property
    def is_open(self) -> bool:
        """Whether the server would read another request."""
        return not self.transport.is_closing() and not self.transport.ended

    @property
    def waits_for_body(self) -> bool:
        """Whether a request is begun whose body has not arrived."""
        cycle = cast("RequestResponseCycle | None", self.protocol.cycle)
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def give(self, *pieces: bytes) -> None:
        """Give the server what arrived, as far as it still reads."""
        with _outside_of_tasks():
            for piece in pieces:
                if not self.transport.is_closing():
                    self.protocol.data_received(piece)

    async def answered(self, number: int = 1) -> bytes:
        """Return what was written since, once `number` more are answered, or the server ends the connection."""
        self._answers += number
        await until(lambda: self.server.total_requests >= self._answers or not self.is_open)
        return self.taken()

    async def idle(self) -> bytes:
        """Return what was written since, once every request is answered, or the server ends the connection."""
        await until(lambda: not self.is_open or (not self.server.tasks and self._is_answered()))
        return self.taken()

    def taken(self) -> bytes:
        """Return what was written since it was last asked."""
        taken = bytes(self.transport.written[self._taken :])
        self._taken += len(taken)
        return taken

    async def hang_up(self) -> None:
        """Close it from the client's side, and wait until the server is done with its requests."""
        self.transport.close()
        await until(lambda: not self.server.tasks and self.protocol not in self.server.connections)

    def _is_answered(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.protocol.cycle)
        return not self.protocol.pipeline and (cycle is None or cycle.response_complete)
