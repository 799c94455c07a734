"""Requests at a constant rate, whether or not the answers keep up: no answer that takes long delays the next request.

The latency of each counts from the moment it was due, so that the wait for a free connection is in it, and whatever
this program itself was late by. wrk has no such mode, and no package of Debian's or PyPI's both has it and sends
another body with each request.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Sequence
from functools import partial
from math import inf
from statistics import quantiles
from typing import Final, NamedTuple

from load import Load, Measurement
from messages import END_OF_HEAD, SUCCESS, content_length, heartbeat_request, read_request
from population import Population
from servers import HOST

_LAST_ANSWERS_SECONDS: Final = 10
_SHORTEST_WAIT_SECONDS: Final = 0.0001
_FIRST_SECONDS: Final = 0.05  # until the first request is due


class Beat(NamedTuple):
    """A heartbeat that was acknowledged: the places of its learner and lesson in the population, and its number."""

    learner: int
    lesson: int
    number: int


class Paced(NamedTuple):
    """What a run found."""

    measurement: Measurement
    requests: int
    acknowledged: Sequence[Beat]


class _Request(NamedTuple):
    data: bytes
    beat: Beat


class _Connection(asyncio.Protocol):
    """Asks one thing at a time."""

    def __init__(self, client: "_Client") -> None:
        self._client = client
        self._received = b""
        self._position = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, position: int, data: bytes) -> None:
        self._position = position
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(END_OF_HEAD)
        if found and len(body) >= content_length(head + found):
            self._received = b""
            self._client.answered(self, self._position, succeeded=head.startswith(SUCCESS))


class _Client:
    """Sends each request when it is due over a connection that is free, or over the next one that comes free."""

    def __init__(self, requests: Sequence[_Request], rate: float, loop: asyncio.AbstractEventLoop) -> None:
        self._requests = requests
        self._rate = rate
        self._loop = loop
        self._sent = 0
        self._free: deque[_Connection] = deque()
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.acknowledged: list[Beat] = []
        self.refused = 0
        self.all_answered = asyncio.Event()

    async def run(self, port: int, connections: int) -> None:
        for _ in range(connections):
            _, connection = await self._loop.create_connection(lambda: _Connection(self), HOST, port)
            self._free.append(connection)
        self._began = self._loop.time() + _FIRST_SECONDS
        self._plan_tick(self._began)
        try:
            async with asyncio.timeout(len(self._requests) / self._rate + _LAST_ANSWERS_SECONDS):
                await self.all_answered.wait()
        except TimeoutError:
            pass  # what was not answered is missing among the latencies
        for connection in self._free:
            connection.transport.close()

    def _due(self, position: int) -> float:
        return self._began + position / self._rate

    def _tick(self, planned: float) -> None:
        self.late.append(self._loop.time() - planned)
        self._send_due()
        if self._sent < len(self._requests):
            # Where all connections are taken, the next answer sends what is due by then.
            self._plan_tick(max(self._due(self._sent), self._loop.time() + _SHORTEST_WAIT_SECONDS))

    def _plan_tick(self, when: float) -> None:
        self._loop.call_at(when, self._tick, when)

    def _send_due(self) -> None:
        now = self._loop.time()
        while self._free and self._sent < len(self._requests) and self._due(self._sent) <= now:
            self._free.popleft().ask(self._sent, self._requests[self._sent].data)
            self._sent += 1

    def answered(self, connection: _Connection, position: int, *, succeeded: bool) -> None:
        self.latencies.append(self._loop.time() - self._due(position))
        if succeeded:
            self.acknowledged.append(self._requests[position].beat)
        else:
            self.refused += 1
        self._free.append(connection)
        self._send_due()
        if len(self.latencies) == len(self._requests):
            self.all_answered.set()


def run_at_rate(port: int, population: Population, load: Load, rate: float, first_beat: int) -> Paced:
    """Send `rate` requests a second, for the load's seconds, over as many connections as it has at most."""
    requests = _make_requests(population, load, round(rate * load.seconds), first_beat)
    # select() waits for fractions of a millisecond, the other selectors and uvloop for whole ones.
    make_loop = partial(asyncio.SelectorEventLoop, selectors.SelectSelector())
    with asyncio.Runner(loop_factory=make_loop) as runner:
        client = _Client(requests, rate, runner.get_loop())
        runner.run(client.run(port, load.connections))
    unanswered = len(requests) - len(client.latencies)
    failures = [f"{count} {way}" for count, way in ((unanswered, "timeout"), (client.refused, "status")) if count]
    percentiles = quantiles(client.latencies or [inf, inf], n=100)
    measurement = Measurement(
        requests=len(client.acknowledged),
        requests_per_second=len(client.latencies) / load.seconds,
        p50_ms=percentiles[49] * 1000,
        p99_ms=percentiles[98] * 1000,
        errors=", ".join(failures),
        client_late_ms=quantiles(client.late, n=100)[98] * 1000,
    )
    return Paced(measurement, len(requests), client.acknowledged)


def _make_requests(population: Population, load: Load, count: int, first_beat: int) -> Sequence[_Request]:
    chance = random.Random(load.seed)
    requests = []
    for number in range(first_beat + 1, first_beat + count + 1):
        beat = Beat(chance.randrange(len(population.learners)), chance.randrange(len(population.lessons)), number)
        if load.endpoint == "put":
            data = heartbeat_request(population, *beat)
        else:
            data = read_request(population, beat.learner, load.endpoint)
        requests.append(_Request(data, beat))
    return requests
