"""The catalogue: what authors store, and everybody reads."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final, Generic, NamedTuple, TypeVar

from headway.domain.catalogue import (
    FIRST_COURSES,
    Course,
    CourseOutline,
    CoursePosition,
    CoursePut,
    CourseQuery,
    position_of,
)
from headway.domain.edits import Impact, Recalculation
from headway.domain.identifiers import CourseId
from headway.domain.ports import Store
from headway.domain.principal import COURSES_WRITE, STATISTICS_READ, Principal
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.service.impact import impact
from headway.turns import in_turns

_MOST_PAGES: Final = 5

Line = TypeVar("Line")


class CoursePage(NamedTuple, Generic[Line]):
    """A page of a list of courses, and the position of its last course where another page follows."""

    lines: list[Line]
    last: CoursePosition | None


class CatalogueEntry(NamedTuple):
    """A course, the version of its document, and the recalculation after its last edit.

    `recalculation` is `None` where it is finished.
    """

    course: Course
    version: int
    recalculation: Recalculation | None


class CatalogueService:
    """The courses. Every method may raise `UnavailableError` and what its store raises.

    `course_changed` is called after a course document was stored.
    """

    def __init__(self, store: Store, course_changed: Callable[[], None]) -> None:
        self._store = store
        self._course_changed = course_changed

    async def courses(self, query: CourseQuery = FIRST_COURSES) -> CoursePage[CourseOutline]:
        """Return a page of the catalogue, by title."""
        found = await self._store.courses(one_more(query))
        lines = list(found[: query.limit])
        return CoursePage(lines, position_of(lines[-1]) if len(found) > query.limit else None)

    async def each(self) -> AsyncIterator[CourseOutline]:
        """Yield the courses by title: at most the first thousands of them (`_MOST_PAGES`)."""
        query = CourseQuery()
        for _ in range(_MOST_PAGES):
            page = await self.courses(query)
            async for one in in_turns(page.lines):
                yield one
            if page.last is None:
                return
            query = replace(query, after=page.last)

    async def granted(self, principal: Principal) -> list[CourseOutline]:
        """Return the courses of `each` whose statistics the token grants. Needs `statistics:read`."""
        principal.require(STATISTICS_READ)
        return [one async for one in self.each() if principal.is_granted(one.id)]

    async def course(self, course_id: CourseId) -> CatalogueEntry:
        """Return one course of the catalogue."""
        course, version, _ = await self._store.course(course_id)
        # Read after the course: an edit in between shows as under way, never as done.
        return CatalogueEntry(course, version, await self._store.recalculation(course_id))

    async def put_course(
        self, principal: Principal, course: Course, precondition: Precondition = UNCONDITIONAL
    ) -> CoursePut:
        """Store a course in the catalogue. Needs `courses:write`. Raises `PreconditionFailedError`."""
        principal.require(COURSES_WRITE)
        put = await self._store.put_course(course, precondition)
        self._course_changed()
        return put

    async def impact_of_course(
        self, principal: Principal, course: Course, precondition: Precondition = UNCONDITIONAL
    ) -> Impact:
        """Return what storing a course would change; store nothing. Needs `courses:write`. Raises as `put_course`."""
        principal.require(COURSES_WRITE)
        return await impact(self._store, course, precondition)

    async def remove_course(self, principal: Principal, course_id: CourseId) -> None:
        """Remove a course from the catalogue, but keep its learners' lesson progress. Needs `courses:write`."""
        principal.require(COURSES_WRITE)
        await self._store.remove_course(course_id)


def one_more(query: CourseQuery) -> CourseQuery:
    """Return the query with a limit of one more. The extra course shows that another page follows."""
    return replace(query, limit=query.limit + 1)


async def every_course(read: Callable[[CourseQuery], Awaitable[CoursePage[Line]]]) -> list[Line]:
    """Read the whole list, page by page."""
    lines: list[Line] = []
    query = CourseQuery()
    while True:
        page = await read(query)
        lines += page.lines
        if page.last is None:
            return lines
        query = replace(query, after=page.last)
