"""The SignInCodes protocol on SQLite."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import apsw

from headway.domain.identifiers import LearnerId
from headway.domain.sign_in import SignIn
from headway.storage.sign_in_codes import SWEEP_EVERY, from_principal, to_sign_in
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.reader import Reader
from headway.storage.sqlite.rows import fetch, fetch_one, to_text


class SqliteSignInCodes:
    """Codes that let a browser in. `transaction` begins one that is on disk when its block is left."""

    def __init__(
        self,
        reader: Reader,
        transaction: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
        clock: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._transaction = transaction
        self._clock = clock
        self._swept_at = datetime.min.replace(tzinfo=UTC)

    async def put(self, digest: str, sign_in: SignIn, ends_at: datetime) -> None:
        """Keep a code."""
        now = self._clock()
        session_ends_at = None if sign_in.ends_at is None else to_text(sign_in.ends_at)
        async with self._transaction() as connection:
            if now - self._swept_at >= SWEEP_EVERY:
                fetch(connection, sql.SWEEP_SIGN_IN_CODES, to_text(now))
                self._swept_at = now
            columns = (digest, *from_principal(sign_in.principal), session_ends_at, to_text(ends_at))
            fetch(connection, sql.PUT_SIGN_IN_CODE, *columns)

    async def take(self, digest: str) -> SignIn | None:
        """Take a code. Whoever makes codes up does not keep the writer from its work."""
        if self._reader.read(fetch_one, sql.FIND_SIGN_IN_CODE, digest) is None:
            return None
        async with self._transaction() as connection:
            found = fetch_one(connection, sql.TAKE_SIGN_IN_CODE, digest)
        if found is None or self._clock() >= datetime.fromisoformat(found[4]):
            return None
        learner, scopes, courses, session_ends_at, _ = found
        return to_sign_in(
            learner, scopes, courses, datetime.fromisoformat(session_ends_at) if session_ends_at else None
        )

    async def forget_all(self, learner_id: LearnerId) -> None:
        """Forget a learner's codes."""
        async with self._transaction() as connection:
            fetch(connection, sql.FORGET_SIGN_IN_CODES, learner_id)
