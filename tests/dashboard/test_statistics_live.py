"""The open page of a course: its figures change with writes, and a lost connection is shown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from dashboard.taught import (
    STATISTICS,
    TEACHER,
    Taught,
    days,
    is_live,
    lesson_rows,
    let_time_pass,
    losing,
    people,
    quiz_of,
    tile,
)
from headway.auth import Sessions
from headway.auth.sessions import COOKIE
from headway.domain.identifiers import LearnerId
from headway.domain.principal import Principal
from support.browser import barriers, cookie_of, visiting
from support.probes import free_port
from support.program import forked_headway_serve
from support.running import SECRET, Running, course, lesson

NOTHING_LATER = """
    const given = window.setTimeout;
    window.setTimeout = (work, wait, ...more) => (wait >= 2000 ? 0 : given(work, wait, ...more));
"""
"""What the days wait for, so that not each write asks for them anew, never comes."""

SHOW_OR_HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
HIDDEN = """Object.defineProperty(document, "hidden", { value: true, configurable: true });"""


def said(page: Page) -> Locator:
    """Return what is said to those who listen to the page."""
    return page.get_by_role("status").first


def rest(page: Page) -> Locator:
    """Return the head of the lessons that are in no section."""
    return page.get_by_role("heading", name="Lessons without a section")


@contextmanager
def complaining(browser: Browser, base_url: str, cookie: object) -> Iterator[BrowserContext]:
    """A visit on which a browser complains of a service that is away."""
    context = browser.new_context(base_url=base_url)
    context.add_cookies([cookie])  # type: ignore[list-item]
    try:
        yield context
    finally:
        context.close()


def test_figures_on_the_page_change_with_writes(browser: Browser, running: Running, taught: Taught) -> None:
    first, quiz, *_ = taught.document["lessons"]
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/lessons")
        is_live(page)
        page.get_by_text("Show the figures").click()
        started = lesson_rows(page).first.get_by_role("cell").nth(1)
        expect(started).to_have_text("5")
        for learners in (6, 7):
            newcomer = str(uuid4())
            taught.write(newcomer, first["id"], status="completed", time_spent_minutes=10)
            taught.write(newcomer, quiz["id"], quiz_score=95, quiz_attempts=1)
            expect(started).to_have_text(str(learners))
        bar = page.locator("[data-bar='lessons.2.started']")
        expect(bar).to_have_attribute("width", re.compile(r"^42\.8"))  # 3 of 7
        expect(page.get_by_role("group").filter(has=rest(page))).to_contain_text(re.compile(r"Stopped here: [1-9]"))
        expect(page.get_by_role("row", name=re.compile("^90 to 100")).get_by_role("cell")).to_have_text("3")
        expect(page.get_by_text("Live, changed at")).to_be_visible()
        expect(said(page)).to_contain_text("Figures have changed")
        page.evaluate("() => document.getAnimations().forEach((one) => one.finish())")  # colours show what has changed
        assert barriers(page) == []


def test_the_overview_changes_with_writes(browser: Browser, running: Running, taught: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(taught.page)
        is_live(page)
        first = taught.document["lessons"][0]["id"]
        for enrolled in (6, 7):
            taught.write(str(uuid4()), first, status="completed")
            expect(tile(page, "Enrolled")).to_have_text(str(enrolled))
        let_time_pass(page)
        expect(losing(page).first).to_contain_text("3 learners stuck")


def test_live_figures_equal_the_figures_of_the_server(browser: Browser, running: Running, taught: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER, locale="de-DE") as context:
        page = context.new_page()
        page.goto(f"{taught.page}/lessons")
        is_live(page)
        taught.write(taught.learners[0], taught.document["lessons"][0]["id"], time_spent_minutes=60_000.5)
        expect(page.get_by_text("202 Std. 24 Min.")).to_be_visible()  # per learner
        written = [one.text_content() for one in page.locator("[data-figure]").all()]
        page.reload()
        assert [one.text_content() for one in page.locator("[data-figure]").all()] == written


def test_every_tab_is_rebuilt_for_a_first_learner_and_an_edit(browser: Browser, running: Running) -> None:
    document = course(lesson(title="Salt"), title="New here")
    course_id = running.put_course(document)
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        context.add_init_script(NOTHING_LATER)  # the tabs change at once, not in a while
        overview, lessons, learners, activity = (context.new_page() for _ in range(4))
        for page, below in ((overview, ""), (lessons, "/lessons"), (learners, "/learners"), (activity, "/activity")):
            page.goto(f"{STATISTICS}/{course_id}{below}")
            is_live(page)
        expect(overview.get_by_role("heading", name="Nobody is in this course yet")).to_be_visible()
        expect(lessons.get_by_role("heading", name="Nobody has started yet")).to_be_visible()
        expect(learners.get_by_role("region", name="Learners", exact=True)).to_contain_text(
            "Nobody is in this course yet."
        )
        with running.client() as learner:
            path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
            learner.put(path, json={"status": "completed"}).raise_for_status()
        expect(tile(overview, "Completed")).to_have_text("1")
        expect(lesson_rows(lessons)).to_contain_text("100%")
        expect(people(learners)).to_have_count(1)
        expect(activity.get_by_role("slider", name="Active learners")).to_be_visible()
        expect(learners.locator("body")).to_be_focused()
        test = lesson(title="Pepper", kind="quiz")
        running.put_course(document | {"lessons": [*document["lessons"], test]}, course_id)
        expect(lesson_rows(lessons)).to_contain_text(["Salt", "Pepper"])
        expect(quiz_of(lessons)).to_contain_text("Nobody has a score yet.")
        with running.client() as learner:
            learner.put(f"/progress/{course_id}/lessons/{test['id']}", json={"quiz_score": 70}).raise_for_status()
        expect(lessons.get_by_role("slider", name="Learners by their best score in Pepper")).to_be_visible()


def test_a_tab_that_was_opened_in_the_background_is_not_taken_for_current(
    browser: Browser, running: Running, taught: Taught
) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.add_init_script(HIDDEN)
        page.goto(f"{taught.page}/learners")
        expect(people(page)).to_have_count(5)
        taught.write(str(uuid4()), taught.document["lessons"][0]["id"], status="completed")
        page.evaluate(SHOW_OR_HIDE, False)
        page.get_by_role("button", name="Show as of now").click()
        expect(people(page)).to_have_count(6)


def test_days_are_updated_and_the_roster_shows_its_time(browser: Browser, running: Running, taught: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{taught.page}/activity")
        is_live(page)
        page.get_by_text("Show the figures").click()
        page.locator("h1").click()  # elsewhere: nothing is changed under the hands of who is there
        today = days(page).first.locator("td").first
        expect(today).to_have_text("5")
        roster = context.new_page()
        roster.goto(f"{taught.page}/learners")
        is_live(roster)
        expect(people(roster)).to_have_count(5)
        expect(roster.get_by_role("button", name="Show as of now")).to_be_hidden()
        taught.write(str(uuid4()), taught.document["lessons"][0]["id"], status="completed")
        let_time_pass(page)
        expect(today).to_have_text("6")
        expect(today).to_be_visible()  # unfolded, as it was
        page = roster
        expect(people(page)).to_have_count(5)
        expect(page.get_by_text(re.compile("^As of"))).to_be_visible()
        page.get_by_role("button", name="Show as of now").click()
        expect(people(page)).to_have_count(6)
        expect(page.get_by_role("button", name="Show as of now")).to_be_hidden()
        expect(page.get_by_role("region", name="Table of learners")).to_be_focused()


def test_a_new_title_and_pass_mark_are_shown_everywhere(browser: Browser, running: Running, taught: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/lessons")
        is_live(page)
        rest(page).click()
        first, quiz, *others = taught.document["lessons"]
        lessons = [first | {"title": "Flour"}, quiz | {"title": "A test", "pass_mark": 75}, *others]
        running.put_course(taught.document | {"title": "Breads", "lessons": lessons}, taught.course_id)
        expect(quiz_of(page)).to_contain_text("Best scores in A test")
        expect(quiz_of(page)).to_contain_text(re.compile(r"Pass mark\s*75"))
        expect(lesson_rows(page).first.get_by_role("link").first).to_have_text("Flour")
        expect(page.get_by_role("region", name=re.compile("^Lessons of .*Beginnings"))).to_be_visible()
        expect(page.get_by_role("region", name="Lessons", exact=True)).to_be_hidden()  # folded, as it was
        expect(page.locator("summary").filter(has=rest(page))).to_be_focused()
        expect(page.get_by_role("heading", level=1)).to_have_text("Breads")


def test_a_lost_connection_is_shown_and_opened_again(browser: Browser, folder: Path) -> None:
    port = str(free_port())
    with forked_headway_serve(folder, "--port", port) as running:
        taught = Taught(running)
        context = complaining(browser, running.base_url, cookie_of(running, str(uuid4()), TEACHER))
        visit = context.__enter__()
        page = visit.new_page()
        page.goto(taught.page)
        is_live(page)
        running.stop()
    expect(page.get_by_text("Connection lost, trying again")).to_be_visible()
    expect(said(page)).to_have_text("The connection is lost. Trying again.")
    assert barriers(page) == []
    with forked_headway_serve(folder, "--port", port) as running:
        taught.running = running
        taught.write(str(uuid4()), taught.document["lessons"][0]["id"], status="completed")
        expect(tile(page, "Enrolled")).to_have_text("6", timeout=20_000)
        is_live(page)
        expect(said(page)).to_contain_text("Connected again.")
        context.__exit__(None, None, None)


def test_an_expired_session_is_shown(browser: Browser, running: Running, taught: Taught) -> None:
    cookie = cookie_of(running, str(uuid4()), TEACHER)
    over = Sessions(SECRET, timedelta(hours=-1)).sealed(Principal(LearnerId(str(uuid4())), frozenset({TEACHER})))
    with complaining(browser, running.base_url, cookie) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(taught.page)
        is_live(page)
        context.add_cookies([{"name": COOKIE, "value": over, "url": running.base_url}])
        page.evaluate(SHOW_OR_HIDE, True)
        page.evaluate(SHOW_OR_HIDE, False)  # the stream is opened again, and refused
        expect(page.get_by_text("Connection lost, trying again.")).to_be_visible()
        page.clock.run_for(6_000)
        expect(said(page)).to_have_text("Your session is over.")
        page.get_by_role("link", name="Sign in again").click()
        expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()


def test_a_hidden_page_closes_its_stream(browser: Browser, running: Running, taught: Taught) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page)
        is_live(page)
        with page.expect_event("requestfailed", lambda request: request.url.endswith("/stream")):
            page.evaluate(SHOW_OR_HIDE, True)
        taught.write(str(uuid4()), taught.document["lessons"][0]["id"], status="completed")
        expect(tile(page, "Enrolled")).to_have_text("5")
        page.evaluate(SHOW_OR_HIDE, False)
        expect(tile(page, "Enrolled")).to_have_text("6")
