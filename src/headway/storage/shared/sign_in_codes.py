"""One-time codes that sign a browser in: the SignInCodes protocol."""

from collections.abc import Callable
from datetime import datetime

import orjson

from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.principal import Principal
from headway.domain.sign_in import SignIn
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Session, to_moment


class StoredSignInCodes:
    """The sign-in codes in a database."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def put(self, digest: str, sign_in: SignIn, ends_at: datetime) -> None:
        """Store a code."""
        columns = (digest, *_from_principal(sign_in.principal), sign_in.ends_at, ends_at)
        await self._session.change(sql.PUT_SIGN_IN_CODE, *columns)

    async def take(self, digest: str) -> SignIn | None:
        """Remove a code, and return what it signs in. Of two who delete a row at the same time, only one gets it.

        Reads first whether the code exists, so that requests with invented codes do not take the write lock.
        """
        if not await self._session.fetch(sql.FIND_SIGN_IN_CODE, digest):
            return None
        found = await self._session.change(sql.TAKE_SIGN_IN_CODE, digest)
        if not found:
            return None
        learner, scopes, courses, groups, session_ends_at, ends_at = found[0]
        if self._clock() >= to_moment(ends_at):
            return None
        end_of_session = None if session_ends_at is None else to_moment(session_ends_at)
        return SignIn(_to_principal(learner, scopes, courses, groups), end_of_session)

    async def forget_all(self, learner_id: LearnerId) -> None:
        """Remove a learner's codes."""
        await self._session.change(sql.FORGET_SIGN_IN_CODES, learner_id)

    async def sweep(self) -> None:
        """Remove expired codes. Writes nothing where there are none."""
        now = self._clock()
        if await self._session.fetch(sql.FIND_OLD_SIGN_IN_CODE, now):
            await self._session.change(sql.SWEEP_SIGN_IN_CODES, now)


def _to_principal(learner: str, scopes: str, courses: str | None, groups: str | None) -> Principal:
    return Principal(
        LearnerId(learner),
        frozenset(orjson.loads(scopes)),
        None if courses is None else frozenset(map(CourseId, orjson.loads(courses))),
        None if groups is None else frozenset(map(GroupId, orjson.loads(groups))),
    )


def _from_principal(principal: Principal) -> tuple[str, str, str | None, str | None]:
    """Return the learner, the scopes, the courses and the groups as columns."""
    courses = None if principal.courses is None else _texts(principal.courses)
    groups = None if principal.groups is None else _texts(principal.groups)
    return principal.learner_id, _texts(principal.scopes), courses, groups


def _texts(texts: frozenset[CourseId] | frozenset[GroupId] | frozenset[str]) -> str:
    return orjson.dumps(sorted(texts)).decode()
