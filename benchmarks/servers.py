"""The servers: how each is started, pinned to its cores, found ready, and ended by its own process id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import answers
from population import SECRET

HOST: Final = "127.0.0.1"
ROOT: Final = Path(__file__).resolve().parent.parent

_UVICORN: Final = (
    sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).resolve().parent),
    "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--host", HOST,
)  # fmt: skip
_READY_WITHIN_SECONDS: Final = 30
_ENDED_WITHIN_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.001


@dataclass(frozen=True)
class Cores:
    """Which cores the servers under measurement have, and which the client (this program and wrk)."""

    server: tuple[int, ...]
    client: tuple[int, ...]

    @property
    def shared(self) -> bool:
        """Whether servers and client have the same cores."""
        return self.server == self.client


def split_cores() -> Cores:
    """The last core for the client, the others for the server."""
    *others, last = sorted(os.sched_getaffinity(0))
    return Cores(server=tuple(others) or (last,), client=(last,))


def all_cores() -> Cores:
    """All cores for everybody, as on a machine where nothing is pinned."""
    cores = tuple(sorted(os.sched_getaffinity(0)))
    return Cores(server=cores, client=cores)


@dataclass(frozen=True)
class Recipe:
    """How a server is started: a command, and the option that says at which address it listens."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = "--port={port}"


def sqlite_url(folder: Path) -> str:
    """Where Headway's database is, in `folder`."""
    return f"sqlite:///{folder / 'headway.db'}"


def headway(database_url: str, workers: int = 1) -> Recipe:
    """The real service."""
    program = str(Path(sys.executable).parent / "headway")
    return Recipe("headway", (program, *_serving(workers)), headway_environment(database_url))


def uncounted_headway(database_url: str) -> Recipe:
    """The service without the figures of courses."""
    program = str(Path(__file__).resolve().parent / "uncounted.py")
    return Recipe("uncounted", (sys.executable, program, *_serving(1)), headway_environment(database_url))


def headway_environment(database_url: str) -> dict[str, str]:
    """What Headway has to know."""
    return {"HEADWAY_DATABASE_URL": database_url, "HEADWAY_JWT_SECRET": SECRET}


def _serving(workers: int) -> tuple[str, ...]:
    return ("serve", "--host", HOST, "--workers", str(workers))


def ceiling(folder: Path) -> Recipe:
    """Headway's answers as recorded in `folder`, behind the same server with the same settings, and nothing else."""
    file = answers.answers_file(folder)
    header = "--server-header" if answers.read(file)["put"].server_header else "--no-server-header"
    command = (*_UVICORN, "--lifespan", "off", header, "ceiling:application")
    return Recipe("ceiling", command, {"CEILING_ANSWERS": str(file)})


def straightforward_url(folder: Path) -> str:
    """Where the peer's database is."""
    return f"sqlite:///{folder / 'straightforward.db'}"


def straightforward(folder: Path) -> Recipe:
    """The peer, with a database in `folder`."""
    environment = {
        "STRAIGHTFORWARD_DATABASE_URL": straightforward_url(folder),
        "STRAIGHTFORWARD_JWT_SECRET": SECRET,
    }
    return Recipe("straightforward", (*_UVICORN, "straightforward:application"), environment)


class Memory(NamedTuple):
    """What the process has in memory, in MiB: all of it, and the part that is no file's."""

    resident: float
    anonymous: float


@dataclass(frozen=True)
class Server:
    """A server that runs and answers."""

    name: str
    port: int
    process_id: int
    seconds_to_first_answer: float

    def memory(self) -> Memory:
        """What the server has in memory now."""
        lines = Path(f"/proc/{self.process_id}/status").read_text().splitlines()
        kibibytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
        return Memory(kibibytes["VmRSS"] / 1024, kibibytes["RssAnon"] / 1024)


@contextmanager
def running(recipe: Recipe, cores: Cores, folder: Path) -> Iterator[Server]:
    """Start the server and wait until it answers; end it afterwards, whatever happened."""
    port = _free_port()
    log = folder / f"{recipe.name}.log"
    pinned = (
        "taskset",
        "--cpu-list",
        ",".join(map(str, cores.server)),
        *recipe.command,
        recipe.address.format(port=port),
    )
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            pinned,
            cwd=ROOT,
            env={**os.environ, **recipe.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        try:
            _wait_until_ready(process, port)
        except RuntimeError as error:
            raise RuntimeError(f"{recipe.name}: {error}\n{_tail(log)}") from None
        yield Server(recipe.name, port, process.pid, time.perf_counter() - began)
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while not _answers(port):
        if process.poll() is not None:
            raise RuntimeError(f"ended with status {process.returncode} before it answered.")
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer within {_READY_WITHIN_SECONDS} seconds.")
        time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
