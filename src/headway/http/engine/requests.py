"""Reads a request's headers and body, bounds its body, and has the errors of both."""

import re
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, NamedTuple, Self

from headway.auth import Authenticator, LaunchTokens, Sessions
from headway.domain.errors import HeadwayError, NotFoundError, UnavailableError
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.packages import PackageDigest
from headway.domain.principal import Principal
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.http.engine.event_streams import Streams
from headway.http.engine.long_answers import LongAnswers
from headway.http.engine.replies import RenderedLists
from headway.service import Services

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
RequestHeaders = dict[bytes, bytes]

SMALL_BODY_BYTES: Final = 64 * 1024
"""The largest body of a write of lesson progress."""
UNCOUNTED_BODY_BYTES: Final = 4 * 1024
_WRITTEN_BYTES: Final = 1024 * 1024  # at a time

_BETWEEN: Final = {b"cookie": b"; "}
# RFC 9110 section 8.8.3: an optional W/, then a quoted text. In a list there are commas before it.
_ENTITY_TAG: Final = re.compile(rb'[ \t,]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)')


def origin_of(public_url: str | None, scheme: str, host: str) -> str:
    """Return the origin that browsers see: `public_url`, or the one that the request was sent to."""
    return public_url or f"{scheme}://{host}"


def host_name(host: bytes) -> bytes:
    """Return the name in a header `Host` as browsers compare it: in lower case, and without a port.

    A proxy in front may add a port, and a name may have a full stop at its end (RFC 3986 section 3.2.2).
    """
    name = host if host.endswith(b"]") else host.rpartition(b":")[0] or host
    return name.lower().rstrip(b".")


class Pages(NamedTuple):
    """What the API knows of the pages: their path and origin, and how a browser signs in to them.

    `public_url` is the origin that browsers see; `None`: the one that the request was sent to.
    """

    path: str
    public_url: str | None
    authenticator: Authenticator
    sessions: Sessions

    def origin(self, scheme: str, headers: RequestHeaders) -> str:
        """Return the origin of the pages, for a request with these headers."""
        return origin_of(self.public_url, scheme, headers.get(b"host", b"localhost").decode("latin-1"))


CONTENT_PATH: Final = "/content"
"""The path below which Headway serves the content of packages, and the page that plays it."""


class Player(NamedTuple):
    """What the API knows of the player of content: its tokens, the path of the API, and the origin of the content.

    `origin` is empty where the content has the origin of the service. `shows_content`: the content is served, too.
    """

    tokens: LaunchTokens
    api: str
    origin: str
    shows_content: bool

    def commit_address(self, token: str) -> str:
        """Return the address that takes the commits of a launch."""
        return f"{self.origin}{self.api}/launches/{token}/commits"

    def page_address(self, token: str) -> str:
        """Return the address of the page that plays a launch."""
        return f"{self.origin}{CONTENT_PATH}/play/{token}"

    def files_address(self, package: PackageDigest) -> str:
        """Return the address below which a package's files are."""
        return f"{self.origin}{CONTENT_PATH}/files/{self.tokens.of_package(package)}"


class Call(NamedTuple):
    """An authenticated request, with its path's identifiers checked and its body read.

    `pages` is `None` where the installation serves no pages, and `player` where it has no secret for launches. `upload`
    is the body of an operation that takes a large file; its handler reads it.
    """

    services: Services
    lists: RenderedLists
    long_answers: LongAnswers
    streams: Streams
    principal: Principal
    headers: RequestHeaders
    identifiers: tuple[str, ...]
    body: bytes
    query: bytes
    scheme: str
    pages: Pages | None
    player: Player | None
    upload: "Upload | None" = None

    def received(self, most_bytes: int, folder: Path | None) -> AbstractAsyncContextManager[BinaryIO]:
        """Receive the file of an operation that takes a large one, as `Upload.received` says."""
        if self.upload is None:
            raise TypeError("The operation is no upload.")
        return self.upload.received(most_bytes, folder)

    @property
    def course_id(self) -> CourseId:
        """The course in the path."""
        return CourseId(self.identifiers[0])

    @property
    def lesson_id(self) -> LessonId:
        """The lesson in the path."""
        return LessonId(self.identifiers[1])


class PagesOffError(NotFoundError):
    """The operation is for the pages, and this installation serves none."""

    def __init__(self) -> None:
        super().__init__("This installation serves no pages to sign in to.")


class PlayerOffError(NotFoundError):
    """The operation needs launches, and this installation has no secret for their tokens."""

    def __init__(self) -> None:
        super().__init__("Launches need a secret. Set HEADWAY_SESSION_SECRET, for example by: openssl rand -base64 48")


class BodyTooLargeError(HeadwayError):
    """The body is larger than its limit. The rest of it was not read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is over {limit // 1024} KiB.")


class TooManyBodiesError(UnavailableError):
    """The bodies that are being read take all the memory, or disk, that they may take together."""

    def __init__(self) -> None:
        super().__init__("Too many large requests are being read. Try again in a moment.")


class ClientGoneError(HeadwayError):
    """The client closed the connection before its request was complete, or its answer."""


class InvalidHeaderError(HeadwayError):
    """A header does not follow its grammar."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f'{name} must be * or quoted entity tags, such as "abc". Send back an ETag as you got it.')
        self.name = name
        self.text = text


class NotAcceptableError(HeadwayError):
    """This installation can not answer in the form that the client asks for."""


def parse_precondition(headers: RequestHeaders) -> Precondition:
    """Return the conditions of If-Match and If-None-Match (RFC 9110 sections 13.1.1, 13.1.2).

    If-Match compares strongly, so a weak etag in it matches nothing. If-None-Match compares weakly.
    Raises `InvalidHeaderError` where a header is malformed.
    """
    match, none_match = headers.get(b"if-match"), headers.get(b"if-none-match")
    if match is None and none_match is None:
        return UNCONDITIONAL
    match_any, matched = _entity_tags("If-Match", match, weak=False)
    none_match_any, none_matched = _entity_tags("If-None-Match", none_match, weak=True)
    return Precondition(_of_the_stored(matched), match_any, _of_the_stored(none_matched), none_match_any)


def is_known(headers: RequestHeaders, etag: bytes | None) -> bool:
    """Whether If-None-Match names this entity tag, compared weakly (RFC 9110 section 13.1.2).

    Raises `InvalidHeaderError` where the header is malformed.
    """
    known_any, known = _entity_tags("If-None-Match", headers.get(b"if-none-match"), weak=True)
    return known_any or (etag is not None and known is not None and etag.strip(b'"').decode("latin-1") in known)


def _of_the_stored(etags: frozenset[str] | None) -> frozenset[str] | None:
    """Return the etags without the part after a +. That part stands for what was shown with the stored value."""
    return None if etags is None else frozenset(etag.partition("+")[0] for etag in etags)


def _entity_tags(name: str, value: bytes | None, *, weak: bool) -> tuple[bool, frozenset[str] | None]:
    if value is None:
        return False, None
    if value.strip() == b"*":
        return True, None
    etags: list[str] = []
    end = 0
    while found := _ENTITY_TAG.match(value, end):
        end = found.end()
        if weak or not found[1]:
            etags.append(found[2].decode("latin-1"))
    if not end or value[end:].strip(b" \t,"):
        raise InvalidHeaderError(name, value.decode("latin-1"))
    return False, frozenset(etags)


def read_headers(lines: Iterable[tuple[bytes, bytes]]) -> RequestHeaders:
    """Return the headers by name.

    Lines of one name are joined (RFC 9110 section 5.3; for cookies RFC 9113 section 8.2.3).
    """
    headers: RequestHeaders = {}
    for name, value in lines:
        headers[name] = headers[name] + _BETWEEN.get(name, b", ") + value if name in headers else value
    return headers


class BodyBudget:
    """Bounds the memory, or disk, that the bodies of all requests take together to `most_bytes`.

    A quarter is reserved for small bodies, so that writes are accepted beside any number of imports. Bodies of at most
    4 KiB are not counted: a connection takes as much anyway.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._most_of_large = most_bytes - most_bytes // 4
        self.held = 0

    def take(self, size: int, limit: int) -> None:
        """Count `size` more bytes of a body that is at most `limit` bytes long.

        Raises `TooManyBodiesError` where nothing is left.
        """
        if self.held + size > (self._most if limit <= SMALL_BODY_BYTES else self._most_of_large):
            raise TooManyBodiesError
        self.held += size


class HeldBody:
    """The part of a budget that one request's body takes until the block ends. `None`: only `limit` counts."""

    __slots__ = ("_budget", "_held", "limit")

    def __init__(self, budget: BodyBudget | None, limit: int) -> None:
        self.limit = limit
        self._budget = budget
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._budget is not None:
            self._budget.held -= self._held

    def grow(self, size: int) -> None:
        """Count the body as `size` bytes long.

        Raises `BodyTooLargeError` where that is over `limit`, and `TooManyBodiesError` where nothing is left.
        """
        if size > self.limit:
            raise BodyTooLargeError(self.limit)
        if size > max(self._held, UNCOUNTED_BODY_BYTES) and self._budget is not None:
            self._budget.take(size - self._held, self.limit)
            self._held = size


async def read_body(receive: Receive, headers: RequestHeaders, held: HeldBody) -> bytes:
    """Read the whole body.

    Raises `BodyTooLargeError` and `TooManyBodiesError` as soon as Content-Length or the bytes read so far show it, and
    `ClientGoneError` where the client closes the connection.
    """
    _announce(headers, held)
    message = await receive()
    pieces: list[bytes] = [message.get("body", b"")]
    size = len(pieces[0])
    held.grow(size)
    while message.get("more_body", False):
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        held.grow(size)
    if message["type"] == "http.disconnect":
        raise ClientGoneError("The client closed the connection.")
    return b"".join(pieces)


def _announce(headers: RequestHeaders, held: HeldBody) -> None:
    """Count the length that Content-Length announces."""
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if announced.isdigit():
        held.grow(int(announced) if len(announced) <= len(str(held.limit)) else held.limit + 1)


class Upload:
    """The body of a request that is too large for the memory. `budget` is that of the disk."""

    def __init__(self, receive: Receive, headers: RequestHeaders, budget: BodyBudget) -> None:
        self._receive = receive
        self._headers = headers
        self._budget = budget

    @asynccontextmanager
    async def received(self, most_bytes: int, folder: Path | None) -> AsyncIterator[BinaryIO]:
        """Receive the body into a file without a name in `folder`, which is gone when the block ends.

        `None` is the system's folder of temporary files. Raises as `read_body` does, and `UnavailableError` where the
        file can not be written.
        """
        file = await to_thread(_temporary, folder)
        try:
            with HeldBody(self._budget, most_bytes) as held:
                await self._fill(file, held)
                yield file
        finally:
            await to_thread(file.close)

    async def _fill(self, file: BinaryIO, held: HeldBody) -> None:
        _announce(self._headers, held)
        waiting = bytearray()
        size, is_complete = 0, False
        while not is_complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError("The client closed the connection.")
            waiting += message.get("body", b"")
            size += len(message.get("body", b""))
            held.grow(size)
            is_complete = not message.get("more_body", False)
            if len(waiting) >= _WRITTEN_BYTES or is_complete:
                await to_thread(_write, file, bytes(waiting))
                waiting.clear()


def _temporary(folder: Path | None) -> BinaryIO:
    with _refused_where_full():
        return TemporaryFile(dir=folder)


def _write(file: BinaryIO, content: bytes) -> None:
    with _refused_where_full():
        file.write(content)
        file.flush()


@contextmanager
def _refused_where_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"The upload can not be kept: {error.strerror}. Try again later.") from error
