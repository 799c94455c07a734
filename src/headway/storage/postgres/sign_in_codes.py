"""The SignInCodes protocol on PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime

from headway.domain.identifiers import LearnerId
from headway.domain.sign_in import SignIn
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database
from headway.storage.sign_in_codes import SWEEP_EVERY, from_principal, to_sign_in


class PostgresSignInCodes:
    """Codes that let a browser in."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._swept_at = datetime.min.replace(tzinfo=UTC)

    async def put(self, digest: str, sign_in: SignIn, ends_at: datetime) -> None:
        """Keep a code."""
        now = self._clock()
        if now - self._swept_at >= SWEEP_EVERY:
            await self._database.change(sql.SWEEP_SIGN_IN_CODES, now)
            self._swept_at = now
        columns = (digest, *from_principal(sign_in.principal), sign_in.ends_at, ends_at)
        await self._database.change(sql.PUT_SIGN_IN_CODE, *columns)

    async def take(self, digest: str) -> SignIn | None:
        """Take a code: of two who delete a row at once, PostgreSQL lets one find it."""
        found = await self._database.change(sql.TAKE_SIGN_IN_CODE, digest)
        if not found:
            return None
        learner, scopes, courses, session_ends_at, ends_at = found[0]
        if self._clock() >= ends_at:
            return None
        return to_sign_in(str(learner), scopes, courses, session_ends_at)

    async def forget_all(self, learner_id: LearnerId) -> None:
        """Forget a learner's codes."""
        await self._database.change(sql.FORGET_SIGN_IN_CODES, learner_id)
