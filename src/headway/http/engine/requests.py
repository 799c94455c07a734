"""Requests: what is read from a request's headers, path and body, and refused while it is read."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, NamedTuple, Self

from headway.auth import Authenticator, Sessions
from headway.domain.errors import HeadwayError, NotFoundError, UnavailableError
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.principal import Principal
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.http.engine.event_streams import Streams
from headway.http.engine.lists import RenderedLists
from headway.http.engine.long_answers import LongAnswers
from headway.service import LearnersService, ProgressService, Services, StatisticsService

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
RequestHeaders = dict[bytes, bytes]

SMALL_BODY_BYTES: Final = 64 * 1024
"""The most that a learner's own write takes."""
UNCOUNTED_BODY_BYTES: Final = 4 * 1024

_BETWEEN: Final = {b"cookie": b"; "}
# RFC 9110 section 8.8.3: an optional W/, then a quoted text; in a list, with commas before it.
_ENTITY_TAG: Final = re.compile(rb'[ \t,]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)')


def origin_of(public_url: str | None, scheme: str, host: str) -> str:
    """The origin that browsers see: the configured one, or the one that they ask."""
    return public_url or f"{scheme}://{host}"


class Pages(NamedTuple):
    """What the API knows of the pages: where they are, and what lets a browser see them.

    `public_url` is the origin that browsers see; `None`: the one that is asked.
    """

    path: str
    public_url: str | None
    authenticator: Authenticator
    sessions: Sessions

    def origin(self, scheme: str, headers: RequestHeaders) -> str:
        """The origin of the pages, as a request with these headers sees it."""
        return origin_of(self.public_url, scheme, headers.get(b"host", b"localhost").decode("latin-1"))


class Call(NamedTuple):
    """An authenticated request, its path's identifiers checked and its body read. `pages` is `None` without any."""

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

    @property
    def service(self) -> ProgressService:
        """What learners and authors do."""
        return self.services.progress

    @property
    def statistics(self) -> StatisticsService:
        """What is told of courses."""
        return self.services.statistics

    @property
    def learners(self) -> LearnersService:
        """What is done for learners."""
        return self.services.learners

    @property
    def course_id(self) -> CourseId:
        """The path's course."""
        return CourseId(self.identifiers[0])

    @property
    def lesson_id(self) -> LessonId:
        """The path's lesson."""
        return LessonId(self.identifiers[1])


class PagesOffError(NotFoundError):
    """What is asked for is for the pages, and there are none here."""

    def __init__(self) -> None:
        super().__init__("There are no pages here that anybody could sign in to.")


class BodyTooLargeError(HeadwayError):
    """The body is over the limit; the rest of it was not read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is over {limit // 1024} KiB.")


class TooManyBodiesError(UnavailableError):
    """The bodies under way take all the memory that they may take together."""

    def __init__(self) -> None:
        super().__init__("Too much is being sent at once. Try again in a moment.")


class ClientGoneError(HeadwayError):
    """The client hung up before its request was complete."""


class InvalidHeaderError(HeadwayError):
    """A header does not follow its grammar."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f'{name} takes * or quoted entity tags, such as "abc": send back an ETag as it was answered.')
        self.name = name
        self.text = text


class NotAcceptableError(HeadwayError):
    """The answer is asked for in a form that this installation can not make."""


def parse_precondition(headers: RequestHeaders) -> Precondition:
    """The conditions of If-Match and If-None-Match (RFC 9110 sections 13.1.1, 13.1.2). Raises `InvalidHeaderError`.

    If-Match compares strongly, so a weak tag there matches nothing; If-None-Match compares weakly.
    """
    match, none_match = headers.get(b"if-match"), headers.get(b"if-none-match")
    if match is None and none_match is None:
        return UNCONDITIONAL
    match_any, matched = _entity_tags("If-Match", match, weak=False)
    none_match_any, none_matched = _entity_tags("If-None-Match", none_match, weak=True)
    return Precondition(_of_the_stored(matched), match_any, _of_the_stored(none_matched), none_match_any)


def is_known(headers: RequestHeaders, tag: bytes | None) -> bool:
    """Whether who asks has what this tag names (RFC 9110 section 13.1.2: compared weakly). Raises as above."""
    known_any, known = _entity_tags("If-None-Match", headers.get(b"if-none-match"), weak=True)
    return known_any or (tag is not None and known is not None and tag.strip(b'"').decode("latin-1") in known)


def _of_the_stored(tags: frozenset[str] | None) -> frozenset[str] | None:
    """The tags without what stands behind a +: what was shown beside that which is stored under the tag."""
    return None if tags is None else frozenset(tag.partition("+")[0] for tag in tags)


def _entity_tags(name: str, value: bytes | None, *, weak: bool) -> tuple[bool, frozenset[str] | None]:
    if value is None:
        return False, None
    if value.strip() == b"*":
        return True, None
    tags: list[str] = []
    end = 0
    while found := _ENTITY_TAG.match(value, end):
        end = found.end()
        if weak or not found[1]:
            tags.append(found[2].decode("latin-1"))
    if not end or value[end:].strip(b" \t,"):
        raise InvalidHeaderError(name, value.decode("latin-1"))
    return False, frozenset(tags)


def read_headers(lines: Iterable[tuple[bytes, bytes]]) -> RequestHeaders:
    """The headers by name; lines of the same name are one list (RFC 9110 section 5.3, for cookies RFC 9113 8.2.3)."""
    headers: RequestHeaders = {}
    for name, value in lines:
        headers[name] = headers[name] + _BETWEEN.get(name, b", ") + value if name in headers else value
    return headers


class BodyBudget:
    """Bounds the bytes of bodies that all requests hold together.

    A quarter of them is for small bodies, which so have room beside any number of imports. The smallest are not
    counted: they take no more than the connection does that they came by.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._most_of_large = most_bytes - most_bytes // 4
        self.held = 0

    def take(self, size: int, limit: int) -> None:
        """Hold so many bytes more, of a body of at most `limit`. Raises `TooManyBodiesError`."""
        if self.held + size > (self._most if limit <= SMALL_BODY_BYTES else self._most_of_large):
            raise TooManyBodiesError
        self.held += size


class HeldBody:
    """What one request's body takes of a budget until the block is left; `None`: of none."""

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
        """The body has so many bytes. Raises `BodyTooLargeError` and `TooManyBodiesError`."""
        if size > self.limit:
            raise BodyTooLargeError(self.limit)
        if size > max(self._held, UNCOUNTED_BODY_BYTES) and self._budget is not None:
            self._budget.take(size - self._held, self.limit)
            self._held = size


async def read_body(receive: Receive, headers: RequestHeaders, held: HeldBody) -> bytes:
    """The whole body. Raises as `HeldBody.grow`, as soon as its length is known or that much has come."""
    announced = headers.get(b"content-length", b"").lstrip(b"0")
    if announced.isdigit():
        held.grow(int(announced) if len(announced) <= len(str(held.limit)) else held.limit + 1)
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
        raise ClientGoneError("The client hung up.")
    return b"".join(pieces)
