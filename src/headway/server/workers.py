"""Several server processes: uvicorn's supervisor, and what each process runs."""

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
    """uvicorn's supervisor: starts another worker for each that ends, and stops them all when told to.

    One that ends by itself, before any has been ready, would do so again: that stops them all, and `failed` says so.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self._has_been_ready = False
        self._living: set[int | None] = set()

    def run(self) -> None:
        """Supervise until told to stop. Where that is not possible any more, the workers are stopped, too."""
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
        """Start another worker for each that has ended, and take the queues of those that are gone out of the metrics.

        uvicorn's own asks each worker to answer, and kills those that do not within seconds. A busy machine may need
        them to start one, and signals are not heeded meanwhile.
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
        """Tell the workers to stop. Nobody is to wait for a connection that none of them will take."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def _started(self) -> Process:
        """A new worker. Ctrl-C, which reaches it as well, is to mean nothing to it until uvicorn listens to it."""
        worker = Process(self.config, self.sockets)
        ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a new process inherits
        worker.start()
        signal.signal(signal.SIGINT, ours)
        return worker


@dataclass(frozen=True)
class Worker:
    """What one of several server processes runs. Made in the parent, and sent to the process before it is used."""

    headway: Headway

    def make_app(self) -> ASGIApp:
        """The service, which stops when nobody is left to say so."""
        settings = self.headway.settings
        logs.configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
        _stop_with_parent()
        app = self.headway.asgi()
        look_for_garbage_less_often()
        return app

    async def look_around(self) -> None:
        """Tell the others' metrics what there is now."""
        self.headway.metrics.note()


def _stop_with_parent() -> None:
    """Stop in order as soon as the process that started this one is gone: the system tells of it at once."""
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
    """A folder for the workers' figures, for as long as they run; `None` where none can be made.

    Then each worker tells its own figures: the service is worth more than its metrics.
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
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # systemd-tmpfiles removes old files, but none from a locked folder
            yield folder
        finally:
            os.close(descriptor)


def look_for_garbage_less_often() -> None:
    """Spare the modules, and look at all the rest seldom, but often at the little that is new.

    Requests leave next to no cycles behind. What the stores keep in memory is some hundred thousand objects. To look
    through them takes as long as a hundred requests, so that is done once in fifty million new objects. An import
    leaves many new objects that live for seconds. Each is looked at twice whatever the numbers; these make it 2,000 of
    them at once, and 10,000 the second time, which takes a few milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 5, 5_000)
