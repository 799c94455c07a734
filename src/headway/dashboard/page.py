"""What a page is: a line of the table of pages, and what its handler is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from headway.auth import Session
from headway.dashboard.rendering import Reader, Renderer, reader_of
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import Principal
from headway.formats.course_query import CoursesParameters
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier
from headway.formats.queries import InvalidQueryError, query_of
from headway.service import Services


class PageNotFoundError(Exception):
    """There is no such page."""


class Visit(NamedTuple):
    """One request for a page, by a session."""

    request: Request
    services: Services
    session: Session
    renderer: Renderer

    @property
    def principal(self) -> Principal:
        """Who is looking."""
        return self.session.principal

    @property
    def reader(self) -> Reader:
        """How whoever is looking reads numbers and moments."""
        return reader_of(self.request)

    @property
    def course_id(self) -> CourseId:
        """The course in the path. Raises `PageNotFoundError` where that is no id."""
        return CourseId(self._identifier("course_id"))

    @property
    def learner_id(self) -> LearnerId:
        """The learner in the path. Raises as `course_id` does."""
        return LearnerId(self._identifier("user_id"))

    async def show(self, template: str, status: int = 200, **values: object) -> Response:
        """A page for this session, or a part of one."""
        return await self.renderer.show(self.request, template, self.session, status, **values)

    def _identifier(self, name: str) -> str:
        try:
            return parse_identifier(name, self.request.path_params[name])
        except InvalidIdentifierError:
            raise PageNotFoundError from None


def page_asked_for(visit: Visit) -> CoursesParameters:
    """Which page of a list of courses an address asks for; the first one where it says that in no way that is known."""
    try:
        asked = query_of(CoursesParameters, dict(visit.request.query_params))
        asked.to_query()
    except InvalidQueryError:
        return CoursesParameters()
    return asked


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A line of the table of pages: `path` is below the pages' own, `handler` is for who is signed in.

    `writes_query` says that texts of the address's query stand in the page, which may be anybody's.
    """

    path: str
    handler: Handler
    writes_query: bool = False
