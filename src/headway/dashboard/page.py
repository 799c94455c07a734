"""The entries in the table of pages, and the argument of their handlers."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headway.auth import Session
from headway.dashboard.addresses import Address
from headway.dashboard.forms import NO_FORM, Form
from headway.dashboard.rendering import Reader, Renderer, reader_of
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.principal import Principal
from headway.formats.course_query import CoursesParameters
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier
from headway.formats.queries import InvalidQueryError, query_of
from headway.service import Services


class PageNotFoundError(Exception):
    """There is no such page."""


class Visit(NamedTuple):
    """One request for a page, with its session. `form` has the fields of the form that it sends."""

    request: Request
    services: Services
    session: Session
    renderer: Renderer
    form: Form = NO_FORM

    @property
    def principal(self) -> Principal:
        """The principal of the session."""
        return self.session.principal

    @property
    def reader(self) -> Reader:
        """How to write numbers and times for this request."""
        return reader_of(self.request)

    @property
    def course_id(self) -> CourseId:
        """The course id in the path. Raises `PageNotFoundError` where it is not valid."""
        return CourseId(self._identifier("course_id"))

    @property
    def lesson_id(self) -> LessonId:
        """The lesson id in the path. Raises as `course_id` does."""
        return LessonId(self._identifier("lesson_id"))

    @property
    def learner_id(self) -> LearnerId:
        """The learner id in the path. Raises as `course_id` does."""
        return LearnerId(self._identifier("user_id"))

    def address(self, *names: str, lists: Collection[str] = ()) -> Address:
        """Return the page's address with the known parameters of the query. Empty ones are left out: forms send them.

        Those among `lists` may be there several times. Their values are put together.
        """
        given = self.request.query_params
        query = {name: ",".join(given.getlist(name)) if name in lists else given.get(name, "") for name in names}
        return Address(self.request.url.path, {name: value for name, value in query.items() if value})

    async def show(self, template: str, status: int = 200, **values: object) -> Response:
        """Render a template for this session: a page, or part of one."""
        return await self.renderer.show(self.request, template, self.session, status, **values)

    def to(self, address: str) -> Response:
        """Redirect to an address below the path of the pages, as after a form that was carried out."""
        return RedirectResponse(f"{self.renderer.path}{address}", 303)

    def _identifier(self, name: str) -> str:
        try:
            return parse_identifier(name, self.request.path_params[name])
        except InvalidIdentifierError:
            raise PageNotFoundError from None


def page_asked_for(visit: Visit) -> CoursesParameters:
    """Return which page of a list of courses the query asks for: the first page where the query is not valid."""
    try:
        asked = query_of(CoursesParameters, dict(visit.request.query_params))
        asked.to_query()
    except InvalidQueryError:
        return CoursesParameters()
    return asked


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """An entry in the table of pages. `path` is below the path of all pages; `handler` needs a session.

    `takes_form` says that it takes a form (POST): its handler is called only for a form that has the session's forgery
    token.
    """

    path: str
    handler: Handler
    takes_form: bool = False
