"""Sign-in with an OpenID Connect provider, in a real browser, with correct and wrong providers."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from headway.auth import Sessions, learner_id
from headway.auth.sessions import COOKIE
from headway.domain.identifiers import CourseId, GroupId
from support.browser import DASHBOARD, barriers, check_looks
from support.identity import CLIENT_ID, CLIENT_SECRET, Provider, provider
from support.program import forked_headway_serve
from support.running import Running, eventually

WRONG = (
    "nonce", "no_nonce", "audience", "audiences", "issuer", "signature", "unsigned", "secret", "expired",
    "just_expired", "no_token", "token",
)  # fmt: skip
"""What a provider's answer may have wrong."""
SESSION_SECRET = "a secret of the pages' sessions in the tests"


@pytest.fixture(scope="module")
def lasting_provider() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def identity(lasting_provider: Provider) -> Provider:
    """Yield a provider that makes no mistakes."""
    lasting_provider.control()
    return lasting_provider


@contextmanager
def serving(folder: Path, identity: Provider, **settings: object) -> Iterator[Running]:
    configured = {
        "session_secret": SESSION_SECRET,
        "oidc_issuer": identity.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "log_format": "json",
    }
    with forked_headway_serve(folder, **configured | settings) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, lasting_provider: Provider) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("service"), lasting_provider) as running:
        yield running


@pytest.fixture
def context(browser: Browser, service: Running) -> Iterator[BrowserContext]:
    """Yield a browser that has not signed in."""
    with browser.new_context(base_url=service.base_url, locale="en-GB") as context:
        yield context


def sign_in(page: Page, wanted: str = DASHBOARD) -> None:
    page.goto(wanted)
    page.get_by_role("link", name=re.compile("Sign in with 127")).click()
    page.get_by_role("link", name="Go on as ada").click()


def session_of(context: BrowserContext) -> str | None:
    return next((one["value"] for one in context.cookies() if one["name"] == COOKIE), None)


@pytest.mark.usefixtures("identity")
def test_a_user_is_signed_in_and_returns_to_the_page(
    context: BrowserContext, service: Running, identity: Provider
) -> None:
    page = context.new_page()
    wanted = f"{DASHBOARD}?range=30"
    sign_in(page, wanted)
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    assert page.url == service.base_url + wanted
    session = Sessions(SESSION_SECRET, timedelta(hours=1)).opened(session_of(context) or "")
    assert session is not None
    assert session.principal.learner_id == learner_id("ada", identity.issuer)
    assert session.principal.scopes == frozenset()
    assert {cookie["name"] for cookie in context.cookies()} == {COOKIE}


def test_the_configured_claims_name_the_learner_and_the_scopes(
    browser: Browser, folder: Path, identity: Provider
) -> None:
    learner, course_id = str(uuid4()), str(uuid4())
    identity.control(
        claims={
            "person": learner,
            "roles": ["statistics:read", "courses:write"],
            "teaches": course_id,
            "classes": [course_id],
        }
    )
    claims = {"oidc_learner_claim": "person", "oidc_scopes_claim": "roles", "oidc_courses_claim": "teaches"}
    claims["oidc_groups_claim"] = "classes"
    with serving(folder, identity, **claims) as running, browser.new_context(base_url=running.base_url) as context:
        sign_in(context.new_page())
        context.pages[0].wait_for_url(f"**{DASHBOARD}")
        session = Sessions(SESSION_SECRET, timedelta(hours=1)).opened(session_of(context) or "")
    assert session is not None
    assert session.principal.learner_id == learner
    assert session.principal.scopes == {"statistics:read", "courses:write"}
    assert session.principal.courses == frozenset({CourseId(course_id)})
    assert session.principal.groups == frozenset({GroupId(course_id)})


def test_the_id_tokens_claims_name_the_learner(browser: Browser, folder: Path, identity: Provider) -> None:
    identity.control(claims={"name": "Ada Lovelace", "email": "ada@example.org", "email_verified": False})
    path = f"/learners/{learner_id('ada', identity.issuer)}/profile"
    with (
        serving(folder, identity, profiles="claims") as running,
        browser.new_context(base_url=running.base_url) as context,
        running.client(None, "learners:admin") as admin,
    ):
        sign_in(context.new_page())
        eventually(lambda: admin.get(path).status_code == 200)
        profile = admin.get(path).json()
    assert (profile["name"], profile["email"]) == ("Ada Lovelace", None)


def test_a_public_client_signs_in_with_pkce_only(browser: Browser, folder: Path, identity: Provider) -> None:
    identity.control(public=True)
    with (
        serving(folder, identity, oidc_client_secret=None, oidc_scopes="openid profile") as running,
        browser.new_context(base_url=running.base_url) as context,
    ):
        page = context.new_page()
        sign_in(page)
        expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    [authorized] = [one for one in identity.asked() if one["path"] == "/authorize"][-1:]
    assert authorized["scope"] == "openid profile"
    assert authorized["code_challenge_method"] == "S256"
    assert authorized["redirect_uri"].endswith(f"{DASHBOARD}/sign-in/callback")
    assert authorized["response_type"] == "code"


def test_an_invalid_answer_of_the_provider_signs_nobody_in(
    context: BrowserContext, service: Running, identity: Provider
) -> None:
    page = context.new_page()
    for number, wrong in enumerate(WRONG, start=1):
        identity.control(wrong=wrong)
        sign_in(page)
        expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()
        assert session_of(context) is None, wrong
        assert "code=" not in page.url, wrong
        refused = [line for line in service.log if '"sign_in_failed"' in line and '"refused"' in line]
        assert len(refused) >= number, wrong


def test_a_token_that_names_nobody_signs_nobody_in(context: BrowserContext, identity: Provider) -> None:
    identity.control(claims={"sub": ""})
    page = context.new_page()
    sign_in(page)
    expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()


@pytest.mark.usefixtures("identity")
def test_a_cancelled_sign_in_is_reported_and_can_be_repeated(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{DASHBOARD}?range=7")
    page.get_by_role("link", name=re.compile("Sign in with")).click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="You were not signed in")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("link", name=re.compile("Sign in with")).click()
    page.get_by_role("link", name="Go on as ada").click()
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    assert page.url.endswith(f"{DASHBOARD}?range=7")


def test_an_answer_for_another_browser_is_refused(context: BrowserContext, identity: Provider) -> None:
    identity.control(wrong="state")
    page = context.new_page()
    sign_in(page)
    expect(page.get_by_role("heading", name="This sign-in is over")).to_be_visible()
    assert session_of(context) is None


@pytest.mark.usefixtures("identity")
def test_another_tab_or_a_forged_link_does_not_end_a_sign_in(context: BrowserContext) -> None:
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(DASHBOARD)
        tab.get_by_role("link", name=re.compile("Sign in with 127")).click()
    made_up = context.new_page()
    made_up.goto(f"{DASHBOARD}/sign-in/callback?state=x&code=y")
    expect(made_up.get_by_role("heading", name="This sign-in is over")).to_be_visible()
    for tab in (page, other):
        tab.get_by_role("link", name="Go on as ada").click()
        expect(tab.get_by_role("heading", name="My courses")).to_be_visible()


@pytest.mark.usefixtures("identity")
def test_an_answer_without_a_code_signs_nobody_in_and_ends_the_attempt(
    context: BrowserContext, service: Running
) -> None:
    page = context.new_page()
    page.goto(DASHBOARD)
    page.get_by_role("link", name=re.compile("Sign in with 127")).click()
    state = httpx.URL(page.url).params["state"]
    page.goto(f"{service.base_url}{DASHBOARD}/sign-in/callback?state={state}")
    expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()
    assert context.cookies() == []


@pytest.mark.usefixtures("identity")
def test_an_answer_of_the_provider_works_once(browser: Browser, context: BrowserContext, service: Running) -> None:
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    sign_in(page)
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()
    [callback] = [url for url in seen if "/callback?" in url]
    page.goto(callback)  # whoever comes now may be somebody else
    expect(page.get_by_role("link", name="Go on as this learner")).to_be_visible()
    context.clear_cookies()
    page.goto(callback)
    expect(page.get_by_role("heading", name="This sign-in is over")).to_be_visible()
    with browser.new_context(base_url=service.base_url) as another:
        stolen = another.new_page()
        stolen.goto(callback)
        expect(stolen.get_by_role("heading", name="This sign-in is over")).to_be_visible()


def test_a_wrong_or_unreachable_provider_gives_a_general_message(
    browser: Browser, folder: Path, identity: Provider
) -> None:
    with provider() as passing, serving(folder, passing) as running:
        with browser.new_context(base_url=running.base_url) as context:
            page = context.new_page()
            passing.control(wrong="discovery")
            page.goto(DASHBOARD)
            page.get_by_role("link", name=re.compile("Sign in with")).click()
            expect(page.get_by_role("heading", name="Signing in is not possible now")).to_be_visible()
            passing.stop()
            page.get_by_role("link", name=re.compile("Sign in with")).click()
            expect(page.get_by_role("heading", name="Signing in is not possible now")).to_be_visible()
            assert barriers(page) == []
        running.stop()
        failures = [json.loads(line) for line in running.log if "sign_in_failed" in line]
    assert [one["failure"] for one in failures] == ["unavailable", "unavailable"]
    assert identity.issuer != passing.issuer


def test_a_sign_in_leaves_no_secret_in_the_log(browser: Browser, folder: Path, identity: Provider) -> None:
    with serving(folder, identity, log_level="debug", log_requests="all") as running:
        with browser.new_context(base_url=running.base_url) as context:
            page = context.new_page()
            sign_in(page)
            expect(page.get_by_role("heading", name="My courses")).to_be_visible()
            secrets = {session_of(context) or "none"}
            identity.control(wrong="nonce")
            context.clear_cookies()
            sign_in(page)
            expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()
        running.stop()
    log = "".join(running.log)
    for asked in identity.asked():
        secrets |= {asked[name] for name in ("code", "code_verifier", "state", "nonce") if name in asked}
    secrets.add(CLIENT_SECRET)
    assert "/dashboard/sign-in/callback" in log
    assert [secret for secret in secrets if secret in log] == []


@pytest.mark.usefixtures("identity")
def test_the_sign_in_page_passes_the_accessibility_checks(
    context: BrowserContext, browser: Browser, service: Running
) -> None:
    page = context.new_page()
    for notice in ("", "&notice=refused", "&notice=signed_out"):
        page.goto(f"{DASHBOARD}/sign-in?next={DASHBOARD}{notice}")
        check_looks(page)
    with browser.new_context(base_url=service.base_url, java_script_enabled=False) as unscripted:
        page = unscripted.new_page()
        sign_in(page)
        expect(page.get_by_role("heading", name="My courses")).to_be_visible()
