"""Operations on a learner's behalf: writing, importing, exporting, erasing."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from hashlib import sha256
from io import BytesIO
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.imports import Report
from headway.domain.principal import LEARNERS_ADMIN
from headway.domain.writes import LessonWrite
from headway.formats.learner_export import LearnerExport, learner_arrays, learner_head
from headway.formats.progress import (
    CourseSummary,
    DatedProgressUpdate,
    ExplainedSummary,
    LessonProgress,
    OutlineLesson,
    parse_dated_update,
)
from headway.formats.progress_file import FORMATS, IMPORT_BODY_BYTES, digest_of, read_lines, text_form
from headway.formats.queries import Flag, parse_query
from headway.formats.roster_query import SummaryParameters, WriteParameters
from headway.formats.spreadsheets import TextForm
from headway.http.api.progress import (
    get_course_completion_stats,
    get_course_outline,
    get_lesson_progress,
    get_user_course_progress,
    get_user_courses,
    recorded,
    remove_lesson_progress,
    restart_course,
    run_of,
)
from headway.http.engine.endpoint import Operation
from headway.http.engine.parameters import parse_import_key, parse_media_type
from headway.http.engine.replies import NO_CONTENT, Reply, json_reply, long_document
from headway.http.engine.requests import SMALL_BODY_BYTES, Call, parse_precondition
from headway.service.importing import ImportFile, ImportOptions

LEARNERS_TAG: Final = "Education Learners"
TAGS: Final = ({"name": LEARNERS_TAG, "description": "On a learner's behalf: writing, importing, exporting, erasing"},)

_ON_BEHALF: Final = "Needs the scope `learners:admin`. For the learner in the path, the same as"


class ImportQuery(BaseModel):
    """How to import a file."""

    dry_run: Annotated[Flag, Field(description="Report what the import would do, and write nothing.")] = False
    atomic: Annotated[Flag, Field(description="Write all lines or none; at most 10,000 lines.")] = False
    user_id: Annotated[UUID | None, Field(description="Import an export for this learner, not for its own.")] = None


class LineFault(BaseModel):
    """One fault of a line: the line's number, where in the line (`loc`), a message, and a stable name of the fault."""

    line: Annotated[int, Field(ge=1)]
    loc: list[str | int]
    msg: str
    type: str


class ImportReport(BaseModel):
    """How many lines were written, unchanged and refused, and why."""

    lines: Annotated[int, Field(ge=0, description="Without the header and empty lines.")]
    written: Annotated[int, Field(ge=0)]
    unchanged: Annotated[int, Field(ge=0, description="Lines that change nothing in the stored progress.")]
    refused: Annotated[int, Field(ge=0)]
    held_back: Annotated[
        int, Field(ge=0, description="Lines with `completed` for a lesson that has a condition which is not met.")
    ]
    errors: Annotated[list[LineFault], Field(description="The first 1,000.")]
    ignored: Annotated[list[str], Field(description="Fields that were ignored, the first 100.")]
    encoding: Annotated[Literal["utf-8", "utf-16"], Field(description="The file's encoding.")]
    separator: Annotated[Literal[",", ";", "\t"] | None, Field(description="The CSV file's separator; else null.")]


def on_behalf(answer: Callable[[Call], Awaitable[Reply]]) -> Callable[[Call], Awaitable[Reply]]:
    """Make a handler of a learner's own operation act for the learner in the path's first parameter."""

    async def answer_for_learner(call: Call) -> Reply:
        learner_id, *identifiers = call.identifiers
        principal = call.principal.on_behalf_of(LearnerId(learner_id))
        return await answer(call._replace(principal=principal, identifiers=tuple(identifiers)))

    answer_for_learner.__name__ = f"{answer.__name__}_of_learner"  # the OpenAPI document's operation id
    return answer_for_learner


async def export_learner(call: Call) -> Reply:
    """Answer everything that is stored about a learner."""
    learner_id = LearnerId(call.identifiers[0])
    async with call.long_answers.turn():
        record = await call.services.learners.export(call.principal, learner_id)
        return await long_document(learner_head(learner_id, record), learner_arrays(record))


async def erase_learner(call: Call) -> Reply:
    """Remove everything that is stored about a learner."""
    await call.services.learners.erase(call.principal, LearnerId(call.identifiers[0]))
    return NO_CONTENT


async def update_learners_lesson_progress(call: Call) -> Reply:
    """Write a learner's progress in a lesson."""
    learner_id, course_id, lesson_id = call.identifiers
    update, times, ignored = parse_dated_update(call.body)
    ids = LearnerId(learner_id), CourseId(course_id), LessonId(lesson_id)
    write = LessonWrite(*ids, update, parse_precondition(call.headers), times=times, run=run_of(call))
    return recorded(await call.services.learners.record(call.principal, write), ignored)


async def import_progress(call: Call) -> Reply:
    """Write many learners' progress from one file."""
    file_format = FORMATS[parse_media_type(call.headers, FORMATS)]
    query = parse_query(ImportQuery, call.query)
    options = ImportOptions(query.dry_run, query.atomic)
    key = parse_import_key(call.headers.get(b"idempotency-key"))
    learner_id = LearnerId(str(query.user_id)) if query.user_id else None
    digest = await to_thread(  # of up to 10 MiB, which other requests need not wait for
        lambda: digest_of(sha256(call.body), file_format, atomic=options.atomic, learner_id=learner_id)
    )
    lines = await to_thread(read_lines, BytesIO(call.body), file_format, learner_id)
    file = ImportFile(digest, lines)
    report = await call.services.learners.import_progress(call.principal, file, options, key)
    return json_reply(_report_document(report) | _form(text_form(BytesIO(call.body), file_format)))


def _form(form: TextForm) -> dict[str, Any]:
    return {"encoding": form.name, "separator": form.separator}


def _report_document(report: Report) -> dict[str, Any]:
    """Return an import's report, as JSON values."""
    lines, written, unchanged, refused, faults, ignored, held_back = report
    errors = [{"line": fault.line, "loc": fault.location, "msg": fault.reason, "type": fault.kind} for fault in faults]
    return {
        "lines": lines,
        "written": written,
        "unchanged": unchanged,
        "refused": refused,
        "held_back": held_back,
        "errors": errors,
        "ignored": ignored,
    }


OPERATIONS: Final = (
    Operation(
        "GET", "/learners/{user_id}/export", "Export Learner",
        "Everything that is stored about a learner. Needs the learner's own token, or the scope `learners:admin`.",
        export_learner, LEARNERS_TAG, answer=LearnerExport, refusals=(403,), scope=LEARNERS_ADMIN,
        waived_for_oneself=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}", "Erase Learner",
        "Remove everything that is stored about a learner, if there is anything. Needs the scope `learners:admin`.",
        erase_learner, LEARNERS_TAG, refusals=(403,), scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress", "List Learner's Courses",
        f"{_ON_BEHALF} List User Courses: a summary of every course that the learner has progress in.",
        on_behalf(get_user_courses), LEARNERS_TAG, answer=list[CourseSummary], refusals=(403,),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}", "Get Learner's Course Progress",
        f"{_ON_BEHALF} Get User Course Progress: the learner's lesson progress, in the course's order.",
        on_behalf(get_user_course_progress), LEARNERS_TAG, answer=list[LessonProgress], refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/summary", "Get Learner's Course Completion Stats",
        f"{_ON_BEHALF} Get Course Completion Stats: a summary of the learner's progress in the course.",
        on_behalf(get_course_completion_stats), LEARNERS_TAG,
        answer=CourseSummary | ExplainedSummary, query=SummaryParameters, refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/outline", "Get Learner's Course Outline",
        f"{_ON_BEHALF} Get Course Outline: every lesson of the course, with the learner's progress.",
        on_behalf(get_course_outline), LEARNERS_TAG, answer=list[OutlineLesson], refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/progress/{course_id}", "Restart Learner's Course",
        f"{_ON_BEHALF} Restart Course: remove all the learner's progress in the course.",
        on_behalf(restart_course), LEARNERS_TAG, query=WriteParameters, refusals=(403, 404, 409), scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Get Learner's Lesson Progress",
        f"{_ON_BEHALF} Get Lesson Progress: one lesson's progress with its `ETag`, for a conditional write.",
        on_behalf(get_lesson_progress), LEARNERS_TAG, answer=LessonProgress, refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Remove Learner's Lesson Progress",
        f"{_ON_BEHALF} Remove Lesson Progress: remove the learner's progress in one lesson, if there is any.",
        on_behalf(remove_lesson_progress), LEARNERS_TAG, query=WriteParameters, refusals=(403, 404, 409, 412),
        conditional=True, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "PUT", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Update Learner's Lesson Progress",
        "Write a learner's progress in a lesson on the learner's behalf, with the times that are sent, or with the "
        "current time. A conditional write may complete a lesson against its conditions: `Headway-Completed-By` names "
        "who did. `Headway-Ignored` names fields that were ignored. Needs the scope `learners:admin`.",
        update_learners_lesson_progress, LEARNERS_TAG, answer=LessonProgress, body=DatedProgressUpdate,
        query=WriteParameters,
        body_limit=SMALL_BODY_BYTES, refusals=(403, 404, 409, 412, 413), conditional=True, answers_etag=True,
        scope=LEARNERS_ADMIN,
    ),
    Operation(
        "POST", "/progress/import", "Import Progress",
        "Write many learners' progress from one file. In CSV and NDJSON, each line names the learner, the course and "
        "the lesson, and has any of the fields that can be written, with or without times. Each line is a merge write. "
        "A JSON file is the export of one learner, which is restored. With the same `Idempotency-Key`, an import that "
        "was interrupted goes on. Needs the scope `learners:admin`.",
        import_progress, LEARNERS_TAG, answer=ImportReport, body_limit=IMPORT_BODY_BYTES, refusals=(403, 409, 413, 415),
        query=ImportQuery, media_types=tuple(FORMATS), resumable=True, scope=LEARNERS_ADMIN,
    ),
)  # fmt: skip
