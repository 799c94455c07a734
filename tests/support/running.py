"""A real `headway` process and what tests need to talk to it."""

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Protocol
from uuid import uuid4

import httpx

from headway.auth import issue_token

SECRET = "a secret of the tests, long enough for HS256"
PREFIX = "/api/v1/education"
STORES = ("sqlite", "postgres")
HEADWAY = Path(sys.executable).with_name("headway")
PATIENCE = 60
"""The seconds that a client of the tests waits: a machine that runs other tests beside it may take long."""
_UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP. One of its own for each client takes as long as a request."""
_ADDRESS = re.compile(r"answers at (http://\S+)")


class Process(Protocol):
    """What tests do with a process, however it was started; a subset of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def clean_environment(**settings: object) -> dict[str, str]:
    """Return this process's environment, with these settings as the only HEADWAY_* variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEADWAY_")}
    return inherited | {f"HEADWAY_{name.upper()}": str(value) for name, value in settings.items()}


def token(learner: str, *scopes: str, secret: str = SECRET, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return a token that the tests' services accept."""
    return issue_token(secret, subject=learner, scopes=scopes, lifetime=lifetime, now=datetime.now(UTC))


def authorization(learner: str, *scopes: str) -> dict[str, str]:
    """Return the header with a learner's token."""
    return {"Authorization": f"Bearer {token(learner, *scopes)}"}


@dataclass
class Running:
    """A `headway serve` process. `log` grows with what it writes to standard error."""

    process: Process
    base_url: str
    log: list[str] = field(default_factory=list)

    def client(self, learner: str | None = None, *scopes: str) -> httpx.Client:
        """Return a client for a learner (a new one where none is named), below the API's prefix."""
        headers = authorization(learner or str(uuid4()), *scopes)
        return httpx.Client(base_url=self.base_url + PREFIX, headers=headers, timeout=PATIENCE, verify=_UNUSED_TLS)

    def put_course(self, document: Mapping[str, Any], course_id: str | None = None) -> str:
        """Put a course as its author and answer its id."""
        course_id = course_id or str(uuid4())
        with self.client(None, "courses:write") as author:
            author.put(f"/courses/{course_id}", json=document).raise_for_status()
        return course_id

    def stop(self) -> int:
        """Stop it as an operator does (SIGTERM) and answer its exit code. Where it does not end, say where it is."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes where every thread is
            self.process.wait(20)
            raise AssertionError("It does not stop:\n" + "".join(self.log)) from error


def service_environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a service with a database in `folder`, the tests' secret, and `settings`.

    Tokens end there to the second: no test has to wait longer. A setting that is `None` is left out.
    """
    defaults = {"jwt_secret": SECRET, "jwt_leeway": 0, "database_url": f"sqlite:///{folder}/headway.db"}
    given = {name: value for name, value in (defaults | settings).items() if value is not None}
    return clean_environment(**given)


@contextmanager
def headway_serve(folder: Path, *options: str, **settings: object) -> Iterator[Running]:
    """Run `headway serve` on a database in `folder` and a free port, until the block is left."""
    process = subprocess.Popen(
        [HEADWAY, "serve", "--port", "0", *options],
        cwd=folder,
        env=service_environment(folder, **settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with answering(process, process.stderr) as running:
        yield running


@contextmanager
def answering(process: Process, log: IO[str]) -> Iterator[Running]:
    """Wait until a service writes its address to `log`. Yield it, and kill it when the block is left."""
    running = Running(process, "")
    reader = threading.Thread(target=lambda: running.log.extend(log), daemon=True)
    try:
        for line in log:
            running.log.append(line)
            if found := _ADDRESS.search(line):
                running.base_url = found[1]
                break
        assert running.base_url, "".join(running.log)
        reader.start()
        yield running
    finally:
        process.kill()
        process.wait(20)
        if reader.ident is not None:
            reader.join(20)
        log.close()


def check_unavailable(answer: httpx.Response) -> None:
    """Check that the service says that it can not answer now."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert set(answer.json()) == {"detail", "code"}


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fail where it does not within `seconds`.

    It is asked for after 5 milliseconds, then less and less often, because most conditions are requests. Asked all the
    time, they would take the processor from what is waited for.
    """
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.02)


def lesson(**fields: object) -> dict[str, Any]:
    """Return a lesson of a course document."""
    return {"id": str(uuid4()), "title": "A lesson"} | fields


def course(*lessons: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Return a course document: of three plain lessons where none is given."""
    return {"title": "A course", "lessons": list(lessons) or [lesson(), lesson(), lesson()]} | fields
