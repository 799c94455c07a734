"""The page of a learner's course, in a real browser."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.own_course import (
    Student,
    active_days,
    course_head,
    explanation,
    lesson_of,
    lesson_titles,
    look_again,
    note_of,
    student,
    unfold,
)
from headway.auth.sessions import COOKIE
from support.browser import (
    DASHBOARD,
    DESKTOP,
    ON_BOTH_STORES,
    PHONE,
    barriers,
    check_looks,
    cookie_of,
    fits,
    visiting,
)
from support.program import forked_headway_serve
from support.running import PATIENCE, Running, course, eventually, lesson

HOSTILE = "<script>alert(1)</script><b onmouseover=alert(2)>&lt;{{ 7 * 7 }}</b>"
ARABIC = "خبز العجين المخمر"
LONG = "Sauerteigbrotbackstubenbesichtigung" * 12
PLATFORM = "https://learn.example/{course_id}/play?lesson={lesson_id}"


def bread(**fields: object) -> dict[str, Any]:
    """Return a course of two sections, with a quiz and an optional lesson."""
    return course(
        lesson(title="Flour", section="Things", kind="video", duration_seconds=420),
        lesson(title="Which flour?", section="Things", kind="quiz", pass_mark=70),
        lesson(title="Folding", section="Doing", kind="article"),
        lesson(title="Crusts of the world", section="Doing", required=False),
        **({"title": "Ways of bread", "time_zone": "Europe/Berlin"} | fields),
    )


@pytest.fixture
def baker(running: Running) -> Student:
    """Has finished one lesson, failed in the quiz, and begun what is optional."""
    baker = Student(running, bread())
    baker.write("Flour", status="completed", time_spent_minutes=75, user_notes="Rye takes more water.")
    baker.write("Which flour?", quiz_score=55, quiz_attempts=2, time_spent_minutes=4, is_bookmarked=True)
    baker.write("Crusts of the world", progress_percentage=12.5, time_spent_minutes=3)
    return baker


def check_lessons(page: Page) -> None:
    """Check what the baker's page shows, with or without scripts."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Ways of bread")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="My courses")).to_have_attribute(
        "aria-current", "true"
    )
    expect(page.get_by_role("heading", level=2)).to_have_text(["Things", "Doing", "Active days"])
    expect(page.get_by_text(re.compile("of 2 completed$"))).to_have_text(["1 of 2 completed", "0 of 2 completed"])
    expect(course_head(page)).to_contain_text("33%")
    unfold(page)
    flour, quiz = lesson_of(page, "Flour"), lesson_of(page, "Which flour?")
    for words in ("Completed Video 7 min", "100%", "1 h 15 min", "Rye takes more water."):
        expect(flour).to_contain_text(words)
    for words in ("In progress Quiz", "55 points, 70 to pass", "2 attempts", "4 min"):
        expect(quiz).to_contain_text(words)
    expect(lesson_of(page, "Folding")).to_contain_text("Not started Article")
    expect(lesson_of(page, "Crusts of the world")).to_contain_text("Optional, does not count")
    expect(active_days(page)).to_contain_text("1 of the last")


def test_a_course_is_shown_lesson_by_lesson(browser: Browser, running: Running, baker: Student) -> None:
    with visiting(browser, running, baker.learner_id) as context:
        page = baker.open(context)
        check_lessons(page)
        expect(lesson_of(page, "Which flour?").get_by_role("button", name="Bookmark")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.get_by_text("Where the 33% comes from").click()
        page.get_by_text("Day by day").click()
        check_looks(page)


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_course_page_is_readable_without_javascript(
    browser: Browser, running: Running, baker: Student, width: int
) -> None:
    with visiting(browser, running, baker.learner_id, width=width, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(baker.address)
        check_lessons(page)
        expect(lesson_of(page, "Which flour?")).to_contain_text("Bookmarked")
        expect(page.get_by_role("main").get_by_role("button", name=re.compile("Bookmark|note"))).to_have_count(0)
        page.get_by_role("link", name="With notes").click()
        expect(lesson_titles(page)).to_have_text(["Flour"])
        page.goto(DASHBOARD)
        expect(page.get_by_role("link", name="Continue Crusts of the world")).to_be_visible()


def test_the_percentage_is_explained(browser: Browser, running: Running, baker: Student) -> None:
    begun = [one for one in baker.document["lessons"] if one["title"] != "Which flour?"]
    running.put_course({**baker.document, "lessons": begun}, baker.course_id)
    with visiting(browser, running, baker.learner_id) as context:
        page = baker.open(context)
        page.get_by_text("Where the 50% comes from").click()
        expect(explanation(page)).to_contain_text("You have completed 1 of the 2 lessons that count.")
        expect(explanation(page).get_by_role("listitem")).to_have_text(["Crusts of the world"])
        expect(explanation(page)).to_contain_text("1 lesson that you began has left the course")


def test_a_course_that_was_completed_stays_so_when_it_grows(browser: Browser, running: Running) -> None:
    learner = student(running)
    for title in ("Flour", "Water", "Salt"):
        learner.write(title, status="completed")
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        expect(course_head(page)).to_contain_text("All lessons completed")
        grown = [*learner.document["lessons"], lesson(title="Time")]
        running.put_course({**learner.document, "lessons": grown}, learner.course_id)
        look_again(page)
        page.get_by_text("Where the 75% comes from").click()
        expect(explanation(page)).to_contain_text("It stays completed.")
        expect(page.get_by_role("link", name="Continue Time")).to_be_visible()


def test_lessons_can_be_filtered(browser: Browser, running: Running, baker: Student) -> None:
    with visiting(browser, running, baker.learner_id) as context:
        page = baker.open(context)
        for choice, titles in {
            "To do": ["Which flour?", "Folding", "Crusts of the world"],
            "Bookmarked": ["Which flour?"],
            "With notes": ["Flour"],
        }.items():
            page.get_by_role("link", name=choice).click()
            expect(lesson_titles(page)).to_have_text(titles)
            expect(page.get_by_role("link", name=choice)).to_have_attribute("aria-current", "true")
        lesson_of(page, "Flour").get_by_role("button", name="Edit note").click()
        page.get_by_role("textbox").fill("")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="No notes yet")).to_be_visible()
        page.get_by_role("link", name="Show all lessons").click()
        expect(lesson_titles(page)).to_have_count(4)


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_titles_and_notes_are_shown_as_text_and_not_as_html(browser: Browser, running: Running, width: int) -> None:
    titles = (HOSTILE, ARABIC, LONG)
    document = course(*(lesson(title=title, section=title) for title in titles), title=HOSTILE)
    learner = Student(running, document)
    notes = {HOSTILE: f"</p>{HOSTILE}", ARABIC: f"\u202e{ARABIC}", LONG: LONG}
    for title, note in notes.items():
        learner.write(title, user_notes=note, progress_percentage=3, metadata={"player": HOSTILE})
    with visiting(browser, running, learner.learner_id, width=width) as context:
        page = learner.open(context)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        expect(lesson_titles(page)).to_have_text(titles)
        expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        unfold(page)
        for title, note in notes.items():
            assert note_of(lesson_of(page, title)).text_content() == note
        assert page.get_by_role("main").locator("script, b").count() == 0
        assert (
            lesson_of(page, ARABIC).get_by_role("heading").evaluate("one => getComputedStyle(one).direction") == "rtl"
        )
        assert fits(page)
        first = lesson_of(page, HOSTILE)
        first.get_by_role("button", name="Edit note").click()
        expect(first.get_by_role("textbox")).to_have_value(notes[HOSTILE])
        first.get_by_role("textbox").press_sequentially("!")
        first.get_by_role("button", name="Save").click()
        expect(first.get_by_role("button", name="Edit note")).to_be_focused()
        assert learner.lesson_progress(HOSTILE)["user_notes"] in {f"!{notes[HOSTILE]}", f"{notes[HOSTILE]}!"}
        assert page.get_by_role("main").locator("script, b").count() == 0
        page.goto(DASHBOARD)
        expect(page.get_by_role("link", name=HOSTILE, exact=True)).to_be_visible()
        assert barriers(page) == []
        assert fits(page)


def test_continue_leads_to_the_lesson(browser: Browser, running: Running, baker: Student) -> None:
    with visiting(browser, running, baker.learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("link", name="Continue Crusts of the world")).to_be_visible()
        baker.write("Flour", time_spent_minutes=76)  # touched last, and completed
        look_again(page)
        page.get_by_role("link", name="Continue Which flour?").click()
        page.wait_for_url(f"**{baker.address}#lesson-{baker.lesson_id('Which flour?')}")
        expect(lesson_of(page, "Which flour?")).to_be_in_viewport()
        assert barriers(page) == []


def test_links_lead_to_the_platforms_player_if_it_is_configured(browser: Browser, folder: Path) -> None:
    with forked_headway_serve(folder, lesson_url=PLATFORM) as running:
        learner = student(running)
        learner.write("Water", progress_percentage=30)
        with visiting(browser, running, learner.learner_id) as context:
            page = learner.open(context)
            there = PLATFORM.format(course_id=learner.course_id, lesson_id=learner.lesson_id("Water"))
            for link in (page.get_by_role("link", name="Continue Water"), page.get_by_role("link", name="Water").last):
                expect(link).to_have_attribute("href", there)
                expect(link).to_have_attribute("target", "_top")
            page.goto(DASHBOARD)
            expect(page.get_by_role("link", name="Continue Water")).to_have_attribute("href", there)
            assert barriers(page) == []


def test_a_course_without_progress_continues_at_its_first_lesson(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        expect(course_head(page)).to_contain_text("Not started yet")
        expect(page.get_by_role("link", name="Begin Flour")).to_be_visible()
        expect(active_days(page)).to_contain_text("0 of the last")
        assert barriers(page) == []


def test_a_removed_course_is_shown_as_removed(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", progress_percentage=30)
    with visiting(browser, running, learner.learner_id, refusals=[404]) as context:
        page = learner.open(context)
        with running.client(None, "courses:write") as author:
            author.delete(f"/courses/{learner.course_id}").raise_for_status()
        look_again(page)
        expect(page.get_by_role("region", name="Notice")).to_contain_text("not in the catalogue any more")
        page.reload()
        expect(page.get_by_role("heading", name="This course is not here any more")).to_be_visible()
        assert barriers(page) == []
        page.get_by_role("link", name="To my courses").click()
        expect(page.get_by_role("heading", name="Begin your first course")).to_be_visible()


@pytest.mark.parametrize("course_id", ["no-uuid", "6f1d8c52-0d0e-4a5e-9d38-3f4f0f7a1b21"])
def test_other_courses_have_no_page(running: Running, course_id: str) -> None:
    cookie = cookie_of(running, str(uuid4()))["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        assert client.get(f"{DASHBOARD}/courses/{course_id}").status_code == 404


@ON_BOTH_STORES
def test_an_open_page_is_answered_304_without_changes(running: Running, baker: Student) -> None:
    cookie = cookie_of(running, baker.learner_id)["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        etag = client.get(baker.address).headers["etag"]
        unchanged = client.get(baker.address, headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        baker.write("Folding", progress_percentage=1)
        assert client.get(baker.address, headers={"If-None-Match": etag}).status_code == 200


def test_pages_report_an_unavailable_database(browser: Browser, folder: Path) -> None:
    with forked_headway_serve(folder) as running:
        learner = student(running)
        with visiting(browser, running, learner.learner_id, refusals=[503]) as context:
            page = learner.open(context)
            away = folder / "away.db"
            (folder / "headway.db").rename(away)
            look_again(page)
            expect(page.get_by_role("region", name="Notice")).to_contain_text("The service does not answer")
            page.goto(learner.address)
            expect(page.get_by_role("heading", name="Please wait a moment")).to_be_visible()
            assert barriers(page) == []
            away.rename(folder / "headway.db")
            eventually(lambda: httpx.get(f"{running.base_url}/readyz", timeout=PATIENCE).status_code == 200)
            page.get_by_role("link", name="Try again").click()
            expect(lesson_titles(page)).to_have_count(3)


def test_five_hundred_lessons_stay_usable(browser: Browser, running: Running) -> None:
    titles = [f"Lesson {number}" for number in range(500)]
    document = course(*(lesson(title=title, section=f"Week {n // 20}") for n, title in enumerate(titles)))
    learner = Student(running, document)
    learner.write("Lesson 250", progress_percentage=40)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        page.get_by_role("link", name="Continue Lesson 250").click()
        last = lesson_of(page, "Lesson 250")
        expect(last).to_be_in_viewport()
        last.get_by_role("button", name="Add a note").click()
        page.keyboard.type("Half way")
        learner.write("Lesson 251", status="completed")
        look_again(page)
        expect(lesson_of(page, "Lesson 251")).to_contain_text("Completed")
        expect(last.get_by_role("textbox")).to_be_focused()
        last.get_by_role("button", name="Save").click()
        expect(note_of(last)).to_have_text("Half way")
        expect(last).to_be_in_viewport()


def test_a_calendar_is_walked_through_with_the_arrow_keys(browser: Browser, running: Running, baker: Student) -> None:
    with visiting(browser, running, baker.learner_id) as context:
        page = baker.open(context)
        grid = page.get_by_role("grid", name="Active days")
        today = grid.get_by_role("gridcell", name="1 h 22 min · 3 lessons started · 1 lesson completed")
        expect(today).to_have_count(1)
        expect(today).to_have_attribute("tabindex", "0")
        today.focus()
        readout = active_days(page).get_by_role("paragraph", include_hidden=True).first
        expect(readout).to_contain_text("1 h 22 min · 3 lessons started · 1 lesson completed")
        page.keyboard.press("ArrowLeft")
        expect(readout).to_contain_text("Not active")
        page.keyboard.press("ArrowRight")
        expect(readout).to_contain_text("1 h 22 min")
        page.get_by_text("Day by day").click()
        expect(page.get_by_role("region", name="the latest first").get_by_role("row")).to_have_count(2)
        baker.write("Folding", status="completed", time_spent_minutes=60)
        look_again(page)
        expect(active_days(page)).to_contain_text("2 h 22 min")
        expect(page.get_by_role("region", name="the latest first")).to_be_visible()


def test_a_day_of_the_calendar_tells_about_itself_when_it_is_tapped(
    browser: Browser, running: Running, baker: Student
) -> None:
    with visiting(browser, running, baker.learner_id, width=PHONE, has_touch=True, is_mobile=True) as context:
        page = baker.open(context)
        expect(page.get_by_text("Tap a day to see what you did.")).to_be_visible()
        page.get_by_role("gridcell", name="1 h 22 min").tap()
        expect(page.get_by_text("1 h 22 min · 3 lessons started").last).to_be_visible()
        expect(page.get_by_text("Tap a day to see what you did.")).to_be_hidden()
        expect(page.get_by_role("list", name="The area of a square grows with the time")).to_contain_text("From 30 min")


def test_weeks_begin_on_the_first_day_of_the_readers_locale(browser: Browser, running: Running, baker: Student) -> None:
    for locale, days in {"en-US": ("Sunday", "Saturday"), "de-DE": ("Montag", "Sonntag")}.items():
        with visiting(browser, running, baker.learner_id, locale=locale) as context:
            rows = baker.open(context).get_by_role("rowheader")
            expect(rows.first).to_have_accessible_name(days[0])
            expect(rows.nth(6)).to_have_accessible_name(days[1])


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_squares_of_the_legend_are_as_large_as_the_days(browser: Browser, running: Running, width: int) -> None:
    learner = student(running)
    learner.write("Flour", progress_percentage=20, time_spent_minutes=9)
    sizes = """(elements, pseudo) => elements.map((one) => {
        const { width, height, scale } = getComputedStyle(one, pseudo);
        return [width, height].map((size) => parseFloat(size) * (scale === "none" ? 1 : parseFloat(scale)));
    })"""
    with visiting(browser, running, learner.learner_id, width=width) as context:
        page = learner.open(context)
        legend = page.get_by_role("list", name="The area of a square grows with the time")
        swatches = legend.get_by_role("listitem").locator("span").evaluate_all(sizes, None)
        [day] = page.get_by_role("gridcell", name="9 min").evaluate_all(sizes, "::before")
        assert day == pytest.approx(swatches[0], abs=0.1)
        assert swatches == sorted(swatches)
        assert fits(page)


def test_a_bookmark_alone_is_not_shown_as_progress(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", is_bookmarked=True)
    learner.write("Salt", progress_percentage=0, status="in_progress")
    with visiting(browser, running, learner.learner_id, "statistics:read") as context:
        page = learner.open(context)
        expect(lesson_of(page, "Water").get_by_role("definition")).to_have_count(0)
        expect(lesson_of(page, "Water")).to_contain_text("Not started")
        expect(lesson_of(page, "Salt").get_by_role("definition").first).to_have_text("0%")
        page.goto(f"{DASHBOARD}/statistics/{learner.course_id}/learners/{learner.learner_id}")
        lessons = page.get_by_role("region", name="A course").get_by_role("listitem")
        expect(lessons.filter(has_text="Water")).to_contain_text("Not started")
        expect(lessons.filter(has_text="Water")).not_to_contain_text("0%")
        expect(lessons.filter(has_text="Salt")).to_contain_text("0%")


@pytest.mark.parametrize("locale", ["he-IL", "fa-IR"])
def test_dates_in_right_to_left_scripts_keep_the_sentence_in_order(
    browser: Browser, running: Running, baker: Student, locale: str
) -> None:
    where = """(facts) => {
        const range = document.createRange();
        const lefts = [];
        const walker = document.createTreeWalker(facts, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const text = walker.currentNode.nodeValue;
            for (const word of ["Started", "Last opened"]) {
                const at = text.indexOf(word);
                if (at < 0) continue;
                range.setStart(walker.currentNode, at);
                range.setEnd(walker.currentNode, at + word.length);
                lefts.push([word, range.getBoundingClientRect().left]);
            }
        }
        const moments = [...facts.querySelectorAll("time")].map((one) => one.getBoundingClientRect().left);
        return [lefts[0][1], moments[0], lefts[1][1], moments[1]];
    }"""
    with visiting(browser, running, baker.learner_id, locale=locale) as context:
        page = baker.open(context)
        positions = page.get_by_role("paragraph").filter(has_text="Last opened").evaluate(where)
        assert positions == sorted(positions)
        today = page.get_by_role("gridcell", name="lesson completed")
        assert re.fullmatch("\u2068.+\u2069 · 1 h 22 min · 3 lessons started · .*", today.get_attribute("title") or "")


def test_a_page_shows_no_mark_that_the_learner_has_not_reached(browser: Browser, running: Running) -> None:
    document = course(
        lesson(title="Test", kind="quiz", pass_mark=58),
        lesson(title="Film", complete_at=80),
        lesson(title="Text"),
    )
    learner = Student(running, document)
    learner.write("Test", quiz_score=57.9999)
    learner.write("Film", progress_percentage=79.99)
    learner.write("Text", progress_percentage=99.99, time_spent_minutes=14.8)
    with visiting(browser, running, learner.learner_id, "statistics:read") as context:
        page = learner.open(context)
        expect(lesson_of(page, "Test")).to_contain_text("57.9 points, 58 to pass")
        expect(lesson_of(page, "Film")).to_contain_text("79%")
        expect(lesson_of(page, "Text")).to_contain_text("99%")
        expect(page.get_by_role("gridcell", name="14 min")).to_have_count(1)
        page.goto(f"{DASHBOARD}/statistics/{learner.course_id}/learners/{learner.learner_id}")
        lessons = page.get_by_role("region", name="A course").get_by_role("listitem")
        for title, figure in {"Test": "57.9", "Film": "79%", "Text": "99%"}.items():
            expect(lessons.filter(has_text=title)).to_contain_text(figure)
