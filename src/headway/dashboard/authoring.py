"""The author's pages: the catalogue, a course's document, its files and its preview.

A script edits the document through the API.
"""

import json
from asyncio import to_thread
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from headway.dashboard.learner_views import Asked, CourseView
from headway.dashboard.page import PageNotFoundError, Visit, page_asked_for
from headway.domain.catalogue import UTC_ZONE, LessonKind, OnEdit, course_etag
from headway.domain.edits import Recalculation
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import COURSES_WRITE, STATISTICS_READ, Principal
from headway.formats.course_document import definition
from headway.formats.course_file import COURSE_FORMATS, CourseFormat
from headway.formats.shapes import to_json
from headway.service import CatalogueEntry

_FORMATS: Final = {course_format.value: course_format for course_format in CourseFormat}
_MEDIA_TYPES: Final = {course_format: media_type for media_type, course_format in COURSE_FORMATS.items()}


@dataclass(frozen=True)
class Draft:
    """A course's document to edit. `etag` is that of the course, or `None` where the course does not exist yet."""

    document: dict[str, Any]
    etag: str | None
    recalculation: Recalculation | None

    @property
    def text(self) -> Markup:
        """The document as JSON for a script element: nothing in it can end the element."""
        return Markup(json.dumps(self.document, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 - escaped


async def courses(visit: Visit) -> Response:
    """Show the catalogue by title."""
    visit.principal.require(COURSES_WRITE)
    asked = page_asked_for(visit)
    page = await visit.services.catalogue.courses(asked.to_query())
    following = asked.next_page(page.last)
    turned_off = await visit.services.webhooks.turned_off(visit.principal)
    return await visit.show(
        "authoring/courses.html", courses=page.lines, asked=asked, following=following, turned_off=turned_off
    )


async def new_course(visit: Visit) -> Response:
    """Redirect to the page of a new course, with a new id."""
    visit.principal.require(COURSES_WRITE)
    return RedirectResponse(f"{visit.request.url.path.removesuffix('/new')}/{uuid4()}?new", 303)


async def course(visit: Visit) -> Response:
    """Show one course's document."""
    visit.principal.require(COURSES_WRITE)
    try:
        draft = _draft(await visit.services.catalogue.course(visit.course_id))
    except CourseNotFoundError:
        if "new" not in visit.request.query_params:
            raise
        draft = _empty(visit.course_id)
    return await visit.show(
        "authoring/course.html",
        draft=draft,
        kinds=list(LessonKind),
        on_edits=list(OnEdit),
        statistics=draft.etag is not None and _sees_figures(visit),
    )


async def preview(visit: Visit) -> Response:
    """Show a course as it is saved to a learner who has not begun it."""
    visit.principal.require(COURSES_WRITE)
    newcomer = Principal(LearnerId(str(uuid4())))
    own = await visit.services.overview.course(newcomer, visit.course_id, visit.reader.first_weekday)
    return await visit.show("authoring/preview.html", view=CourseView.of(own, Asked()))


async def document(visit: Visit) -> Response:
    """Answer the document of a course as a file."""
    visit.principal.require(COURSES_WRITE)
    course_format = _FORMATS.get(visit.request.path_params["ending"])
    if course_format is None:
        raise PageNotFoundError
    course = (await visit.services.catalogue.course(visit.course_id)).course
    content = await to_thread(course_format.write, course)
    name = f"course-{course.id}.{course_format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=_MEDIA_TYPES[course_format])


def _sees_figures(visit: Visit) -> bool:
    """Whether the session may read the figures of all learners of the course."""
    principal = visit.principal
    return STATISTICS_READ in principal.scopes and principal.groups is None and principal.is_granted(visit.course_id)


def _draft(entry: CatalogueEntry) -> Draft:
    document: dict[str, Any] = json.loads(to_json(definition(entry.course)))
    return Draft(document, course_etag(entry.version), entry.recalculation)


def _empty(course_id: CourseId) -> Draft:
    document: dict[str, Any] = {
        "id": course_id, "title": "", "time_zone": UTC_ZONE, "on_edit": OnEdit.KEEP.value, "valid_for_days": None,
        "lessons": [],
    }  # fmt: skip
    return Draft(document, None, None)
