"""Codes that sign a browser in. Each works once."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.sign_in import CODE_LIFETIME, SignIn, digest_of, is_code, new_code

NO_PERMANENT_CODES: Final[Mapping[str, SignIn]] = {}


class IssuedCode(NamedTuple):
    """A code, and when it expires. The store keeps only a digest of the code."""

    code: str
    ends_at: datetime


class SignInService:
    """Issues and redeems codes. Every method may raise `StoreUnavailableError`.

    `permanent_codes` are valid in this process only, any number of times, until it ends.
    """

    def __init__(
        self,
        store: Store,
        permanent_codes: Mapping[str, SignIn] = NO_PERMANENT_CODES,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._permanent_codes = {digest_of(code): sign_in for code, sign_in in permanent_codes.items()}
        self._clock = clock

    async def issue(
        self, principal: Principal, ends_at: datetime | None, lifetime: timedelta = CODE_LIFETIME
    ) -> IssuedCode:
        """Issue a code that is valid for `lifetime`, but not after `ends_at` (`None`: no such limit)."""
        code = new_code()
        good_until = self._clock() + lifetime
        if ends_at is not None:
            good_until = min(good_until, ends_at)
        await self._store.sign_in_codes.put(digest_of(code), SignIn(principal, ends_at), good_until)
        return IssuedCode(code, good_until)

    async def take(self, code: str) -> SignIn | None:
        """Redeem a code. Return its sign-in, or `None` where the code was used, has expired or does not exist."""
        if not is_code(code):
            return None
        digest = digest_of(code)
        return self._permanent_codes.get(digest) or await self._store.sign_in_codes.take(digest)
