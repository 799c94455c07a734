"""Where a course's page opens: sections that fold, the lesson to continue with, and what unlocks the others."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.own_course import Student, lesson_of, look_again
from headway.auth.sessions import COOKIE
from support.browser import DESKTOP, LOOKS, PHONE, barriers, cookie_of, fits, visiting
from support.program import forked_headway_serve
from support.running import PATIENCE, Running, course, lesson

SECTIONS = ("Flour", "Water", "Fire")
LESSONS_OF_A_SECTION = 12


def long_course(running: Running) -> Student:
    """Return a learner in a course of three long sections, who has completed the first ten lessons of the second."""
    lessons = [
        lesson(title=f"{section} {number}", section=section)
        for section in SECTIONS
        for number in range(LESSONS_OF_A_SECTION)
    ]
    learner = Student(running, course(*lessons))
    for number in range(10):
        learner.write(f"Water {number}", status="completed")
    return learner


def section(page: Page, title: str) -> Locator:
    """Return a section's lessons with their heading."""
    return page.get_by_role("group").filter(has=page.get_by_role("heading", name=title, exact=True, level=2))


def is_open(found: Locator) -> bool:
    return bool(found.evaluate("(one) => one.open"))


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_page_opens_at_the_lesson_to_continue_with(
    browser: Browser, running: Running, width: int, scheme: str
) -> None:
    learner = long_course(running)
    with visiting(browser, running, learner.learner_id, width=width, color_scheme=scheme) as context:
        page = learner.open(context)
        reached = lesson_of(page, "Water 10")
        expect(reached).to_contain_text("Continue here")
        expect(reached).to_have_attribute("aria-current", "step")
        expect(reached).to_be_in_viewport()
        assert [is_open(section(page, title)) for title in SECTIONS] == [False, True, False]
        expect(section(page, "Flour")).to_contain_text("0 of 12 completed")
        expect(section(page, "Water")).to_contain_text("10 of 12 completed")
        assert page.evaluate("() => document.activeElement === document.body"), "the focus stays at the top"
        assert barriers(page) == []
        assert fits(page)
        page.reload(wait_until="load")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_sections_are_folded_by_keyboard_and_stay_so(browser: Browser, running: Running) -> None:
    learner = long_course(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        flour = section(page, "Flour")
        flour.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(lesson_of(page, "Flour 0")).to_be_visible()
        section(page, "Water").locator("summary").press("Enter")
        flour.locator("summary").focus()
        learner.write("Flour 3", status="completed")
        look_again(page)
        expect(flour).to_contain_text("1 of 12 completed")
        expect(flour.locator("summary")).to_be_focused()
        assert [is_open(section(page, title)) for title in SECTIONS] == [True, False, False]
        section(page, "Water").locator("summary").click()
        expect(lesson_of(page, "Water 10")).not_to_contain_text("Continue here")
        expect(lesson_of(page, "Flour 4")).to_contain_text("Continue here")


@pytest.mark.parametrize("with_script", [True, False])
def test_an_address_of_a_lesson_unfolds_its_section(browser: Browser, running: Running, *, with_script: bool) -> None:
    learner = long_course(running)
    with visiting(browser, running, learner.learner_id, java_script_enabled=with_script) as context:
        page = context.new_page()
        page.goto(f"{learner.address}#lesson-{learner.lesson_id('Fire 9')}")
        expect(lesson_of(page, "Fire 9")).to_be_in_viewport()
        page.goto(f"{learner.address}?lesson={learner.lesson_id('Flour 2')}")
        expect(lesson_of(page, "Flour 2")).to_be_visible()
        page.goto(learner.address)
        section(page, "Water").locator("summary").click()
        page.goto(f"{learner.address}#continue")
        expect(lesson_of(page, "Water 10")).to_be_in_viewport()


def test_continue_unfolds_the_section_again(browser: Browser, running: Running) -> None:
    learner = long_course(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        section(page, "Water").locator("summary").click()
        expect(lesson_of(page, "Water 10")).to_be_hidden()
        page.get_by_role("link", name="Continue Water 10").click()
        expect(lesson_of(page, "Water 10")).to_be_in_viewport()


def locked_course(running: Running) -> Student:
    read, bake = lesson(title="Read", section="First"), lesson(title="Bake", section="Then")
    more = [lesson(title=f"More {number}", section="First") for number in range(4)]
    bake["requires"] = [read["id"]]
    eat = lesson(title="Eat", section="Then", requires=[bake["id"], *(one["id"] for one in more)])
    return Student(running, course(read, *more, bake, eat))


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_locked_lesson_says_and_links_to_what_unlocks_it(browser: Browser, running: Running, width: int) -> None:
    learner = locked_course(running)
    with visiting(browser, running, learner.learner_id, width=width) as context:
        page = learner.open(context)
        section(page, "Then").locator("summary").click()
        bake, eat = lesson_of(page, "Bake"), lesson_of(page, "Eat")
        expect(bake).to_contain_text("Locked")
        expect(bake).to_contain_text("Complete Read first.")
        expect(eat.get_by_role("list").get_by_role("listitem")).to_have_text(
            ["Bake", "More 0", "More 1", "2 more lessons"]
        )
        assert barriers(page) == []
        assert fits(page)
        section(page, "First").locator("summary").click()
        bake.get_by_role("link", name="Read").click()
        expect(lesson_of(page, "Read")).to_be_in_viewport()
        learner.write("Read", status="completed")
        look_again(page)
        expect(bake).not_to_contain_text("Locked")


def test_a_course_says_from_when_it_is_open_and_until_when_it_is_due(browser: Browser, running: Running) -> None:
    learner = Student(running, course(lesson(title="Flour", due_after_days=1)))
    begins = datetime.now(UTC) + timedelta(days=5)
    due = begins + timedelta(days=9)
    with running.client(None, "enrolments:write") as admin:
        body = {"starts_at": begins.isoformat(), "due_at": due.isoformat()}
        address = f"/courses/{learner.course_id}/enrolments/{learner.learner_id}"
        admin.put(address, json=body).raise_for_status()
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        head = page.get_by_role("banner").or_(page.get_by_role("main"))
        expect(head.get_by_text("Opens on")).to_be_visible()
        expect(head.get_by_text("Due").first).to_be_visible()
        expect(page.get_by_role("link", name="Begin")).to_have_count(0)
        assert barriers(page) == []


def test_a_late_lesson_and_a_late_course_say_so_in_a_word(browser: Browser, running: Running) -> None:
    past = datetime.now(UTC) - timedelta(days=3)
    learner = Student(running, course(lesson(title="Flour", due_at=past.isoformat()), lesson(title="Salt")))
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        expect(lesson_of(page, "Flour")).to_contain_text(re.compile("Late Was due .* 20"))
        expect(lesson_of(page, "Salt")).not_to_contain_text("Late")


def test_a_course_for_enrolled_learners_says_that_it_is_closed(browser: Browser, folder: Path) -> None:
    with forked_headway_serve(folder, enrolment="closed") as running:
        learner = Student(running, course(lesson(title="Flour")))
        with visiting(browser, running, learner.learner_id) as context:
            page = learner.open(context)
            expect(page.get_by_text("You are not enrolled in this course.")).to_be_visible()
            expect(page.get_by_role("link", name="Begin Flour")).to_have_count(0)
            assert barriers(page) == []


@pytest.mark.parametrize("with_script", [True, False])
def test_a_lesson_is_marked_as_done_and_as_not_done(browser: Browser, running: Running, *, with_script: bool) -> None:
    film, quiz = lesson(title="Film", complete_at=80), lesson(title="Quiz", kind="quiz", pass_mark=50)
    text = lesson(title="Text")
    learner = Student(running, course(text, film, quiz, lesson(title="Then", requires=[text["id"]])))
    with visiting(browser, running, learner.learner_id, java_script_enabled=with_script) as context:
        page = learner.open(context)
        expect(page.get_by_role("button", name="Mark as done")).to_have_accessible_name("Mark as done Text")
        page.get_by_role("button", name="Mark as done Text").press("Enter")
        expect(lesson_of(page, "Text")).to_contain_text("Completed")
        assert learner.lesson_progress("Text")["status"] == "completed"
        if with_script:
            expect(page.get_by_role("status")).to_have_text("Marked as done")
            expect(page.get_by_role("button", name="Mark as not done Text")).to_be_focused()
        expect(page.get_by_role("button", name="Mark as done Then")).to_be_visible()
        expect(lesson_of(page, "Film")).to_contain_text("Continue here")
        page.get_by_role("button", name="Mark as not done Text").click()
        expect(lesson_of(page, "Text")).to_contain_text("Not started")
        assert learner.lesson_progress("Text")["status"] == "not_started"


def test_a_form_without_the_sessions_token_marks_nothing(running: Running) -> None:
    learner = Student(running, course(lesson(title="Text")))
    cookie = cookie_of(running, learner.learner_id)["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        address = f"{learner.address}/lessons/{learner.lesson_id('Text')}/done"
        assert client.post(address, data={"forgery_token": "0" * 64}).status_code == 403
        assert client.post(address).status_code == 403
        assert client.get(learner.address).text.count("Not started") >= 1
    with running.client(learner.learner_id) as client:
        assert client.get(learner.path("Text")).status_code == 404


def test_a_lesson_on_the_platform_has_no_button_that_marks_it(browser: Browser, folder: Path) -> None:
    with forked_headway_serve(folder, lesson_url="https://learn.example/{course_id}/{lesson_id}") as running:
        learner = Student(running, course(lesson(title="Text")))
        with visiting(browser, running, learner.learner_id) as context:
            page = learner.open(context)
            expect(page.get_by_role("link", name="Text", exact=True)).to_be_visible()
            expect(page.get_by_role("button", name="Mark as done")).to_have_count(0)
