"""Issues this service's own tokens, for use without an identity provider."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import jwt

from headway.auth.keys import signing_key
from headway.domain.errors import InvalidValueError, Problem


def issue_token(
    secret: str,
    *,
    subject: str,
    scopes: Sequence[str] = (),
    lifetime: timedelta,
    issuer: str | None = None,
    audience: str | None = None,
    now: datetime,
) -> str:
    """Return a token signed with HS256. It is valid from `now` for `lifetime`, both in whole seconds.

    `now` has a time zone. Raises `ConfigurationError` as `signing_key` does, and `InvalidValueError` for an empty
    subject.
    """
    if not subject:
        raise InvalidValueError([Problem(("subject",), "A token needs a subject.", "string_too_short")])
    issued_at = int(now.timestamp())
    named = {"iss": issuer, "aud": audience, "scope": " ".join(scopes) or None}
    claims = {
        "sub": subject,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        **{name: value for name, value in named.items() if value is not None},
    }
    return jwt.encode(claims, signing_key(secret), algorithm="HS256")
