"""Answers: from the domain's values to the reference's JSON, field names and order to the letter."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson

from headway.domain.catalogue import CourseOutline, CoursePut, Lesson, course_tag
from headway.domain.edits import Forecast
from headway.domain.progress import LessonProgress
from headway.domain.standing import Summary
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
    body = orjson.dumps(value, default=str, option=_OPTIONS)
    return Reply(status, body, (_JSON, (b"content-length", b"%d" % len(body)), *headers))


def lesson_rows(rows: Iterable[LessonRow]) -> Reply:
    """A list of rows."""
    return json_reply([lesson_progress(row, lesson) for row, lesson in rows])


def lesson_row(found: LessonRow) -> Reply:
    """One row, with its entity tag."""
    return json_reply(lesson_progress(found.row, found.lesson), headers=_row_headers(found.row))


def recorded(result: Recorded, ignored: Sequence[str] = ()) -> Reply:
    """The row as a write left it.

    `Headway-Kept` names the fields whose stored value was kept, `Headway-Ignored` those that are not taken, escaped as
    in an address.
    """
    row, lesson, kept = result
    headers = _row_headers(row)
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
        headers=_course_headers(version),
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


def _course_headers(version: int) -> Headers:
    return ((b"etag", f'"{course_tag(version)}"'.encode()),)


def _row_headers(row: LessonProgress) -> Headers:
    """The row's entity tag, and who wrote it last on the learner's behalf."""
    tag = (b"etag", f'"{row.tag}"'.encode())
    return (tag, (b"headway-written-by", row.written_by.encode())) if row.written_by else (tag,)


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
