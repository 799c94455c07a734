"""Several server processes: uvicorn's supervisor, and the code that each worker process runs."""

import asyncio
import contextlib
import fcntl
import gc
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from headway import logs
from headway.app import Headway
from headway.logs import get_logger
from headway.settings import LogFormat

_log = get_logger("headway")


class Workers(Multiprocess):
    """uvicorn's supervisor. It replaces workers that end, and stops all workers when it receives a signal.

    Where a worker fails before any worker was ready, a new one would fail too. Then all workers stop, and `failed` is
    true.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self._has_been_ready = False
        self._living: set[int | None] = set()

    def run(self) -> None:
        """Supervise until a signal says to stop. Where supervising itself fails, stop the workers and raise."""
        try:
            super().run()
        except BaseException:
            self.terminate_all()
            self.join_all()
            raise

    def init_processes(self) -> None:
        """Start the workers."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended, and remove the gauges of ended workers from the metrics.

        uvicorn's own method kills workers that do not answer within seconds. On a busy machine, a worker may need
        those seconds to start. uvicorn also ignores signals while it waits for the answer.
        """
        self._has_been_ready = self._has_been_ready or any(worker.is_ready(timeout=0) for worker in self.processes)
        self.failed = not self._has_been_ready and any((worker.exitcode or 0) > 0 for worker in self.processes)
        if self.failed:
            self.should_exit.set()
        if self.should_exit.is_set():
            return
        for index, worker in enumerate(self.processes):
            if worker.exitcode is not None:
                _log.warning("worker_replaced", worker=worker.pid, exit_code=worker.exitcode)
                self.processes[index] = self._started()
        living = {worker.pid for worker in self.processes}
        for gone in self._living - living:
            mark_process_dead(gone)  # type: ignore[no-untyped-call]
        self._living = living

    def terminate_all(self) -> None:
        """Tell the workers to stop. Close the listeners first, so that no new client waits for an answer in vain."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def _started(self) -> Process:
        """Start a worker. It ignores Ctrl-C, which also reaches it, until uvicorn handles the signal."""
        worker = Process(self.config, self.sockets)
        ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a new process inherits this
        worker.start()
        signal.signal(signal.SIGINT, ours)
        return worker


@dataclass(frozen=True)
class Worker:
    """What one worker process runs. The parent process makes it and sends it to the worker."""

    headway: Headway

    def make_app(self) -> ASGIApp:
        """Set up the worker process and return the service. The worker stops when its parent process is gone."""
        settings = self.headway.settings
        logs.configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
        _stop_with_parent()
        app = self.headway.asgi()
        look_for_garbage_less_often()
        return app

    async def share_metrics(self) -> None:
        """Write this worker's present figures where the metrics of the other workers can read them."""
        self.headway.metrics.note()


def _stop_with_parent() -> None:
    """Stop in good order as soon as the parent process is gone. The operating system reports that at once."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent.sentinel)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(parent.sentinel, stop)


@contextlib.contextmanager
def shared_folder() -> Iterator[str | None]:
    """Make a folder for the workers' metrics, and remove it at the end. Yield `None` where it can not be made.

    Then each worker reports only its own metrics. The service still runs.
    """
    try:
        temporary = TemporaryDirectory(prefix="headway-metrics-")
    except OSError as error:
        _log.warning("metrics_not_shared", reason=error.strerror)
        yield None
        return
    with temporary as folder:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # systemd-tmpfiles removes old files, but not in a locked folder
            yield folder
        finally:
            os.close(descriptor)


def look_for_garbage_less_often() -> None:
    """Tune Python's garbage collector: freeze the loaded modules, and collect old objects rarely.

    Requests leave almost no reference cycles. The stores keep about a hundred thousand objects in memory. A full
    collection takes as long as a hundred requests, so it runs once in fifty million new objects. An import makes many
    objects that live for seconds. The collector visits each of them twice with any thresholds. These thresholds make
    it 2,000 objects at a time, then 10,000, which takes a few milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 5, 5_000)
