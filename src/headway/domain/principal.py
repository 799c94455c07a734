"""Who is asking, and what they may do."""

from dataclasses import dataclass
from typing import Final

from headway.domain.errors import MissingScopeError
from headway.domain.identifiers import LearnerId

COURSES_WRITE: Final = "courses:write"
LEARNERS_ADMIN: Final = "learners:admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The learner a token speaks for, with the scopes it grants.

    Everybody may read and write their own progress; whatever else is allowed is a scope.
    """

    learner_id: LearnerId
    scopes: frozenset[str] = frozenset()

    def require(self, scope: str) -> None:
        """Raise `MissingScopeError` unless the token grants `scope`."""
        if scope not in self.scopes:
            raise MissingScopeError(scope)
