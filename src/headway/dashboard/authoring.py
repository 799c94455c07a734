"""The author's pages: the catalogue, and a course's document. A script edits the document through the API."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from starlette.responses import RedirectResponse, Response

from headway.dashboard.page import Visit, page_asked_for
from headway.domain.catalogue import UTC_ZONE, LessonKind, OnEdit, course_etag
from headway.domain.edits import Recalculation
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId
from headway.domain.principal import COURSES_WRITE
from headway.formats.course_document import course_document
from headway.formats.shapes import to_json
from headway.service import CatalogueEntry

_ANSWERED_ALONE: Final = frozenset({"version", "recalculation"})


@dataclass(frozen=True)
class Draft:
    """A course's document to edit. `etag` is that of the course, or `None` where the course does not exist yet."""

    document: dict[str, Any]
    etag: str | None
    recalculation: Recalculation | None

    @property
    def text(self) -> str:
        """The document as indented JSON."""
        return json.dumps(self.document, indent=2, ensure_ascii=False)


async def courses(visit: Visit) -> Response:
    """Show the catalogue by title."""
    visit.principal.require(COURSES_WRITE)
    asked = page_asked_for(visit)
    page = await visit.services.catalogue.courses(asked.to_query())
    following = asked.next_page(page.last)
    return await visit.show("authoring/courses.html", courses=page.lines, asked=asked, following=following)


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
    return await visit.show("authoring/course.html", draft=draft, kinds=list(LessonKind), on_edits=list(OnEdit))


def _draft(entry: CatalogueEntry) -> Draft:
    answered: dict[str, Any] = json.loads(to_json(course_document(entry)))
    document = {name: value for name, value in answered.items() if name not in _ANSWERED_ALONE}
    return Draft(document, course_etag(entry.version), entry.recalculation)


def _empty(course_id: CourseId) -> Draft:
    lesson = {
        "id": str(uuid4()), "title": "", "section": None, "kind": LessonKind.VIDEO.value, "duration_seconds": None,
        "required": True, "pass_mark": None, "complete_at": 100,
    }  # fmt: skip
    document = {
        "id": course_id, "title": "", "time_zone": UTC_ZONE, "on_edit": OnEdit.KEEP.value, "lessons": [lesson],
    }  # fmt: skip
    return Draft(document, None, None)
