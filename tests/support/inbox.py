"""A receiver of webhooks in threads, or in a process of its own. It remembers events in the order of their arrival."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.running import eventually

Event = dict[str, Any]


class Inbox:
    """What a receiver got. `answer` returns the status for an event; while it does not return, the sender waits."""

    def __init__(self, answer: Callable[[Event], int] = lambda _event: 204, *, endless: bool = False) -> None:
        self.answer = answer
        self.endless = endless
        self.came: list[Event] = []
        self.answered: list[Event] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> int:
        """Remember an event and return the status for it."""
        event = json.loads(body)
        with self._lock:
            self.came.append(event)
        status = self.answer(event)
        with self._lock:
            self.answered.append(event)
        return status

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Listen until the block is left. Yields the address for a webhook."""
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks"
        finally:
            server.shutdown()
            server.server_close()


class Gate:
    """Holds up those events that `holds` says, until it is opened."""

    def __init__(self, holds: Callable[[Event], bool] = lambda _event: True) -> None:
        self._holds = holds
        self._opened = threading.Event()
        self.held: list[Event] = []

    def __call__(self, event: Event) -> int:
        if not self._opened.is_set() and self._holds(event):
            self.held.append(event)
            assert self._opened.wait(120)
        return 204

    def open(self) -> None:
        self._opened.set()


def by_learner(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Return the events of each learner, in their order. One that came twice in a row is there once."""
    found: dict[str, list[Event]] = {}
    for event in events:
        learner = event["data"]["user_id"]
        if learner is None:
            continue
        known = found.setdefault(learner, [])
        if not known or known[-1]["id"] != event["id"]:
            known.append(event)
    return found


def _handler(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = inbox.take(body)
            with suppress(OSError):  # the sender is gone
                self.send_response(status)
                if inbox.endless:
                    self.end_headers()
                    while True:
                        self.wfile.write(b"x" * 4096)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def inbox_process(file: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a receiver that writes each event to a file, and holds up the answers while `file` has a neighbour `hold`."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), str(file), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait(20)
        process.stdout.close()


def _main(file: Path, port: int) -> None:
    hold = file.with_name("hold")

    def answer(event: Event) -> int:
        with file.open("a") as out:
            out.write(json.dumps(event) + "\n")
        eventually(lambda: not hold.exists(), 120)
        return 204

    with Inbox(answer).serving(port) as address:
        print(address.split(":")[2].partition("/")[0], flush=True)  # noqa: T201 - the test reads it
        threading.Event().wait()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
