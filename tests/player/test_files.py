"""The files of packages: their types, parts of them, who gets them, and the script that content in a sandbox gets."""

import base64
import json
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, urlsplit

import httpx
import pytest

from headway.auth import LaunchTokens, Sessions
from player.conftest import Installation
from player.content import Course
from support.running import PATIENCE, SECRET, Running, eventually

_HOUR = timedelta(hours=1)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FILES: dict[str, str | bytes] = {
    "letters.txt": LETTERS, "empty.txt": "", "pictures/Größe шар.SVG": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a.mp4": b"0", "a.webm": b"0", "a.mjs": "", "a.woff2": b"0", "a.wasm": b"0", "a.vtt": "WEBVTT", "a.json": "{}",
    "no-ending": "text", "a.unknown": "?", "latin1.html": "<meta charset=iso-8859-1>é".encode("latin-1"),
    "data:text/→,x": "?",
}  # fmt: skip
TYPES = {
    "a.mp4": "video/mp4", "a.webm": "video/webm", "a.mjs": "text/javascript", "a.woff2": "font/woff2",
    "a.wasm": "application/wasm", "a.vtt": "text/vtt", "a.json": "application/json", "letters.txt": "text/plain",
    "no-ending": "application/octet-stream", "latin1.html": "text/html", "index.html": "text/html",
    "pictures/Größe шар.SVG": "image/svg+xml", "data:text/→,x": "application/octet-stream",
}  # fmt: skip


class Shelf:
    """The files of one package, and the address below which they are."""

    def __init__(self, running: Running) -> None:
        self.course = Course(running, files=FILES)
        with running.client(self.course.learner) as learner:
            launch = learner.post(f"{self.course.path()}/launches").raise_for_status().json()
        address = httpx.URL(running.base_url).join(launch["content_url"])
        self.root = str(address).removesuffix("index.html")
        self.token = self.root.rstrip("/").rpartition("/")[2]

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask for a file. `path` is as it stands in the address."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(
            method, self.root + path, headers={"Accept-Encoding": "identity"} | names, timeout=PATIENCE
        )


@pytest.fixture(scope="module")
def shelf(running: Running) -> Shelf:
    """Return a package with files of many kinds."""
    return Shelf(running)


@pytest.mark.parametrize(
    ("asked", "status", "got", "said"),
    [
        ("bytes=0-3", 206, "abcd", "bytes 0-3/26"), ("bytes=20-", 206, "uvwxyz", "bytes 20-25/26"),
        ("bytes=-2", 206, "yz", "bytes 24-25/26"), ("bytes=-99", 206, LETTERS, "bytes 0-25/26"),
        ("bytes=25-99", 206, "z", "bytes 25-25/26"), ("bytes=0-0", 206, "a", "bytes 0-0/26"),
        ("bytes=26-", 416, "", "bytes */26"), ("bytes=99-100", 416, "", "bytes */26"),
        ("bytes=-0", 416, "", "bytes */26"), ("bytes=0-1,4-5", 200, LETTERS, None), ("bytes=5-1", 200, LETTERS, None),
        ("bytes=-", 200, LETTERS, None), ("lines=0-1", 200, LETTERS, None), ("bytes=a-b", 200, LETTERS, None),
        ("bytes=" + "9" * 400 + "-", 200, LETTERS, None), ("bytes=²-3", 200, LETTERS, None),
    ],
)  # fmt: skip
def test_a_part_of_a_file_is_answered(asked: str, status: int, got: str, said: str | None, shelf: Shelf) -> None:
    raw = httpx.Headers([(b"Range", asked.encode()), (b"Accept-Encoding", b"identity")])
    answer = httpx.get(f"{shelf.root}letters.txt", headers=raw, timeout=PATIENCE)
    assert (answer.status_code, answer.text, answer.headers.get("content-range")) == (status, got, said)
    assert answer.headers["content-length"] == str(len(got))


def test_an_empty_file_has_no_parts(shelf: Shelf) -> None:
    assert (shelf.get("empty.txt").status_code, shelf.get("empty.txt").content) == (200, b"")
    assert shelf.get("empty.txt", Range="bytes=0-").status_code == 416


def test_a_file_is_kept_and_asked_for_again_by_its_etag(shelf: Shelf) -> None:
    answer = shelf.get("letters.txt")
    etag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "private, max-age=604800, immutable"
    assert answer.headers["accept-ranges"] == "bytes"
    for known in (etag, f'"other", {etag}', f"W/{etag}"):
        again = shelf.get("letters.txt", If_None_Match=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert shelf.get("letters.txt", If_None_Match='"other"').status_code == 200
    assert shelf.get("letters.txt", Range="bytes=0-1", If_Range=etag).status_code == 206
    assert shelf.get("letters.txt", Range="bytes=0-1", If_Range='"other"').text == LETTERS
    assert shelf.get("a.json").headers["etag"] != etag


@pytest.mark.parametrize("path", ["letters.txt", "index.html"])
def test_head_answers_what_get_does_without_a_body(path: str, shelf: Shelf) -> None:
    head, got = shelf.get(path, "HEAD"), shelf.get(path)
    changing = {"date", "x-request-id"}
    assert head.content == b""
    assert [one for one in head.headers.items() if one[0] not in changing] == [
        one for one in got.headers.items() if one[0] not in changing
    ]
    part = shelf.get("letters.txt", "HEAD", Range="bytes=0-3")
    assert (part.status_code, part.headers["content-length"], part.content) == (206, "4", b"")


@pytest.mark.parametrize(("name", "media_type"), TYPES.items())
def test_a_file_has_its_media_type_and_no_character_set(name: str, media_type: str, shelf: Shelf) -> None:
    answer = shelf.get(quote(name))
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert "sandbox allow-" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


def test_the_players_own_files_are_cached_by_their_address_and_read_by_a_sandbox(shelf: Shelf) -> None:
    with shelf.course.running.client(shelf.course.learner) as learner:
        launch = learner.post(f"{shelf.course.path()}/launches").raise_for_status().json()
    address = httpx.URL(shelf.root).join(launch["play_url"])
    page = httpx.get(address, timeout=PATIENCE).text
    used = re.findall(r'"(/content/static/[^"]+)"', page)
    assert {name.partition("?")[0].rpartition("/")[2] for name in used} == {
        "player.css", "player.js", "scorm12.min.js", "scorm2004.min.js",
    }  # fmt: skip
    for name in used:
        answer = httpx.get(address.join(name), headers={"Origin": "null"}, timeout=PATIENCE)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"


def test_names_may_differ_in_capitals_and_in_unicode_form(shelf: Shelf) -> None:
    for name in ("LETTERS.TXT", "Letters.txt", "pictures/gro\u0308ße шар.svg", "PICTURES/GRÖSSE ШАР.svg"):
        assert shelf.get(quote(name)).status_code == 200, name


@pytest.mark.parametrize(
    "path",
    [
        "missing.html", "", "pictures", "pictures/", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "%00",
        "letters.txt%00.html", "..%5c..%5cletters.txt", "pictures%5cletters.txt", "letters.txt/", "/letters.txt",
        "./%2e/letters.txt%20", "%ff%fe", "C:%5cWindows", "imsmanifest.xml.bak", "x" * 5_000, "%F0%9F%98%80", "%",
    ],
)  # fmt: skip
def test_nothing_but_the_files_of_the_package_is_served(path: str, shelf: Shelf) -> None:
    host, port = urlsplit(shelf.root).hostname, urlsplit(shelf.root).port
    answer = _raw(shelf.root, f"GET {urlsplit(shelf.root).path}{path} HTTP/1.1", f"Host: {host}:{port}")
    assert answer.startswith("HTTP/1.1 404"), answer[:200]
    assert "abc" not in answer.partition("\r\n\r\n")[2]


def _forged(token: str) -> str:
    """Return a token for another package, with the signature of this one."""
    head, *_, signature = token.split(".")
    claims = {"exp": 4102444800, "values": {"p": "0" * 64}}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"


def _expired(token: str) -> str:
    package = LaunchTokens(Sessions(SECRET, _HOUR)).package_in(token)
    return LaunchTokens(Sessions(SECRET, _HOUR), clock=lambda: 0).of_package(package)


def _of_none(token: str) -> str:
    values = token.split(".")[1]
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{none}.{values}."


@pytest.mark.parametrize("change", [_forged, _expired, _of_none, lambda _: "x", lambda token: token[:-2]])
def test_files_are_refused_without_a_valid_token(change: Callable[[str], str], shelf: Shelf) -> None:
    address = shelf.root.replace(shelf.token, change(shelf.token))
    answer = httpx.get(f"{address}letters.txt", timeout=PATIENCE)
    assert answer.status_code == 404
    assert LETTERS not in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox ")


def test_a_token_of_a_package_is_none_of_a_launch(shelf: Shelf, running: Running) -> None:
    with running.client() as anybody:
        for token in (shelf.token, "x", "0" * 500):
            assert anybody.get(f"/launches/{token}").status_code == 404
            assert anybody.post(f"/launches/{token}/commits", json={"cmi": {}}).status_code == 404


def _raw(address: str, *lines: str) -> str:
    """Send a request as it is, and return the answer."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.decode("latin-1")


def test_no_token_reaches_the_log(installation: Installation) -> None:
    with installation.started(log_requests="all") as running:
        shelf = Shelf(running)
        with running.client(shelf.course.learner) as learner:
            launch = learner.post(f"{shelf.course.path()}/launches").raise_for_status().json()
        for address in (launch["commit_url"], launch["play_url"], launch["content_url"], f"{shelf.root}missing"):
            httpx.get(httpx.URL(running.base_url).join(address), timeout=PATIENCE)
        commits = httpx.URL(running.base_url).join(launch["commit_url"])
        httpx.post(commits, json={"cmi": {"location": "x"}}, timeout=PATIENCE)
        eventually(lambda: any("/commits" in line and "status=200" in line for line in running.log))
        for token in (launch["launch"], shelf.token):
            assert token not in "".join(running.log)
            assert token.rpartition(".")[2] not in "".join(running.log)
