"""Pages of other origins can do nothing with a browser's session."""

from collections.abc import Iterator, Mapping
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from headway.http.api.routes import OPERATIONS
from support.browser import DASHBOARD, cookie_of
from support.elsewhere import foreign_origin
from support.program import forked_headway_serve
from support.running import PREFIX, Running, course

# Another port is another origin of the same site, whose requests bring cookies along; another name is another site.
FOREIGN_HOSTS = ("127.0.0.1", "localhost")


@pytest.fixture(params=FOREIGN_HOSTS)
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    with foreign_origin(request.param) as origin:
        yield origin


@pytest.fixture
def victim_id() -> str:
    return str(uuid4())


@pytest.fixture
def context(browser: Browser, running: Running, victim_id: str) -> Iterator[BrowserContext]:
    """Yield a browser whose session has every scope."""
    with browser.new_context() as context:
        scopes = ("courses:write", "learners:admin", "statistics:read")
        context.add_cookies([cookie_of(running, victim_id, *scopes)])  # type: ignore[list-item]
        yield context


def post_form(page: Page, url: str, fields: dict[str, str], kind: str = "application/x-www-form-urlencoded") -> None:
    """Send a form as any page may, and wait for its answer."""
    with page.expect_navigation():
        page.evaluate(
            """([url, fields, kind]) => {
                const form = document.createElement("form");
                Object.assign(form, { action: url, method: "post", enctype: kind });
                for (const [name, value] of Object.entries(fields)) {
                    form.append(Object.assign(document.createElement("input"), { name, value }));
                }
                document.body.append(form);
                form.submit();
            }""",
            [url, fields, kind],
        )


def fetched(page: Page, url: str, options: Mapping[str, object]) -> object:
    """Return what a script of the page gets: a status, `opaque` for a hidden answer, or `refused`."""
    return page.evaluate(
        """([url, options]) => fetch(url, { credentials: "include", ...options })
            .then((answer) => answer.type === "opaque" ? "opaque" : answer.status, () => "refused")""",
        [url, options],
    )


def test_no_foreign_form_signs_out(context: BrowserContext, running: Running, elsewhere: str) -> None:
    page = context.new_page()
    for fields in ({}, {"forgery_token": ""}, {"forgery_token": "0" * 64}):
        page.goto(elsewhere)
        post_form(page, f"{running.base_url}{DASHBOARD}/sign-out", fields)
    page.goto(f"{running.base_url}{DASHBOARD}")
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()


def test_no_foreign_form_changes_anything_by_the_api(
    context: BrowserContext, running: Running, elsewhere: str, victim_id: str
) -> None:
    page = context.new_page()
    course_id = running.put_course(document := course())
    line = f"user_id,course_id,lesson_id,status\n{victim_id},{course_id},{document['lessons'][0]['id']},completed\n"
    for path in ("/progress/import", "/sign-in-codes"):
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
            page.goto(elsewhere)
            post_form(page, f"{running.base_url}{PREFIX}{path}", {line: "", "forgery_token": "0" * 64}, kind)
    with running.client(victim_id) as victim:
        assert victim.get(f"/progress/{course_id}").json() == []


def test_no_foreign_script_changes_or_reads_anything(
    context: BrowserContext, running: Running, elsewhere: str, victim_id: str
) -> None:
    page = context.new_page()
    course_id = running.put_course(document := course(title="As it was"))
    lesson_path = f"{running.base_url}{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
    put: dict[str, object] = {"method": "PUT", "body": '{"status": "completed"}'}
    page.goto(elsewhere)
    with_token = {"headers": {"X-Headway-Forgery-Token": "0" * 64}}
    assert fetched(page, lesson_path, put) == "refused"  # the browser asks first, and is told no
    assert fetched(page, lesson_path, put | with_token) == "refused"
    assert fetched(page, lesson_path, {"method": "DELETE"}) == "refused"
    assert fetched(page, f"{running.base_url}{PREFIX}/progress/{course_id}", {"method": "DELETE"}) == "refused"
    new = course(title="As a stranger wants it")
    change = {"method": "PUT", "body": str(new), "headers": {"Content-Type": "text/plain"}}
    assert fetched(page, f"{running.base_url}{PREFIX}/courses/{course_id}", change) == "refused"
    post = {"method": "POST", "mode": "no-cors"}
    assert fetched(page, f"{running.base_url}{PREFIX}/sign-in-codes", post) == "opaque"
    assert fetched(page, f"{running.base_url}{DASHBOARD}/sign-out", post) == "opaque"
    assert fetched(page, f"{running.base_url}{PREFIX}/progress", {}) == "refused"
    assert fetched(page, f"{running.base_url}{DASHBOARD}", {}) == "refused"  # where the forgery token is
    with running.client(victim_id) as victim:
        assert victim.get(f"/progress/{course_id}").json() == []
        assert victim.get(f"/courses/{course_id}").json()["title"] == "As it was"
    page.goto(f"{running.base_url}{DASHBOARD}")
    expect(page.get_by_role("heading", name="My courses")).to_be_visible()


def test_a_cors_origin_can_not_use_the_session(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        foreign_origin("127.0.0.1") as elsewhere,
        forked_headway_serve(tmp_path_factory.mktemp("cors"), cors_origins=elsewhere) as running,
        browser.new_context() as context,
    ):
        victim_id = str(uuid4())
        context.add_cookies([cookie_of(running, victim_id)])  # type: ignore[list-item]
        course_id = running.put_course(document := course())
        lesson_path = f"{running.base_url}{PREFIX}/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        page = context.new_page()
        page.goto(elsewhere)
        assert fetched(page, lesson_path, {"method": "PUT", "body": "{}"}) == "refused"
        assert fetched(page, lesson_path, {"method": "PUT", "body": "{}", "credentials": "omit"}) == 401
        with running.client(victim_id) as victim:
            assert victim.get(f"/progress/{course_id}").json() == []


def test_every_change_by_a_session_needs_the_forgery_token(running: Running, victim_id: str) -> None:
    """This covers all operations and pages, also those that are added later."""
    cookie = cookie_of(running, victim_id, "courses:write", "groups:write", "learners:admin")
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    changes = [(one.method, PREFIX + one.path) for one in OPERATIONS if one.method != "GET" and not one.is_public]
    changes.append(("POST", f"{DASHBOARD}/sign-out"))
    with httpx.Client(base_url=running.base_url, headers=headers, verify=False, timeout=20) as session:
        for method, path in changes:
            for name in ("course_id", "group_id", "lesson_id", "user_id"):
                path = path.replace(f"{{{name}}}", str(uuid4()))  # noqa: PLW2901 - filled in, name by name
            for token in ({}, {"X-Headway-Forgery-Token": ""}, {"X-Headway-Forgery-Token": "0" * 64}):
                assert session.request(method, path, headers=token).status_code == 403, (method, path, token)
