"""The catalogue: its operations, their handlers, and how the answers are rendered."""

from asyncio import to_thread
from typing import Any, Final

from headway.domain.catalogue import CoursePut, course_etag
from headway.domain.principal import COURSES_WRITE
from headway.formats.course_document import (
    CourseChange,
    CourseDocument,
    CourseImpact,
    CourseLine,
    course_document,
    course_schema,
    definition,
    impact_document,
    parse_course,
    parse_new_course,
)
from headway.formats.course_file import COURSE_FORMATS
from headway.formats.course_query import CoursesParameters, PutCourseParameters
from headway.formats.queries import parse_query
from headway.http.engine.endpoint import COURSE_BODY_BYTES, Operation
from headway.http.engine.parameters import parse_media_type
from headway.http.engine.replies import NO_CONTENT, PRIVATE, Headers, Reply, json_reply, linked
from headway.http.engine.requests import Call, parse_precondition
from headway.service import CatalogueEntry

COURSES_TAG: Final = "Education Courses"
TAGS: Final = (
    {"name": COURSES_TAG, "description": "The catalogue: which lessons a course has, and which of them count"},
)


async def list_courses(call: Call) -> Reply:
    """Answer a page of the catalogue."""
    asked = parse_query(CoursesParameters, call.query)
    page = await call.services.catalogue.courses(asked.to_query())
    return linked(json_reply(page.lines), asked.next_page(page.last))


async def get_course(call: Call) -> Reply:
    """Answer a course's document."""
    return _course(await call.services.catalogue.course(call.course_id))


async def put_course(call: Call) -> Reply:
    """Store a course, or answer the impact of storing it (a dry run)."""
    parameters = parse_query(PutCourseParameters, call.query)
    course = parse_course(call.body, call.course_id)
    precondition = parse_precondition(call.headers)
    if parameters.dry_run:
        impact = await call.services.catalogue.impact_of_course(call.principal, course, precondition)
        return json_reply(impact_document(impact))
    return _course_put(await call.services.catalogue.put_course(call.principal, course, precondition))


async def validate_course(call: Call) -> Reply:
    """Answer the document in a file with its defaults filled in."""
    course_format = COURSE_FORMATS[parse_media_type(call.headers, COURSE_FORMATS)]
    body = await to_thread(course_format.to_json, call.body)
    return json_reply(definition(parse_new_course(body)))


async def remove_course(call: Call) -> Reply:
    """Remove a course from the catalogue."""
    await call.services.catalogue.remove_course(call.principal, call.course_id)
    return NO_CONTENT


async def get_course_schema(_call: Call) -> Reply:
    """Answer the JSON Schema of a course document."""
    return json_reply(course_schema())


def _course(entry: CatalogueEntry) -> Reply:
    """Return a course document with its defaults filled in. A client can put it again."""
    under_way = entry.recalculation
    shown_with = f"+{under_way.learners}.{under_way.done}" if under_way else ""
    return json_reply(course_document(entry), headers=(*_course_headers(entry.version, shown_with), PRIVATE))


def _course_put(put: CoursePut) -> Reply:
    """Return what putting a course changed, with the entity tag of the stored document."""
    return json_reply(put.change, headers=_course_headers(put.version))


def _course_headers(version: int, shown_with: str = "") -> Headers:
    return ((b"etag", f'"{course_etag(version)}{shown_with}"'.encode()),)


OPERATIONS: Final = (
    Operation(
        "GET", "/courses", "List Courses",
        "The catalogue by title, at most 1,000 courses a page. `Link` has the address of the next page.",
        list_courses, COURSES_TAG, answer=list[CourseLine], query=CoursesParameters, is_paged=True,
        answers_etag=True,
    ),
    Operation(
        "GET", "/courses/{course_id}", "Get Course",
        "The course's document with its defaults filled in, its version, which is also its `ETag`, and how far the "
        "recalculation after its last edit is.",
        get_course, COURSES_TAG, answer=CourseDocument, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "PUT", "/courses/{course_id}", "Put Course",
        "Store the course as the document describes it. Progress in lessons that leave the course is kept, and shown "
        "again when they come back. Learners' progress is recalculated in the background. The answer has the stored "
        "version's `ETag`; the answer to a dry run has none. Needs the scope `courses:write`.",
        put_course, COURSES_TAG, answer=CourseImpact | CourseChange, query=PutCourseParameters,
        body=CourseDocument, body_limit=COURSE_BODY_BYTES, refusals=(403, 412, 413), conditional=True,
        answers_etag=True, scope=COURSES_WRITE,
    ),
    Operation(
        "POST", "/courses/validate", "Validate Course",
        "Check a course document, and store nothing. The answer is the document with its defaults filled in. A "
        "document without an id gets a new one. Needs the scope `courses:write`.",
        validate_course, COURSES_TAG, answer=CourseDocument, body_limit=COURSE_BODY_BYTES, refusals=(403, 413, 415),
        media_types=tuple(COURSE_FORMATS), scope=COURSES_WRITE,
    ),
    Operation(
        "DELETE", "/courses/{course_id}", "Remove Course",
        "Remove the course from the catalogue. Learners' progress in it is kept. Needs the scope `courses:write`.",
        remove_course, COURSES_TAG, refusals=(403, 404), scope=COURSES_WRITE,
    ),
    Operation(
        "GET", "/schemas/course", "Get Course Schema", "The JSON Schema of a course document.",
        get_course_schema, COURSES_TAG, answer=dict[str, Any], answers_etag=True,
    ),
)  # fmt: skip
