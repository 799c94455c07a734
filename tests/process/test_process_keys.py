import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.load import Written
from support.program import forked_headway_serve
from support.running import PREFIX, Running

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
ALGORITHMS = ("RS256", "ES256", "EdDSA")


@pytest.fixture(scope="module")
def keys() -> Mapping[str, PrivateKey]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_in_a_file_verifies_only_its_own_algorithm(
    folder: Path, all_progress: list[Written], keys: Mapping[str, PrivateKey], algorithm: str
) -> None:
    pem = public_pem(keys[algorithm])
    (folder / "public.pem").write_bytes(pem)
    progress = all_progress[0]
    with forked_headway_serve(folder, jwt_secret=None, jwt_public_key="public.pem") as running:
        assert write(running, progress, signed(progress, keys[algorithm], algorithm)) == 200
        for other in set(ALGORITHMS) - {algorithm}:
            assert write(running, progress, signed(progress, keys[other], other)) == 401
        assert write(running, progress, signed_with_the_public_key(progress, pem)) == 401
        assert write(running, progress, unsigned(progress)) == 401


def test_a_service_with_a_public_key_makes_no_secret_and_listens_on_any_address(
    folder: Path, all_progress: list[Written], keys: Mapping[str, PrivateKey]
) -> None:
    pem = public_pem(keys["EdDSA"]).decode()
    with forked_headway_serve(folder, "--host", "0.0.0.0", jwt_secret=None, jwt_public_key=pem) as running:
        assert write(running, all_progress[0], signed(all_progress[0], keys["EdDSA"], "EdDSA")) == 200
    assert not (folder / "headway.db.jwt-secret").exists()


def test_a_key_set_at_a_url_verifies_by_key_id_and_follows_a_rotation(
    folder: Path, all_progress: list[Written], keys: Mapping[str, PrivateKey]
) -> None:
    progress = all_progress[0]
    key_set = [public_jwk(keys[algorithm], algorithm) for algorithm in ("RS256", "ES256")]
    with published(key_set) as url, forked_headway_serve(folder, jwt_secret=None, jwt_jwks_url=url) as running:
        assert write(running, progress, signed(progress, keys["RS256"], "RS256")) == 200
        assert write(running, progress, signed(progress, keys["ES256"], "ES256")) == 200
        assert write(running, progress, signed_with_the_public_key(progress, public_pem(keys["RS256"]))) == 401
        key_set.append(public_jwk(keys["EdDSA"], "EdDSA"))
        assert write(running, progress, signed(progress, keys["EdDSA"], "EdDSA")) == 200
        assert write(running, progress, signed(progress, keys["RS256"], "RS256", key_id="ES256")) == 401


def test_keys_that_were_fetched_verify_while_their_url_is_down(
    folder: Path, all_progress: list[Written], keys: Mapping[str, PrivateKey]
) -> None:
    progress = all_progress[0]
    key_set = [public_jwk(keys["ES256"], "ES256")]
    with published(key_set) as url, forked_headway_serve(folder, jwt_secret=None, jwt_jwks_url=url) as running:
        assert write(running, progress, signed(progress, keys["ES256"], "ES256")) == 200
        key_set.clear()
        assert write(running, progress, signed(progress, keys["EdDSA"], "EdDSA")) == 401
        assert write(running, progress, signed(progress, keys["ES256"], "ES256", lifetime=120)) == 200


def test_tokens_are_answered_503_if_keys_were_never_fetched(folder: Path, all_progress: list[Written]) -> None:
    with published([]) as url, forked_headway_serve(folder, jwt_secret=None, jwt_jwks_url=url) as running:
        key = ec.generate_private_key(ec.SECP256R1())
        assert write(running, all_progress[0], signed(all_progress[0], key, "ES256")) == 503


@contextmanager
def published(key_set: list[dict[str, Any]]) -> Iterator[str]:
    """Publish the keys at a URL. Each request gets the keys of that moment."""

    class KeySet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": key_set}).encode()
            self.send_response(200 if key_set else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing: what is asked for is seen in what the service answers."""

    with ThreadingHTTPServer(("127.0.0.1", 0), KeySet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/keys"
        finally:
            server.shutdown()
            thread.join(20)


def claims(progress: Written, lifetime: int = 60) -> dict[str, object]:
    return {"sub": progress.learner, "exp": int(time.time()) + lifetime}


def signed(progress: Written, key: PrivateKey, algorithm: str, *, key_id: str | None = None, lifetime: int = 60) -> str:
    return jwt.encode(claims(progress, lifetime), key, algorithm, headers={"kid": key_id or algorithm})


def unsigned(progress: Written) -> str:
    return (message({"alg": "none"}, claims(progress)) + b".").decode()


def signed_with_the_public_key(progress: Written, pem: bytes) -> str:
    """HS256 with what everybody knows for a secret; made by hand, since PyJWT refuses to."""
    signed_part = message({"alg": "HS256", "kid": "RS256"}, claims(progress))
    return (signed_part + b"." + unpadded(hmac.digest(pem, signed_part, hashlib.sha256))).decode()


def message(*parts: Mapping[str, object]) -> bytes:
    return b".".join(unpadded(json.dumps(part).encode()) for part in parts)


def unpadded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_jwk(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return jwk | {"kid": algorithm, "use": "sig", "alg": algorithm}


def write(running: Running, progress: Written, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    url = running.base_url + PREFIX + progress.path
    return httpx.put(url, json={}, headers=headers, timeout=20, verify=False).status_code
