"""Sign-in with a code, sign-out, and expired sessions, in a real browser."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from headway.auth import Sessions
from headway.auth.sessions import COOKIE
from headway.domain.identifiers import LearnerId
from headway.domain.principal import Principal
from support.browser import DASHBOARD, barriers, cookie_of, fits, visiting
from support.running import PREFIX, SECRET, Running


@pytest.fixture
def stranger(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    """Yield a browser that has not signed in."""
    with browser.new_context(base_url=running.base_url, locale="en-GB") as context:
        yield context


def sign_in_url(running: Running, learner_id: str, *scopes: str) -> str:
    with running.client(learner_id, *scopes) as back_end:
        url: str = back_end.post("/sign-in-codes").raise_for_status().json()["url"]
    return url


def test_the_platforms_link_signs_in_and_leaves_no_code_in_the_address(
    stranger: BrowserContext, running: Running
) -> None:
    url = sign_in_url(running, str(uuid4()), "courses:write")
    page = stranger.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.headers.get("referer", "")))
    page.goto(f"{url}&next={DASHBOARD}/authoring")
    expect(page.get_by_role("heading", name="Authoring")).to_be_visible()
    assert page.url == f"{running.base_url}{DASHBOARD}/authoring"
    assert not any("code" in referer for referer in sent)
    assert page.evaluate("document.cookie") == ""
    page.go_back()
    assert "code" not in page.url


def test_a_used_link_says_what_to_do(browser: Browser, stranger: BrowserContext, running: Running) -> None:
    url = sign_in_url(running, str(uuid4()))
    page = stranger.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    page.goto(url)  # whoever comes now may be somebody else
    expect(page.get_by_role("heading", name="This link has been used")).to_be_visible()
    page.get_by_role("link", name="Go on as this learner").click()
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    with browser.new_context() as another:
        page = another.new_page()
        page.goto(url)
        expect(page.get_by_role("heading", name="This link has been used")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Go back to where you came from")
        assert "code=" not in page.url.replace("notice=code", "")
        assert barriers(page) == []
        assert fits(page)


def test_an_unknown_page_is_404(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4()), refusals=(404,)) as context:
        page = context.new_page()
        for path in ("/nothing", "/courses/nothing/at/all"):
            page.goto(f"{DASHBOARD}{path}")
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        assert barriers(page) == []
        page.goto(f"{DASHBOARD}/")  # as proxies write it
        expect(page.get_by_role("heading", name="My courses")).to_be_visible()


def test_other_cookies_of_the_host_do_not_hide_the_session(running: Running) -> None:
    cookie = cookie_of(running, str(uuid4()))
    for other in ('prefs={"a":1}', "flag", "name=Zo\u00eb", "path=/"):
        line = f"{other}; {cookie['name']}={cookie['value']}".encode()
        answer = httpx.get(f"{running.base_url}{DASHBOARD}", headers=[(b"cookie", line)], verify=False, timeout=20)
        assert answer.status_code == 200, other


def test_the_body_of_a_sign_out_is_bounded(running: Running) -> None:
    cookie = cookie_of(running, str(uuid4()))
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    answer = httpx.post(
        f"{running.base_url}{DASHBOARD}/sign-out", headers=headers, content=b"a" * 5000, verify=False, timeout=20
    )
    assert answer.status_code == 413


def test_a_visitor_without_a_session_sees_how_to_sign_in(stranger: BrowserContext) -> None:
    page = stranger.new_page()
    page.goto(f"{DASHBOARD}/courses/{uuid4()}")
    expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Open this page from your course platform")
    assert barriers(page) == []


def test_signing_out_ends_the_session(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4())) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        assert context.cookies() == []
        page.goto(DASHBOARD)
        expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()


def test_an_old_page_asks_before_it_signs_out(browser: Browser, running: Running) -> None:
    learner_id = str(uuid4())
    with visiting(browser, running, learner_id, refusals=(403,)) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        context.add_cookies([cookie_of(running, learner_id)])  # type: ignore[list-item]
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Do you want to sign out?")).to_be_visible()
        assert barriers(page) == []
        page.get_by_role("main").get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        assert context.cookies() == []


def test_a_link_works_after_a_preview(running: Running) -> None:
    url = sign_in_url(running, str(uuid4()))
    ahead = httpx.get(url, headers={"Sec-Purpose": "prefetch"}, verify=False, timeout=20)
    assert (ahead.status_code, "set-cookie" in ahead.headers) == (503, False)
    assert "set-cookie" in httpx.get(url, verify=False, timeout=20).headers


def test_a_session_works_beside_basic_authentication_and_in_a_separate_header(running: Running) -> None:
    cookie = cookie_of(running, str(uuid4()))
    lines = [("Authorization", "Basic dTpw"), ("Cookie", "a=b"), ("Cookie", f"{cookie['name']}={cookie['value']}")]
    for path in (DASHBOARD, f"{PREFIX}/progress"):
        assert httpx.get(f"{running.base_url}{path}", headers=lines, verify=False, timeout=20).status_code == 200


def test_pages_answer_head(running: Running) -> None:
    cookie = cookie_of(running, str(uuid4()))
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    answer = httpx.head(f"{running.base_url}{DASHBOARD}", headers=headers, verify=False, timeout=20)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_an_expired_session_leads_to_the_sign_in_and_back(browser: Browser, running: Running) -> None:
    learner_id = str(uuid4())
    with visiting(browser, running, learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("heading", name="My courses")).to_be_visible()
        over = Sessions(SECRET, timedelta(hours=-1)).sealed(Principal(LearnerId(learner_id)))
        context.add_cookies([{"name": COOKIE, "value": over, "url": running.base_url}])
        wanted = f"{DASHBOARD}?range=30"
        page.goto(wanted)
        expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
        back = httpx.URL(page.url).params["next"]
        assert back == wanted
        page.goto(f"{sign_in_url(running, learner_id)}&next={back}")
        expect(page.get_by_role("heading", name="My courses")).to_be_visible()
        assert page.url == running.base_url + wanted


def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(running: Running) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"{running.base_url}{DASHBOARD}/statistics?sort=progress"}
    answer = httpx.get(f"{running.base_url}{DASHBOARD}", headers=headers, verify=False, timeout=20)
    assert answer.status_code == 401
    nowhere = httpx.get(
        f"{running.base_url}{DASHBOARD}", headers=headers | {"HX-Current-URL": "http://["}, verify=False, timeout=20
    )
    assert httpx.URL(nowhere.headers["hx-redirect"]).params["next"] == DASHBOARD
    assert httpx.URL(answer.headers["hx-redirect"]).params["next"] == f"{DASHBOARD}/statistics?sort=progress"
