"""A learner's own progress: its operations, their handlers, and how the answers are rendered."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Final
from urllib.parse import quote

from headway.domain.catalogue import Lesson
from headway.domain.progress import LessonProgress
from headway.formats.progress import (
    CourseSummary,
    ExplainedSummary,
    LessonProgressUpdate,
    OutlineLesson,
    explained_summary,
    lesson_progress,
    outline_lesson,
    parse_update,
)
from headway.formats.progress import LessonProgress as LessonProgressShape
from headway.formats.queries import parse_query
from headway.formats.roster_query import SummaryParameters, WriteParameters
from headway.formats.shapes import to_json
from headway.http.engine.endpoint import Operation
from headway.http.engine.long_answers import write_array
from headway.http.engine.replies import NO_CONTENT, PRIVATE, Headers, Reply, json_reply, reply_of_json
from headway.http.engine.requests import SMALL_BODY_BYTES, Call, parse_precondition
from headway.service import LessonAndProgress, Recorded

PROGRESS_TAG: Final = "Education Progress"
MORE_PROGRESS_TAG: Final = "Education Progress, beyond the reference"
TAGS: Final = (
    {"name": PROGRESS_TAG, "description": "Track learning progress, lesson completion, and course statistics"},
    {"name": MORE_PROGRESS_TAG, "description": "One lesson's progress, every course's summary, starting over"},
)

_MOST_NAMES: Final = 20  # of fields, in a header
_MOST_NAMED: Final = 50  # characters


async def get_user_course_progress(call: Call) -> Reply:
    """Answer the caller's lesson progress in a course. The list is rendered again only after a change."""
    key = (call.principal.learner_id, call.course_id)
    stamp = await call.services.progress.lessons_stamp(call.principal, call.course_id)
    reply = call.lists.find(key, stamp)
    if reply is None:
        reply = await _list(call, f"{call.principal.learner_id[:8]}.{stamp.course_version}.{stamp.revision}")
        call.lists.keep(key, stamp, reply)
    return reply


async def _list(call: Call, etag: str) -> Reply:
    """Render the caller's lesson progress in a course.

    Long lists are rendered one at a time, to bound the memory, and in parts, so that other requests are served between.
    """
    headers = ((b"etag", f'"{etag}"'.encode()), PRIVATE)
    few = await call.services.progress.few_lessons(call.principal, call.course_id)
    if few is not None:
        return reply_of_json(_rendered(few), headers=headers)
    async with call.long_answers.turn():
        text = BytesIO()
        await write_array(text, await call.services.progress.lessons(call.principal, call.course_id), _rendered)
        return reply_of_json(text.getvalue(), headers=headers)


async def update_lesson_progress(call: Call) -> Reply:
    """Write the caller's progress in a lesson."""
    update = parse_update(call.body)
    precondition = parse_precondition(call.headers)
    ids = call.course_id, call.lesson_id
    return recorded(await call.services.progress.record(call.principal, *ids, update, precondition, run_of(call)))


async def get_course_outline(call: Call) -> Reply:
    """Answer every lesson of a course, with the caller's progress, due dates and locks."""
    found = await call.services.progress.outline(call.principal, call.course_id)
    return json_reply([outline_lesson(one) for one in found])


async def get_user_courses(call: Call) -> Reply:
    """Answer a summary of every course that the caller has written in."""
    return json_reply([summary._asdict() for summary in await call.services.progress.summaries(call.principal)])


async def restart_course(call: Call) -> Reply:
    """Remove the caller's progress in a course."""
    await call.services.progress.restart_course(call.principal, call.course_id, run_of(call))
    return NO_CONTENT


async def get_lesson_progress(call: Call) -> Reply:
    """Answer the caller's progress in a lesson."""
    found = await call.services.progress.lesson(call.principal, call.course_id, call.lesson_id)
    headers = (*progress_headers(found.lesson_progress, found.lesson), PRIVATE)
    return json_reply(lesson_progress(*found), headers=headers)


async def remove_lesson_progress(call: Call) -> Reply:
    """Remove the caller's progress in a lesson."""
    precondition = parse_precondition(call.headers)
    ids = call.course_id, call.lesson_id
    await call.services.progress.remove(call.principal, *ids, precondition, run_of(call))
    return NO_CONTENT


async def get_course_completion_stats(call: Call) -> Reply:
    """Answer a summary of the caller's progress in a course."""
    if call.query and parse_query(SummaryParameters, call.query).explain:
        explained = await call.services.progress.explained_summary(call.principal, call.course_id)
        return json_reply(explained_summary(explained))
    return json_reply((await call.services.progress.summary(call.principal, call.course_id))._asdict())


def run_of(call: Call) -> int | None:
    """Return the run of the course that a write says it is for; `None` where it does not say. Nearly no write does."""
    return parse_query(WriteParameters, call.query).run if call.query else None


def _rendered(found: Iterable[LessonAndProgress]) -> bytes:
    return to_json([lesson_progress(*one) for one in found])


def recorded(result: Recorded, ignored: Sequence[str] = ()) -> Reply:
    """Return the lesson progress after a write.

    `Headway-Kept` names the fields whose stored value was kept. `Headway-Ignored` names the first 20 fields that were
    ignored, percent-encoded.
    """
    stored, lesson, kept = result
    headers = progress_headers(stored, lesson)
    if kept:
        headers = (*headers, (b"headway-kept", ", ".join(kept).encode()))
    if ignored:
        names = (quote(name[:_MOST_NAMED]) for name in ignored[:_MOST_NAMES])
        headers = (*headers, (b"headway-ignored", ", ".join(names).encode()))
    return json_reply(lesson_progress(stored, lesson), headers=headers)


def progress_headers(stored: LessonProgress, lesson: Lesson) -> Headers:
    """Return the headers of lesson progress: its etag, who wrote it last, and who completed it against conditions.

    The part after a + stands for the lesson's content id, which is shown but not stored with the progress. A write's
    condition ignores it.
    """
    shown_with = f"+{lesson.content_id[:8]}" if str(lesson.content_id) != lesson.id else ""
    etag = (b"etag", f'"{stored.etag}{shown_with}"'.encode())
    if stored.written_by is None and stored.completed_by is None:
        return (etag,)
    others = (
        (b"headway-written-by", stored.written_by),
        (b"headway-completed-by", stored.completed_by),
    )
    return (etag, *((name, learner_id.encode()) for name, learner_id in others if learner_id))


OPERATIONS: Final = (
    Operation(
        "GET", "/progress/{course_id}", "Get User Course Progress",
        "The caller's progress in every lesson of the course that the caller has started, in the course's order.",
        get_user_course_progress, PROGRESS_TAG, answer=list[LessonProgressShape], refusals=(404,),
        answers_etag=True, is_direct=True,
    ),
    Operation(
        "PUT", "/progress/{course_id}/lessons/{lesson_id}", "Update Lesson Progress",
        "Write the caller's progress in a lesson. Without `If-Match` this is a merge write: it never takes away what "
        "was earned, and `Headway-Kept` names the fields that were not stored as sent. A lesson is completed when all "
        "its conditions are met. With `If-Match` and the progress's `ETag` this is a conditional write, which may "
        "change every field.",
        update_lesson_progress, PROGRESS_TAG, answer=LessonProgressShape, body=LessonProgressUpdate,
        query=WriteParameters, body_limit=SMALL_BODY_BYTES, refusals=(403, 404, 409, 412, 413), conditional=True,
        answers_etag=True, is_direct=True,
    ),
    Operation(
        "GET", "/progress/{course_id}/summary", "Get Course Completion Stats",
        "A summary of the caller's progress in the course, over the lessons that are in it now.",
        get_course_completion_stats, PROGRESS_TAG, answer=CourseSummary | ExplainedSummary,
        query=SummaryParameters, refusals=(404,), answers_etag=True, is_direct=True,
    ),
    Operation(
        "GET", "/progress", "List User Courses",
        "A summary of every course that the caller has written in, most recently touched first.",
        get_user_courses, MORE_PROGRESS_TAG, answer=list[CourseSummary], answers_etag=True,
    ),
    Operation(
        "GET", "/progress/{course_id}/outline", "Get Course Outline",
        "Every lesson of the course in its order, with the caller's progress, the due date, and the lessons that come "
        "first.",
        get_course_outline, MORE_PROGRESS_TAG, answer=list[OutlineLesson], refusals=(404,), answers_etag=True,
    ),
    Operation(
        "DELETE", "/progress/{course_id}", "Restart Course",
        "Remove all the caller's progress in the course.",
        restart_course, MORE_PROGRESS_TAG, query=WriteParameters, refusals=(404, 409),
    ),
    Operation(
        "GET", "/progress/{course_id}/lessons/{lesson_id}", "Get Lesson Progress",
        "The caller's progress in one lesson, with its `ETag`; 404 where there is none yet.",
        get_lesson_progress, MORE_PROGRESS_TAG, answer=LessonProgressShape, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "DELETE", "/progress/{course_id}/lessons/{lesson_id}", "Remove Lesson Progress",
        "Remove the caller's progress in one lesson, if there is any.",
        remove_lesson_progress, MORE_PROGRESS_TAG, query=WriteParameters, refusals=(404, 409, 412), conditional=True,
    ),
)  # fmt: skip
