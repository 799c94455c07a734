"""The feed of events: its operations and their handlers. `formats.events` has the documents."""

import asyncio
import time
from contextlib import nullcontext
from typing import Any, Final

from headway.domain.errors import UnavailableError
from headway.domain.events import FEED_TYPES, NEWEST, PAGE, Feed
from headway.domain.principal import EVENTS_READ
from headway.formats.event_query import LISTS, Cursor, EventParameters, parse_cursor
from headway.formats.events import SCHEMA, EventDocument, EventPage, event_json, event_page, event_schema
from headway.formats.queries import parse_query
from headway.http.engine.endpoint import EventStream, Operation
from headway.http.engine.event_streams import (
    COMMENT_SECONDS,
    EVENT_STREAM,
    PATIENCE_SECONDS,
    READ_SECONDS,
    STREAM_HEADERS,
)
from headway.http.engine.parameters import InvalidEventIdError, accepted
from headway.http.engine.replies import Chunks, Reply, StreamedReply, json_reply
from headway.http.engine.requests import Call
from headway.http.engine.streaming import begun
from headway.service import EventQuery

EVENTS_TAG: Final = "Education Events"
TAGS: Final = ({"name": EVENTS_TAG, "description": "What happened, in its order, for those who follow along"},)

_HEADERS: Final = ((b"cache-control", b"no-store"), (b"vary", b"Accept"))
_STREAM_HEADERS: Final = (*STREAM_HEADERS, (b"vary", b"Accept"))
_FAR: Final = 1_000  # events that were left out: then the client is told the cursor without waiting for the next time


async def list_events(call: Call) -> Reply | StreamedReply:
    """Answer a part of the feed, or follow it."""
    asked = parse_query(EventParameters, call.query, LISTS)
    if _wants_stream(call.headers.get(b"accept", b"")):
        cursor = _last_seen(call.headers.get(b"last-event-id"), asked.after)
        return StreamedReply(200, await begun(_followed(call, asked, cursor)), _STREAM_HEADERS, PATIENCE_SECONDS)
    query = EventQuery(await _number(call, asked.after), asked.limit, asked.only)
    with call.streams.counted(call.principal.learner_id) if asked.wait else nullcontext():
        return json_reply(event_page(await _waited(call, query, asked.wait)), headers=_HEADERS)


async def get_event_schema(_call: Call) -> Reply:
    """Answer the JSON Schema of an event."""
    return json_reply(event_schema())


def _wants_stream(accept: bytes) -> bool:
    wanted = accepted(accept.decode("latin-1"))
    return wanted.get(EVENT_STREAM, 0) > wanted.get("application/json", 0)


def _last_seen(header: bytes | None, after: Cursor | None) -> Cursor:
    """Return where a stream begins: a browser that connects again repeats its first `after`, so the header counts."""
    if not header:
        return NEWEST if after is None else after
    text = header.decode("latin-1")
    try:
        return parse_cursor(text)
    except ValueError:
        raise InvalidEventIdError(text) from None


async def _number(call: Call, cursor: Cursor | None) -> int | None:
    return await call.services.events.newest(call.principal) if cursor == NEWEST else cursor


async def _waited(call: Call, query: EventQuery, seconds: float) -> Feed:
    """Return the next events as soon as there are any; none after some seconds, and where the service stops."""
    until = time.monotonic() + seconds
    while True:
        found = await call.services.events.page(call.principal, query)
        if found.events or not await _comes_more(call, found, until):
            return found
        query = query._replace(after=found.after)


async def _comes_more(call: Call, found: Feed, until: float) -> bool:
    """Whether there are later events. Where there are none, wait for them until a time."""
    while (rest := until - time.monotonic()) > 0 and not call.streams.is_over(call.principal):
        if not found.is_last or await call.services.events.newer(found.after, min(rest, READ_SECONDS)):
            return True
    return False


async def _followed(call: Call, asked: EventParameters, cursor: Cursor) -> Chunks:
    """Yield the chunks of a stream. The first one has the cursor, so that the client can connect again from there.

    There is a chunk about once a second. Most are empty: they let the sender check that the client is still there. The
    stream ends when the token expires and when the service stops.
    """
    with call.streams.counted(call.principal.learner_id):
        query = EventQuery(await _number(call, cursor), PAGE, asked.only)
        found = await call.services.events.page(call.principal, query)
        yield _chunk(found)
        told, told_at = found.after, time.monotonic()
        while not call.streams.is_over(call.principal):
            found = await _next(call, query, found)
            is_due = time.monotonic() - told_at >= COMMENT_SECONDS or found.after - told >= _FAR
            if found.events or is_due:
                told, told_at = found.after, time.monotonic()
                yield _chunk(found)
            else:
                yield b""


async def _next(call: Call, query: EventQuery, last: Feed) -> Feed:
    """Return the events after those of `last`, or none after a second. A stream outlasts an outage of the database."""
    nothing = last._replace(events=())
    if last.is_last and not await call.services.events.newer(last.after, READ_SECONDS):
        return nothing
    try:
        return await call.services.events.page(call.principal, query._replace(after=last.after))
    except UnavailableError:
        await asyncio.sleep(READ_SECONDS)
        return nothing


def _chunk(feed: Feed) -> bytes:
    """Return events as they are sent. What has only an id calls no listener, and moves the client's cursor."""
    texts = [
        b"event: %b\nid: %d\ndata: %b\n\n" % (one.event.type.encode(), one.number, event_json(one.event))
        for one in feed.events
    ]
    if not feed.events or feed.events[-1].number < feed.after:
        texts.append(b"id: %d\n\n" % feed.after)
    return b"".join(texts)


OPERATIONS: Final = (
    Operation(
        "GET", "/events", "List Events",
        "What happened, in its order, as CloudEvents 1.0: a page of at most `limit` events, at once or after at most "
        "`wait` seconds. With `Accept: text/event-stream`, the same as server-sent events, as they come: their id is "
        "the cursor, and the stream ends when the token expires. Needs the scope `events:read`, which the token may "
        "limit to courses and groups.",
        list_events, EVENTS_TAG, answer=EventPage, query=EventParameters, refusals=(403, 404, 410),
        event_stream=EventStream(FEED_TYPES, EventDocument), scope=EVENTS_READ,
    ),
    Operation(
        "GET", SCHEMA, "Get Event Schema", "The JSON Schema of an event. It needs no token.",
        get_event_schema, EVENTS_TAG, answer=dict[str, Any], answers_etag=True, is_public=True,
    ),
)  # fmt: skip
