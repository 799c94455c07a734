"""A server that answers as a test says: refusals first, lost connections, and then what was asked for."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """One answer. `None` as its status cuts the connection in place of an answer."""

    status: int | None
    body: object = None
    headers: Mapping[str, str] = {}


CUT = Reply(None)
"""The request arrives, and its connection is lost."""


class Received(NamedTuple):
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Faulty:
    """Answers with one reply after the other, and with the last one from then on."""

    replies: list[Reply]
    received: list[Received] = field(default_factory=list)
    address: str = ""

    def bodies(self) -> list[Any]:
        """Return the JSON of the requests that arrived."""
        return [json.loads(request.body) for request in self.received]


@contextmanager
def faulty(*replies: Reply) -> Iterator[Faulty]:
    """Serve replies until the block is left."""
    made = Faulty(list(replies))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


def _handler(made: Faulty) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.received.append(
                Received(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            reply = made.replies.pop(0) if len(made.replies) > 1 else made.replies[0]
            if reply.status is None:
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do  # noqa: N815 - names of the standard library

        def log_message(self, *_arguments: object) -> None:
            """Write no line for each request."""

    return Handler
