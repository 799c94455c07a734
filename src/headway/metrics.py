"""Metrics for Prometheus: requests, latency, batches, the queue, commits.

Where the environment names a folder in PROMETHEUS_MULTIPROC_DIR, the client library keeps this process's figures in
files there. The metrics are then the sums over the files of all processes.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from headway.logs import get_logger

SHARED_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

_log = get_logger("headway.metrics")

# The client library's files in a shared folder: one for each kind of metric that there is, and how long it makes them.
_SHARED_FILES: Final = ("counter", "histogram", "gauge_livesum")
_SHARED_FILE_BYTES: Final = 1024 * 1024
_REST: Final = 9.0
"""The pause after rendering the metrics, as a multiple of the time that it took."""

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_EVENT_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_WRITES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class RequestMeter:
    """Counts one route's requests; its label look-ups are done once."""

    def __init__(self, requests: Counter, latency: Histogram, method: str, route: str) -> None:
        self._labelled: Callable[[int], Counter] = lambda status: requests.labels(method, route, str(status))
        self._by_status: dict[int, Counter] = {}
        self._latency = latency.labels(method, route)

    def record(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self._labelled(status)
        counter.inc()
        self._latency.observe(seconds)


class Metrics:
    """One registry, so that several services may live in one process."""

    def __init__(self) -> None:
        _secure_shared_files()
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Counter(
            "headway_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._latency = Histogram(
            "headway_request_seconds",
            "Time from a request's headers to its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "headway_batch_writes", "Writes in a committed batch.", buckets=_WRITES, registry=self.registry
        )
        self._commit = Histogram(
            "headway_commit_seconds",
            "Time from asking for the write lock to the disk, for one batch.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._cut_off = Counter(
            "headway_connections_cut_off",
            "Connections that were refused or cut off before a request was handed on.",
            ("reason",),
            registry=self.registry,
        )
        self._queue = Gauge(
            "headway_queue_writes",
            "Writes waiting for their batch.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._queue_length: Callable[[], int] = lambda: 0
        self._streams = Gauge(
            "headway_streams", "Streams that are open.", registry=self.registry, multiprocess_mode="livesum"
        )
        self._open_streams: Callable[[], int] = lambda: 0
        self._events = Counter(
            "headway_events_published", "Events that were published.", ("type",), registry=self.registry
        )
        self._event_wait = Histogram(
            "headway_event_wait_seconds",
            "Time from when an event is due to its publication.",
            buckets=_EVENT_SECONDS,
            registry=self.registry,
        )
        self._writing = asyncio.Lock()
        self._rests_until = 0.0
        self._next_text: asyncio.Future[bytes] | None = None

    def meter(self, method: str, route: str) -> RequestMeter:
        """Return the meter of one route."""
        return RequestMeter(self._requests, self._latency, method, route)

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Ask `length` for the queue's length whenever the metrics are read."""
        self._queue_length = length

    def watch_streams(self, count: Callable[[], int]) -> None:
        """Ask `count` how many streams are open whenever the metrics are read."""
        self._open_streams = count

    def note(self) -> None:
        """Store the queue's length and the number of streams, so that every process can report them."""
        self._queue.set(self._queue_length())
        self._streams.set(self._open_streams())

    def batch_committed(self, size: int, seconds: float) -> None:
        """Count one committed batch."""
        self._batch.observe(size)
        self._commit.observe(seconds)

    def connection_cut_off(self, reason: str) -> None:
        """Count one connection that was refused or cut off."""
        self._cut_off.labels(reason).inc()

    def event_published(self, kind: str, seconds: float) -> None:
        """Count one published event, which had been due for some seconds."""
        self._events.labels(kind).inc()
        self._event_wait.observe(max(seconds, 0.0))

    async def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format: of this process, or of all that share a folder.

        One thread renders them, a tenth of the time at most. Callers who wait share a text. Its rendering always starts
        after their call.
        """
        if self._next_text is None:
            self._next_text = asyncio.ensure_future(self._text())
        return await asyncio.shield(self._next_text)

    async def _text(self) -> bytes:
        loop = asyncio.get_running_loop()
        async with self._writing:
            await asyncio.sleep(self._rests_until - loop.time())
            self._next_text = None
            began = loop.time()
            self.note()
            text = await asyncio.to_thread(_written, self.registry)
            self._rests_until = loop.time() + _REST * (loop.time() - began)
            return text


def _written(registry: CollectorRegistry) -> bytes:
    is_shared = SHARED_FOLDER_VARIABLE in os.environ and values.ValueClass is not values.MutexValue
    return generate_latest(_of_all_processes() if is_shared else registry)


def _of_all_processes() -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _secure_shared_files() -> None:
    """Reserve disk space for this process's files in the shared folder.

    The client library maps these files into memory. If the disk were full, a write to them would end the process by a
    signal. Where there is no space, this process does not share its figures.
    """
    folder = os.environ.get(SHARED_FOLDER_VARIABLE)
    if folder is None:
        return
    files = [Path(folder, f"{kind}_{os.getpid()}.db") for kind in _SHARED_FILES]
    try:
        for file in files:
            _allocate(file)
    except OSError as error:
        for file in files:
            file.unlink(missing_ok=True)
        values.ValueClass = values.MutexValue
        _log.warning("metrics_not_shared", reason=error.strerror)


def _allocate(file: Path) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _SHARED_FILE_BYTES)
    finally:
        os.close(descriptor)
