"""Verifies the `Authorization` header and returns a `Principal`. Verified tokens are remembered until they expire."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import jwt

from headway.auth.claims import Claims, OnVerified, expiry_of, principal_of, profile_of
from headway.auth.keys import KeySource
from headway.domain.errors import NotAuthenticatedError
from headway.domain.principal import Principal

if TYPE_CHECKING:
    from jwt.types import Options

HEADER_BYTES: Final = 16 * 1024
"""The longest header that is accepted."""

REMEMBERED_BYTES: Final = 64 * 1024 * 1024
"""How much memory remembered tokens may take. That is enough for about 60,000 tokens of the usual size."""

# The memory of an entry without its token: dictionary slots, learner id, times. Then the memory of a scope, course or
# group.
_ENTRY_BYTES: Final = 768
_GRANT_BYTES: Final = 192


class Authenticator:
    """Verifies bearer tokens with the keys of one source.

    Where `issuer` or `audience` is given, the token must have the same one; otherwise that claim is not checked.
    `clock` returns the seconds since 1970. The issuer's clock may differ from it by `leeway` seconds. `on_verified` is
    called once for each token that is remembered.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
        on_verified: OnVerified | None = None,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._clock = clock
        self._on_verified = on_verified
        self._verified: OrderedDict[bytes | None, Principal] = OrderedDict()
        self._remembered_bytes = 0
        # claims.py checks the times, because PyJWT cannot use `clock`.
        self._options: Options = {
            "require": ["exp", "sub"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": audience is not None,
        }

    def known(self, authorization: bytes | None) -> Principal | None:
        """Return the principal of a header that was verified before and is still valid, or `None`.

        It never raises and never waits.
        """
        found = self._verified.get(authorization)
        if found is None or self._clock() >= found.expires_at:
            return None
        return found

    async def authenticate(self, authorization: bytes | None) -> Principal:
        """Verify the header's token and return its principal.

        Raises `NotAuthenticatedError` where there is no valid token; the message contains no part of the token.
        Raises `UnavailableError` where the keys can not be fetched.
        """
        principal = self.known(authorization)
        if principal is not None:
            return principal
        token = _bearer_token(authorization)
        claims = await self._verified_claims(token)
        expires_at = expiry_of(claims, self._clock(), self._leeway)
        principal = replace(principal_of(claims), expires_at=expires_at)
        if authorization == b"Bearer " + token:  # so a token has one entry, though a header can be written in many ways
            self._remember(authorization, principal)
            if self._on_verified is not None:
                self._on_verified(principal.learner_id, profile_of(claims))
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
    """Estimate the bytes of memory that a remembered token takes."""
    grants = len(principal.scopes) + len(principal.courses or ()) + len(principal.groups or ())
    return _ENTRY_BYTES + len(authorization or b"") + grants * _GRANT_BYTES


def _bearer_token(authorization: bytes | None) -> bytes:
    """Return the token in the header (RFC 6750 section 2.1). The scheme's name may be in any letter case.

    Raises `NotAuthenticatedError` where the header has no bearer token, is too long or is not ASCII.
    """
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
    """Return the message for the client. The library's own message is not used: it may quote the token."""
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
