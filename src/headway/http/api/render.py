"""Renders the domain's values as the reference's JSON, with exactly its field names and their order."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Final
from urllib.parse import quote

from headway.domain.catalogue import CourseOutline, CoursePut, Lesson, course_etag
from headway.domain.course_progress import Summary
from headway.domain.edits import Impact
from headway.domain.progress import LessonProgress
from headway.formats.course_document import course_document
from headway.formats.encoding import to_json
from headway.formats.progress import lesson_progress
from headway.http.engine.long_answers import write_array
from headway.http.engine.replies import PRIVATE, Headers, Reply, _of_json, json_reply
from headway.service import CatalogueEntry, LessonRow, Recorded

_MOST_NAMES: Final = 20  # of fields, in a header
_MOST_NAMED: Final = 50  # characters


def lesson_rows(rows: Iterable[LessonRow], tag: str) -> Reply:
    """A list of lesson progress. Its entity tag is `tag`, which changes with the list."""
    return _of_json(_rendered(rows), headers=_list_headers(tag))


async def many_lesson_rows(rows: Sequence[LessonRow], tag: str) -> Reply:
    """As `lesson_rows`, for a list too long to be rendered at once. Other requests are served in between."""
    text = BytesIO()
    await write_array(text, rows, _rendered)
    return _of_json(text.getvalue(), headers=_list_headers(tag))


def _rendered(rows: Iterable[LessonRow]) -> bytes:
    return to_json([lesson_progress(row, lesson) for row, lesson in rows])


def _list_headers(tag: str) -> Headers:
    return ((b"etag", f'"{tag}"'.encode()), PRIVATE)


def lesson_row(found: LessonRow) -> Reply:
    """One lesson's progress, with its entity tag."""
    headers = (*_row_headers(found.row, found.lesson), PRIVATE)
    return json_reply(lesson_progress(found.row, found.lesson), headers=headers)


def recorded(result: Recorded, ignored: Sequence[str] = ()) -> Reply:
    """The lesson progress after a write.

    `Headway-Kept` names the fields whose stored value was kept. `Headway-Ignored` names the first 20 fields that were
    ignored, percent-encoded.
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
    """A course document with its defaults filled in. A client can put it again."""
    under_way = entry.recalculation
    shown_with = f"+{under_way.learners}.{under_way.done}" if under_way else ""
    return json_reply(course_document(entry), headers=(*_course_headers(entry.version, shown_with), PRIVATE))


def courses(outlines: Iterable[CourseOutline]) -> Reply:
    """A page of the catalogue."""
    return json_reply(list(outlines))


def course_put(put: CoursePut) -> Reply:
    """What putting a course changed, with the entity tag of the stored document."""
    return json_reply(put.change, headers=_course_headers(put.version))


def course_impact(impact: Impact) -> Reply:
    """The impact that putting a course would have."""
    figures = impact._asdict()
    return json_reply(asdict(figures.pop("change")) | figures)


def _course_headers(version: int, shown_with: str = "") -> Headers:
    return ((b"etag", f'"{course_etag(version)}{shown_with}"'.encode()),)


def _row_headers(row: LessonProgress, lesson: Lesson) -> Headers:
    """The headers of a lesson's progress: its entity tag, who wrote it last, and who completed it against conditions.

    The part after a + stands for the lesson's content id, which is shown but not stored with the progress. A write's
    condition ignores it.
    """
    shown_with = f"+{lesson.content_id[:8]}" if str(lesson.content_id) != lesson.id else ""
    tag = (b"etag", f'"{row.etag}{shown_with}"'.encode())
    others = (b"headway-written-by", row.written_by), (b"headway-completed-by", row.completed_by)
    return (tag, *((name, learner_id.encode()) for name, learner_id in others if learner_id))
