from datetime import UTC, datetime, timedelta

import jwt
import pytest

from headway.auth import Authenticator, SharedSecret, issue_token
from headway.domain.errors import ConfigurationError, InvalidValueError, NotAuthenticatedError
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.principal import Principal

SECRET = "a-shared-secret-of-more-than-thirty-two-bytes"
LEARNER = "0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e"
NOW = datetime(2027, 1, 15, 8, 0, 0, 750_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_has_only_the_requested_claims() -> None:
    second = int(NOW.timestamp())
    plain = issue_token(SECRET, subject="ada", lifetime=HOUR, now=NOW)
    assert claims_of(plain) == {"sub": "ada", "iat": second, "exp": second + 3600}
    full = issue_token(
        SECRET,
        subject="ada",
        scopes=["a", "b"],
        lifetime=HOUR,
        issuer="https://id.example",
        audience="headway",
        courses=[],
        groups=[GroupId(LEARNER)],
        now=NOW,
    )
    added = {"scope": "a b", "iss": "https://id.example", "aud": "headway", "courses": [], "groups": [LEARNER]}
    assert claims_of(full) == {**claims_of(plain), **added}
    assert jwt.get_unverified_header(full)["alg"] == "HS256"


async def test_a_token_is_accepted_until_its_lifetime_ends() -> None:
    now = NOW.timestamp()
    door = Authenticator(SharedSecret(SECRET), issuer="i", audience="a", clock=lambda: now)
    token = issue_token(
        SECRET, subject=LEARNER, scopes=["courses:write"], lifetime=HOUR, issuer="i", audience="a", now=NOW
    )
    header = b"Bearer " + token.encode()
    assert await door.authenticate(header) == Principal(LearnerId(LEARNER), frozenset({"courses:write"}))
    now += 3600
    with pytest.raises(NotAuthenticatedError, match="expired"):
        await door.authenticate(header)


def test_a_token_is_not_made_with_a_short_secret() -> None:
    with pytest.raises(ConfigurationError, match="openssl rand"):
        issue_token("short", subject="ada", lifetime=HOUR, now=NOW)


def test_a_token_needs_a_subject() -> None:
    with pytest.raises(InvalidValueError, match="subject"):
        issue_token(SECRET, subject="", lifetime=HOUR, now=NOW)
