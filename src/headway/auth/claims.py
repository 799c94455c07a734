"""The claims of tokens (RFC 7519 section 4): reads those of a verified token, and issues this service's own tokens."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt

from headway.auth.keys import signing_key
from headway.domain.errors import InvalidValueError, NotAuthenticatedError, Problem
from headway.domain.identifiers import CourseId, GroupId, LearnerId, is_canonical_uuid
from headway.domain.people import LearnerProfile, field_problems
from headway.domain.principal import Principal

Claims = Mapping[str, Any]
OnVerified = Callable[[LearnerId, LearnerProfile], None]
"""Is called with what a verified token says about its learner."""

_NEVER: Final = 2**53
"""The latest expiry that is used, in seconds. A token may contain a number too large for a float."""


def learner_id(subject: str, issuer: str | None) -> LearnerId:
    """Return the learner id for a token's subject.

    A subject that is a UUID in hyphenated form, in any letter case, is the learner id itself. Any other subject is
    mapped to its UUIDv5 (RFC 9562 section 5.5) in the issuer's namespace. That namespace is the UUIDv5 of the issuer
    in the URL namespace; without an issuer, it is that of the empty string. So a subject always gives the same learner,
    and the same subject of another issuer gives another learner.
    """
    uuid = subject.lower()
    if not is_canonical_uuid(uuid):
        uuid = str(uuid5(uuid5(NAMESPACE_URL, issuer or ""), subject))
    return LearnerId(uuid)


def principal_of(claims: Claims) -> Principal:
    """Return the principal: the learner in `sub`, the scopes in `scope`, and the limits in `courses` and `groups`.

    Raises `NotAuthenticatedError` where `sub` is missing or empty, or where `sub` or `iss` is not text.
    """
    subject = _text(claims, "sub")
    if not subject:
        raise NotAuthenticatedError("The token names no learner: its 'sub' is empty.")
    courses = frozenset(map(CourseId, _ids(claims["courses"]))) if "courses" in claims else None
    groups = frozenset(map(GroupId, _ids(claims["groups"]))) if "groups" in claims else None
    return Principal(learner_id(subject, _text(claims, "iss")), _scopes(claims.get("scope")), courses, groups)


def profile_of(claims: Claims) -> LearnerProfile:
    """Return what the standard claims say about the learner (OpenID Connect Core section 5.1).

    A claim that breaks a rule of learner profiles is left out, and so is an e-mail that the issuer has not verified.
    """
    names = [_claimed_text(claims, name) for name in ("given_name", "family_name")]
    locale = _claimed_text(claims, "locale")
    given = {
        "name": _claimed_text(claims, "name") or " ".join(filter(None, names)) or None,
        "email": None if claims.get("email_verified") is False else _claimed_text(claims, "email"),
        "locale": locale and locale.replace("_", "-"),  # as some providers write it
        "time_zone": _claimed_text(claims, "zoneinfo"),
    }
    return LearnerProfile(**{name: value for name, value in given.items() if not any(field_problems(name, value))})


def _claimed_text(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    if not isinstance(value, str) or not _is_unicode(value):
        return None
    return value.strip() or None


def expiry_of(claims: Claims, now: float, leeway: float = 0) -> float:
    """Return the time from which the token is no longer accepted: `exp` plus `leeway`.

    It and `now` are seconds since 1970. `leeway` is how many seconds the issuer's clock may differ (RFC 7519 sections
    4.1.4 and 4.1.5). Raises `NotAuthenticatedError` where that time is past, or where `nbf` or `iat` is more than
    `leeway` ahead of `now`.
    """
    ends_at = min(_seconds(claims, "exp"), _NEVER) + leeway
    if now >= ends_at:
        raise NotAuthenticatedError("The token has expired.")
    if "nbf" in claims and now + leeway < _seconds(claims, "nbf"):
        raise NotAuthenticatedError("The token is not valid yet.")
    if "iat" in claims and now + leeway < _seconds(claims, "iat"):
        raise NotAuthenticatedError("The token was issued in the future, by this service's clock.")
    return ends_at


def _scopes(claim: object) -> frozenset[str]:
    """Read scopes from a string, separated by spaces (RFC 8693 section 4.2), or from a list, as some providers send."""
    if isinstance(claim, str):
        return frozenset(claim.split(" ")) - {""}
    if isinstance(claim, list) and all(isinstance(scope, str) for scope in claim):
        return frozenset(claim)
    return frozenset()


def _ids(claim: object) -> Iterator[str]:
    """Read ids from a string, separated by spaces, or from a list.

    Ids that can not be read are left out. A claim without a readable id limits the principal to nothing at all.
    """
    names = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    for name in names:
        with suppress(ValueError):
            if isinstance(name, str):
                yield str(UUID(name))


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or not _is_unicode(value):
        raise NotAuthenticatedError(f"The token's {name!r} is not a text.")
    return value


def _is_unicode(text: str) -> bool:
    """Whether the text can be encoded in UTF-8, which UUIDv5 needs. JSON can escape half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _seconds(claims: Claims, name: str) -> float:
    """Read a NumericDate (RFC 7519 section 2).

    NaN and Infinity are refused: Python's JSON parser reads them, and such a token would never expire.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise NotAuthenticatedError(f"The token's {name!r} is not a number of seconds.")
    return value


def issue_token(  # noqa: PLR0913 - the claims of a token
    secret: str,
    *,
    subject: str,
    scopes: Sequence[str] = (),
    courses: Collection[CourseId] | None = None,
    groups: Collection[GroupId] | None = None,
    lifetime: timedelta,
    issuer: str | None = None,
    audience: str | None = None,
    now: datetime,
) -> str:
    """Return a token signed with HS256. It is valid from `now` for `lifetime`, both in whole seconds.

    `courses` and `groups` limit `statistics:read` and `events:read`; `None`: no limit. `now` has a time zone.

    Raises `ConfigurationError` as `signing_key` does, and `InvalidValueError` for an empty subject.
    """
    if not subject:
        raise InvalidValueError([Problem(("subject",), "A token needs a subject.", "string_too_short")])
    issued_at = int(now.timestamp())
    named = {
        "iss": issuer,
        "aud": audience,
        "scope": " ".join(scopes) or None,
        "courses": None if courses is None else sorted(courses),
        "groups": None if groups is None else sorted(groups),
    }
    claims = {
        "sub": subject,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        **{name: value for name, value in named.items() if value is not None},
    }
    return jwt.encode(claims, signing_key(secret), algorithm="HS256")
