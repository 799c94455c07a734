"""The end of a course: what the page says then, and where it leads on."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from dashboard.own_course import Student, look_again, student
from support.browser import LOOKS, PHONE, barriers, fits, visiting
from support.files import NDJSON, line, ndjson
from support.running import Running, course, lesson

PANEL = re.compile("You have completed")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name=PANEL)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_last_lesson_ends_the_course_with_a_panel_that_leads_on(
    browser: Browser, running: Running, width: int, scheme: str
) -> None:
    learner = Student(running, course(lesson(title="Hands"), lesson(title="Soap"), title="Hygiene", valid_for_days=365))
    other = student(running)
    learner.write("Hands", status="completed", time_spent_minutes=75)
    with running.client(learner.learner_id) as client:
        lesson_id = other.lesson_id("Flour")
        client.put(f"/progress/{other.course_id}/lessons/{lesson_id}", json={"progress_percentage": 5})
    with visiting(browser, running, learner.learner_id, width=width, color_scheme=scheme) as context:
        page = learner.open(context)
        expect(panel(page)).to_have_count(0)
        page.get_by_role("button", name="Mark as done Soap").click()
        expect(page.get_by_role("status")).to_have_text("You have completed Hygiene")
        expect(panel(page)).to_be_in_viewport()
        for words in ("1 h 15 min", "Valid until"):
            expect(panel(page)).to_contain_text(words)
        assert barriers(page) == []
        assert fits(page)
        panel(page).get_by_role("link", name="Continue A course").click()
        page.wait_for_url(f"**{other.address}#continue")


def test_the_panel_is_moved_to_although_the_page_is_being_fetched(browser: Browser, running: Running) -> None:
    learner = Student(running, course(*(lesson(title=f"Lesson {number}") for number in range(1, 31))))
    *earlier, last = [one["title"] for one in learner.document["lessons"]]
    for title in earlier:
        learner.write(title, status="completed")
    with visiting(browser, running, learner.learner_id, width=PHONE) as context:
        page = learner.open(context)
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route(f"**{learner.address}", hold, times=1)
        with page.expect_request(f"**{learner.address}"):
            look_again(page)
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.get_by_role("button", name=f"Mark as done {last}").click()
        expect(page.get_by_role("status")).to_have_text("Marked as done")
        held[0].continue_()
        expect(panel(page)).to_be_in_viewport()


def test_the_panel_leads_to_a_course_to_begin_then_to_all_courses(browser: Browser, running: Running) -> None:
    learner, waiting = student(running, "Flour"), student(running)
    with visiting(browser, running, learner.learner_id, java_script_enabled=False) as context:
        page = learner.open(context)
        page.get_by_role("button", name="Mark as done Flour").click()
        expect(panel(page).get_by_role("link", name="Find another course")).to_be_visible()
        with running.client(None, "enrolments:write") as registrar:
            address = f"/courses/{waiting.course_id}/enrolments/{learner.learner_id}"
            registrar.put(address, json={}).raise_for_status()
        page.reload()
        expect(panel(page).get_by_role("link", name="Begin A course")).to_be_visible()


def test_a_course_that_was_completed_earlier_has_no_panel(browser: Browser, running: Running) -> None:
    learner = student(running, "Flour")
    past = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    with running.client(None, "learners:admin") as admin:
        done = line(
            learner.learner_id, learner.course_id, learner.lesson_id("Flour"), status="completed", completed_at=past
        )
        admin.post("/progress/import", content=ndjson([done]), headers=NDJSON).raise_for_status()
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        expect(page.get_by_text("All lessons completed")).to_be_visible()
        expect(page.get_by_text(re.compile("^Completed .* 20"))).to_be_visible()
        expect(panel(page)).to_have_count(0)
