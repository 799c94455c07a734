"""Tokens of this service's own, for where there is no identity provider."""

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
    """A token signed with HS256, valid from `now` (with a time zone) on for `lifetime`, both to the second.

    Raises `ConfigurationError` for a secret that is too short, `InvalidValueError` for an empty subject.
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
