"""Content that wants to do harm: to read the session, to act as the learner, to leave its frame."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Frame, Page, Request, expect

from player.content import Course, Played, page
from support.browser import DASHBOARD, cookie_of, visiting
from support.packages import Item
from support.running import PREFIX, Running, eventually

NAME: Final = "Ada Lovelace"
WORKER: Final = "self.addEventListener('fetch', () => {});"
LINKS: Final = """
<a id="anchor" href="/elsewhere" target="_top">Out</a>
<form action="/elsewhere" target="_top"><button id="form">Out</button></form>
<form action="/elsewhere" method="post" target="_top"><button id="post">Out</button></form>
<button id="open" onclick="window.open('/elsewhere', '_top')">Out</button>
<button id="top" onclick="top.location = '/elsewhere'">Out</button>
<button id="replace" onclick="top.location.replace('/elsewhere')">Out</button>
<button id="script" onclick="top.location = 'javascript:document.title=1'">Out</button>
"""
# Each answers what it got, and an Error where it was refused.
ATTEMPTS: Final = """async ({ pages, api, victim }) => {
    const asked = (path, options) => fetch(path, options).then(async (answer) => {
        if (!answer.ok) throw new Error(answer.status);
        return answer.text();
    });
    const forged = { "content-type": "application/json", "x-headway-forgery-token": "0".repeat(128) };
    const progress = JSON.stringify({ status: "completed" });
    const xhr = (address, method, isSync) => new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(method, address, !isSync);
        request.withCredentials = true;
        request.onload = () => (request.status < 300 ? resolve(request.responseText) : reject(new Error("refused")));
        request.onerror = () => reject(new Error("refused"));
        request.send(method === "GET" ? null : progress);
    });
    const attempts = {
        topDocument: () => top.document.documentElement.outerHTML,
        topCookie: () => top.document.cookie,
        topStorage: () => JSON.stringify(top.localStorage),
        topAddress: () => top.location.href,
        topName: () => top.name,
        topFunctions: () => top.eval("document.cookie"),
        topForgeryToken: () => top.document.querySelector("[name=forgery_token], meta").outerHTML,
        serviceWorker: () => navigator.serviceWorker.register("worker.js").then((found) => found.scope),
        domain: () => { document.domain = new URL(pages).hostname; return top.document.title; },
        webSocket: () => new Promise((resolve, reject) => {
            const socket = new WebSocket(pages.replace("http", "ws") + api + "/progress");
            socket.onopen = () => resolve("open");
            socket.onerror = () => reject(new Error("refused"));
        }),
        frame: () => new Promise((resolve, reject) => {
            const frame = document.createElement("iframe");
            frame.onload = () => {
                try { resolve(frame.contentDocument.body.outerHTML); } catch (error) { reject(error); }
            };
            frame.src = pages + "/dashboard";
            document.body.append(frame);
        }),
        savedPages: async () => JSON.stringify(await caches.keys()) + (await navigator.credentials.get({})).id,
    };
    for (const [where, origin] of Object.entries({ relative: "", absolute: pages })) {
        for (const path of [api + "/progress", api + victim, "/dashboard", "/dashboard/profile", api + "/me"]) {
            for (const mode of ["cors", "same-origin"])
                attempts[`${where} ${mode} ${path}`] = () => asked(origin + path, { mode, credentials: "include" });
            attempts[`${where} XHR ${path}`] = () => xhr(origin + path, "GET");
        }
        const options = { method: "PUT", credentials: "include", body: progress, headers: forged };
        attempts[`${where} PUT`] = () => asked(origin + api + victim, options);
        attempts[`${where} POST`] = () => asked(origin + api + victim + "/launches", { ...options, method: "POST" });
        attempts[`${where} XHR PUT`] = () => xhr(origin + api + victim, "PUT", true);
        attempts[`${where} beacon`] = () => {
            navigator.sendBeacon(origin + api + victim + "/launches", progress);
            throw new Error("it can not be read");
        };
        attempts[`${where} opaque`] = async () => {
            const found = await fetch(origin + api + victim, { mode: "no-cors", credentials: "include" });
            if (!found.ok) throw new Error("it can not be read");
            return found.text();
        };
    }
    const found = {};
    for (const [name, attempt] of Object.entries(attempts))
        try { found[name] = String(await attempt()); } catch (error) { found[name] = null; }
    return found;
}"""


class Target:
    """Content, and what it is after: the session of a learner, and another lesson."""

    def __init__(self, running: Running, context: BrowserContext) -> None:
        self.running, self.context = running, context
        items = [Item(identifier=name, href=f"{name}.html") for name in ("one", "two")]
        files = {"one.html": page(body=LINKS), "two.html": page(), "worker.js": WORKER, "other.html": page()}
        self.course = Course(running, items, files)
        with running.client(None, "learners:admin") as registrar:
            registrar.put(f"/learners/{self.course.learner}/profile", json={"name": NAME}).raise_for_status()
        context.add_cookies([cookie_of(running, self.course.learner)])  # type: ignore[list-item]
        self.requests: list[Request] = []
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - Playwright takes no method of a list

    def attempts(self, window: Frame | Page) -> dict[str, str]:
        """Let a window try everything. Returns what it got."""
        given = {"pages": self.running.base_url, "api": PREFIX, "victim": self.course.path(1)}
        found: Mapping[str, str | None] = window.evaluate(ATTEMPTS, given)
        return {name: text for name, text in found.items() if text is not None}

    def cookies_sent_by(self, window: Frame | Page) -> list[str]:
        """Return the addresses to which a window, or one in it, has sent the session."""
        frame = window.main_frame if isinstance(window, Page) else window
        ours = [one for one in self.requests if not (one.service_worker or one.is_navigation_request())]
        made = [one for one in ours if one.frame == frame]
        assert made
        return [one.url for one in made if "headway_session" in one.all_headers().get("cookie", "")]

    def check_untouched(self) -> None:
        """Check that nothing has happened in the lesson that content was not opened for."""
        assert self.course.progress(1) == {}


@pytest.fixture
def target(browser: Browser, running: Running) -> Iterator[Target]:
    """Yield content in a browser whose console is not looked at: it says what it has refused."""
    context = browser.new_context(base_url=running.base_url)
    yield Target(running, context)
    context.close()


def test_content_gets_nothing_of_the_session_and_does_nothing_as_the_learner(target: Target) -> None:
    played = target.course.open(target.context)
    got = target.attempts(played.content)
    assert got == {}
    assert _cookie(played.content) == ""
    assert target.cookies_sent_by(played.content) == []
    assert target.cookies_sent_by(played.page) != []
    target.check_untouched()
    assert set(played.set(suspend_data="still works")) == {"true"}
    expect(played.page.get_by_role("heading", level=1)).to_have_text("An item")


@pytest.mark.parametrize("what", ["file", "player"])
def test_content_in_a_tab_of_its_own_has_no_session_either(what: str, target: Target) -> None:
    with target.running.client(target.course.learner) as learner:
        launch = learner.post(f"{target.course.path()}/launches").raise_for_status().json()
    opened = target.context.new_page()
    opened.goto(launch["content_url" if what == "file" else "play_url"])
    if what == "player":
        opened.wait_for_selector("iframe")
    target.requests.clear()
    # In its own tab, `top` is the content itself.
    got = {name for name in target.attempts(opened) if not name.startswith("top")}
    assert got == set()
    assert _cookie(opened) == ""
    assert target.cookies_sent_by(opened) == []
    target.check_untouched()


@pytest.mark.parametrize("way", ["anchor", "form", "post", "open", "top", "replace", "script"])
def test_content_does_not_leave_its_frame_even_if_the_learner_clicks(way: str, target: Target) -> None:
    played = target.course.open(target.context)
    address, title = played.page.url, played.page.title()
    with played.page.expect_event("console", lambda message: message.type == "error"):
        played.content.locator(f"#{way}").click()
    assert set(played.set(suspend_data="still here")) == {"true"}
    assert (played.page.url, played.page.title()) == (address, title)


def test_a_window_that_content_opens_is_in_the_same_sandbox(target: Target) -> None:
    played = target.course.open(target.context)
    for path in (DASHBOARD, f"{DASHBOARD}/courses/{target.course.course_id}"):
        with target.context.expect_page() as opening:
            played.content.evaluate(
                "(address) => { window.opened = window.open(address); }", target.running.base_url + path
            )
        opened = opening.value
        opened.wait_for_load_state()
        got = "() => { try { return opened.document.body.outerHTML; } catch { return 'refused'; } }"
        assert played.content.evaluate(got) in {"refused", "<body></body>"}
        opened.close()
    with target.context.expect_page() as opening:
        played.content.evaluate("() => { window.open('other.html'); }")
    opened = opening.value
    opened.wait_for_function("() => 'did' in window")
    target.requests.clear()
    assert {name for name in target.attempts(opened) if not name.startswith("top")} == set()
    assert target.cookies_sent_by(opened) == []
    address = played.page.url
    opened.evaluate("() => { try { opener.top.location = '/elsewhere'; } catch {} }")
    assert set(played.set(suspend_data="still here")) == {"true"}
    assert played.page.url == address
    target.check_untouched()


def test_content_can_not_imitate_the_player(browser: Browser, running: Running) -> None:
    items = [Item(identifier=name, href=f"{name}.html") for name in ("one", "two")]
    course = Course(running, items, {"one.html": page(), "two.html": page()})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        address = played.page.url
        played.content.evaluate("() => top.postMessage({ headway: 'continue' }, '*')")
        played.content.evaluate("() => top.postMessage({ headway: 'refused', detail: 'other_run' }, '*')")
        assert set(played.set(suspend_data="a")) == {"true"}
        expect(played.page.locator("#saved")).to_have_text("Saved")
        expect(played.page.get_by_role("region", name="Notice")).to_have_count(0)
        assert played.page.url == address


@pytest.mark.parametrize("way", ["forwarded", "imitated"])
def test_strange_messages_do_no_harm_to_the_page(way: str, browser: Browser, running: Running, course: Course) -> None:
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        player = played.content.parent_frame
        assert player is not None
        sender = player if way == "imitated" else played.content
        to = "window.parent" if way == "imitated" else "top.frames[0]"
        sender.evaluate(
            f"""() => {{
                for (const headway of ["__proto__", "constructor", "toString", "x".repeat(5e6), 1, null, ["saved"]])
                    for (const detail of ["", "x".repeat(1e5), {{ toString: 1 }}, null, [[]]])
                        {to}.postMessage({{ headway, detail }}, "*");
                for (const data of [null, 1, "text", [], {{}}]) {to}.postMessage(data, "*");
            }}"""
        )
        assert set(played.set(suspend_data="a")) == {"true"}
        expect(played.page.locator("#saved")).to_have_text("Saved")
        # What is shown of a refusal is one of the page's own sentences, whatever the message says.
        for detail in ("constructor", "__proto__", "<b>x</b>", "x" * 100_000):
            sender.evaluate(f"(detail) => {to}.postMessage({{ headway: 'refused', detail }}, '*')", detail)
            notice = played.page.get_by_role("region", name="Notice")
            expect(notice.locator("p")).to_have_text("The service did not accept this.")


def test_kept_files_and_storage_are_not_the_pages(target: Target) -> None:
    played = target.course.open(target.context)
    played.content.evaluate("() => { localStorage.setItem('a', 'b'); sessionStorage.setItem('a', 'b'); }")
    played.page.evaluate("() => localStorage.setItem('of the pages', 'secret')")
    assert "secret" not in played.content.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert played.page.evaluate("() => localStorage.getItem('a')") is None


def test_a_site_that_content_leads_to_gets_no_launch(target: Target) -> None:
    """In a sandbox the name of the window says which launch it is, and a window keeps its name on another site."""
    played = target.course.open(target.context)
    elsewhere = target.running.base_url.replace("127.0.0.1", "127.0.0.2")
    target.context.route(f"{elsewhere}/**", lambda route: route.fulfill(body="<p>Elsewhere", content_type="text/html"))
    player = played.content.parent_frame
    assert player is not None
    played.content.evaluate("(address) => { location.href = address; }", elsewhere)
    eventually(lambda: bool(player.evaluate("() => true")) and _is_over(played))
    told = [frame.evaluate("() => window.name") for frame in played.page.frames if frame.url.startswith(elsewhere)]
    assert [name for name in told if name] == []


def test_an_address_that_is_left_tells_the_next_site_nothing(target: Target) -> None:
    """The address of content has a token, which a site that content leads to does not get."""
    played = target.course.open(target.context)
    played.content.evaluate("() => fetch('other.html?marked').catch(() => 0)")
    eventually(lambda: any("marked" in one.url for one in target.requests))
    made = [one for one in target.requests if "/content/files/" in one.url and not one.is_navigation_request()]
    assert made
    assert [one.all_headers().get("referer") for one in made] == [None] * len(made)


def _is_over(played: Played) -> bool:
    """Whether the content has given its place to another page, or to none."""
    return all("/content/files/" not in frame.url for frame in played.page.frames)


def _cookie(window: Frame | Page) -> Any:
    """Return the cookies that a window can read; none where it may not ask for them."""
    try:
        return window.evaluate("() => document.cookie")
    except Error:
        return ""
