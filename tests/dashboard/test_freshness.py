"""Parts of an open page that are replaced: they undo no write, and the focus stays."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.own_course import active_days, course_head, lesson_of, lesson_titles, look_again, student
from support.browser import DASHBOARD, visiting
from support.running import Running

PAUSE = 6_000
"""More milliseconds than a page waits before it asks again whether something has changed."""

# What the page is told of itself has been read, and is on its way until it is let go.
HOLD_PAGES = """() => {
    const real = window.fetch;
    const released = new Promise((release) => (window.release = release));
    window.fetch = async (address, options) => {
      const answer = await real(address, options);
      if (!options.headers["HX-Request"]) return answer;
      window.isHeld = true;
      await released;
      return answer;
    };
}"""


def test_an_answer_read_before_a_write_does_not_undo_it(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        page.evaluate(HOLD_PAGES)
        learner.write("Flour", status="completed")
        look_again(page)
        page.wait_for_function("() => window.isHeld")
        bookmark = lesson_of(page, "Water").get_by_role("button", name="Bookmark")
        bookmark.click()
        expect(page.get_by_role("status")).to_have_text("Bookmark saved")
        page.evaluate("() => window.release()")
        expect(lesson_of(page, "Flour")).to_contain_text("Completed")
        expect(bookmark).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("link", name="Bookmarked")).to_have_text("Bookmarked 1")


def test_bookmarks_are_counted_at_once(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Salt", is_bookmarked=True)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        choice = page.get_by_role("link", name="Bookmarked")
        lesson_of(page, "Water").get_by_role("button", name="Bookmark").click()
        expect(choice).to_have_text("Bookmarked 2")
        choice.click()
        page.wait_for_load_state()
        bookmark = lesson_of(page, "Water").get_by_role("button", name="Bookmark")
        bookmark.press("Enter")
        expect(lesson_titles(page)).to_have_text(["Salt"])
        salt = page.get_by_role("heading", name="Salt", level=3)
        expect(page.locator(":focus").filter(has=salt)).to_have_count(1)


FOCUSED: dict[str, Callable[[Page], Locator]] = {
    "what to go on with": lambda page: course_head(page).get_by_role("link"),
    "the explanation": lambda page: page.get_by_text(re.compile("^Where the .* comes from$")),
    "the list of days": lambda page: page.get_by_text("Day by day"),
    "the days of the list": lambda page: page.get_by_role("region", name="Active days, the latest first"),
    "today": lambda page: page.get_by_role("gridcell", name="min · 1 lesson"),
}


@pytest.mark.parametrize("focused", FOCUSED)
def test_the_focus_stays_when_a_part_is_replaced(browser: Browser, running: Running, focused: str) -> None:
    learner = student(running)
    learner.write("Flour", progress_percentage=20, time_spent_minutes=10)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        page.get_by_text("Day by day").click()
        FOCUSED[focused](page).focus()
        learner.write("Flour", status="completed", time_spent_minutes=20)
        look_again(page)
        expect(page.get_by_role("link", name="Continue Water")).to_be_visible()
        expect(active_days(page)).to_contain_text("20 min")
        expect(FOCUSED[focused](page)).to_be_focused()


def test_the_focus_stays_on_the_day_that_the_arrow_keys_have_reached(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Flour", progress_percentage=20, time_spent_minutes=10)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        FOCUSED["today"](page).focus()
        page.keyboard.press("ArrowLeft")
        yesterday = page.get_by_title(page.evaluate("() => document.activeElement.title"))
        learner.write("Flour", time_spent_minutes=20)
        look_again(page)
        expect(active_days(page)).to_contain_text("20 min")
        expect(yesterday).to_be_focused()


@pytest.mark.parametrize("is_of_one_course", [True, False])
def test_the_focus_moves_to_the_part_when_its_element_is_removed(
    browser: Browser, running: Running, *, is_of_one_course: bool
) -> None:
    learner = student(running, "Flour")
    learner.write("Flour", progress_percentage=20)
    with visiting(browser, running, learner.learner_id) as context:
        page = context.new_page()
        page.goto(learner.address if is_of_one_course else DASHBOARD, wait_until="load")
        page.get_by_role("link", name="Continue Flour").focus()
        learner.write("Flour", status="completed")
        look_again(page)
        if is_of_one_course:
            expect(course_head(page)).to_contain_text("All lessons completed")
            expect(course_head(page)).to_be_focused()
        else:
            nothing = page.get_by_role("heading", name="Nothing left to do")
            expect(nothing).to_be_visible()
            expect(page.locator(":focus").filter(has=nothing)).to_have_count(1)


def test_the_focus_moves_to_the_lessons_when_no_lesson_is_left(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Flour", user_notes="Rye takes more water.")
    with visiting(browser, running, learner.learner_id) as context:
        page = context.new_page()
        page.goto(f"{learner.address}?show=noted", wait_until="load")
        page.get_by_role("button", name="Edit note").click()
        page.get_by_role("textbox").fill("")
        page.keyboard.press("Control+Enter")
        nothing = page.get_by_role("heading", name="No notes yet")
        expect(nothing).to_be_visible()
        expect(page.locator(":focus").filter(has=nothing)).to_have_count(1)


def test_an_open_page_follows_other_devices_by_itself(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        context.clock.install()
        page = learner.open(context)
        water = lesson_of(page, "Water")
        water.get_by_role("button", name="Add a note").click()
        page.keyboard.type("Half a note")
        learner.write("Flour", status="completed")
        learner.write("Water", progress_percentage=30, user_notes="From the phone")
        page.clock.run_for(PAUSE)
        expect(lesson_of(page, "Flour")).to_contain_text("Completed")
        expect(water).to_contain_text("30%")
        expect(water.get_by_role("textbox")).to_have_value("Half a note")
        expect(water.get_by_role("textbox")).to_be_focused()


def test_a_notice_of_a_write_that_failed_stays_while_the_page_follows(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[503]) as context:
        context.clock.install()
        page = learner.open(context)
        page.route("**/api/v1/education/**", lambda route: route.fulfill(status=503))
        lesson_of(page, "Water").get_by_role("button", name="Bookmark").click()
        notice = page.get_by_role("region", name="Notice")
        expect(notice).to_be_visible()
        learner.write("Flour", status="completed")
        page.clock.run_for(PAUSE)
        expect(lesson_of(page, "Flour")).to_contain_text("Completed")
        expect(notice).to_be_visible()
        page.unroute("**/api/v1/education/**")
        notice.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("status")).to_have_text("Bookmark saved")
        expect(notice).to_be_hidden()
