"""A little OpenID Connect provider in a process of its own: discovery, authorize, token, keys; and misbehaving.

`python -m support.identity` prints its address and serves until it is ended. What it is to do wrong, and which claims
it tells, are put to `/control`; what it was asked is under `/asked`. It checks what a provider checks: the redirect
address, PKCE, the client's secret, and that a code is used once.
"""

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from support.running import PATIENCE

CLIENT_ID = "headway-of-the-tests"
CLIENT_SECRET = "a client's secret, with: signs % in it"

_LOGIN = """<!doctype html><html lang="en"><title>Provider</title><h1>Who are you?</h1>
<a href="/accept?{query}">Go on as ada</a> <a href="{denied}">Cancel</a></html>"""


@dataclass(frozen=True)
class Provider:
    """A running provider."""

    process: subprocess.Popen[str]
    issuer: str

    def control(self, **behaviour: Any) -> None:
        """Behave like this from now on: `claims` to tell, and `wrong`, a name of what to do wrong."""
        httpx.put(f"{self.issuer}/control", json=behaviour, verify=False, timeout=PATIENCE).raise_for_status()

    def asked(self) -> list[dict[str, str]]:
        """Return the queries and forms of all requests so far."""
        found: list[dict[str, str]] = httpx.get(f"{self.issuer}/asked", verify=False, timeout=PATIENCE).json()
        return found

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(20)


@contextmanager
def provider() -> Iterator[Provider]:
    """Yield a provider that runs until the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.identity"],
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as printed:
        running = Provider(process, printed.readline().strip())
        try:
            yield running
        finally:
            running.stop()


class _State:
    """What the provider knows."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.other_key = rsa.generate_private_key(65537, 2048)
        self.behaviour: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path, query = self._read()
        match path:
            case "/.well-known/openid-configuration":
                self._json(self._metadata())
            case "/authorize":
                answer = {"error": "access_denied", "error_description": "No.", "state": query["state"]}
                denied = f"{query['redirect_uri']}?{urlencode(answer)}"
                self._send(200, _LOGIN.format(query=urlencode(query), denied=denied.replace("&", "&amp;")), "text/html")
            case "/accept":
                code = token_urlsafe(16)
                self.server.state.codes[code] = query
                state = "another" if self._wrong == "state" else query["state"]
                self.send_response(302)
                self.send_header("Location", f"{query['redirect_uri']}?{urlencode({'code': code, 'state': state})}")
                self.end_headers()
            case "/jwks":
                self._json({"keys": [self._jwk()]})
            case "/asked":
                self._json(self.server.state.asked)
            case _:
                self._send(404, "no", "text/plain")

    def do_PUT(self) -> None:
        _, behaviour = self._read()
        self.server.state.behaviour = json.loads(behaviour["body"])
        self._json({})

    def do_POST(self) -> None:
        _, form = self._read()
        asked = self.server.state.codes.pop(form.get("code", ""), None)
        if asked is None or self._wrong == "token":
            self._json({"error": "invalid_grant"}, 400)
            return
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_right = (
            asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"]
            and self._client_is_known(form)
        )
        if not is_right:
            self._json({"error": "invalid_client"}, 401)
            return
        answer = {"access_token": token_urlsafe(16), "token_type": "Bearer", "expires_in": 300}
        if self._wrong != "no_token":
            answer["id_token"] = self._id_token(asked)
        self._json(answer)

    @property
    def _wrong(self) -> str | None:
        wrong: str | None = self.server.state.behaviour.get("wrong")
        return wrong

    def _client_is_known(self, form: dict[str, str]) -> bool:
        """By its secret, which is sent as RFC 6749 section 2.3.1 says; a public client names itself."""
        if self.server.state.behaviour.get("public"):
            return form.get("client_id") == CLIENT_ID
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        name, _, secret = base64.b64decode(given).decode().partition(":")
        return (name, secret) in {(CLIENT_ID, CLIENT_SECRET), (quote(CLIENT_ID), quote(CLIENT_SECRET, safe=""))} or (
            unquote(name),
            unquote(secret),
        ) == (CLIENT_ID, CLIENT_SECRET)

    def _metadata(self) -> dict[str, Any]:
        issuer = self.server.issuer
        return {
            "issuer": f"{issuer}/other" if self._wrong == "discovery" else issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _jwk(self) -> dict[str, Any]:
        public = self.server.state.key.public_key()
        jwk: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
        return jwk | {"kid": "one", "use": "sig", "alg": "RS256"}

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.server.issuer,
            "sub": "ada",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        } | self.server.state.behaviour.get("claims", {})
        wrongs: dict[str | None, dict[str, Any]] = {
            "nonce": {"nonce": "another"},
            "audience": {"aud": "another", "azp": CLIENT_ID},
            "audiences": {"aud": [CLIENT_ID, "another"], "azp": "another"},
            "issuer": {"iss": "https://another.example"},
            "expired": {"iat": now - 7200, "exp": now - 3600},
            "just_expired": {"iat": now - 330, "exp": now - 30},  # within no leeway that is set here
        }
        claims |= wrongs.get(self._wrong, {})
        if self._wrong == "no_nonce":
            del claims["nonce"]
        if self._wrong == "unsigned":
            return jwt.encode(claims, "", "none", headers={"kid": "one"})
        if self._wrong == "secret":
            return jwt.encode(claims, CLIENT_SECRET, "HS256", headers={"kid": "one"})
        key = self.server.state.other_key if self._wrong == "signature" else self.server.state.key
        return jwt.encode(claims, key, "RS256", headers={"kid": "one"})

    def _read(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        given = dict(parse_qsl(parts.query))
        given |= {"body": body} if self.command == "PUT" else dict(parse_qsl(body))
        if parts.path not in {"/asked", "/control"}:
            self.server.state.asked.append({"path": parts.path, **given})
        return parts.path, given

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value), "application/json")

    def _send(self, status: int, text: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = _State()
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"


def _main() -> None:
    server = _Server()
    print(server.issuer, flush=True)  # noqa: T201 - that is how it says where it is
    server.serve_forever()


if __name__ == "__main__":
    _main()
