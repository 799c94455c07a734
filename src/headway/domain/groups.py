"""Groups of learners: a class, or a cohort. A group has a title and members."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, NamedTuple

from annotated_types import MaxLen, MinLen

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.text import sort_key

MOST_MEMBERS: Final = 10_000
PAGE_OF_GROUPS: Final = 1_000
"""The highest number of groups on a page of a list."""

GroupTitle = Annotated[str, MinLen(1), MaxLen(200)]


class GroupEnrolment(NamedTuple):
    """A course in which a group enrols all its present and future members, from when and until when."""

    course_id: CourseId
    starts_at: datetime | None = None
    due_at: datetime | None = None


class Group(NamedTuple):
    """A group with the ids of its members, and the courses in which it enrols them, both in ascending order.

    Every change of the group gives it a new version.
    """

    id: GroupId
    title: str
    members: tuple[LearnerId, ...]
    version: int = 0
    enrolments: tuple[GroupEnrolment, ...] = ()

    @property
    def etag(self) -> str:
        """The opaque part of the entity tag of this version."""
        return str(self.version)


class GroupChange(NamedTuple):
    """A change of a group, which is made where there is none: its title, and who joins and leaves."""

    group_id: GroupId
    title: str
    joins: frozenset[LearnerId] = frozenset()
    leaves: frozenset[LearnerId] = frozenset()

    @property
    def size(self) -> int:
        """How many memberships change."""
        return len(self.joins) + len(self.leaves)


class GroupOutline(NamedTuple):
    """A group in a list. `members` is their number; `None` where the reader may not know it."""

    id: GroupId
    title: str
    members: int | None = None


class GroupPosition(NamedTuple):
    """A group's position in a list by title."""

    sort_key: bytes
    group_id: GroupId


@dataclass(frozen=True, slots=True)
class GroupQuery:
    """A page of the groups by title. It starts after the position `after`. `among` limits it to these groups."""

    limit: int = PAGE_OF_GROUPS
    after: GroupPosition | None = None
    among: frozenset[GroupId] | None = None


def group_of(group_id: GroupId, title: str, members: Iterable[LearnerId]) -> Group:
    """Return a group without a version. A member who is named twice is a member once.

    Raises `InvalidValueError` where there are more than `MOST_MEMBERS`.
    """
    different = set(members)
    check_size(len(different))
    return Group(group_id, title, tuple(sorted(different)))


def check_size(members: int) -> None:
    """Raise `InvalidValueError` where a group would have too many members."""
    if members > MOST_MEMBERS:
        reason = f"A group has at most {MOST_MEMBERS:,} members; these would be {members:,}."
        raise InvalidValueError([Problem(("members",), reason, "too_many_members")])


def next_group_version(before: int, now_microseconds: int) -> int:
    """Return a version that was never used before: at least the present time in microseconds since 1970."""
    return max(before + 1, now_microseconds)


def position_of(outline: GroupOutline) -> GroupPosition:
    """Return the group's position in a list by title."""
    return GroupPosition(sort_key(outline.title), outline.id)
