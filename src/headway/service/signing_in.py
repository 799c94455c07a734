"""Codes that sign a browser in, each good once."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.principal import Principal
from headway.domain.sign_in import CODE_LIFETIME, SignIn, digest_of, is_code, new_code
from headway.storage.port import Store

NO_PERMANENT_CODES: Final[Mapping[str, SignIn]] = {}


class IssuedCode(NamedTuple):
    """A code, told once and kept by nobody, and until when it is good."""

    code: str
    ends_at: datetime


class SignInService:
    """Gives codes out and takes them in. Every method may raise `StoreUnavailableError`.

    `permanent_codes` are codes of this process alone, which stay good as long as it runs.
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
        """A code for `lifetime`, and not beyond `ends_at`, when what it lets in by is over (`None`: nothing is)."""
        code = new_code()
        good_until = self._clock() + lifetime
        if ends_at is not None:
            good_until = min(good_until, ends_at)
        await self._store.sign_in_codes.put(digest_of(code), SignIn(principal, ends_at), good_until)
        return IssuedCode(code, good_until)

    async def take(self, code: str) -> SignIn | None:
        """Whom a code lets in, once; `None` where it was taken before, is over, or never was one."""
        if not is_code(code):
            return None
        digest = digest_of(code)
        return self._permanent_codes.get(digest) or await self._store.sign_in_codes.take(digest)
