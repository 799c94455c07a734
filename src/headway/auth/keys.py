"""The keys that verify tokens. Each key has one algorithm. The type of key decides it, never the token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from headway.domain.errors import ConfigurationError

SECRET_BYTES: Final = 32
"""The shortest secret for HS256 (RFC 7518 section 3.2)."""

_RSA_BITS: Final = 2048
"""The shortest modulus for RS256 (RFC 7518 section 3.3)."""


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A key and the only algorithm that it is used with (RFC 8725 section 3.1)."""

    key: bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey = field(repr=False)
    algorithm: str


class KeySource(Protocol):
    """Finds the key that verifies a token."""

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:
        """Return the key for a token with this JOSE header. The header is not verified yet.

        Raises `NotAuthenticatedError` where there is no such key, and `UnavailableError` where the keys are not known
        at the moment.
        """


class SharedSecret:
    """A secret that signs and verifies tokens with HS256. Raises `ConfigurationError` as `signing_key` does."""

    def __init__(self, secret: str) -> None:
        self._pinned = PinnedKey(signing_key(secret), "HS256")

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:  # noqa: ARG002 - the only key there is
        """Return the secret, for every token."""
        return self._pinned


class PublicKey:
    """One public key in PEM form: RSA (RS256), EC P-256 (ES256) or Ed25519 (EdDSA).

    Raises `ConfigurationError` for anything else, also for a private key.
    """

    def __init__(self, pem: str) -> None:
        self._pinned = _pinned_pem(pem)

    async def key_for(self, header: Mapping[str, object]) -> PinnedKey:  # noqa: ARG002 - the only key there is
        """Return the key, for every token."""
        return self._pinned


def signing_key(secret: str) -> bytes:
    """Return the bytes of a shared secret. Raises `ConfigurationError` where it is too short or another type of key."""
    key = secret.encode()
    if len(key) < SECRET_BYTES:
        raise ConfigurationError(
            f"The shared secret has {len(key)} bytes, HS256 needs {SECRET_BYTES} at least. "
            "Make one with: openssl rand -base64 48"
        )
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(key)
    except jwt.InvalidKeyError:
        raise ConfigurationError(
            "The shared secret is half of a key pair, a certificate or a JWK, which others may know. "
            "Configure a public key as such, or make a secret with: openssl rand -base64 48"
        ) from None
    return key


def pinned(key: object) -> PinnedKey | None:
    """Return the key with its algorithm, or `None` where this type of key is not supported."""
    if isinstance(key, RSAPublicKey) and key.key_size >= _RSA_BITS:
        return PinnedKey(key, "RS256")
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return PinnedKey(key, "ES256")
    if isinstance(key, Ed25519PublicKey):
        return PinnedKey(key, "EdDSA")
    return None


def _pinned_pem(pem: str) -> PinnedKey:
    if "PRIVATE KEY-----" in pem:
        raise ConfigurationError(
            "The public key is a private key, which only the issuer of the tokens may hold. "
            "Take its public half with: openssl pkey -in private.pem -pubout"
        )
    try:
        key = pinned(load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise ConfigurationError(
            "The public key can not verify tokens. Give the PEM text ('-----BEGIN PUBLIC KEY-----') of an RSA "
            f"key of {_RSA_BITS} bits or more, an EC key on the curve P-256, or an Ed25519 key."
        )
    return key
