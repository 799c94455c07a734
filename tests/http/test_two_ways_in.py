"""The ways in: the same bytes are answered, whichever way a request came.

The dispatcher's way in is compared with FastAPI's; and of the dispatcher's, the connection's own (`direct.py`) with
ASGI's. Both applications get the same requests in the same order. What each would otherwise take from the world, the
time and ids that nobody has, is the same for both, so that nothing in an answer has to be left out of the comparison.
"""

import asyncio
import re
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, pairwise, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, example, given, settings
from starlette.types import ASGIApp

from headway import Settings, create_app, create_router
from headway.http.engine.errors import NO_REQUEST
from headway.http.engine.protocol import BoundedHeadProtocol
from headway.service import LaunchesService, StatisticsService
from headway.storage.sqlite import SqliteStore
from support.any_request import ODD_PATHS, PUBLISHED, RARITIES, REMOVED, World, conversations
from support.asgi import Answer, HeaderLines, Sent, ask, lifespan
from support.connection import Connection
from support.running import PREFIX, SECRET
from support.serving import served

pytestmark = pytest.mark.slow

# What the routing says, not an operation; see `_as_mounted`.
UNKNOWN = b'{"detail":"Not Found","code":"unknown_path"}'
UNROUTED = (UNKNOWN, b'{"detail":"Method Not Allowed","code":"method_not_allowed"}')
UNKNOWN_TO_THE_HOST = b'{"detail":"Not Found"}'
OF_THE_HOST = [(b"content-length", b"22"), (b"content-type", b"application/json")]


class Given:
    """The time and the random bytes of uuid4, given to two applications alike: world by world, request by request."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self._world = 0
        self._drawn = 0

    def begin(self, world: int) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=world)
        self._world, self._drawn = world, 0

    def clock(self) -> datetime:
        return self.now

    def urandom(self, size: int) -> bytes:
        self._drawn += 1
        return self._world.to_bytes(6, "big") + bytes(size - 12) + self._drawn.to_bytes(6, "big")


Way = Callable[[Any], Awaitable[Any]]
"""Sends a request, filled in, and returns its answer."""


class Ways:
    """Two ways in, each to an application of its own: started, over a new database."""

    def __init__(
        self, runner: asyncio.Runner, shared: Given, one: Way, other: Way, worlds: Iterator[int] | None = None
    ) -> None:
        self._runner = runner
        self._given = shared
        self._ways = one, other
        self._worlds = worlds or count(1)

    def among(self, one: Way, other: Way) -> "Ways":
        """Return other ways to the same applications."""
        return Ways(self._runner, self._given, one, other, self._worlds)

    def play(self, conversation: Sequence[Any]) -> list[tuple[Any, Any, Any]]:
        """The requests with what was answered each way."""
        world = next(self._worlds)
        heard = [self._runner.run(self._played(way, world, conversation)) for way in self._ways]
        return list(zip(conversation, *heard, strict=True))

    async def _played(self, way: Way, number: int, conversation: Sequence[Sent | bytes]) -> list[Any]:
        world = World(number)
        self._given.begin(number)
        answers = []
        for sent in conversation:
            self._given.now += timedelta(seconds=1)
            answer = await way(world.text(sent) if isinstance(sent, bytes) else world.fill(sent))
            for etag in _etags(answer):
                world.hear("" if isinstance(sent, bytes) else sent.path, etag)
            answers.append(answer)
        return answers


def _etags(answer: Answer | bytes) -> list[bytes]:
    if isinstance(answer, bytes):
        return re.findall(rb'\r\netag: ("[^\r]*")', answer)
    return [value for name, value in answer.headers if name == b"etag"]


Cut = Callable[[Sent | bytes], list[bytes]]


def whole(sent: Sent | bytes) -> list[bytes]:
    return [sent if isinstance(sent, bytes) else _on_the_wire(sent)]


def body_behind_head(sent: Sent | bytes) -> list[bytes]:
    head, end, body = whole(sent)[0].partition(b"\r\n\r\n")
    return [head + end, *([body] if body else [])]


def byte_by_byte(sent: Sent | bytes) -> list[bytes]:
    return [bytes([byte]) for byte in whole(sent)[0]]


class Wire:
    """Asks an application by connections in memory. The next request comes on the same one, while that is open."""

    def __init__(self, app: ASGIApp, state: MutableMapping[str, Any], *, direct: bool) -> None:
        self._connect = partial(Connection, app, state, direct=direct)
        self._connection: Connection | None = None
        self.cut: Cut = whole
        self.asked_by_asgi = 0

    async def ask(self, sent: Sent) -> bytes:
        """Return every byte of the answer; none where the client hangs up, since it may be late or early for it."""
        connection = await self._opened()
        connection.give(*_pieces(sent))
        if sent.hangs_up or connection.waits_for_body:
            await connection.hang_up()
            answer = b""
        else:
            answer = await connection.idle()
        await self._keep(connection)
        return answer

    async def ask_in_pieces(self, sent: Sent | bytes) -> bytes:
        """Send a request in the pieces that `cut` says, each when the one before it has arrived. Return the answers."""
        connection = await self._opened()
        for piece in self.cut(sent):
            connection.give(piece)
            await asyncio.sleep(0)
        answer = await connection.idle()
        await self._keep(connection)
        return answer

    async def _opened(self) -> Connection:
        """Return the connection that is open, or a new one: the server closes one that was idle for some seconds."""
        if self._connection is not None and not self._connection.is_open:
            await self.close()
        return self._connection or self._connect()

    async def _keep(self, connection: Connection) -> None:
        self.asked_by_asgi += len(connection.scopes)
        connection.scopes.clear()
        self._connection = connection
        if not connection.is_open:
            await self.close()

    async def close(self) -> None:
        """Close the connection that is open."""
        if self._connection is not None:
            await self._connection.hang_up()
            self._connection = None


def _pieces(sent: Sent) -> list[bytes]:
    """Return a request as it arrives: its body is cut where an ASGI application's is.

    A client that hangs up keeps the last byte of its body.
    """
    has_length = any(name == b"content-length" for name, _ in sent.headers)
    length = () if has_length or not sent.body else ((b"content-length", b"%d" % len(sent.body)),)
    path = sent.path + ("?" + sent.query.decode("latin-1") if sent.query else "")
    raw = _on_the_wire(sent._replace(path=path, headers=(*sent.headers, *length)))
    head, arrives = len(raw) - len(sent.body), len(raw) - sent.hangs_up
    ends = [0, *sorted(min(head + cut % (len(sent.body) + 1), arrives) for cut in sent.cuts), arrives]
    return [raw[start:end] for start, end in pairwise(ends) if start < end]


def _settings(folder: Path) -> Settings:
    """Without the pages, which an application that mounts the API has not: nor has it codes for them."""
    return Settings(
        database_url=f"sqlite:///{folder}/headway.db", jwt_secret=SECRET, log_requests="none", dashboard_path=""
    )


def _host(folder: Path, **options: Any) -> FastAPI:
    """An application as mounted use has it."""
    host = FastAPI(**options)
    host.include_router(create_router(_settings(folder)))
    return host


# Whether a path with a slash too many is unknown or redirected is the host's to say. FastAPI's default is to redirect;
# a host that says what the service says is the one to compare with.
_ALIKE: Final = {"redirect_slashes": False}


@pytest.fixture(scope="module")
def shared() -> Iterator[Given]:
    """Time and ids of every store that is made meanwhile, and one running number for all requests without an id."""
    shared = Given()
    with pytest.MonkeyPatch.context() as patch:
        for kind in (SqliteStore, StatisticsService, LaunchesService):
            patch.setattr(
                kind.__init__, "__kwdefaults__", {**(kind.__init__.__kwdefaults__ or {}), "clock": shared.clock}
            )
        patch.setattr("uuid.os", SimpleNamespace(urandom=shared.urandom))
        patch.setattr("headway.http.engine.observation._NUMBERS", repeat(7))
        yield shared


@pytest.fixture(scope="module")
def ways(shared: Given, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    service = create_app(_settings(tmp_path_factory.mktemp("service")))
    mounted = _host(tmp_path_factory.mktemp("mounted"), **_ALIKE)
    with asyncio.Runner() as runner:
        started = AsyncExitStack()
        for app in (service, mounted):
            runner.run(started.enter_async_context(lifespan(app)))
        yield Ways(runner, shared, partial(ask, service), partial(ask, mounted))
        runner.run(started.aclose())


@pytest.fixture(scope="module")
def wires(shared: Given, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ways, Wire, Wire]]:
    """Yield two services on connections in memory: one of them answers directly what it may, the other by ASGI."""
    with asyncio.Runner() as runner:
        started = AsyncExitStack()
        wires = []
        for direct in (True, False):
            app = create_app(_settings(tmp_path_factory.mktemp("service")))
            wire = Wire(app, runner.run(started.enter_async_context(lifespan(app))), direct=direct)
            started.push_async_callback(wire.close)
            wires.append(wire)
        direct_wire, asgi_wire = wires
        yield Ways(runner, shared, direct_wire.ask, asgi_wire.ask), direct_wire, asgi_wire
        runner.run(started.aclose())


def _as_mounted(answer: Answer) -> Answer:
    """What the mounted application has to answer where the service answers this.

    Excluded is one thing. That a path is unknown is said by the application that routes: the host there, in a page
    that is the host's to design. And neither in that nor where a path takes another method there is X-Request-ID.
    """
    if answer.body not in UNROUTED:
        return answer
    headers = [line for line in answer.headers if line[0] != b"x-request-id"]
    if answer.body != UNKNOWN:
        return answer._replace(headers=headers)
    return answer._replace(headers=OF_THE_HOST, body=UNKNOWN_TO_THE_HOST)


def test_any_requests_are_answered_alike_by_service_and_router(ways: Ways) -> None:
    statuses: Counter[int] = Counter()

    # Not explained: the assertion names the request, and to explain takes longer than to find.
    @settings(
        max_examples=150,
        deadline=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(conversations)
    @example(RARITIES)
    def play(conversation: list[Sent]) -> None:
        for sent, service, mounted in ways.play(conversation):
            assert mounted == _as_mounted(service), sent
            statuses[service.status] += 1

    play()
    # Or else the requests were not of every kind, and the test shows less than it says.
    assert {200, 204, 401, 403, 404, 405, 412, 413, 422, 499} <= statuses.keys()
    assert statuses[200] + statuses[204] > statuses.total() / 4


def test_any_requests_are_answered_alike_directly_and_by_asgi(wires: tuple[Ways, Wire, Wire]) -> None:
    ways, direct, by_asgi = wires
    statuses: Counter[bytes] = Counter()

    @settings(
        max_examples=150,
        deadline=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(conversations)
    @example(RARITIES)
    def play(conversation: list[Sent]) -> None:
        for sent, directly, asked in ways.play(conversation):
            assert directly == asked, sent
            statuses[directly[9:12]] += 1

    play()
    assert {b"", b"200", b"204", b"400", b"401", b"403", b"404", b"405", b"412", b"413", b"422"} <= statuses.keys()
    assert by_asgi.asked_by_asgi > direct.asked_by_asgi + statuses.total() / 20


def _authorized(*lines: tuple[bytes, bytes], token: bytes = b"<learner>") -> HeaderLines:
    return ((b"Host", b"x"), (b"Authorization", b"Bearer " + token), *lines)


def _put(path: str, body: bytes, *lines: tuple[bytes, bytes]) -> Sent:
    return Sent("PUT", PREFIX + path, _authorized((b"Content-Length", b"<length>"), *lines), body)


def _get(path: str, *lines: tuple[bytes, bytes], method: str = "GET") -> Sent:
    return Sent(method, PREFIX + path, _authorized(*lines))


_LESSON: Final = "/progress/<course>/lessons/<lesson>"
_CHUNKED: Final = _authorized((b"Transfer-Encoding", b"chunked"))
ON_THE_WIRE: Final[list[Sent | bytes]] = [
    PUBLISHED._replace(headers=(*PUBLISHED.headers, (b"Content-Length", b"<length>"))),
    _put(_LESSON, b'{"progress_percentage": 42.5, "user_notes": "\xc3\xa9", "metadata": {"a": [null]}}'),
    _put(_LESSON, b'{"progress_percentage": 7}', (b"If-Match", b"<etag>")),
    _put(_LESSON, b'{"progress_percentage": 8}', (b"if-match", b"<old etag>")),
    _put(_LESSON, b'{"progress_percentage": 1, "quiz_attempts": 1}', (b"X-Request-ID", b"an-id")),
    _put(_LESSON, b'{"status": "completed"}', (b"If-None-Match", b'"a"'), (b"If-None-Match", b"*")),
    _put("/progress/<course upper>/lessons/<quiz percent>", b"{}", (b"Expect", b"100-continue")),
    Sent(
        "PUT", PREFIX + _LESSON, _CHUNKED,
        b'9;a=b\r\n{"status"\r\n0F\r\n: "in_progress"\r\n1\r\n}\r\n0\r\nA: b\r\n\r\n',
    ),
    Sent("PUT", PREFIX + _LESSON, _CHUNKED, b"nothing\r\n"),
    _put(_LESSON, b""), _put(_LESSON, b"[" * 10_000), _put(_LESSON, b'{"quiz_score": 101, "status": "gone"}'),
    Sent("PUT", PREFIX + _LESSON, _authorized((b"Content-Length", b"65537"))),
    _get("/progress/<course>"), _get("/progress/<course>/summary", (b"X-Request-ID", b"a b")), _get("/progress"),
    _get(_LESSON, (b"X-Folded", b"a\r\n b")), _get(_LESSON, (b"X-Latin", b"\xe9")), _get(_LESSON + "?a=b#c"),
    _get("/courses"),
    *[_get(path, (b"If-None-Match", b"W/<etag>")) for path in ("/progress/<course>", "/progress", _LESSON, "/courses")],
    _get("/progress/<course>/summary?explain=true"), _get("/progress/<course>/summary?explain=x"),
    _put(_LESSON + "?run=1", b"{}"), _put(_LESSON + "?run=7", b"{}"), _put(_LESSON + "?run=x&a", b"{}"),
    _get("/progress/<course>/summary", (b"If-None-Match", b"*")), _get("/progress", (b"If-None-Match", b"none")),
    _get("/progress/{<course>}"), _get("/progress/urn:uuid:<course>"), _get("/progress/%C3%A9/summary"),
    _get("/progress/%FF"), _get("/progress/<course>%2Fsummary"), _get("/progress/\xe9"), _get("/schemas/course"),
    *[_get("/progress/<course>", method=method) for method in ("HEAD", "OPTIONS", "POST", "PATCH", "BREW", "get")],
    *[Sent("GET", path, _authorized()) for path in ODD_PATHS],
    _put(_LESSON, b"GET / HTTP/1.1\r\n\r\n")._replace(method="GET"), _get(_LESSON, (b"Expect", b"100-continue")),
    Sent("OPTIONS", "*", _authorized()), Sent("GET", f"http://elsewhere{PREFIX}/progress", _authorized()),
    _get("/progress", (b"Authorization", b"Bearer <learner>")),
    Sent("GET", f"{PREFIX}/progress", ((b"Host", b"x"),)),
    *[
        b"GET " + PREFIX.encode() + rest
        for rest in (
            b"/progress HTTP/1.0\r\nAuthorization: Bearer <learner>\r\n\r\n",
            b"/progress HTTP/1.0\r\nAuthorization: Bearer <learner>\r\nConnection: keep-alive\r\n\r\n",
            b"/progress HTTP/1.1\nAuthorization: Bearer <learner>\nConnection: close\n\n",
            b"/progress HTTP/1.1\r\nAuthorization : Bearer <learner>\r\n\r\n",
        )
    ],
    2 * (b"DELETE " + PREFIX.encode() + b"/courses HTTP/1.1\r\nHost: x\r\n\r\n") + b"GET / HTTP/1.0\r\n\r\n",
    b"no HTTP at all\r\n\r\n",
    _get(_LESSON, (b"If-Match", b'"stale"'), method="DELETE"), _get(_LESSON, method="DELETE"), _get(_LESSON),
    *[
        Sent("GET", f"{PREFIX}/statistics{path}", _authorized(token=token))
        for path in ("", "/<course>", "/<course>/activity?to=2026-01-02", "/<course>/learners?limit=1",
                     "/<course>/learners?format=csv", "/<course>/learners?limit=0", "/<course>/learners/<learner id>")
        for token in (b"<teacher>", b"<learner>")
    ],
    REMOVED, _get("/progress/<course>"),
]  # fmt: skip


# Whether the connection stays open decides how an answer is written, and so does what waits behind it.
_KEEPING: Final = [
    "closed after each", "closed by a request behind it", "closed by a request after it", "the body behind the head",
]  # fmt: skip
_LAST: Final = (
    b"GET %b/courses HTTP/1.1\r\nHost: x\r\nX-Request-ID: last\r\nConnection: close\r\n\r\n" % PREFIX.encode()
)


HoldConversation = Callable[[str], list[list[list[bytes]]]]


def _on_the_wire(sent: Sent) -> bytes:
    head = [b"%b %b HTTP/1.1" % (sent.method.encode(), sent.path.encode("latin-1"))]
    lines = [b"%b: %b" % line for line in sent.headers]
    return b"\r\n".join([*head, *lines, b"", sent.body])


def _raw_answers(base_url: str, world: World, sent: Sent | bytes, keeping: str) -> list[bytes]:
    """All that a server sends until it closes the connection, without what the clock says."""
    if isinstance(sent, bytes):
        first, last = world.text(sent), b""
    elif keeping == "closed after each":
        first, last = _on_the_wire(world.fill(sent._replace(headers=(*sent.headers, (b"Connection", b"close"))))), b""
    else:
        first, last = _on_the_wire(world.fill(sent)), _LAST
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # so that pieces are segments
        together = keeping == "closed by a request behind it"
        pieces = body_behind_head(first) if keeping == "the body behind the head" else [first + last * together]
        for piece in pieces:
            connection.sendall(piece)
        answer = connection.recv(65_536)
        if last and not together and b"\r\nconnection: close\r\n" not in answer:
            connection.sendall(last)
        answer += b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.split(rb"(?=HTTP/1\.1 )", re.sub(rb"date: \w{3}, \d\d [^\r]* GMT\r\n", b"date: then\r\n", answer))[1:]


BY_UVICORN = (
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\nconnection: close\r\n\r\n"
    b"Invalid HTTP request received."
)


def _raw_as_mounted(answer: bytes) -> bytes:
    """As `_as_mounted`. What is no request never leaves the server, which has its own words for it.

    A HEAD is never answered by an operation; its answer has no body to tell so by.
    """
    if answer.endswith(NO_REQUEST.body):
        return answer.partition(b"content-type:")[0] + BY_UVICORN
    if not answer.endswith(UNROUTED) and not answer.startswith(b"HTTP/1.1 405 "):
        return answer
    answer = re.sub(rb"x-request-id: [^\r]*\r\n", b"", answer)
    if not answer.endswith(UNKNOWN):
        return answer
    lines = b"".join(b"%b: %b\r\n" % line for line in OF_THE_HOST)
    head = answer.removesuffix(UNKNOWN).replace(b"content-type: application/json\r\ncontent-length: 44\r\n", lines)
    return head + UNKNOWN_TO_THE_HOST


def _raw_conversation(base_url: str, shared: Given, keeping: str) -> Iterator[list[bytes]]:
    number = _KEEPING.index(keeping)
    world = World(number)
    shared.begin(number)
    for sent in ON_THE_WIRE:
        shared.now += timedelta(seconds=1)
        answers = _raw_answers(base_url, world, sent, keeping)
        for etag in re.findall(rb'\r\netag: ("[^\r]*")', b"".join(answers)):
            world.hear("" if isinstance(sent, bytes) else sent.path, etag)
        yield answers


@pytest.fixture(scope="module")
def conversations_held(shared: Given, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HoldConversation]:
    """Holds the conversation with the service and the mounted application, both served in this process."""
    service = served(create_app(_settings(tmp_path_factory.mktemp("service"))), BoundedHeadProtocol)
    mounted = served(_host(tmp_path_factory.mktemp("mounted"), **_ALIKE))
    with service as service_url, mounted as mounted_url:
        yield lambda keeping: [list(_raw_conversation(url, shared, keeping)) for url in (service_url, mounted_url)]


@pytest.mark.parametrize("keeping", _KEEPING)
def test_raw_requests_are_answered_alike_by_two_servers(conversations_held: HoldConversation, keeping: str) -> None:
    service, mounted = conversations_held(keeping)
    for sent, by_service, by_mounted in zip(ON_THE_WIRE, service, mounted, strict=True):
        assert by_mounted == [_raw_as_mounted(answer) for answer in by_service], sent
    statuses = {int(answer[9:12]) for answers in service for answer in answers}
    assert statuses >= {100, 200, 204, 304, 400, 401, 403, 404, 405, 412, 413, 422}


@pytest.mark.parametrize("cut", [whole, body_behind_head, byte_by_byte])
def test_raw_requests_are_answered_alike_however_they_arrive(wires: tuple[Ways, Wire, Wire], cut: Cut) -> None:
    ways, *both = wires
    for wire in both:
        wire.cut = cut
    statuses: Counter[bytes] = Counter()
    for sent, directly, by_asgi in ways.among(*[wire.ask_in_pieces for wire in both]).play(ON_THE_WIRE):
        assert directly == by_asgi, sent
        statuses[directly[9:12]] += 1
    assert {b"100", b"200", b"204", b"304", b"400", b"401", b"403", b"404", b"405", b"412", b"413", b"422"} <= set(
        statuses
    )


def test_a_default_fastapi_host_redirects_an_extra_slash(tmp_path: Path) -> None:
    """A host with FastAPI's defaults answers this path with a redirect. The other tests leave the path out."""

    async def asked() -> Answer:
        host = _host(tmp_path)
        async with lifespan(host):
            return await ask(host, Sent("GET", f"{PREFIX}/progress/", ((b"host", b"x"),)))

    answer = asyncio.run(asked())
    assert answer.status == 307
    assert (b"location", f"http://x{PREFIX}/progress".encode()) in answer.headers


@pytest.mark.parametrize("path", ["/progress", "/progress/<course>/summary", "/courses", "/schemas/course"])
def test_a_path_with_a_newline_at_its_end_is_answered_alike(ways: Ways, path: str) -> None:
    sent = Sent("GET", f"{PREFIX}{path}%0A", ((b"authorization", b"Bearer <learner>"), (b"x-request-id", b"an-id")))
    for _, service, mounted in ways.play([PUBLISHED, sent, REMOVED]):
        assert mounted == _as_mounted(service)
