"""The handlers of the catalogue."""

from headway.formats.course_document import course_schema, parse_course
from headway.formats.course_query import CoursesParameters, PutCourseParameters
from headway.formats.queries import parse_query
from headway.http.api import render
from headway.http.engine.replies import NO_CONTENT, Reply, json_reply, linked
from headway.http.engine.requests import Call, parse_precondition


async def list_courses(call: Call) -> Reply:
    """Answer a page of the catalogue."""
    asked = parse_query(CoursesParameters, call.query)
    page = await call.service.courses(asked.to_query())
    return linked(render.courses(page.lines), asked.next_page(page.last))


async def get_course(call: Call) -> Reply:
    """Answer a course's document."""
    return render.course(await call.service.course(call.course_id))


async def put_course(call: Call) -> Reply:
    """Store a course, or answer the impact of storing it (a dry run)."""
    parameters = parse_query(PutCourseParameters, call.query)
    course = parse_course(call.body, call.course_id)
    precondition = parse_precondition(call.headers)
    if parameters.dry_run:
        return render.course_impact(await call.service.impact_of_course(call.principal, course, precondition))
    return render.course_put(await call.service.put_course(call.principal, course, precondition))


async def remove_course(call: Call) -> Reply:
    """Remove a course from the catalogue."""
    await call.service.remove_course(call.principal, call.course_id)
    return NO_CONTENT


async def get_course_schema(_call: Call) -> Reply:
    """Answer the JSON Schema of a course document."""
    return json_reply(course_schema())
