"""Browser sessions. A session is a signed cookie; the server stores nothing."""

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
"""A request that changes something needs the forgery token in this header, or in the form field FORGERY_FIELD."""
FORGERY_FIELD: Final = "forgery_token"

_AUDIENCE: Final = "headway:session"
_FORGERY_TOKEN: Final = re.compile(r"[0-9a-f]{128}")  # a mask, and the masked secret: 32 bytes each
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_BYTES: Final = 4096
_ATTRIBUTE_BYTES: Final = 256  # of the 4096 bytes that a browser keeps of a cookie (RFC 6265 section 6.1)


class Session(NamedTuple):
    """A browser's principal, and the secret against forged requests. It ends when the principal expires."""

    principal: Principal
    forgery_secret: bytes

    @property
    def forgery_token(self) -> str:
        """The secret as it is written into a page, with a new mask each time.

        So the length of a compressed page does not reveal the secret (BREACH).
        """
        mask = token_bytes(len(self.forgery_secret))
        return (mask + _either_or(mask, self.forgery_secret)).hex()


class Sessions:
    """Signs sessions with a key that is derived from `secret`. `clock` returns the seconds since 1970.

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
        # Not the API's key: so a session is not accepted as a bearer token, and a bearer token not as a session.
        self._key = hmac.digest(secret.encode(), b"headway browser session", hashlib.sha256)

    def seal(self, purpose: str, values: Mapping[str, Any], lifetime: timedelta) -> str:
        """Sign values for a cookie that is valid for `lifetime` and for `purpose` only.

        The browser can read the values, but not change them.
        """
        return self.seal_until(purpose, values, self._clock() + lifetime.total_seconds())

    def seal_until(self, purpose: str, values: Mapping[str, Any], expires_at: float) -> str:
        """Sign values for `purpose` only. They are valid until `expires_at`, in whole seconds since 1970."""
        return jwt.encode({"exp": int(expires_at), "values": dict(values)}, self._key_for(purpose), "HS256")

    def unseal(self, purpose: str, text: str) -> dict[str, Any]:
        """Return the values that were sealed for this purpose. Empty where they expired or were not sealed here."""
        return self.unseal_with_end(purpose, text)[0]

    def unseal_with_end(self, purpose: str, text: str) -> tuple[dict[str, Any], float]:
        """Return the same values, and until when they are valid, in seconds since 1970."""
        options: Any = {"require": ["exp"], "verify_exp": False}
        try:
            claims = jwt.decode(text, self._key_for(purpose), algorithms=["HS256"], options=options)
            expires_at = expiry_of(claims, self._clock())
        except (jwt.PyJWTError, NotAuthenticatedError):
            return {}, 0
        return claims["values"], expires_at

    def sealed(self, principal: Principal, ends_at: datetime | None = None) -> str:
        """Return the cookie of a new session. It ends after the lifetime, or at `ends_at` where that is earlier.

        Raises `InvalidValueError` where the principal's scopes, courses and groups do not fit into a cookie.
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
        if principal.groups is not None:
            claims["groups"] = sorted(principal.groups)
        cookie = jwt.encode(claims, self._key, "HS256")
        if len(cookie) > _COOKIE_BYTES - _ATTRIBUTE_BYTES:
            reason = (
                "The scopes, courses and groups are more than a browser keeps in a cookie: about 50 courses or groups."
            )
            raise InvalidValueError([Problem(("courses",), reason, "too_many_courses")])
        return cookie

    def opened(self, cookie: str) -> Session | None:
        """Return the session in a cookie, or `None` where it has ended or is not valid."""
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
        """Return the session in a request's headers, or `None`. Header names are in lower case."""
        cookie = cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        return self.opened(cookie) if cookie is not None else None

    def principal_of_request(self, method: str, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Return the principal of an API request that has a session instead of a token, or `None`.

        Raises `ForgedRequestError` where the request changes something and has no forgery token of this session.
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
    """Raise `ForgedRequestError` unless `sent` is a forgery token of this session."""
    secret = session.forgery_secret
    given = bytes.fromhex(sent) if _FORGERY_TOKEN.fullmatch(sent) else b""
    mask, masked = given[: len(secret)], given[len(secret) :]
    if not hmac.compare_digest(_either_or(mask, masked), secret):
        raise ForgedRequestError


def _either_or(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
