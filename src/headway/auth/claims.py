"""What a verified token's claims mean (RFC 7519 section 4)."""

import math
from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from headway.domain.errors import NotAuthenticatedError
from headway.domain.identifiers import CourseId, LearnerId, is_canonical_uuid
from headway.domain.principal import Principal

Claims = Mapping[str, Any]

_NEVER: Final = 2**53
"""The latest second that is looked at: a token may name one that no floating-point number holds."""


def learner_id(subject: str, issuer: str | None) -> LearnerId:
    """The learner whom a token is about.

    A subject that is a UUID in hyphenated form, in any letter case, is the learner's id. Any other is mapped to the
    UUIDv5 (RFC 9562 section 5.5) of its name in the issuer's namespace, which is the UUIDv5 of the issuer (none: the
    empty string) in the URL namespace. So one subject stays one learner, and is another one at another issuer.
    """
    uuid = subject.lower()
    if not is_canonical_uuid(uuid):
        uuid = str(uuid5(uuid5(NAMESPACE_URL, issuer or ""), subject))
    return LearnerId(uuid)


def principal_of(claims: Claims) -> Principal:
    """The learner in `sub` with the scopes in `scope`, those that it limits to the courses in `courses`.

    Raises `NotAuthenticatedError` where `sub` is missing or empty, or `sub` or `iss` is no text.
    """
    subject = _text(claims, "sub")
    if not subject:
        raise NotAuthenticatedError("The token names no learner: its 'sub' is empty.")
    courses = _courses(claims["courses"]) if "courses" in claims else None
    return Principal(learner_id(subject, _text(claims, "iss")), _scopes(claims.get("scope")), courses)


def expiry_of(claims: Claims, now: float, leeway: float = 0) -> float:
    """When the token counts no longer, in seconds since 1970, as `now` is: `leeway` seconds after it expires.

    So much may the issuer's clock differ (RFC 7519 sections 4.1.4 and 4.1.5). Raises `NotAuthenticatedError` where it
    is over, or `nbf` or `iat` is more than that ahead: a token can not have been issued in the future.
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
    """Scopes in one string, parted by spaces (RFC 8693 section 4.2), or in a list, as some providers send them."""
    if isinstance(claim, str):
        return frozenset(claim.split(" ")) - {""}
    if isinstance(claim, list) and all(isinstance(scope, str) for scope in claim):
        return frozenset(claim)
    return frozenset()


def _courses(claim: object) -> frozenset[CourseId]:
    """UUIDs in one string, parted by spaces, or in a list. What can not be read names no course: a limit stays one."""
    names = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(course_id for name in names if (course_id := _course(name)))


def _course(name: object) -> CourseId | None:
    try:
        return CourseId(str(UUID(name))) if isinstance(name, str) else None
    except ValueError:
        return None


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or not _is_unicode(value):
        raise NotAuthenticatedError(f"The token's {name!r} is no text.")
    return value


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can escape but UTF-8, and so UUIDv5, can not hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _seconds(claims: Claims, name: str) -> float:
    """A NumericDate (RFC 7519 section 2). Python's JSON also reads NaN and Infinity, which would never expire."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise NotAuthenticatedError(f"The token's {name!r} is no number of seconds.")
    return value
