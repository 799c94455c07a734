"""A proxy between browsers and the service, which serves the pages of players and spoils requests as networks do."""

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

from support.running import PATIENCE, PREFIX

SYNC: Final = f"{PREFIX}/progress/sync"
_PAGE: Final = b"<!doctype html><html lang=en><meta charset=utf-8><title>Player</title><h1>Player</h1>"
_OF_A_CONNECTION: Final = frozenset({"content-length", "content-encoding", "connection", "date"})
_HEADERS: Final = ("authorization", "content-type", "if-match", "if-none-match", "accept-encoding")


@dataclass(frozen=True)
class Asked:
    """A request that came by."""

    method: str
    path: str
    authorization: str
    body: bytes

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The writes in it, if it sends any."""
        found: list[dict[str, Any]] = json.loads(self.body)["writes"]
        return found


@dataclass
class Between:
    """The proxy. `service` is where requests go; without one, every connection is closed.

    `lose_answers` is how many requests are passed on whose answers are lost. `refuse_with` are answers for the next
    requests in place of the service's: status, headers, body. While `held` is not set, requests wait.
    """

    service: str
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    lose_answers: int = 0
    refuse_with: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def api(self) -> str:
        """The address of the API."""
        return self.url + PREFIX

    def sent(self) -> list[Asked]:
        """The requests that sent writes."""
        return [one for one in self.asked if one.path == SYNC]


class _Server(ThreadingHTTPServer):
    """Serves a proxy, each connection in a thread."""

    daemon_threads = True

    def __init__(self, proxy: Between) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self.client = httpx.Client(timeout=PATIENCE)
        proxy.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of a connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/player":
            self._answer(200, {"content-type": "text/html"}, _PAGE)
            return
        proxy.asked.append(Asked(self.command, self.path, self.headers.get("authorization", ""), body))
        proxy.held.wait(PATIENCE)
        if proxy.refuse_with and self.path.startswith(PREFIX):
            self._answer(*proxy.refuse_with.pop(0))
            return
        answer = self._passed_on(body)
        if answer is None:
            self.close_connection = True
            return
        if proxy.lose_answers:
            proxy.lose_answers -= 1
            self._break_off()
            return
        kept = {name: value for name, value in answer.headers.items() if name not in _OF_A_CONNECTION}
        self._answer(answer.status_code, kept, answer.content)

    def _passed_on(self, body: bytes) -> httpx.Response | None:
        service, client = self.server.proxy.service, self.server.client
        if not service:
            return None
        headers = {name: self.headers[name] for name in _HEADERS if name in self.headers}
        with contextlib.suppress(httpx.TransportError):
            return client.request(self.command, service + self.path, headers=headers, content=body)
        return None

    def _answer(self, status: int, headers: dict[str, str], body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("content-length", str(length or len(body)))
        with contextlib.suppress(ConnectionError):  # the page may have been left
            self.end_headers()
            self.wfile.write(body)

    def _break_off(self) -> None:
        """Send the first byte of an answer. Without it, a browser sends the request again by itself."""
        self.close_connection = True
        self._answer(200, {}, b"{", length=1000)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def between(service: str) -> Iterator[Between]:
    """Yield a proxy in front of a service."""
    proxy = Between(service)
    proxy.held.set()
    server = _Server(proxy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.held.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
        server.client.close()
