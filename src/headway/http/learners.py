"""What is asked and done for learners by others, over HTTP."""

from asyncio import to_thread
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.imports import Report
from headway.domain.principal import LEARNERS_ADMIN
from headway.domain.progress import LessonProgress
from headway.domain.standing import CourseProgress, LearnerDay, minutes
from headway.http import render, wire
from headway.http.imports import FORMATS, FileFormat, digest_of, read_lines, text_form
from headway.http.learners_wire import ImportQuery
from headway.http.parameters import UnsupportedMediaTypeError, parse_import_key
from headway.http.render import NO_CONTENT, Reply
from headway.http.requests import Call, parse_precondition, parse_query
from headway.http.spreadsheets import TextForm
from headway.service.importing import ImportFile, ImportOptions
from headway.storage.port import LearnerRecord


async def export_learner(call: Call) -> Reply:
    """All that is held on a learner."""
    learner_id = LearnerId(call.identifiers[0])
    return render.json_reply(learner_document(learner_id, await call.learners.export(call.principal, learner_id)))


async def erase_learner(call: Call) -> Reply:
    """Remove all that is held on a learner."""
    await call.learners.erase(call.principal, LearnerId(call.identifiers[0]))
    return NO_CONTENT


async def update_learners_lesson_progress(call: Call) -> Reply:
    """Write a learner's row in a lesson."""
    call.principal.require(LEARNERS_ADMIN)
    learner_id, course_id, lesson_id = call.identifiers
    update = wire.parse_update(call.body)
    precondition = parse_precondition(call.headers)
    ids = LearnerId(learner_id), CourseId(course_id), LessonId(lesson_id)
    return render.recorded(await call.learners.record(call.principal, *ids, update, precondition))


async def import_progress(call: Call) -> Reply:
    """Write many learners' rows from one file."""
    call.principal.require(LEARNERS_ADMIN)
    file_format = _format(call.headers.get(b"content-type", b"").decode("latin-1"))
    query = parse_query(ImportQuery, call.query)
    options = ImportOptions(query.dry_run, query.atomic)
    key = parse_import_key(call.headers.get(b"idempotency-key"))
    digest = digest_of(sha256(call.body), file_format, atomic=options.atomic)
    lines = await to_thread(read_lines, BytesIO(call.body), file_format)
    file = ImportFile(digest, lines)
    report = await call.learners.import_progress(call.principal, file, options, key)
    return render.json_reply(report_document(report) | _form(text_form(BytesIO(call.body), file_format)))


def _format(content_type: str) -> FileFormat:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        raise UnsupportedMediaTypeError(media_type, FORMATS)
    return FORMATS[media_type]


def _form(form: TextForm) -> dict[str, Any]:
    return {"encoding": form.name, "separator": form.separator}


def report_document(report: Report) -> dict[str, Any]:
    """What became of an import's lines, as JSON."""
    lines, written, unchanged, refused, faults = report
    errors = [{"line": fault.line, "loc": fault.place, "msg": fault.reason, "type": fault.kind} for fault in faults]
    return {"lines": lines, "written": written, "unchanged": unchanged, "refused": refused, "errors": errors}


def learner_document(learner_id: LearnerId, record: LearnerRecord) -> dict[str, Any]:
    """All that is held on a learner, as JSON."""
    return {
        "user_id": learner_id,
        "rows": [_row(row) for row in record.rows],
        "standings": [_standing(standing) for standing in record.standings],
        "days": [{"course_id": course_id, **_day(day)} for course_id, day in record.days],
    }


_ROW_FIELDS: Final = ("user_id", *LessonProgress._fields[1:])


def _row(row: LessonProgress) -> dict[str, Any]:
    return dict(zip(_ROW_FIELDS, row, strict=True))


def _standing(standing: CourseProgress) -> dict[str, Any]:
    return {
        "course_id": standing.course_id,
        "completed_lessons": standing.tally.completed_lessons,
        "in_progress_lessons": standing.tally.in_progress_lessons,
        "total_time_spent_minutes": minutes(standing.tally.time_parts),
        "last_accessed": standing.last_accessed,
        "started_at": standing.started_at,
        "completed_at": standing.completed_at,
        "course_version": standing.course_version,
        "revision": standing.revision,
        "last_day": _day(standing.day),
    }


def _day(day: LearnerDay) -> dict[str, Any]:
    return {
        "date": day.date,
        "lessons_started": day.lessons_started,
        "lessons_completed": day.lessons_completed,
        "time_spent_minutes": minutes(day.time_parts),
        "course_completions": day.completions,
    }
