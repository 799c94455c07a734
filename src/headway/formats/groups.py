"""The documents of groups: what is put, what is answered, and the query of their list."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headway.domain import groups as domain
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.groups import MOST_MEMBERS, PAGE_OF_GROUPS, GroupPosition, GroupQuery
from headway.domain.identifiers import GroupId
from headway.formats.fields import TITLE_RULE, Moment, Whole
from headway.formats.queries import Nothing, next_by_title, optional, position_by_title
from headway.formats.shapes import renderer

_LONGEST_NAME: Final = 255  # as OpenID Connect bounds `sub`

GroupTitle = Annotated[domain.GroupTitle, TITLE_RULE]
LearnerName = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST_NAME, description="A learner's id, or the `sub` of the learner's tokens."),
]


class GroupEnrolment(BaseModel):
    """A course in which a group enrols its members, from when and until when."""

    model_config = ConfigDict(strict=True, extra="forbid")

    course_id: UUID
    starts_at: Moment | None = None
    due_at: Moment | None = None


class GroupDocument(BaseModel):
    """A whole group: its title and its members."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[UUID | None, Field(description="The group's id; over HTTP it is in the path.")] = None
    title: GroupTitle
    members: Annotated[list[LearnerName], Field(max_length=MOST_MEMBERS)]
    version: Annotated[
        Whole | None,
        Field(description="In answers only, ignored in requests. It changes with every change of the group."),
    ] = None
    courses: Annotated[
        list[GroupEnrolment],
        Field(description="In answers only, ignored in requests. The courses in which the group enrols its members."),
    ] = []


class Group(BaseModel):
    """A group with the ids of its members, in ascending order, and the courses in which it enrols them."""

    id: UUID
    title: str
    members: list[UUID]
    version: int
    courses: list[GroupEnrolment]


class GroupLine(BaseModel):
    """A group in a list."""

    id: UUID
    title: str
    members: Annotated[
        int | None, Field(ge=0, description="How many members it has; null for a learner who is only a member.")
    ]


class GroupsParameters(BaseModel):
    """A page of the list of groups."""

    limit: Annotated[int, Field(ge=1, le=PAGE_OF_GROUPS, description="Groups on a page.")] = PAGE_OF_GROUPS
    cursor: Annotated[str | Nothing, optional("Where the page begins, from the `Link` of the page before.")] = None

    def to_query(self) -> GroupQuery:
        """Return the query of the requested page. Raises `InvalidQueryError`."""
        if self.cursor is None:
            return GroupQuery(self.limit)
        key, group_id = position_by_title(self.cursor, "groups")
        return GroupQuery(self.limit, GroupPosition(key, GroupId(group_id)))

    def next_page(self, last: GroupPosition | None) -> str | None:
        """Return the address of the page after a position, relative to this page's; `None` where no page follows."""
        return None if last is None else next_by_title(self.limit, *last)


def parse_group(body: bytes, group_id: GroupId) -> GroupDocument:
    """Parse the document of a group. Raises pydantic's `ValidationError`, and `InvalidValueError` for another id."""
    document = GroupDocument.model_validate_json(body)
    if document.id is not None and str(document.id) != group_id:
        raise InvalidValueError([Problem(("id",), "The document has another id than the path.", "id_mismatch")])
    return document


def group_document(title: str, members: Sequence[str]) -> GroupDocument:
    """Return the document of a group from its parts. Raises `InvalidValueError`."""
    try:
        return GroupDocument(title=title, members=list(members))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidValueError([Problem(fault["loc"], fault["msg"], fault["type"]) for fault in faults]) from None


enrolment: Final = renderer(GroupEnrolment)
group: Final = renderer(Group, courses=lambda group: list(map(enrolment, group.enrolments)))
_line: Final = renderer(GroupLine)


def groups(lines: Iterable[domain.GroupOutline]) -> list[dict[str, Any]]:
    """Return a list of groups."""
    return [_line(line) for line in lines]
