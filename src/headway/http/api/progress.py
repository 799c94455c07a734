"""The handlers of a learner's own progress."""

from headway.formats.progress import parse_update
from headway.http.api import render
from headway.http.engine.replies import NO_CONTENT, Reply
from headway.http.engine.requests import Call, parse_precondition


async def get_user_course_progress(call: Call) -> Reply:
    """Answer the caller's lesson progress in a course. The list is rendered again only after a change."""
    key = (call.principal.learner_id, call.course_id)
    stamp = await call.service.lessons_stamp(call.principal, call.course_id)
    reply = call.lists.find(key, stamp)
    if reply is None:
        reply = await _list(call, f"{call.principal.learner_id[:8]}.{stamp.course_version}.{stamp.revision}")
        call.lists.keep(key, stamp, reply)
    return reply


async def _list(call: Call, tag: str) -> Reply:
    """Render the caller's lesson progress in a course. Long lists are rendered one at a time, to bound the memory."""
    rows = await call.service.few_lessons(call.principal, call.course_id)
    if rows is not None:
        return render.lesson_rows(rows, tag)
    async with call.long_answers.turn():
        return await render.many_lesson_rows(await call.service.lessons(call.principal, call.course_id), tag)


async def update_lesson_progress(call: Call) -> Reply:
    """Write the caller's progress in a lesson."""
    update = parse_update(call.body)
    precondition = parse_precondition(call.headers)
    return render.recorded(
        await call.service.record(call.principal, call.course_id, call.lesson_id, update, precondition)
    )


async def get_user_courses(call: Call) -> Reply:
    """Answer a summary of every course that the caller has written in."""
    return render.summaries(await call.service.summaries(call.principal))


async def restart_course(call: Call) -> Reply:
    """Remove the caller's progress in a course."""
    await call.service.restart_course(call.principal, call.course_id)
    return NO_CONTENT


async def get_lesson_progress(call: Call) -> Reply:
    """Answer the caller's progress in a lesson."""
    return render.lesson_row(await call.service.lesson(call.principal, call.course_id, call.lesson_id))


async def remove_lesson_progress(call: Call) -> Reply:
    """Remove the caller's progress in a lesson."""
    precondition = parse_precondition(call.headers)
    await call.service.remove(call.principal, call.course_id, call.lesson_id, precondition)
    return NO_CONTENT
