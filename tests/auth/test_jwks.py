import asyncio
import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from headway.auth import Authenticator, JwksUrl, jwks
from headway.domain.errors import ConfigurationError, NotAuthenticatedError, UnavailableError

LEARNER = "0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e"
NOW = 1_800_000_000

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Jwk = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class IdentityProvider:
    """A real server on this machine that publishes keys, counts who asks, and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.hits = 0
        self.status = 200
        self.body = b""
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def publish(self, *keys: Jwk) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    def hold(self) -> None:
        """Let whoever asks wait for `may_answer`."""
        self.asked.clear()
        self.may_answer.clear()

    async def was_asked(self) -> None:
        assert await asyncio.to_thread(self.asked.wait, 10)

    def stop(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with provider._lock:
                    provider.hits += 1
                status, body = provider.status, provider.body
                provider.asked.set()
                provider.may_answer.wait(10)
                with suppress(ConnectionError):  # who gave up waiting is gone
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    provider = IdentityProvider()
    yield provider
    provider.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(provider: IdentityProvider, clock: Clock) -> Authenticator:
    return Authenticator(JwksUrl(provider.url, clock=clock), clock=clock)


def published(key: SigningKey, key_id: str | None = "here", **changed: object) -> Jwk:
    match key:
        case rsa.RSAPrivateKey():
            jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case ec.EllipticCurvePrivateKey():
            jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            jwk = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    named = {} if key_id is None else {"kid": key_id}
    return {**jwk, **named, **changed}


def bearer(key: SigningKey | str, algorithm: str, key_id: str | None = "here", subject: str = LEARNER) -> bytes:
    header = None if key_id is None else {"kid": key_id}
    claims = {"sub": subject, "exp": NOW + 86_400}
    return b"Bearer " + jwt.encode(claims, key, algorithm=algorithm, headers=header).encode()


def hand_made(algorithm: str, secret: bytes | None) -> bytes:
    """Return a token that PyJWT refuses to make: unsigned, or signed with a public key as the secret."""
    parts = ({"alg": algorithm, "kid": "here"}, {"sub": LEARNER, "exp": NOW + 60})
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = b"" if secret is None else hmac.new(secret, signed, hashlib.sha256).digest()
    return b"Bearer " + signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


async def is_accepted(door: Authenticator, authorization: bytes | None) -> bool:
    try:
        await door.authenticate(authorization)
    except NotAuthenticatedError:
        return False
    return True


async def test_keys_of_each_kind_verify_by_their_id(
    provider: IdentityProvider,
    door: Authenticator,
    rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
    ed_key: ed25519.Ed25519PrivateKey,
) -> None:
    provider.publish(
        published(rsa_key, "r", use="sig", alg="RS256"), published(ec_key, "e", use=None), published(ed_key, "d")
    )
    for token in (bearer(rsa_key, "RS256", "r"), bearer(ec_key, "ES256", "e"), bearer(ed_key, "EdDSA", "d")):
        assert (await door.authenticate(token)).learner_id == LEARNER
    assert provider.hits == 1


async def test_nothing_is_fetched_before_the_first_token(
    provider: IdentityProvider, door: Authenticator, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(ec_key))
    for hopeless in (None, b"Bearer garbage", hand_made("none", None), hand_made("HS256", b"secret")):
        assert not await is_accepted(door, hopeless)
    assert provider.hits == 0
    assert await is_accepted(door, bearer(ec_key, "ES256"))
    assert provider.hits == 1


async def test_the_key_and_not_the_token_decides_the_algorithm(
    provider: IdentityProvider, door: Authenticator, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(rsa_key))
    pem = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert await is_accepted(door, bearer(rsa_key, "RS256"))
    for token in (
        bearer(rsa_key, "RS384"),
        bearer(rsa_key, "PS256"),
        bearer(ec_key, "ES256"),
        hand_made("HS256", pem),
        hand_made("none", None),
    ):
        assert not await is_accepted(door, token)


@pytest.mark.parametrize(
    "changed",
    [{"use": "enc"}, {"alg": "PS256"}, {"alg": "RSA-OAEP"}, {"kty": "EC"}, {"n": 5}, {"n": "!"}, {"kty": "quantum"}],
)
async def test_keys_for_other_uses_are_ignored(
    provider: IdentityProvider, door: Authenticator, rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey, changed: Mapping[str, object],
) -> None:  # fmt: skip
    provider.publish(published(rsa_key, "other", **changed), published(ec_key))
    assert not await is_accepted(door, bearer(rsa_key, "RS256", "other"))
    assert await is_accepted(door, bearer(ec_key, "ES256"))


async def test_secret_and_private_and_short_keys_are_ignored(
    provider: IdentityProvider, door: Authenticator, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    secret = "a-shared-secret-of-more-than-thirty-two-bytes"
    short = rsa.generate_private_key(65537, 1024)
    octets = {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()}
    private = {**RSAAlgorithm.to_jwk(rsa_key, as_dict=True), "kid": "private"}
    provider.publish(octets, private, published(short, "short"), published(ec_key))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = bearer(short, "RS256", "short")
    for token in (bearer(secret, "HS256", "oct"), bearer(rsa_key, "RS256", "private"), weak):
        assert not await is_accepted(door, token)
    assert await is_accepted(door, bearer(ec_key, "ES256"))


async def test_a_token_without_key_id_needs_the_only_fitting_key(
    provider: IdentityProvider, door: Authenticator, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    provider.publish(published(rsa_key, None), published(ec_key, "one"), published(other, "two"))
    assert await is_accepted(door, bearer(rsa_key, "RS256", None))
    assert not await is_accepted(door, bearer(ec_key, "ES256", None))
    assert await is_accepted(door, bearer(ec_key, "ES256", "one"))
    assert not await is_accepted(door, bearer(ec_key, "ES256", "two"))
    assert not await is_accepted(door, bearer(rsa_key, "RS256", "one"))


async def test_keys_of_two_kinds_may_share_an_id(
    provider: IdentityProvider, door: Authenticator, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(rsa_key, "same"), published(ec_key, "same"))
    assert await is_accepted(door, bearer(rsa_key, "RS256", "same"))
    assert await is_accepted(door, bearer(ec_key, "ES256", "same"))


async def test_a_new_key_is_fetched_when_a_token_names_it(
    provider: IdentityProvider,
    door: Authenticator,
    ec_key: ec.EllipticCurvePrivateKey,
    ed_key: ed25519.Ed25519PrivateKey,
) -> None:
    provider.publish(published(ec_key, "old"))
    assert await is_accepted(door, bearer(ec_key, "ES256", "old"))
    provider.publish(published(ed_key, "new"))
    assert await is_accepted(door, bearer(ed_key, "EdDSA", "new"))
    assert provider.hits == 2
    assert not await is_accepted(door, bearer(ec_key, "ES256", "old", "grace"))


async def test_unknown_key_ids_fetch_at_most_once_in_ten_seconds(
    provider: IdentityProvider, door: Authenticator, clock: Clock, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(ec_key))
    hits = []
    for seconds in (0, 0, 0, 9.5, 0.5, 9.5, 0.5):
        clock.now += seconds
        assert not await is_accepted(door, bearer(ec_key, "ES256", f"random at {clock.now}"))
        hits.append(provider.hits)
    # The first one fetched the first keys, which were as new as could be.
    assert hits == [1, 2, 2, 2, 3, 3, 4]


async def test_tokens_that_come_together_share_one_fetch(
    provider: IdentityProvider, door: Authenticator, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(ec_key, "old"))
    provider.hold()
    together = asyncio.gather(*(door.authenticate(bearer(ec_key, "ES256", "old", str(i))) for i in range(10)))
    # That this line is reached shows that the loop is not blocked: the answer is only let go after it.
    await provider.was_asked()
    provider.may_answer.set()
    assert len(set(await together)) == 10
    assert provider.hits == 1

    provider.publish(published(ec_key, "new"))
    provider.hold()
    together = asyncio.gather(*(door.authenticate(bearer(ec_key, "ES256", "new", str(i))) for i in range(10)))
    await provider.was_asked()
    provider.may_answer.set()
    assert len(set(await together)) == 10
    assert provider.hits == 2


async def test_cancelling_one_request_does_not_end_the_fetch_of_others(
    provider: IdentityProvider, door: Authenticator, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.publish(published(ec_key))
    provider.hold()
    impatient, patient = (asyncio.create_task(door.authenticate(bearer(ec_key, "ES256", subject=s))) for s in "ab")
    await provider.was_asked()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    provider.may_answer.set()
    await patient
    assert provider.hits == 1


async def test_old_keys_are_used_while_new_ones_are_fetched(
    provider: IdentityProvider, door: Authenticator, clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey, ed_key: ed25519.Ed25519PrivateKey,
) -> None:  # fmt: skip
    provider.publish(published(ec_key, "old"))
    assert await is_accepted(door, bearer(ec_key, "ES256", "old"))
    clock.now += 299
    assert await is_accepted(door, bearer(ec_key, "ES256", "old", "ada"))
    assert asyncio.all_tasks() == {asyncio.current_task()}  # not yet: nothing goes on behind
    provider.publish(published(ed_key, "new"))
    provider.hold()
    clock.now += 1
    assert await is_accepted(door, bearer(ec_key, "ES256", "old", "grace"))  # with nothing answered yet
    await provider.was_asked()
    assert provider.hits == 2
    provider.may_answer.set()
    assert await is_accepted(door, bearer(ed_key, "EdDSA", "new"))
    assert provider.hits == 2


def _answers(status: int, body: bytes) -> Callable[[IdentityProvider], None]:
    def spoil(provider: IdentityProvider) -> None:
        provider.status, provider.body = status, body

    return spoil


@pytest.fixture(
    params=[
        IdentityProvider.stop,
        _answers(500, b""),
        _answers(200, b"<html>maintenance</html>"),
        _answers(200, b"[]"),
        _answers(200, b"{}"),
        _answers(200, b'{"keys": 7}'),
        _answers(200, b'{"keys": []}'),
        _answers(200, b'{"keys": ["text"]}'),
        _answers(200, b'{"keys": [{"kty": []}]}'),
        _answers(200, b"\xff"),
        _answers(200, b"[" * 100_000),
    ],
    ids=["down", "500", "HTML", "list", "no keys", "number", "empty", "text", "kty", "no UTF-8", "deep"],
)
def spoil(request: pytest.FixtureRequest) -> Callable[[IdentityProvider], None]:
    """Makes the URL give no keys, in one of many ways."""
    spoil: Callable[[IdentityProvider], None] = request.param
    return spoil


async def test_the_last_fetched_keys_are_used_while_the_url_gives_none(
    provider: IdentityProvider, door: Authenticator, clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey, spoil: Callable[[IdentityProvider], None], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    provider.publish(published(ec_key))
    assert await is_accepted(door, bearer(ec_key, "ES256"))
    spoil(provider)
    clock.now += 300
    stranger = bearer(ec_key, "ES256", "unknown")
    assert await is_accepted(door, bearer(ec_key, "ES256", subject="ada"))
    assert not await is_accepted(door, stranger)  # waits for the fetch begun behind the one before
    assert await is_accepted(door, bearer(ec_key, "ES256", subject="grace"))
    [record] = logged(caplog)
    assert (record.message, record.levelname) == ("jwks_fetch_failed", "WARNING")
    assert vars(record)["url"] == provider.url
    assert not any(part in str(vars(record)) for part in stranger.decode().removeprefix("Bearer ").split("."))


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "headway.auth"]


async def test_a_failed_fetch_is_tried_again_after_ten_seconds(
    provider: IdentityProvider, door: Authenticator, clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey, ed_key: ed25519.Ed25519PrivateKey,
) -> None:  # fmt: skip
    provider.publish(published(ec_key, "old"))
    assert await is_accepted(door, bearer(ec_key, "ES256", "old"))
    provider.status = 503
    clock.now += 300
    assert not await is_accepted(door, bearer(ed_key, "EdDSA", "new"))
    clock.now += 9.5
    assert await is_accepted(door, bearer(ec_key, "ES256", "old", "ada"))
    assert not await is_accepted(door, bearer(ed_key, "EdDSA", "new"))
    assert provider.hits == 2
    provider.status = 200
    provider.publish(published(ed_key, "new"))
    clock.now += 0.5
    assert await is_accepted(door, bearer(ed_key, "EdDSA", "new"))
    assert provider.hits == 3


async def test_verification_without_any_keys_is_unavailable(
    provider: IdentityProvider, door: Authenticator, clock: Clock,
    ec_key: ec.EllipticCurvePrivateKey, spoil: Callable[[IdentityProvider], None], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    spoil(provider)
    hits = []
    for seconds in (0, 0, 0.75, 0.25):
        clock.now += seconds
        with pytest.raises(UnavailableError, match="Try again in a moment"):
            await door.authenticate(bearer(ec_key, "ES256"))
        hits.append(len(logged(caplog)))
    # One fetch a second at most, or every request would ask a provider that is in trouble already.
    assert hits == [1, 1, 1, 2]


async def test_verification_works_again_when_the_provider_does(
    provider: IdentityProvider, door: Authenticator, clock: Clock, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    provider.status = 503
    with pytest.raises(UnavailableError):
        await door.authenticate(bearer(ec_key, "ES256"))
    provider.status = 200
    provider.publish(published(ec_key))
    clock.now += 1
    assert await is_accepted(door, bearer(ec_key, "ES256"))


@pytest.mark.parametrize(("socket_seconds", "whole_seconds"), [(0.05, 60), (60, 0.05)])
async def test_a_fetch_without_an_answer_times_out(
    provider: IdentityProvider, clock: Clock, ec_key: ec.EllipticCurvePrivateKey, monkeypatch: pytest.MonkeyPatch,
    socket_seconds: float, whole_seconds: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(jwks, "FETCH_SECONDS", socket_seconds)
    door = Authenticator(JwksUrl(provider.url, clock=clock), clock=clock)
    monkeypatch.setattr(jwks, "FETCH_SECONDS", whole_seconds)
    provider.publish(published(ec_key))
    provider.hold()
    try:
        async with asyncio.timeout(30):
            with pytest.raises(UnavailableError):
                await door.authenticate(bearer(ec_key, "ES256"))
    finally:
        provider.may_answer.set()


@pytest.mark.parametrize("url", ["", "id.example/jwks.json", "file:///etc/keys.json", "https://", "http://[::1"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http or https"):
        JwksUrl(url)
