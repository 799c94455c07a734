"""Answers: from the domain's values to the reference's JSON, field names and order to the letter."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from io import BytesIO
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson
from starlette.responses import Response

from headway.domain.catalogue import CourseOutline, CoursePut, Lesson, course_tag
from headway.domain.edits import Forecast
from headway.domain.progress import LessonProgress
from headway.domain.standing import Summary
from headway.http.long_answers import write_array
from headway.service import CatalogueEntry, LessonRow, Recorded

Headers = tuple[tuple[bytes, bytes], ...]

_MOST_NAMES: Final = 20  # of fields, in a header
_MOST_NAMED: Final = 50  # characters
# Moments are printed as in the reference: to the second, with a Z (RFC 3339 section 5.6).
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_JSON: Final = (b"content-type", b"application/json")


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: Headers


class Array(NamedTuple):
    """An array of an answer: its values, and what each of them becomes."""

    values: Sequence[Any]
    shown: Callable[[Any], object]

    def all(self) -> list[object]:
        """The whole array."""
        return [self.shown(value) for value in self.values]

    def some(self, values: Sequence[Any]) -> bytes:
        """Some of its values as JSON."""
        return to_json([self.shown(value) for value in values])


Chunks = AsyncGenerator[bytes, None]


class StreamedReply(NamedTuple):
    """An answer that is made while it is sent; empty chunks are not.

    A client that takes nothing of it for `patience_seconds` is waited for no longer.
    """

    status: int
    chunks: Chunks
    headers: Headers
    patience_seconds: float | None = None


# Without a Content-Length, which RFC 9110 section 8.6 forbids here.
NO_CONTENT: Final = Reply(204, b"", ())


def json_reply(value: object, status: int = 200, headers: Headers = ()) -> Reply:
    """An answer of any JSON value."""
    return _of_json(to_json(value), status, headers)


def to_json(value: object) -> bytes:
    """Any value as the reference's JSON."""
    return orjson.dumps(value, default=str, option=_OPTIONS)


def _of_json(body: bytes, status: int = 200, headers: Headers = ()) -> Reply:
    return Reply(status, body, (_JSON, (b"content-length", b"%d" % len(body)), *headers))


PRIVATE: Final = (b"cache-control", b"private, no-cache")
"""Kept by who asked alone, and asked for again each time: then it costs a 304 (RFC 9111 section 5.2.2)."""

_TOLD_AGAIN: Final = frozenset({b"etag", b"cache-control", b"vary", b"headway-written-by", b"headway-completed-by"})


def tag_of(reply: Reply) -> bytes | None:
    """The entity tag that an answer carries."""
    return next((value for name, value in reply.headers if name == b"etag"), None)


def tagged(reply: Reply) -> Reply:
    """The answer with an entity tag: made of its content, where it has no other."""
    if tag_of(reply) is not None:
        return reply
    tag = blake2b(reply.body, digest_size=12).hexdigest()
    return reply._replace(headers=(*reply.headers, (b"etag", f'"{tag}"'.encode()), PRIVATE))


def not_modified(reply: Reply) -> Reply:
    """What who has this answer already is told instead: its headers that matter (RFC 9110 section 15.4.5)."""
    return Reply(304, b"", tuple(line for line in reply.headers if line[0] in _TOLD_AGAIN))


def to_response(reply: Reply) -> Response:
    """The answer as the framework sends it."""
    response = Response(reply.body, reply.status)
    response.raw_headers = list(reply.headers)
    return response


def lesson_rows(rows: Iterable[LessonRow], tag: str) -> Reply:
    """A list of rows, under the tag that changes with it."""
    return _of_json(_rendered(rows), headers=_list_headers(tag))


async def many_lesson_rows(rows: Sequence[LessonRow], tag: str) -> Reply:
    """A list that is too long to be rendered at once: others have their turns between."""
    text = BytesIO()
    await write_array(text, rows, _rendered)
    return _of_json(text.getvalue(), headers=_list_headers(tag))


def _rendered(rows: Iterable[LessonRow]) -> bytes:
    return to_json([lesson_progress(row, lesson) for row, lesson in rows])


def _list_headers(tag: str) -> Headers:
    return ((b"etag", f'"{tag}"'.encode()), PRIVATE)


async def long_document(head: Mapping[str, object], arrays: Mapping[str, Array]) -> Reply:
    """An object of some values, and of arrays that are too long to be rendered at once."""
    text = BytesIO()
    text.write(to_json(head)[:-1])
    for name, array in arrays.items():
        text.write(b",%b:" % to_json(name))
        await write_array(text, array.values, array.some)
    text.write(b"}")
    return _of_json(text.getvalue())


def lesson_row(found: LessonRow) -> Reply:
    """One row, with its entity tag."""
    headers = (*_row_headers(found.row, found.lesson), PRIVATE)
    return json_reply(lesson_progress(found.row, found.lesson), headers=headers)


def recorded(result: Recorded, ignored: Sequence[str] = ()) -> Reply:
    """The row as a write left it.

    `Headway-Kept` names the fields whose stored value was kept, `Headway-Ignored` those that are not taken, escaped as
    in an address.
    """
    row, lesson, kept = result
    headers = _row_headers(row, lesson)
    if kept:
        headers = (*headers, (b"headway-kept", ", ".join(kept).encode()))
    if ignored:
        names = (quote(name[:_MOST_NAMED]) for name in ignored[:_MOST_NAMES])
        headers = (*headers, (b"headway-ignored", ", ".join(names).encode()))
    return json_reply(lesson_progress(row, lesson), headers=headers)


def summary(value: Summary) -> Reply:
    """One course's summary."""
    return json_reply(value._asdict())


def summaries(values: Iterable[Summary]) -> Reply:
    """Several courses' summaries."""
    return json_reply([value._asdict() for value in values])


def course(entry: CatalogueEntry) -> Reply:
    """A course document, defaults filled in, which can be put again."""
    course, version, under_way = entry
    return json_reply(
        {
            "id": course.id,
            "title": course.title,
            "time_zone": course.time_zone,
            "on_edit": course.on_edit,
            "lessons": course.lessons,
            "version": version,
            "rederivation": {"learners": under_way.learners, "done": under_way.done} if under_way else None,
        },
        headers=(*_course_headers(version, f"+{under_way.learners}.{under_way.done}" if under_way else ""), PRIVATE),
    )


def courses(outlines: Iterable[CourseOutline]) -> Reply:
    """The catalogue's list."""
    return json_reply(list(outlines))


def course_put(put: CoursePut) -> Reply:
    """What putting a course did, with the entity tag of what is stored now."""
    return json_reply(put.change, headers=_course_headers(put.version))


def course_forecast(forecast: Forecast) -> Reply:
    """What putting a course would do."""
    figures = forecast._asdict()
    return json_reply(asdict(figures.pop("change")) | figures)


def _course_headers(version: int, shown_with: str = "") -> Headers:
    return ((b"etag", f'"{course_tag(version)}{shown_with}"'.encode()),)


def _row_headers(row: LessonProgress, lesson: Lesson) -> Headers:
    """The row's entity tag, who wrote it last on the learner's behalf, and who completed it against the conditions.

    Behind a + stands what a row is shown with and is not its own; a write's condition is about the row alone.
    """
    shown_with = f"+{lesson.content_id[:8]}" if str(lesson.content_id) != lesson.id else ""
    tag = (b"etag", f'"{row.tag}{shown_with}"'.encode())
    others = (b"headway-written-by", row.written_by), (b"headway-completed-by", row.completed_by)
    return (tag, *((name, learner_id.encode()) for name, learner_id in others if learner_id))


def lesson_progress(row: LessonProgress, lesson: Lesson) -> dict[str, Any]:
    """A row as the reference's fields."""
    return {
        "user_id": row.learner_id,
        "course_id": row.course_id,
        "lesson_id": row.lesson_id,
        "content_id": lesson.content_id,
        "status": row.status,
        "progress_percentage": row.progress_percentage,
        "video_position_seconds": row.video_position_seconds,
        "quiz_score": row.quiz_score,
        "quiz_attempts": row.quiz_attempts,
        "quiz_passed": row.quiz_passed,
        "time_spent_minutes": row.time_spent_minutes,
        "user_notes": row.user_notes,
        "is_bookmarked": row.is_bookmarked,
        "metadata": row.metadata,
        "id": row.id,
        "completed_at": row.completed_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
