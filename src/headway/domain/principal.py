"""The caller of an operation, and what the caller may do."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypeVar

from headway.domain.errors import CourseNotGrantedError, GroupNotGrantedError, MissingScopeError
from headway.domain.identifiers import CourseId, GroupId, LearnerId

T = TypeVar("T")

COURSES_WRITE: Final = "courses:write"
STATISTICS_READ: Final = "statistics:read"
LEARNERS_ADMIN: Final = "learners:admin"
ENROLMENTS_WRITE: Final = "enrolments:write"
GROUPS_WRITE: Final = "groups:write"
EVENTS_READ: Final = "events:read"
WEBHOOKS_WRITE: Final = "webhooks:write"

OPERATOR_ID: Final = LearnerId("00000000-0000-0000-0000-000000000000")
"""The commands act as this id. The person who runs them may read the database itself."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A learner who is signed in, with the scopes of the learner's token.

    All learners may read and write their own progress. Everything else needs a scope. `courses` are the courses that
    `statistics:read` and `events:read` are limited to, and `groups` are the groups; `None` means all. With both, they
    are limited to the members of the groups in the courses. `expires_at` is when the rights end, in seconds since 1970.
    `acting` is the person who acts on the learner's behalf; `None` means the learner.
    """

    learner_id: LearnerId
    scopes: frozenset[str] = frozenset()
    courses: frozenset[CourseId] | None = None
    groups: frozenset[GroupId] | None = None
    expires_at: float = field(default=math.inf, compare=False)
    acting: LearnerId | None = None

    def on_behalf_of(self, learner_id: LearnerId) -> "Principal":
        """Return a principal with the rights of `learner_id`, used by this one on the learner's behalf.

        Raises `MissingScopeError` where this one has not the scope `learners:admin`.
        """
        self.require(LEARNERS_ADMIN)
        acting = None if learner_id == self.learner_id else self.learner_id
        return Principal(learner_id, expires_at=self.expires_at, acting=acting)

    def require(self, scope: str) -> None:
        """Raise `MissingScopeError` unless the token grants `scope`."""
        if scope not in self.scopes:
            raise MissingScopeError(scope)

    def require_statistics(self, course_id: CourseId, group_id: GroupId | None) -> None:
        """Check that the token grants the statistics of a course: of a group's members, or of all learners (`None`).

        Raises as `require_course` and `require_group` do.
        """
        self.require_course(course_id)
        self.require_group(group_id)

    def require_course(self, course_id: CourseId) -> None:
        """Check that the token grants statistics of some learners of a course.

        Raises `MissingScopeError` where the scope is missing, `CourseNotGrantedError` where it is for other courses.
        """
        self.require(STATISTICS_READ)
        self.require_granted(course_id)

    def require_group(self, group_id: GroupId | None) -> None:
        """Check that the scope includes a group's members, or all learners (`None`). Raises `GroupNotGrantedError`."""
        if self.groups is None or group_id in self.groups:
            return
        if group_id is None:
            raise GroupNotGrantedError("limits it to some groups. Add group= with one of them.")
        raise GroupNotGrantedError(f"does not name the group {group_id}.")

    def require_member_of(self, groups: Collection[GroupId]) -> None:
        """Check that the scope includes a learner who is in these groups. Raises `GroupNotGrantedError`."""
        if self.groups is not None and self.groups.isdisjoint(groups):
            raise GroupNotGrantedError("names no group that this learner is in.")

    def includes(self, courses: frozenset[CourseId] | None, groups: frozenset[GroupId] | None) -> bool:
        """Whether the token includes everything of these courses and groups (`None`: of all)."""
        return _is_within(courses, self.courses) and _is_within(groups, self.groups)

    def require_within(self, courses: frozenset[CourseId] | None, groups: frozenset[GroupId] | None) -> None:
        """Raise an error unless the token includes everything of these courses and groups (`None`: of all).

        Raises `CourseNotGrantedError` or `GroupNotGrantedError`.
        """
        if courses is None and self.courses is not None:
            raise CourseNotGrantedError(None)
        for course_id in sorted(courses or ()):
            self.require_granted(course_id)
        if groups is None:
            self.require_group(None)
        for group_id in sorted(groups or ()):
            self.require_group(group_id)

    def require_granted(self, course_id: CourseId) -> None:
        """Raise `CourseNotGrantedError` where the token is limited to other courses."""
        if not self.is_granted(course_id):
            raise CourseNotGrantedError(course_id)

    def is_granted(self, course_id: CourseId) -> bool:
        """Whether a scope that may be limited to some courses includes this course."""
        return self.courses is None or course_id in self.courses


NOBODY: Final = Principal(OPERATOR_ID)
"""The caller of an operation that needs no token: without any scope."""


def _is_within(asked: frozenset[T] | None, granted: frozenset[T] | None) -> bool:
    """Whether a limit is at most as wide as another (`None`: no limit)."""
    return granted is None or (asked is not None and asked <= granted)
