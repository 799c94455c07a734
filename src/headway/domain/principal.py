"""Who is asking, and what they may do."""

import math
from dataclasses import dataclass, field
from typing import Final

from headway.domain.errors import CourseNotGrantedError, MissingScopeError
from headway.domain.identifiers import CourseId, LearnerId

COURSES_WRITE: Final = "courses:write"
STATISTICS_READ: Final = "statistics:read"
LEARNERS_ADMIN: Final = "learners:admin"

OPERATOR_ID: Final = LearnerId("00000000-0000-0000-0000-000000000000")
"""Who the commands speak for, whose user may read the database itself."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The learner a token speaks for, with the scopes it grants.

    Everybody may read and write their own progress; whatever else is allowed is a scope. `courses` are those that
    `statistics:read` is limited to, `None` where it is not. All that ends at `expires_at`, in seconds since 1970.
    `acting` is who acts on the learner's behalf, `None` where that is the learner.
    """

    learner_id: LearnerId
    scopes: frozenset[str] = frozenset()
    courses: frozenset[CourseId] | None = None
    expires_at: float = field(default=math.inf, compare=False)
    acting: LearnerId | None = None

    def on_behalf_of(self, learner_id: LearnerId) -> "Principal":
        """The principal who does for a learner what the learner may do. Raises `MissingScopeError`."""
        self.require(LEARNERS_ADMIN)
        acting = None if learner_id == self.learner_id else self.learner_id
        return Principal(learner_id, expires_at=self.expires_at, acting=acting)

    def require(self, scope: str) -> None:
        """Raise `MissingScopeError` unless the token grants `scope`."""
        if scope not in self.scopes:
            raise MissingScopeError(scope)

    def require_statistics(self, course_id: CourseId) -> None:
        """Raise `MissingScopeError` or `CourseNotGrantedError` unless the token grants the course's statistics."""
        self.require(STATISTICS_READ)
        if not self.is_granted(course_id):
            raise CourseNotGrantedError(course_id)

    def is_granted(self, course_id: CourseId) -> bool:
        """Whether the scopes that are limited to some courses count for this one."""
        return self.courses is None or course_id in self.courses
