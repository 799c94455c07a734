from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from support.documents import course_document
from support.program import Finished, Program, check_refusal, forked_headway_serve, headway
from support.running import PREFIX, SECRET, Running

PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def test_a_token_is_valid_for_twelve_hours_by_default(folder: Path) -> None:
    learner = str(uuid4())
    claims = verified(headway(folder, "token", "--learner", learner))
    assert claims["sub"] == learner
    assert lifetime(claims) == 12 * 3600
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60
    assert set(claims) == {"sub", "iat", "exp"}


@pytest.mark.parametrize(("expires", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000)])
def test_an_option_sets_the_lifetime(folder: Path, expires: str, seconds: int) -> None:
    assert lifetime(verified(headway(folder, "token", "--learner", "ada", "--expires", expires))) == seconds


def test_a_token_has_the_requested_scopes(folder: Path) -> None:
    asked = ("--scope", "courses:write", "--scope", "another:scope")
    assert verified(headway(folder, "token", "--learner", "ada", *asked))["scope"] == "courses:write another:scope"


def test_a_token_has_the_requested_limits(folder: Path) -> None:
    courses, groups = ([str(uuid4()), str(uuid4())] for _ in range(2))
    options = [option for one in courses for option in ("--course", one.upper())]
    options += [option for one in groups for option in ("--group", one.upper())]
    claims = verified(headway(folder, "token", "--learner", "ada", *options))
    assert (claims["courses"], claims["groups"]) == (sorted(courses), sorted(groups))
    check_refusal(headway(folder, "token", "--learner", "ada", "--group", "7b"), "GROUP is not a UUID")


def test_a_token_has_the_configured_issuer_and_audience(folder: Path) -> None:
    configured = {"jwt_issuer": "https://id.example", "jwt_audience": "headway"}
    signed = headway(folder, "token", "--learner", "ada", **configured)
    claims = verified(signed, audience="headway")
    assert claims["iss"] == "https://id.example"
    with forked_headway_serve(folder, **configured) as running:
        assert status(running, "/progress", signed.out.strip()) == 200
        assert status(running, "/progress", headway(folder, "token", "--learner", "ada").out.strip()) == 401


def test_the_service_accepts_the_scopes_of_the_token(program: Program) -> None:
    document = course_document()
    learner, author = (
        program("token", "--learner", "ada@example.org", *scope).out.strip()
        for scope in ((), ("--scope", "courses:write"))
    )
    with program.serve() as running:
        course = f"/courses/{document['id']}"
        assert status(running, course, learner, document) == 403
        assert status(running, course, author, document) == 200
        lesson = f"/progress/{document['id']}/lessons/{document['lessons'][0]['id']}"
        assert status(running, lesson, learner, {}) == 200


@pytest.mark.parametrize("expires", ["", "12", "h", "0h", "-1h", "1.5h", "1w", "1000000d", "soon"])
def test_an_invalid_lifetime_is_refused(folder: Path, expires: str) -> None:
    check_refusal(headway(folder, "token", "--learner", "ada", "--expires", expires), "--expires takes")


def test_a_superscript_digit_is_refused(folder: Path) -> None:
    check_refusal(headway(folder, "token", "--learner", "ada", "--expires", "²h"), "--expires takes")


def test_a_token_without_a_learner_is_refused(folder: Path) -> None:
    check_refusal(headway(folder, "token"), "--learner")
    check_refusal(headway(folder, "token", "--learner", ""), "subject")


@pytest.mark.parametrize("key", [{"jwt_public_key": PUBLIC_KEY}, {"jwt_jwks_url": "https://id.example/keys"}])
def test_an_installation_with_a_public_key_makes_no_token(folder: Path, key: dict[str, str]) -> None:
    check_refusal(headway(folder, "token", "--learner", "ada", jwt_secret=None, **key), "HEADWAY_JWT_SECRET")
    assert list(folder.iterdir()) == []


def test_a_secret_that_is_too_short_makes_no_token(folder: Path) -> None:
    refused = headway(folder, "token", "--learner", "ada", jwt_secret="short-but-secret")
    check_refusal(refused, "32")
    assert "short-but-secret" not in refused.err


def verified(signed: Finished, audience: str | None = None) -> dict[str, Any]:
    """Return the claims of the printed token. It is one line, and the configured secret verifies it."""
    assert signed.code == 0, signed.err
    assert signed.err == ""
    [token] = signed.out.splitlines()
    claims: dict[str, Any] = jwt.decode(token, SECRET, ["HS256"], audience=audience)
    return claims


def lifetime(claims: dict[str, Any]) -> int:
    return int(claims["exp"]) - int(claims["iat"])


def status(running: Running, path: str, token: str, body: dict[str, Any] | None = None) -> int:
    """Return the status of a request with that token: a PUT where there is a body, otherwise a GET."""
    headers = {"Authorization": f"Bearer {token}"}
    method = "GET" if body is None else "PUT"
    url = running.base_url + PREFIX + path
    return httpx.request(method, url, json=body, headers=headers, timeout=20, verify=False).status_code
