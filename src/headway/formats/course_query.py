"""Query parameters of courses: for storing a course, and for the pages of lists."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, TypeAdapter

from headway.domain.catalogue import PAGE_OF_COURSES, CoursePosition, CourseQuery
from headway.domain.identifiers import CourseId
from headway.formats.queries import Flag, InvalidQueryError, Nothing, QueryFault, optional

_POSITION: Final[TypeAdapter[tuple[str, UUID]]] = TypeAdapter(tuple[str, UUID])


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
        return CourseQuery(self.limit, None if self.cursor is None else _position(self.cursor))

    def next_page(self, last: CoursePosition | None) -> str | None:
        """Return the address of the page after a position, relative to this page's; `None` where no page follows."""
        if last is None:
            return None
        content = orjson.dumps([last.sort_key.hex(), last.course_id])
        return f"?limit={self.limit}&cursor={urlsafe_b64encode(content).rstrip(b'=').decode()}"


def _position(cursor: str) -> CoursePosition:
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key, course_id = _POSITION.validate_json(content, strict=True)
        return CoursePosition(bytes.fromhex(key), CourseId(str(course_id)))
    except ValueError:  # also pydantic's own errors
        reason = "This is not a cursor of a list of courses. Send the address in 'Link' as it was answered."
        raise InvalidQueryError([QueryFault("cursor", reason, "cursor_parsing", cursor)]) from None
