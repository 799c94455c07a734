"""The caller of an operation, and what the caller may do."""

import math
from dataclasses import dataclass, field
from typing import Final

from headway.domain.errors import CourseNotGrantedError, MissingScopeError
from headway.domain.identifiers import CourseId, LearnerId

COURSES_WRITE: Final = "courses:write"
STATISTICS_READ: Final = "statistics:read"
LEARNERS_ADMIN: Final = "learners:admin"
ENROLMENTS_WRITE: Final = "enrolments:write"

OPERATOR_ID: Final = LearnerId("00000000-0000-0000-0000-000000000000")
"""The commands act as this id. The person who runs them may read the database itself."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A learner who is signed in, with the scopes of the learner's token.

    All learners may read and write their own progress. Everything else needs a scope. `courses` are the courses that
    `statistics:read` is limited to; `None` means all courses. `expires_at` is when the rights end, in seconds since
    1970. `acting` is the person who acts on the learner's behalf; `None` means the learner.
    """

    learner_id: LearnerId
    scopes: frozenset[str] = frozenset()
    courses: frozenset[CourseId] | None = None
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

    def require_statistics(self, course_id: CourseId) -> None:
        """Check that the token grants the statistics of a course.

        Raises `MissingScopeError` where the scope is missing, `CourseNotGrantedError` where it is for other courses.
        """
        self.require(STATISTICS_READ)
        if not self.is_granted(course_id):
            raise CourseNotGrantedError(course_id)

    def is_granted(self, course_id: CourseId) -> bool:
        """Whether a scope that may be limited to some courses includes this course."""
        return self.courses is None or course_id in self.courses
