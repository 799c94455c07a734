"""Query parameters of courses: for storing a course, and for the pages of lists."""

from typing import Annotated

from pydantic import BaseModel, Field

from headway.domain.catalogue import PAGE_OF_COURSES, CoursePosition, CourseQuery
from headway.domain.identifiers import CourseId
from headway.formats.queries import Flag, Nothing, next_by_title, optional, position_by_title


class PutCourseParameters(BaseModel):
    """Whether to store the course, or only to answer what that would change."""

    dry_run: Annotated[
        Flag, Field(description="Store nothing; also answer how many learners would gain or lose the completion.")
    ] = False


class CoursesParameters(BaseModel):
    """A page of a list of courses."""

    limit: Annotated[int, Field(ge=1, le=PAGE_OF_COURSES, description="Courses on a page.")] = PAGE_OF_COURSES
    cursor: Annotated[str | Nothing, optional("Where the page begins, from the `Link` of the page before.")] = None

    def to_query(self) -> CourseQuery:
        """Return the query of the requested page. Raises `InvalidQueryError`."""
        if self.cursor is None:
            return CourseQuery(self.limit)
        key, course_id = position_by_title(self.cursor, "courses")
        return CourseQuery(self.limit, CoursePosition(key, CourseId(course_id)))

    def next_page(self, last: CoursePosition | None) -> str | None:
        """Return the address of the page after a position, relative to this page's; `None` where no page follows."""
        return None if last is None else next_by_title(self.limit, *last)
