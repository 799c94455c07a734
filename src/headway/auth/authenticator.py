"""From an `Authorization` header to a `Principal`; a token that was verified is not verified again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import jwt

from headway.auth.claims import Claims, expiry_of, principal_of
from headway.auth.keys import KeySource
from headway.domain.errors import NotAuthenticatedError
from headway.domain.principal import Principal

if TYPE_CHECKING:
    from jwt.types import Options

HEADER_BYTES: Final = 16 * 1024
"""The longest header that is looked into."""

REMEMBERED_BYTES: Final = 64 * 1024 * 1024
"""How much memory verified tokens may take: some 60,000 of the usual size."""

# What an entry takes beside its token: places in dictionaries, the learner, the times; and each scope and course.
_ENTRY_BYTES: Final = 768
_GRANT_BYTES: Final = 192


class Authenticator:
    """Verifies bearer tokens with the keys of one source.

    `issuer` and `audience`, where given, must be in the token; otherwise they are not looked at. The issuer's clock may
    differ by `leeway` seconds from `clock`, which tells the seconds since 1970.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._clock = clock
        self._verified: OrderedDict[bytes | None, Principal] = OrderedDict()
        self._remembered_bytes = 0
        # The times are checked in claims.py: by the clock given.
        self._options: Options = {
            "require": ["exp", "sub"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": audience is not None,
        }

    def known(self, authorization: bytes | None) -> Principal | None:
        """Whom the header speaks for, where it was verified before and is still valid. Never raises, never waits."""
        found = self._verified.get(authorization)
        if found is None or self._clock() >= found.expires_at:
            return None
        return found

    async def authenticate(self, authorization: bytes | None) -> Principal:
        """Whom the header speaks for.

        Raises `NotAuthenticatedError` where that is nobody (the message holds nothing of the token), and
        `UnavailableError` where the keys to tell can not be had.
        """
        principal = self.known(authorization)
        if principal is not None:
            return principal
        token = _bearer_token(authorization)
        claims = await self._verified_claims(token)
        expires_at = expiry_of(claims, self._clock(), self._leeway)
        principal = replace(principal_of(claims), expires_at=expires_at)
        if authorization == b"Bearer " + token:  # one entry a token, however it might be written
            self._remember(authorization, principal)
        return principal

    async def _verified_claims(self, token: bytes) -> Claims:
        try:
            pinned = await self._keys.key_for(jwt.get_unverified_header(token))
            return jwt.decode(
                token,
                pinned.key,
                algorithms=[pinned.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                options=self._options,
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticatedError(_reason(error)) from None

    def _remember(self, authorization: bytes | None, principal: Principal) -> None:
        self._forget(authorization)
        self._verified[authorization] = principal
        self._remembered_bytes += _size(authorization, principal)
        while self._remembered_bytes > REMEMBERED_BYTES:
            self._forget(next(iter(self._verified)))

    def _forget(self, authorization: bytes | None) -> None:
        principal = self._verified.pop(authorization, None)
        if principal is not None:
            self._remembered_bytes -= _size(authorization, principal)


def _size(authorization: bytes | None, principal: Principal) -> int:
    """About what a remembered token takes."""
    grants = len(principal.scopes) + len(principal.courses or ())
    return _ENTRY_BYTES + len(authorization or b"") + grants * _GRANT_BYTES


def _bearer_token(authorization: bytes | None) -> bytes:
    """The token in the header (RFC 6750 section 2.1); a scheme's name may be in any letter case."""
    header = authorization or b""
    if len(header) > HEADER_BYTES:
        raise NotAuthenticatedError(f"The Authorization header takes {HEADER_BYTES} bytes at most.")
    if not header.isascii():
        raise NotAuthenticatedError("The Authorization header holds more than ASCII.")
    scheme, _, credentials = header.partition(b" ")
    token = credentials.strip()
    if scheme.lower() != b"bearer" or not token:
        raise NotAuthenticatedError("Send a bearer token: 'Authorization: Bearer <token>'.", token_sent=False)
    return token


def _reason(error: jwt.PyJWTError) -> str:
    """What to tell the sender. Never the library's own message: some quote the token."""
    match error:
        case jwt.MissingRequiredClaimError():
            return f"The token has no {error.claim!r}."
        case jwt.InvalidAlgorithmError():
            return "The token is signed with another algorithm than this service is configured for."
        case jwt.InvalidSignatureError():
            return "The token's signature does not verify."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case _:
            return "The token is not a well-formed JSON Web Token."
