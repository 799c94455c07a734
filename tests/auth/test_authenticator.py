import asyncio
import base64
import gc
import json
import math
import tracemalloc
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from headway.auth import Authenticator, PinnedKey, SharedSecret, authenticator
from headway.domain.errors import NotAuthenticatedError
from headway.domain.identifiers import LearnerId
from headway.domain.people import LearnerProfile
from headway.domain.principal import Principal

SECRET = "a-shared-secret-of-more-than-thirty-two-bytes"
LEARNER = "0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e"
NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class CountingKeys:
    """A shared secret that counts how many tokens were verified with it."""

    def __init__(self) -> None:
        self._keys = SharedSecret(SECRET)
        self.asked = 0

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:
        self.asked += 1
        return await self._keys.key_for(header)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys() -> CountingKeys:
    return CountingKeys()


@pytest.fixture
def door(keys: CountingKeys, clock: Clock) -> Authenticator:
    return Authenticator(keys, clock=clock)


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a good token with these changes; `...` as a value removes a claim."""
    merged = {"sub": LEARNER, "exp": NOW + 60, **changed}
    return {name: value for name, value in merged.items() if value is not ...}


def base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def bearer(secret: str = SECRET, /, **changed: Any) -> bytes:
    # Signed as bytes: PyJWT's own encode refuses some of the claims that are to be refused here.
    signed = jwt.PyJWS().encode(json.dumps(claims(**changed)).encode(), secret, algorithm="HS256")
    return b"Bearer " + signed.encode()


async def refusal(door: Authenticator, authorization: bytes | None) -> NotAuthenticatedError:
    with pytest.raises(NotAuthenticatedError) as caught:
        await door.authenticate(authorization)
    assert door.known(authorization) is None
    return caught.value


async def test_a_token_gives_its_learner_and_scopes(door: Authenticator) -> None:
    principal = await door.authenticate(bearer(scope="courses:write other"))
    assert principal == Principal(LearnerId(LEARNER), frozenset({"courses:write", "other"}))


@pytest.mark.parametrize("scheme", [b"bearer ", b"BEARER ", b"bEaReR   "])
async def test_the_scheme_may_be_in_any_letter_case(door: Authenticator, scheme: bytes) -> None:
    token = bearer().removeprefix(b"Bearer ")
    assert (await door.authenticate(scheme + token)).learner_id == LEARNER


@pytest.mark.parametrize("authorization", [None, b"", b"Bearer", b"Bearer  ", b"Basic dXNlcjpwYXNz", b"Bearerx y"])
async def test_a_missing_token_and_a_wrong_one_get_different_answers(
    door: Authenticator, authorization: bytes | None
) -> None:
    error = await refusal(door, authorization)
    assert str(error) == "Send a bearer token: 'Authorization: Bearer <token>'."
    assert not error.token_sent


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (b"Bearer " + b"a" * 16 * 1024, "16384 bytes"),
        ("Bearer schlüssel".encode(), "more than ASCII"),
        (b"Bearer \xff\xfe", "more than ASCII"),
    ],
)
async def test_a_malformed_header_is_refused_without_a_key_lookup(
    door: Authenticator, keys: CountingKeys, authorization: bytes, reason: str
) -> None:
    error = await refusal(door, authorization)
    assert reason in str(error)
    assert error.token_sent
    assert keys.asked == 0


async def test_the_longest_allowed_header_is_accepted(door: Authenticator) -> None:
    room = 16 * 1024 - len(bearer(padding=""))
    header = bearer(padding="x" * (room * 3 // 4))
    assert 16 * 1024 - 2 <= len(header) <= 16 * 1024
    assert (await door.authenticate(header)).learner_id == LEARNER


HEADER, PAYLOAD, SIGNATURE = bearer().removeprefix(b"Bearer ").split(b".")
DEEP = base64url(b"[" * 5000)


@pytest.mark.parametrize(
    "token",
    [
        b"garbage",
        b"a.b",
        b"..",
        b"a.b.c.d.e",
        b"!!!." + PAYLOAD + b"." + SIGNATURE,
        HEADER + b".%%%." + SIGNATURE,
        HEADER + b"." + PAYLOAD + b".A",
        HEADER + b" " + PAYLOAD + b" " + SIGNATURE,
        base64url(b"{not json") + b"." + PAYLOAD + b"." + SIGNATURE,
        base64url(b'"text"') + b"." + PAYLOAD + b"." + SIGNATURE,
        base64url(b"\xff\xff") + b"." + PAYLOAD + b"." + SIGNATURE,
        DEEP + b"." + PAYLOAD + b"." + SIGNATURE,
        base64url(b'{"alg":"HS256","kid":7}') + b"." + PAYLOAD + b"." + SIGNATURE,
        base64url(b'{"alg":"HS256","crit":["exp"]}') + b"." + PAYLOAD + b"." + SIGNATURE,
    ],
)
async def test_malformed_tokens_are_refused(door: Authenticator, token: bytes) -> None:
    error = await refusal(door, b"Bearer " + token)
    assert str(error) == "The token is not a well-formed JSON Web Token."
    assert error.token_sent


@pytest.mark.parametrize("payload", [b"[]", b"not json", b'{"exp": 1e', b"\xff"])
async def test_a_signed_payload_without_claims_is_refused(door: Authenticator, payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, SECRET, algorithm="HS256")
    assert "well-formed" in str(await refusal(door, b"Bearer " + token.encode()))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": ...}, "The token has no 'exp'."),
        ({"exp": None}, "The token has no 'exp'."),
        ({"exp": "1900000000"}, "The token's 'exp' is not a number of seconds."),
        ({"exp": True}, "The token's 'exp' is not a number of seconds."),
        ({"exp": math.nan}, "The token's 'exp' is not a number of seconds."),
        ({"exp": math.inf}, "The token's 'exp' is not a number of seconds."),
        ({"exp": NOW}, "The token has expired."),
        ({"exp": NOW - 1}, "The token has expired."),
        ({"nbf": NOW + 1}, "The token is not valid yet."),
        ({"iat": NOW + 1}, "The token was issued in the future, by this service's clock."),
        ({"iat": "soon"}, "The token's 'iat' is not a number of seconds."),
        ({"nbf": None}, "The token's 'nbf' is not a number of seconds."),
        ({"nbf": "yesterday"}, "The token's 'nbf' is not a number of seconds."),
        ({"sub": ...}, "The token has no 'sub'."),
        ({"sub": None}, "The token has no 'sub'."),
        ({"sub": ""}, "The token names no learner: its 'sub' is empty."),
        ({"sub": "half a pair: \ud800"}, "The token's 'sub' is not a text."),
        ({"iss": 7}, "The token's 'iss' is not a text."),
    ],
)
async def test_a_token_with_a_claim_that_does_not_hold_is_refused(
    door: Authenticator, changed: Mapping[str, object], reason: str
) -> None:
    assert str(await refusal(door, bearer(**changed))) == reason


async def test_a_subject_that_is_no_text_is_refused(door: Authenticator) -> None:
    assert (await refusal(door, bearer(sub=7))).token_sent


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW + 0.5},
        {"exp": 10**400},
        {"nbf": NOW},
        {"iat": NOW},
        {"aud": "someone else"},
        {"iss": "https://anyone.example"},
    ],
)
async def test_other_claims_are_ignored(door: Authenticator, changed: Mapping[str, object]) -> None:
    assert (await door.authenticate(bearer(**changed))).learner_id == LEARNER


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://other.example"}, "The token is from another issuer."),
        ({"iss": ...}, "The token has no 'iss'."),
        ({"aud": "other"}, "The token is for another audience."),
        ({"aud": ["other", "another"]}, "The token is for another audience."),
        ({"aud": ...}, "The token has no 'aud'."),
    ],
)
async def test_issuer_and_audience_are_checked_if_configured(
    keys: CountingKeys, clock: Clock, changed: Mapping[str, object], reason: str
) -> None:
    door = Authenticator(keys, issuer="https://id.example", audience="headway", clock=clock)
    good: dict[str, Any] = {"iss": "https://id.example", "aud": ["other", "headway"]}
    assert (await door.authenticate(bearer(**good))).learner_id == LEARNER
    assert str(await refusal(door, bearer(**{**good, **changed}))) == reason


async def test_a_wrong_signature_is_refused_and_the_token_is_not_repeated(door: Authenticator) -> None:
    header = bearer(SECRET + "!")
    error = await refusal(door, header)
    assert str(error) == "The token's signature does not verify."


async def test_a_payload_changed_after_signing_is_refused(door: Authenticator) -> None:
    other = bearer(scope="courses:write").split(b".")[1]
    assert "signature" in str(await refusal(door, b"Bearer " + b".".join([HEADER, other, SIGNATURE])))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS384", "RS256", "", None, ["HS256"]])
async def test_another_algorithm_is_refused(door: Authenticator, algorithm: object) -> None:
    header = base64url(json.dumps({"alg": algorithm}).encode())
    for signature in (b"", SIGNATURE):
        error = await refusal(door, b"Bearer " + b".".join([header, PAYLOAD, signature]))
        assert "another algorithm" in str(error)


async def test_a_verified_token_is_not_verified_again(door: Authenticator, keys: CountingKeys) -> None:
    header = bearer()
    assert door.known(header) is None
    principal = await door.authenticate(header)
    assert door.known(header) is principal
    assert await door.authenticate(header) is principal
    assert keys.asked == 1


async def test_a_verified_token_is_refused_once_it_expires(door: Authenticator, clock: Clock) -> None:
    header = bearer(exp=NOW + 60)
    await door.authenticate(header)
    clock.now = NOW + 59.9
    assert door.known(header) is not None
    clock.now = NOW + 60
    assert str(await refusal(door, header)) == "The token has expired."


async def test_a_refused_token_is_verified_each_time(door: Authenticator, keys: CountingKeys, clock: Clock) -> None:
    header = bearer(nbf=NOW + 10)
    await refusal(door, header)
    clock.now += 10
    assert (await door.authenticate(header)).learner_id == LEARNER
    assert keys.asked == 2


LEEWAY = 10


@pytest.mark.parametrize(
    ("claims", "is_taken"),
    [
        *(({"exp": NOW - LEEWAY + 0.5}, True), ({"exp": NOW - LEEWAY}, False), ({"exp": NOW - LEEWAY - 1}, False)),
        *(({"nbf": NOW + LEEWAY}, True), ({"nbf": NOW + LEEWAY + 0.5}, False), ({"nbf": 10**400}, False)),
        *(({"iat": NOW + LEEWAY}, True), ({"iat": NOW + LEEWAY + 0.5}, False), ({"exp": 10**400}, True)),
        ({"iat": NOW + 2, "nbf": NOW + 2, "exp": NOW + 60}, True),
    ],
)
async def test_the_issuers_clock_may_differ_by_the_leeway(
    keys: CountingKeys, clock: Clock, claims: dict[str, Any], is_taken: bool
) -> None:
    door = Authenticator(keys, leeway=LEEWAY, clock=clock)
    if is_taken:
        assert (await door.authenticate(bearer(**claims))).learner_id == LEARNER
    else:
        await refusal(door, bearer(**claims))


async def test_a_cached_token_ends_with_the_leeway(keys: CountingKeys, clock: Clock) -> None:
    door = Authenticator(keys, leeway=LEEWAY, clock=clock)
    header = bearer(exp=NOW + 60)
    assert (await door.authenticate(header)).expires_at == NOW + 60 + LEEWAY
    clock.now += 60 + LEEWAY - 0.5
    assert door.known(header) is not None
    clock.now += 0.5
    assert door.known(header) is None
    assert str(await refusal(door, header)) == "The token has expired."


@pytest.mark.parametrize(
    ("claims", "tokens"),
    [({"padding": "x" * 11_000}, 150), ({"scope": " ".join(f"a{number}" for number in range(500))}, 30), ({}, 1_200)],
    ids=["long tokens", "many scopes", "usual ones"],
)
async def test_the_cache_of_tokens_is_bounded_by_its_memory(
    door: Authenticator, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any], tokens: int
) -> None:
    bound = 1_000_000
    monkeypatch.setattr(authenticator, "REMEMBERED_BYTES", bound)
    headers = (bearer(**claims, jti=str(number)) for number in range(tokens))
    tracemalloc.start()
    for header in headers:
        await door.authenticate(header)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bound / 4 < taken < bound * 1.2
    assert door.known(header) is not None


async def test_a_token_that_is_verified_twice_is_cached_once(
    keys: CountingKeys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "REMEMBERED_BYTES", 3_000)
    door = Authenticator(keys, clock=clock)
    other, header = bearer(jti="other"), bearer(jti="one")
    await door.authenticate(other)
    for _ in range(10):
        await asyncio.gather(door.authenticate(header), door.authenticate(header))
    assert door.known(other) is not None


async def test_the_oldest_token_leaves_a_full_cache(door: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticator, "REMEMBERED_BYTES", 3 * (len(bearer(jti="0")) + 768))
    headers = [bearer(jti=str(number)) for number in range(5)]
    for header in headers:
        await door.authenticate(header)
    assert [door.known(header) is not None for header in headers] == [False, False, True, True, True]


def test_no_token_is_cached_before_it_is_verified(door: Authenticator) -> None:
    assert door.known(None) is None
    assert door.known(bearer()) is None


async def test_what_a_token_says_of_its_learner_is_told_once(keys: CountingKeys, clock: Clock) -> None:
    reported: list[tuple[LearnerId, LearnerProfile]] = []
    door = Authenticator(keys, clock=clock, on_verified=lambda learner, profile: reported.append((learner, profile)))
    token = bearer(name="Ada Lovelace", email="ada")
    for _ in range(3):
        await door.authenticate(token)
    await refusal(door, bearer("another secret of more than thirty-two bytes", name="Mallory"))
    assert reported == [(LearnerId(LEARNER), LearnerProfile(name="Ada Lovelace"))]
