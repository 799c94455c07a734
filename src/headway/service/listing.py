"""Lists of courses, a page at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from headway.domain.catalogue import CoursePosition, CourseQuery

Line = TypeVar("Line")


class CoursePage(NamedTuple, Generic[Line]):
    """A page of a list of courses, and the position of its last course where another page follows."""

    lines: list[Line]
    last: CoursePosition | None


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
