"""Pages of another origin, which a browser shows while it has a session with the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Page(BaseHTTPRequestHandler):
    """A page with what its query names in a frame, or with nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        framed = self.path.partition("?")[2]
        frame = f'<iframe src="{escape(framed)}"></iframe>' if framed else ""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<!doctype html><title>Elsewhere</title>{frame}".encode())


@contextmanager
def foreign_origin(host: str = "127.0.0.1") -> Iterator[str]:
    """Yield an origin that is not the service's. It shows the page at `?<address>` in a frame."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = Thread(target=server.serve_forever, args=[0.01])  # so often it looks whether it is to end
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()
