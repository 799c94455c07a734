"""Answers: their status, headers and body; and the rendered lists that are kept in memory."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Final, NamedTuple, Self

from starlette.responses import Response

from headway.domain.course_progress import LessonsStamp
from headway.domain.holdings import CourseProgressKey
from headway.formats.shapes import Array, to_json
from headway.http.engine.long_answers import write_array

Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Final = (b"content-type", b"application/json")
KEPT_BYTES: Final = 64 * 1024 * 1024
# What an entry takes besides its body: keys, stamp, headers.
_ENTRY_BYTES: Final = 4096


PIECE_BYTES: Final = 64 * 1024
"""How much of an answer is passed to the server at once. The server copies no more than this for a slow client."""
_REFUSED: Final = 400


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: Headers

    @property
    def is_plain(self) -> bool:
        """Whether it may be written at once: it is short, and no refusal."""
        return self.status < _REFUSED and len(self.body) <= PIECE_BYTES

    def named(self, request_id: str) -> Self:
        """Return the answer with the request's id as its last header."""
        return self.__class__(self.status, self.body, (*self.headers, (b"x-request-id", request_id.encode())))

    def with_more(self, more: Headers) -> Self:
        """Return the answer with more headers before its own."""
        return self._replace(headers=(*more, *self.headers))


Chunks = AsyncGenerator[bytes, None]


class StreamedReply(NamedTuple):
    """An answer that is built while it is sent. Empty chunks are not sent.

    It is ended where the client reads nothing for `patience_seconds`; `None`: it is not.
    """

    status: int
    chunks: Chunks
    headers: Headers
    patience_seconds: float | None = None

    def named(self, request_id: str) -> Self:
        """Return the answer with the request's id as its last header."""
        return self._replace(headers=(*self.headers, (b"x-request-id", request_id.encode())))

    def with_more(self, more: Headers) -> Self:
        """Return the answer with more headers before its own."""
        return self._replace(headers=(*more, *self.headers))


# Without a Content-Length, which RFC 9110 section 8.6 forbids here.
NO_CONTENT: Final = Reply(204, b"", ())


def json_reply(value: object, status: int = 200, headers: Headers = ()) -> Reply:
    """Return an answer of any JSON value."""
    return reply_of_json(to_json(value), status, headers)


def reply_of_json(body: bytes, status: int = 200, headers: Headers = ()) -> Reply:
    """Return an answer of JSON that is already rendered."""
    return Reply(status, body, (_JSON, (b"content-length", b"%d" % len(body)), *headers))


PRIVATE: Final = (b"cache-control", b"private, no-cache")
"""Only the client itself may keep the answer, and it has to ask again each time (RFC 9111 section 5.2.2)."""

_REPEATED_IN_304: Final = frozenset(
    {b"etag", b"cache-control", b"vary", b"headway-written-by", b"headway-completed-by"}
)


def etag_of(reply: Reply) -> bytes | None:
    """Return the answer's entity tag; `None` where it has none."""
    return next((value for name, value in reply.headers if name == b"etag"), None)


def with_etag(reply: Reply) -> Reply:
    """Return the answer with an entity tag. Where it has none, it gets a hash of its body."""
    if etag_of(reply) is not None:
        return reply
    etag = blake2b(reply.body, digest_size=12).hexdigest()
    return reply._replace(headers=(*reply.headers, (b"etag", f'"{etag}"'.encode()), PRIVATE))


def not_modified(reply: Reply) -> Reply:
    """Return a 304 in place of this answer, with the headers of RFC 9110 section 15.4.5 and Headway's own."""
    return Reply(304, b"", tuple(line for line in reply.headers if line[0] in _REPEATED_IN_304))


def to_response(reply: Reply) -> Response:
    """Return the answer as a Starlette response."""
    response = Response(reply.body, reply.status)
    response.raw_headers = list(reply.headers)
    return response


async def long_document(head: Mapping[str, object], arrays: Mapping[str, Array]) -> Reply:
    """Return a JSON object: the members of `head`, then `arrays`, which are too long to be rendered at once."""
    text = BytesIO()
    text.write(to_json(head)[:-1])
    for name, array in arrays.items():
        text.write(b",%b:" % to_json(name))
        await write_array(text, array.values, array.some)
    text.write(b"}")
    return reply_of_json(text.getvalue())


def linked(reply: Reply, next_page: str | None) -> Reply:
    """Return the answer with a `Link` to the next page (RFC 8288), where there is one."""
    if next_page is None:
        return reply
    return reply._replace(headers=(*reply.headers, (b"link", f'<{next_page}>; rel="next"'.encode())))


class _Rendered(NamedTuple):
    stamp: LessonsStamp
    reply: Reply


class RenderedLists:
    """The rendered lists, at most `kept_bytes` of them. The least recently used list is dropped first.

    No answer is stale: a list is used only while the store still has the stamp that it was read under.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._lists: OrderedDict[CourseProgressKey, _Rendered] = OrderedDict()

    def find(self, key: CourseProgressKey, stamp: LessonsStamp) -> Reply | None:
        """Return the list that was rendered under this stamp; `None` where it is not kept."""
        rendered = self._lists.get(key)
        if rendered is None or rendered.stamp != stamp:
            return None
        self._lists.move_to_end(key)
        return rendered.reply

    def keep(self, key: CourseProgressKey, stamp: LessonsStamp, reply: Reply) -> None:
        """Keep a list. It must have been read after its stamp."""
        replaced = self._lists.pop(key, None)
        self._bytes += _size(reply) - (_size(replaced.reply) if replaced else 0)
        self._lists[key] = _Rendered(stamp, reply)
        while self._bytes > self._kept_bytes:
            _, dropped = self._lists.popitem(last=False)
            self._bytes -= _size(dropped.reply)


def _size(reply: Reply) -> int:
    return len(reply.body) + _ENTRY_BYTES
