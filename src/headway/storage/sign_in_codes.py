"""Between whom a code lets in and the columns that it is kept in."""

from datetime import datetime, timedelta
from typing import Final

import orjson

from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import Principal
from headway.domain.sign_in import SignIn

SWEEP_EVERY: Final = timedelta(minutes=1)
"""How often a process looks for codes that are over, which need room and are good for nothing."""


def to_sign_in(learner: str, scopes: str, courses: str | None, ends_at: datetime | None) -> SignIn:
    """Whom a code lets in that is kept as this."""
    limit = None if courses is None else frozenset(map(CourseId, orjson.loads(courses)))
    return SignIn(Principal(LearnerId(learner), frozenset(orjson.loads(scopes)), limit), ends_at)


def from_principal(principal: Principal) -> tuple[str, str, str | None]:
    """The learner, the scopes and the courses that a code is kept with."""
    courses = None if principal.courses is None else _texts(principal.courses)
    return principal.learner_id, _texts(principal.scopes), courses


def _texts(texts: frozenset[CourseId] | frozenset[str]) -> str:
    return orjson.dumps(sorted(texts)).decode()
