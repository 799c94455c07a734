"""Answers: their status, headers and body."""

from collections.abc import AsyncGenerator, Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Final, NamedTuple

from starlette.responses import Response

from headway.formats.encoding import Array, to_json
from headway.http.engine.long_answers import write_array

Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Final = (b"content-type", b"application/json")


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: Headers


Chunks = AsyncGenerator[bytes, None]


class StreamedReply(NamedTuple):
    """An answer that is built while it is sent. Empty chunks are not sent.

    It is ended where the client reads nothing for `patience_seconds`; `None`: it is not.
    """

    status: int
    chunks: Chunks
    headers: Headers
    patience_seconds: float | None = None


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
