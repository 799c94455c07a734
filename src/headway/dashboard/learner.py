"""A course's page for its learner, with notes."""

from starlette.responses import Response

from headway.dashboard.learner_views import Asked, CalendarView, CourseView
from headway.dashboard.page import Visit
from headway.domain.errors import CourseNotFoundError
from headway.domain.progress import ProgressUpdate, Status
from headway.domain.writes import UNCONDITIONAL, Precondition

_NOT_MODIFIED = 304
_NOT_FOUND = 404


async def course(visit: Visit) -> Response:
    """Show one course, lesson by lesson. An open page sends its etag to ask whether anything has changed."""
    try:
        stamp = await visit.services.progress.lessons_stamp(visit.principal, visit.course_id)
        # Weak (RFC 9110 section 8.8.1): the content is the same, but compression or a language changes the bytes.
        etag = f'W/"{visit.principal.learner_id}.{stamp.course_version}.{stamp.revision}"'
        if visit.request.headers.get("if-none-match") == etag:
            return Response(status_code=_NOT_MODIFIED, headers={"ETag": etag})
        own = await visit.services.overview.course(visit.principal, visit.course_id, visit.reader.first_weekday)
    except CourseNotFoundError:
        return await visit.show("learner/no_course.html", _NOT_FOUND)
    view = CourseView.of(own, Asked.of(visit.request.query_params))
    page = await visit.show(
        "learner/course.html", view=view, calendar=CalendarView.of(own.calendar), etag=etag,
        is_open=visit.services.enrolments.is_open,
    )  # fmt: skip
    page.headers["ETag"] = etag
    return page


async def mark_done(visit: Visit) -> Response:
    """Mark a lesson as completed; with the lesson progress's etag in the field `undo`, as not started.

    Leads back to the lesson, or to the top of the page where nothing is left to do.
    """
    undo = visit.form.get("undo")
    update: ProgressUpdate = {"status": Status.NOT_STARTED if undo else Status.COMPLETED}
    condition = Precondition(match=frozenset({undo})) if undo else UNCONDITIONAL
    progress = visit.services.progress
    await progress.record(visit.principal, visit.course_id, visit.lesson_id, update, condition)
    summary = await progress.summary(visit.principal, visit.course_id)
    here = f"/courses/{visit.course_id}"
    if summary.completed_lessons == summary.total_lessons:
        return visit.to(here)
    return visit.to(f"{here}?lesson={visit.lesson_id}#lesson-{visit.lesson_id}")
