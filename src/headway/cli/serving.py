"""Running the service: which address it may listen on, and uvicorn under it, in one process or in several."""

import asyncio
import contextlib
import fcntl
import gc
import ipaddress
import multiprocessing
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Final

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from headway.app import VERSION, Headway
from headway.cli.console import configure_logs, err, fail
from headway.domain.errors import ConfigurationError
from headway.http.protocol import BoundedHeadProtocol, ConnectionLimits
from headway.logs import get_logger
from headway.metrics import SHARED_FOLDER_VARIABLE
from headway.settings import LogFormat, Settings

_log = get_logger("headway")

_BACKLOG: Final = 2048
_DESCRIPTORS_KEPT: Final = 128
"""Descriptors for all that is no client: listeners, database files, keys that are fetched, connections refused."""
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def refuse_unsafe(settings: Settings) -> None:
    """Raise `ConfigurationError` for what this service must not be started with."""
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
    return _http_url(host, port)


def configured_url(settings: Settings) -> str:
    """The address that browsers use, as far as the settings say: this machine's own where they name none."""
    if settings.public_url is not None:
        return settings.public_url
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    return _http_url(host, settings.port)


def _http_url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(headway: Headway, listener: socket.socket) -> None:
    """Serve until stopped; then answer the requests under way, commit what is queued, and return."""
    settings = headway.settings
    _announce(settings, base_url(listener))
    if settings.workers > 1:
        _run_workers(settings, listener)
    else:
        _run_alone(headway, listener)


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
        configure_logs(self.headway.settings)
        _stop_with_parent()
        app = self.headway.asgi()
        _look_for_garbage_less_often()
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


def _run_alone(headway: Headway, listener: socket.socket) -> None:
    server = uvicorn.Server(_uvicorn_config(headway.settings, headway.asgi()))
    _look_for_garbage_less_often()
    server.run(sockets=[listener])
    if not server.started:
        fail("The service did not start; the log above says why.")


def _run_workers(settings: Settings, listener: socket.socket) -> None:
    worker = Worker(Headway(settings))
    workers = Workers(_uvicorn_config(settings, worker.make_app, worker.look_around), [listener])
    with _shared_folder() as folder:
        if folder is not None:
            os.environ[SHARED_FOLDER_VARIABLE] = folder
        workers.run()
    if workers.failed:
        fail("No worker could start; the log above says why.")


@contextlib.contextmanager
def _shared_folder() -> Iterator[str | None]:
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


def _uvicorn_config(
    settings: Settings,
    app: ASGIApp | Callable[[], ASGIApp],
    every_second: Callable[[], Awaitable[None]] | None = None,
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=settings.workers > 1,
        workers=settings.workers,
        callback_notify=every_second,
        timeout_notify=1,
        loop="uvloop",
        http=partial(BoundedHeadProtocol, limits=_connection_limits(settings)),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing here asks who the client is
        server_header=False,
        date_header=True,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    """The limits, with no more connections than this process may have descriptors for beside its own.

    As many as are needed are asked for, as far as whoever started the process lets it.
    """
    kept = _DESCRIPTORS_KEPT + (settings.postgres_connections if settings.uses_postgres else 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connection_limit + kept
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = settings.connection_limit if soft == resource.RLIM_INFINITY else max(soft - kept, soft // 2)
    return ConnectionLimits(
        min(room, settings.connection_limit), settings.head_seconds, settings.body_seconds, settings.patience_seconds
    )


def _look_for_garbage_less_often() -> None:
    """Spare the modules, and look at the rest after more has been made: requests leave next to no cycles behind.

    What the stores keep in memory is some hundred thousand objects, and to look through them takes as long as a
    hundred requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _announce(settings: Settings, url: str) -> None:
    announcement = f"Headway {VERSION} answers at {url} (API: {url}/docs)"
    if settings.log_format is LogFormat.JSON:
        _log.info(announcement)
    else:
        err.print(announcement)


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
