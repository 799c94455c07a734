"""Browser sessions: whom a browser speaks for, sealed into its cookie. No server keeps anything of them."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_bytes, token_urlsafe
from typing import Any, Final, NamedTuple

import jwt
from starlette.requests import cookie_parser

from headway.auth.claims import expiry_of, principal_of
from headway.auth.keys import SECRET_BYTES
from headway.domain.errors import (
    ConfigurationError,
    ForgedRequestError,
    InvalidValueError,
    NotAuthenticatedError,
    Problem,
)
from headway.domain.principal import Principal

COOKIE: Final = "headway_session"
FORGERY_HEADER: Final = "x-headway-forgery-token"
"""The header, and FORGERY_FIELD the form field, that a request has to bring which changes something."""
FORGERY_FIELD: Final = "forgery_token"

_AUDIENCE: Final = "headway:session"
_FORGERY_TOKEN: Final = re.compile(r"[0-9a-f]{128}")  # a mask, and the secret under it: 32 bytes each
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_BYTES: Final = 4096
_ATTRIBUTE_BYTES: Final = 256  # of a cookie's 4096, which are all that a browser keeps (RFC 6265 section 6.1)


class Session(NamedTuple):
    """Whom a browser speaks for, for as long as its principal says, and the secret that its own pages know of."""

    principal: Principal
    forgery_secret: bytes

    @property
    def forgery_token(self) -> str:
        """The secret as a page is given it: under a new mask each time.

        So the length of a page that is compressed tells nothing of it (BREACH).
        """
        mask = token_bytes(len(self.forgery_secret))
        return (mask + _either_or(mask, self.forgery_secret)).hex()


class Sessions:
    """Seals sessions with a key of their own, made from `secret`. `clock` tells the seconds since 1970.

    Raises `ConfigurationError` for a secret that is too short.
    """

    def __init__(self, secret: str, lifetime: timedelta, *, clock: Callable[[], float] = time.time) -> None:
        if len(secret.encode()) < SECRET_BYTES:
            raise ConfigurationError(
                f"The secret of the pages' sessions has {len(secret.encode())} bytes, it takes {SECRET_BYTES} at "
                "least. Make HEADWAY_SESSION_SECRET with: openssl rand -base64 48"
            )
        self.lifetime = lifetime
        self._clock = clock
        # Another key than the API's: what is sealed here is no bearer token, and no bearer token is a session.
        self._key = hmac.digest(secret.encode(), b"headway browser session", hashlib.sha256)

    def seal(self, purpose: str, values: Mapping[str, Any], lifetime: timedelta) -> str:
        """Values that a browser brings back within `lifetime`, for `purpose` alone. It can read, not change them."""
        expires_at = int(self._clock() + lifetime.total_seconds())
        return jwt.encode({"exp": expires_at, "values": dict(values)}, self._key_for(purpose), "HS256")

    def unseal(self, purpose: str, text: str) -> dict[str, Any]:
        """The values that were sealed for this purpose; none where they are too old, or were not sealed here."""
        options: Any = {"require": ["exp"], "verify_exp": False}
        try:
            claims = jwt.decode(text, self._key_for(purpose), algorithms=["HS256"], options=options)
            expiry_of(claims, self._clock())
        except (jwt.PyJWTError, NotAuthenticatedError):
            return {}
        values: dict[str, Any] = claims["values"]
        return values

    def sealed(self, principal: Principal, ends_at: datetime | None = None) -> str:
        """The cookie of a new session, which is over at `ends_at` at the latest (`None`: after its lifetime).

        Raises `InvalidValueError` where the principal's scopes and courses are more than a browser keeps.
        """
        expires_at = self._clock() + self.lifetime.total_seconds()
        if ends_at is not None:
            expires_at = min(expires_at, ends_at.timestamp())
        claims: dict[str, Any] = {
            "aud": _AUDIENCE,
            "sub": principal.learner_id,
            "scope": sorted(principal.scopes),
            "exp": int(expires_at),
            "jti": token_urlsafe(16),
        }
        if principal.courses is not None:
            claims["courses"] = sorted(principal.courses)
        cookie = jwt.encode(claims, self._key, "HS256")
        if len(cookie) > _COOKIE_BYTES - _ATTRIBUTE_BYTES:
            reason = "The scopes and courses are more than a browser keeps in a cookie: about 50 courses."
            raise InvalidValueError([Problem(("courses",), reason, "too_many_courses")])
        return cookie

    def opened(self, cookie: str) -> Session | None:
        """The session in a cookie; `None` where it is over, or is none of these."""
        try:
            claims = jwt.decode(
                cookie,
                self._key,
                algorithms=["HS256"],
                audience=_AUDIENCE,
                options={"require": ["exp", "sub", "jti"], "verify_exp": False},
            )
            principal = replace(principal_of(claims), expires_at=expiry_of(claims, self._clock()))
            return Session(principal, self._forgery_secret(claims["jti"]))
        except (jwt.PyJWTError, NotAuthenticatedError):
            return None

    def of_headers(self, headers: Mapping[bytes, bytes]) -> Session | None:
        """The session of a request by its headers, whose names are in lower case."""
        cookie = cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        return self.opened(cookie) if cookie is not None else None

    def principal_of_request(self, method: str, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Whom a request to the API speaks for that has no token, or `None`.

        Raises `ForgedRequestError` where it changes something and is not one of the session's own pages'.
        """
        session = self.of_headers(headers)
        if session is None:
            return None
        if method not in _SAFE_METHODS:
            check_forgery(session, headers.get(FORGERY_HEADER.encode(), b"").decode("latin-1"))
        return session.principal

    def _key_for(self, purpose: str) -> bytes:
        return hmac.digest(self._key, purpose.encode(), hashlib.sha256)

    def _forgery_secret(self, session_id: str) -> bytes:
        return hmac.digest(self._key, f"forgery {session_id}".encode(), hashlib.sha256)


def check_forgery(session: Session, sent: str) -> None:
    """Raise `ForgedRequestError` unless what was sent is a forgery token of this session's."""
    secret = session.forgery_secret
    given = bytes.fromhex(sent) if _FORGERY_TOKEN.fullmatch(sent) else b""
    mask, masked = given[: len(secret)], given[len(secret) :]
    if not hmac.compare_digest(_either_or(mask, masked), secret):
        raise ForgedRequestError


def _either_or(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
