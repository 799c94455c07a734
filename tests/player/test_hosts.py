"""Two host names lead to the service: one has content and takes commits alone, and the other has all but content."""

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from headway.auth.sessions import COOKIE
from support.browser import cookie_of
from support.running import PATIENCE, PREFIX, Running, headway_serve

PAGES, CONTENT = "pages.example", "content.example"
ELSEWHERE = (
    "/", "/dashboard", "/dashboard/sign-in", "/dashboard/courses/x", f"{PREFIX}/progress", f"{PREFIX}/launchesX",
    f"{PREFIX}/openapi.json", f"{PREFIX}/docs", "/metrics", "/health/live", "/contentX/static/player.js", "/content",
    f"/content/../{PREFIX}/progress", f"/content/..{PREFIX}/progress", f"/content/%2e%2e{PREFIX}/progress",
    f"{PREFIX}/launches/../progress", f"{PREFIX}/launches/%2e%2e/progress",
)  # fmt: skip
NAMES = (
    CONTENT, "Content.EXAMPLE", f"{CONTENT}:80", f"{CONTENT}:443", f"{CONTENT}:8080", f"{CONTENT}.", f"{CONTENT}.:80",
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield a service with two host names."""
    folder = tmp_path_factory.mktemp("hosts")
    origins = {"public_url": f"https://{PAGES}", "content_origin": f"https://{CONTENT}"}
    with headway_serve(folder, packages_dir=folder / "packages", **origins) as running:
        yield running


def asked(service: Running, target: str, *hosts: str, method: str = "GET") -> tuple[int, str]:
    """Send a request as it is, with a session, and return the status and the whole answer."""
    address, _, port = service.base_url.removeprefix("http://").rpartition(":")
    cookie = f"Cookie: {COOKIE}={cookie_of(service, str(uuid4()))['value']}"
    lines = [f"{method} {target} HTTP/1.1", *(f"Host: {host}" for host in hosts), cookie, "Connection: close", "", ""]
    with socket.create_connection((address, int(port)), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return int(answer.split()[1]), answer.decode("latin-1")


@pytest.mark.parametrize("host", NAMES)
def test_the_host_of_content_serves_content_alone(host: str, service: Running) -> None:
    assert asked(service, "/content/static/player.js", host)[0] == 200
    assert asked(service, f"{PREFIX}/launches/x", host)[0] == 404
    for path in ELSEWHERE:
        for method in ("GET", "POST", "PUT", "DELETE"):
            status, answer = asked(service, path, host, method=method)
            assert status in {404, 405}, (path, method)
            assert "set-cookie" not in answer.lower()
            assert "[]" not in answer


@pytest.mark.parametrize("host", NAMES)
def test_an_absolute_target_does_not_change_the_host(host: str, service: Running) -> None:
    for path in ELSEWHERE:
        assert asked(service, f"http://{PAGES}{path}", host)[0] in {404, 405}, path
        assert asked(service, f"http://{host}{path}", PAGES)[0] != 500


@pytest.mark.parametrize("host", [PAGES, "pages.EXAMPLE:443", "127.0.0.1", "other.example", f"x.{CONTENT}", "[::1]:80"])
def test_other_hosts_serve_no_content(host: str, service: Running) -> None:
    for path in ("/content/static/player.js", "/content/play/x", "/content/files/x/index.html"):
        status, answer = asked(service, path, host)
        assert (status, "There is nothing at this address." in answer) == (404, True), path
    assert asked(service, f"{PREFIX}/progress", host)[0] == 200


def test_a_request_with_two_hosts_or_none_is_refused(service: Running) -> None:
    for hosts in ((), (PAGES, CONTENT), (CONTENT, PAGES)):
        assert asked(service, f"{PREFIX}/progress", *hosts)[0] == 400
