"""Sign-in codes: a back end requests them and a browser uses them. No browser runs here."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest

from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, SECRET, Running, authorization, token

CODES = "/sign-in-codes"
PAGES = "/dashboard"


def signed_in(visitor: httpx.Client, address: str) -> httpx.Response:
    return visitor.get(address.removeprefix(str(visitor.base_url).rstrip("/")))


@pytest.fixture
def code_url(learner: httpx.Client) -> str:
    """Return the address that signs a learner in."""
    made = learner.post(CODES)
    assert made.status_code == 201
    url: str = made.json()["url"]
    return url


def test_a_code_is_made_for_a_token(running: Running, learner: httpx.Client) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    made = learner.post(CODES)
    after = datetime.now(UTC)
    body = made.json()
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[\w-]{43}", body["code"])
    assert body["url"] == f"{running.base_url}{PAGES}/sign-in?code={body['code']}"
    ends_at = datetime.fromisoformat(body["expires_at"])
    assert before + timedelta(minutes=1) <= ends_at <= after + timedelta(minutes=1)
    assert learner.post(CODES).json()["code"] != body["code"]


def test_a_code_signs_in_once_as_the_tokens_learner(visitor: httpx.Client, code_url: str) -> None:
    let_in = signed_in(visitor, code_url)
    assert let_in.status_code == 303
    assert let_in.headers["location"] == PAGES
    assert let_in.headers["referrer-policy"] == "no-referrer"
    assert let_in.headers["cache-control"] == "no-store"
    [cookie] = let_in.headers.get_list("set-cookie")
    assert re.fullmatch(r"headway_session=[\w.-]+; Max-Age=\d+; Path=/; HttpOnly; SameSite=Lax", cookie)
    again = signed_in(visitor, code_url)
    assert again.status_code == 303
    assert "set-cookie" not in again.headers
    assert "code=" not in again.headers["location"].replace("notice=code", "")
    visitor.cookies.clear()
    refused = visitor.get(again.headers["location"])
    assert refused.status_code == 403
    assert "This link has been used" in refused.text


def test_one_of_many_concurrent_uses_of_a_code_succeeds(
    running: Running, connections: httpx.HTTPTransport, code_url: str
) -> None:
    def bring(_: int) -> bool:
        visitor = httpx.Client(base_url=running.base_url, transport=connections, timeout=PATIENCE)
        return "set-cookie" in signed_in(visitor, code_url).headers

    with ThreadPoolExecutor(16) as visitors:
        assert sum(visitors.map(bring, range(16))) == 1


def test_the_session_has_the_tokens_learner_and_scopes(running: Running, visitor: httpx.Client) -> None:
    learner_id = str(uuid4())
    with running.client(learner_id, "learners:admin") as client:
        url = client.post(CODES).json()["url"]
    session = cookie_of(signed_in(visitor, url))
    headers = {"Cookie": f"headway_session={session}"}
    export = visitor.get(f"{PREFIX}/learners/{learner_id}/export", headers=headers)
    assert export.json()["user_id"] == learner_id
    assert visitor.get(f"{PREFIX}/learners/{uuid4()}/export", headers=headers).status_code == 200
    assert visitor.get(f"{PREFIX}/statistics", headers=headers).status_code == 403


def test_a_session_ends_with_its_token(running: Running, visitor: httpx.Client) -> None:
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    short = token(str(uuid4()), lifetime=ends_at - datetime.now(UTC))
    made = httpx.post(
        running.base_url + PREFIX + CODES, headers={"Authorization": f"Bearer {short}"}, verify=False, timeout=20
    ).json()
    let_in = signed_in(visitor, made["url"])
    claims = jwt.decode(cookie_of(let_in), options={"verify_signature": False})
    expires_at = jwt.decode(short, options={"verify_signature": False})["exp"]
    assert claims["exp"] == expires_at
    [age] = re.findall(r"Max-Age=(\d+)", let_in.headers["set-cookie"])
    assert int(age) <= 300


def test_a_code_expires_with_its_token(running: Running) -> None:
    soon_over = token(str(uuid4()), lifetime=timedelta(seconds=20))
    made = httpx.post(
        running.base_url + PREFIX + CODES, headers={"Authorization": f"Bearer {soon_over}"}, verify=False, timeout=20
    ).json()
    assert datetime.fromisoformat(made["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=20)


def test_next_leads_only_to_a_page_of_headway(visitor: httpx.Client, learner: httpx.Client) -> None:
    for wanted, led in [
        (f"{PAGES}/courses/{uuid4()}?a=b", None),
        ("https://evil.example/", PAGES),
        ("//evil.example/dashboard", PAGES),
        ("/docs", PAGES),
    ]:
        url = httpx.URL(learner.post(CODES).json()["url"]).copy_merge_params({"next": wanted})
        assert signed_in(visitor, str(url)).headers["location"] == (led or wanted)


def test_a_used_code_with_a_session_shows_a_way_to_continue(visitor: httpx.Client, code_url: str) -> None:
    session = cookie_of(signed_in(visitor, code_url))
    visitor.cookies.clear()
    wanted = f"{PAGES}/courses/{uuid4()}"
    headers = {"Cookie": f"headway_session={session}"}
    path = urlsplit(code_url)
    again = visitor.get(f"{path.path}?{path.query}&next={wanted}", headers=headers)
    refused = visitor.get(again.headers["location"], headers=headers)
    assert refused.status_code == 403
    assert f'href="{wanted}">Go on as this learner' in refused.text


@pytest.mark.parametrize("code", ["", "short", "a" * 43, "é" * 43, "a" * 5000, "'; DROP TABLE sign_in_codes; --"])
def test_an_invalid_code_signs_nobody_in(visitor: httpx.Client, code: str) -> None:
    answer = visitor.get(f"{PAGES}/sign-in", params={"code": code})
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["notice"] == ["code"]
    assert "set-cookie" not in answer.headers


def test_a_session_gets_no_code(visitor: httpx.Client, code_url: str) -> None:
    session = cookie_of(signed_in(visitor, code_url))
    visitor.cookies.clear()
    headers = {"Cookie": f"headway_session={session}"}
    assert visitor.post(PREFIX + CODES, headers=headers).status_code == 403
    assert visitor.post(PREFIX + CODES).status_code == 401


def test_a_token_with_too_many_courses_for_a_session_is_refused(visitor: httpx.Client) -> None:
    claims = {"sub": "ada", "exp": 4_000_000_000, "courses": [str(uuid4()) for _ in range(100)]}
    signed = jwt.encode(claims, SECRET, "HS256")
    refused = visitor.post(PREFIX + CODES, headers={"Authorization": f"Bearer {signed}"})
    assert refused.status_code == 422
    assert [fault["type"] for fault in refused.json()["detail"]] == ["too_many_courses"]


def test_a_token_that_expires_after_the_last_possible_date_gets_a_code(visitor: httpx.Client) -> None:
    signed = jwt.encode({"sub": "ada", "exp": 10**18}, SECRET, "HS256")
    made = visitor.post(PREFIX + CODES, headers={"Authorization": f"Bearer {signed}"})
    assert made.status_code == 201
    assert signed_in(visitor, made.json()["url"]).status_code == 303


def test_codes_of_an_erased_learner_sign_nobody_in(
    visitor: httpx.Client, admin: httpx.Client, client_of: Callable[..., httpx.Client]
) -> None:
    learner_id = str(uuid4())
    url = client_of(learner_id).post(CODES).json()["url"]
    admin.delete(f"/learners/{learner_id}").raise_for_status()
    assert "set-cookie" not in signed_in(visitor, url).headers


@pytest.mark.slow
def test_addresses_and_cookies_behind_a_proxy_use_https(folder: Path) -> None:
    configured = {"public_url": "https://learn.example/", "frame_ancestors": "https://campus.example"}
    with forked_headway_serve(folder, **configured) as running:
        made = httpx.post(
            running.base_url + PREFIX + CODES, headers=authorization("ada"), verify=False, timeout=20
        ).json()
        assert made["url"].startswith("https://learn.example/dashboard/sign-in?code=")
        path = made["url"].removeprefix("https://learn.example")
        cookie = httpx.get(running.base_url + path, verify=False, timeout=20).headers["set-cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; Secure; SameSite=None; Partitioned")


@pytest.mark.slow
def test_the_cookie_on_https_without_frames_is_same_site(folder: Path) -> None:
    with forked_headway_serve(folder, public_url="https://learn.example") as running:
        made = httpx.post(
            running.base_url + PREFIX + CODES, headers=authorization("ada"), verify=False, timeout=20
        ).json()
        path = made["url"].removeprefix("https://learn.example")
        cookie = httpx.get(running.base_url + path, verify=False, timeout=20).headers["set-cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; Secure; SameSite=Lax")


@pytest.mark.slow
def test_codes_and_cookies_are_refused_without_pages(folder: Path) -> None:
    with forked_headway_serve(folder, dashboard_path="") as running:
        refused = httpx.post(running.base_url + PREFIX + CODES, headers=authorization("ada"), verify=False, timeout=20)
        assert refused.status_code == 404
        assert "no pages" in refused.json()["detail"]
        assert httpx.get(running.base_url + PAGES, verify=False, timeout=20).status_code == 404


@pytest.mark.slow
def test_no_code_reaches_the_log(folder: Path) -> None:
    with forked_headway_serve(folder, log_requests="all", log_level="debug") as running:
        made = httpx.post(
            running.base_url + PREFIX + CODES, headers=authorization("ada"), verify=False, timeout=20
        ).json()
        for _ in range(2):
            httpx.get(made["url"], verify=False, timeout=20)
        running.stop()
    log = "".join(running.log)
    assert "/dashboard/sign-in" in log
    assert made["code"] not in log


def cookie_of(answer: httpx.Response) -> str:
    [session] = re.findall(r"headway_session=([\w.-]+)", answer.headers["set-cookie"])
    return str(session)
