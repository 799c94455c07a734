import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from headway.auth import Authenticator, PinnedKey, PublicKey, SharedSecret
from headway.domain.errors import ConfigurationError, NotAuthenticatedError

SECRET = "a-shared-secret-that-is-long-enough-for-HS512-too,-which-takes-64-bytes"
LEARNER = "0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e"

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PrivateKey = SigningKey | ed448.Ed448PrivateKey | dsa.DSAPrivateKey


@pytest.fixture(scope="module")
def key_pairs() -> Mapping[str, SigningKey]:
    """Return a pair of keys for each algorithm."""
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: SigningKey, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def payload() -> dict[str, object]:
    return {"sub": LEARNER, "exp": int(time.time()) + 60}


def bearer(key: SigningKey | str, algorithm: str) -> bytes:
    return b"Bearer " + jwt.encode(payload(), key, algorithm=algorithm).encode()


def hmac_signed(algorithm: str, secret: bytes) -> bytes:
    """Return a token that is signed by hand, because PyJWT refuses to use a public key as a secret."""
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm}, payload()))
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(secret, signed, hashlib.sha256).digest()
    return b"Bearer " + signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_verifies_with_the_algorithm_of_its_kind(
    key_pairs: Mapping[str, SigningKey], algorithm: str
) -> None:
    door = Authenticator(PublicKey(public_pem(key_pairs[algorithm])))
    assert (await door.authenticate(bearer(key_pairs[algorithm], algorithm))).learner_id == LEARNER


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_verifies_nothing_else(key_pairs: Mapping[str, SigningKey], algorithm: str) -> None:
    pem = public_pem(key_pairs[algorithm])
    door = Authenticator(PublicKey(pem))
    others = [bearer(key, other) for other, key in key_pairs.items() if other != algorithm]
    others += [bearer(SECRET, "HS256"), hmac_signed("HS256", pem.encode()), hmac_signed(algorithm, pem.encode())]
    for token in others:
        with pytest.raises(NotAuthenticatedError, match=r"another algorithm|signature"):
            await door.authenticate(token)


async def test_another_key_of_the_same_kind_does_not_verify(key_pairs: Mapping[str, SigningKey]) -> None:
    door = Authenticator(PublicKey(public_pem(key_pairs["ES256"])))
    stranger = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(NotAuthenticatedError, match="signature"):
        await door.authenticate(bearer(stranger, "ES256"))


async def test_an_rsa_key_verifies_no_other_rsa_algorithm(key_pairs: Mapping[str, SigningKey]) -> None:
    door = Authenticator(PublicKey(public_pem(key_pairs["RS256"])))
    for algorithm in ("RS384", "PS256"):
        with pytest.raises(NotAuthenticatedError, match="another algorithm"):
            await door.authenticate(bearer(key_pairs["RS256"], algorithm))


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
        dsa.generate_private_key(1024),
    ],
    ids=["RSA of 1024 bits", "P-384", "secp256k1", "Ed448", "DSA"],
)
def test_public_keys_of_other_kinds_are_refused(key: PrivateKey) -> None:
    with pytest.raises(ConfigurationError, match="2048 bits or more, an EC key on the curve P-256, or an Ed25519"):
        PublicKey(public_pem(key))


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "garbage",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMAowBAYCKgMDAgAA\n-----END PUBLIC KEY-----\n",
        "\ud800",
    ],
    ids=["empty", "text", "no key inside", "a kind nobody knows", "no Unicode"],
)
def test_a_text_that_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(ConfigurationError, match="BEGIN PUBLIC KEY"):
        PublicKey(pem)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH])
def test_a_private_key_is_refused_without_quoting_it(key_pairs: Mapping[str, SigningKey], form: PrivateFormat) -> None:
    pem = private_pem(key_pairs["ES256"], form)
    with pytest.raises(ConfigurationError, match=r"openssl pkey -in private\.pem -pubout") as caught:
        PublicKey(pem)
    assert not any(line in str(caught.value) for line in pem.splitlines())


async def test_a_shared_secret_verifies_hs256(key_pairs: Mapping[str, SigningKey]) -> None:
    door = Authenticator(SharedSecret(SECRET))
    assert (await door.authenticate(bearer(SECRET, "HS256"))).learner_id == LEARNER
    for token in (bearer(SECRET, "HS384"), bearer(SECRET, "HS512"), bearer(key_pairs["RS256"], "RS256")):
        with pytest.raises(NotAuthenticatedError, match="another algorithm"):
            await door.authenticate(token)


@pytest.mark.parametrize(("secret", "size"), [("", 0), ("x" * 31, 31), ("é" * 15, 30)])
def test_a_short_secret_is_refused(secret: str, size: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"has {size} bytes, .*openssl rand -base64 48"):
        SharedSecret(secret)


def test_the_shortest_secret_is_counted_in_bytes() -> None:
    SharedSecret("x" * 32)
    SharedSecret("é" * 16)


def test_a_key_of_another_kind_as_a_secret_is_refused(key_pairs: Mapping[str, SigningKey]) -> None:
    for known in (
        public_pem(key_pairs["RS256"]),
        private_pem(key_pairs["ES256"]),
        json.dumps({"kty": "oct", "k": SECRET}),
    ):
        with pytest.raises(ConfigurationError, match="Configure a public key as such"):
            SharedSecret(known)


def test_a_key_does_not_print_its_secret() -> None:
    assert repr(PinnedKey(SECRET.encode(), "HS256")) == "PinnedKey(algorithm='HS256')"
