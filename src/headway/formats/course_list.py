"""The query of the courses on a teacher's home page."""

from typing import Annotated

from pydantic import Field

from headway.domain.course_list import CourseOrder
from headway.domain.people import LONGEST_QUERY
from headway.formats.queries import Nothing, optional
from headway.formats.roster_query import Direction, GroupParameters
from headway.service import CourseListQuery


class CourseListParameters(GroupParameters):
    """A page of the courses, their order, and the words of their titles."""

    query: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""
    sort: CourseOrder = CourseOrder.TITLE
    order: Annotated[Direction | Nothing, optional("By default, titles ascend and figures descend.")] = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    @property
    def direction(self) -> Direction:
        """The direction of the order."""
        return self.order or first_direction(self.sort)

    def to_query(self) -> CourseListQuery:
        """Return the query of the requested page."""
        descending = self.direction is Direction.DESCENDING
        return CourseListQuery(self.query, self.sort, descending, self.page, self.group_id)


def first_direction(order: CourseOrder) -> Direction:
    """Return the direction in which an order is shown first: titles ascend, and figures descend."""
    return Direction.ASCENDING if order is CourseOrder.TITLE else Direction.DESCENDING
