"""Lists of courses, a page at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from headway.domain.catalogue import CoursePosition, CourseQuery

Line = TypeVar("Line")


class CoursePage(NamedTuple, Generic[Line]):
    """Some of a list of courses, and the place of its last one where others follow."""

    lines: list[Line]
    last: CoursePosition | None


def one_more(query: CourseQuery) -> CourseQuery:
    """The query of a page and the course behind it, which tells whether the list goes on."""
    return replace(query, limit=query.limit + 1)


async def every_course(read: Callable[[CourseQuery], Awaitable[CoursePage[Line]]]) -> list[Line]:
    """The whole list, read page by page."""
    lines: list[Line] = []
    query = CourseQuery()
    while True:
        page = await read(query)
        lines += page.lines
        if page.last is None:
            return lines
        query = replace(query, after=page.last)
