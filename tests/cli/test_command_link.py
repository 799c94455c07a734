import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from headway.auth import learner_id
from support.program import Finished, Program, check_refusal, headway

PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def test_a_link_signs_in_once(program: Program) -> None:
    course_id = str(uuid4())
    options = ("--scope", "statistics:read", "--scope", "courses:write", "--course", course_id)
    with program.serve() as running:
        link = printed(program("link", "--learner", "ada@example.org", *options))
        path = re.sub(r"^http://127\.0\.0\.1:8000", "", link)
        let_in = httpx.get(running.base_url + path, verify=False, timeout=20)
        assert let_in.headers["location"] == "/dashboard"
        claims = claims_of(let_in)
        assert claims["sub"] == learner_id("ada@example.org", None)
        assert claims["scope"] == ["courses:write", "statistics:read"]
        assert claims["courses"] == [course_id]
        assert 11 * 3600 < claims["exp"] - datetime.now(UTC).timestamp() <= 12 * 3600
        again = httpx.get(running.base_url + path, verify=False, timeout=20)
        assert "set-cookie" not in again.headers


def test_a_link_begins_with_the_address_that_browsers_use(folder: Path) -> None:
    ada = ("link", "--learner", "ada")
    assert headway(folder, "migrate").code == 0
    assert printed(headway(folder, *ada)).startswith("http://127.0.0.1:8000/dashboard/sign-in?code=")
    assert printed(headway(folder, *ada, host="0.0.0.0", port=81)).startswith("http://127.0.0.1:81/dashboard/")
    assert printed(headway(folder, *ada, host="::1")).startswith("http://[::1]:8000/dashboard/")
    positioned = headway(folder, *ada, public_url="https://learn.example", dashboard_path="/look")
    assert printed(positioned).startswith("https://learn.example/look/sign-in?code=")
    check_refusal(headway(folder, *ada, port=0), "HEADWAY_PORT")


def test_a_link_makes_no_database(folder: Path) -> None:
    check_refusal(headway(folder, "link", "--learner", "ada"), "no database at")
    assert not list(folder.glob("*.db"))


def test_a_link_expires_at_the_printed_time(program: Program) -> None:
    with program.serve() as running:
        link = printed(program("link", "--learner", "ada", "--expires", "1s"))
        address = running.base_url + link.removeprefix("http://127.0.0.1:8000")
        ends_at = datetime.now(UTC).timestamp() + 1
        while datetime.now(UTC).timestamp() < ends_at:
            httpx.get(f"{running.base_url}/healthz", verify=False, timeout=20)
        assert "set-cookie" not in httpx.get(address, verify=False, timeout=20).headers


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--learner"),
        (("--learner", ""), "--learner"),
        (("--learner", "ada", "--course", "bread"), "COURSE"),
        (("--learner", "ada", "--expires", "soon"), "--expires takes"),
        (("--learner", "ada", *(part for _ in range(99) for part in ("--course", str(uuid4())))), "50 courses"),
    ],
)
def test_wrong_options_of_a_link_are_refused(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    assert headway(folder, "migrate").code == 0
    check_refusal(headway(folder, "link", *arguments), said)


def test_a_link_is_refused_without_pages(folder: Path) -> None:
    ada = ("link", "--learner", "ada")
    assert headway(folder, "migrate").code == 0
    check_refusal(headway(folder, *ada, dashboard_path=""), "no pages")
    check_refusal(headway(folder, *ada, jwt_secret=None, jwt_public_key=PUBLIC_KEY), "HEADWAY_SESSION_SECRET")
    refused = headway(folder, *ada, session_secret="short-but-secret")
    check_refusal(refused, "HEADWAY_SESSION_SECRET")
    assert "short-but-secret" not in refused.err
    sealed = headway(folder, *ada, jwt_secret=None, jwt_public_key=PUBLIC_KEY, session_secret="a" * 32)
    assert printed(sealed).startswith("http://127.0.0.1:8000/dashboard/sign-in?code=")


def printed(finished: Finished) -> str:
    assert finished.code == 0, finished.err
    [line] = finished.out.splitlines()
    return line


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    [session] = re.findall(r"headway_session=([\w.-]+)", answer.headers["set-cookie"])
    claims: dict[str, Any] = jwt.decode(session, options={"verify_signature": False})
    return claims
