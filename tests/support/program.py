"""Runs the program in processes of its own that start in a twentieth of the time.

Each is forked from a process that has imported the libraries and the pages, but nothing of the command line: what that
reads when it is imported (the streams, the environment) is the new process's own. A few tests start the installed
script instead, to show that it does the same.
"""

import multiprocessing
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from support.forked import run_program
from support.running import HEADWAY, Running, answering, service_environment

_PRELOADED: Final = (
    "headway.app",
    "headway.dashboard",
    "headway.server.serving",
    "headway.service.verification",
    "headway.storage.copying",
    "pytest",  # the program that is forked for is run again in each fork, up to its `if __name__ == "__main__"`
    "rich.progress",
    "rich.table",
    "typer.rich_utils",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
    "yaml",
    "support.frozen",  # the last one
)


@cache
def forks() -> multiprocessing.context.ForkServerContext:
    """Start the process that all programs are forked from, once, and return what forks it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    with pytest.MonkeyPatch.context() as environment:  # Python 3.11 does not pass sys.path on
        environment.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        forkserver.ensure_running()
    return context


class Finished(NamedTuple):
    """What a run of the program left."""

    code: int
    out: str
    err: str


class ForkedProgram:
    """A running `headway` process that was forked; to be used as a `subprocess.Popen`."""

    def __init__(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str], *, out: int, err: int
    ) -> None:
        parameters = (arguments, folder, environment, DupFd(out), DupFd(err))
        self._process = forks().Process(target=run_program, args=parameters)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("headway", timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def headway(folder: Path, *arguments: str, **settings: object) -> Finished:
    """Run the program in `folder`, on the database there, to its end."""
    return run(folder, *arguments, environment=service_environment(folder, **settings))


def run(folder: Path, *arguments: str, environment: dict[str, str], seconds: float = 30) -> Finished:
    """Run the program in `folder` with exactly this environment."""
    out, err = (open_memory_file(name) for name in ("out", "err"))
    program = ForkedProgram(arguments, folder, environment, out=out, err=err)
    try:
        code = program.wait(seconds)
    finally:
        program.kill()
        printed, complained = drain(out), drain(err)
    return Finished(code, printed, complained)


def installed_headway(folder: Path, *arguments: str, **settings: object) -> Finished:
    """Run the installed script, as a user does."""
    finished = subprocess.run(
        [HEADWAY, *arguments],
        cwd=folder,
        env=service_environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Finished(finished.returncode, finished.stdout, finished.stderr)


@contextmanager
def forked_headway_serve(folder: Path, *options: str, **settings: object) -> Iterator[Running]:
    """Do the same as `headway_serve`, with a start that takes less time."""
    reading, writing = os.pipe()
    arguments = ("serve", "--port", "0", *options)
    try:
        process = ForkedProgram(arguments, folder, service_environment(folder, **settings), out=writing, err=writing)
    finally:
        os.close(writing)
    with answering(process, os.fdopen(reading)) as running:
        yield running


@dataclass(frozen=True)
class Program:
    """The program in a folder, on a database: `program("courses", "list")` runs it to its end."""

    folder: Path
    database_url: str

    def __call__(self, *arguments: str, **settings: object) -> Finished:
        return headway(self.folder, *arguments, **{"database_url": self.database_url} | settings)

    def serve(self, *options: str, **settings: object) -> AbstractContextManager[Running]:
        return forked_headway_serve(self.folder, *options, **{"database_url": self.database_url} | settings)


def check_refusal(refused: Finished, *said: str, code: int = 2) -> None:
    """Check that the program printed nothing but an error that says all of this."""
    assert refused.code == code, refused
    assert refused.out == ""
    for what in said:
        assert what in refused.err, refused
    assert "Traceback" not in refused.err


def on_a_terminal(folder: Path, *arguments: str, columns: int = 200, **settings: object) -> tuple[int, str]:
    """Run the program in a terminal of this width. Return its exit code and everything that it writes."""
    ours, terminal = pty.openpty()
    environment = service_environment(folder, **settings) | {"TERM": "xterm", "COLUMNS": str(columns)}
    program = ForkedProgram(arguments, folder, environment, out=terminal, err=terminal)
    os.close(terminal)
    shown = all_shown(ours)
    return program.wait(30), shown


def all_shown(terminal: int) -> str:
    """Return what is written to the other end of a terminal until no process has that open any more."""
    shown = b""
    try:
        while chunk := os.read(terminal, 65_536):
            shown += chunk
    except OSError:
        pass  # the way in which Linux says that nobody has the terminal open any more
    finally:
        os.close(terminal)
    return shown.decode()


def open_memory_file(name: str) -> int:
    """Open a file in memory. Unlike a pipe, it takes all that is written, whether somebody reads or not."""
    return os.memfd_create(name)


def drain(descriptor: int) -> str:
    """Return what was written to such a file, and close it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return file.read()
