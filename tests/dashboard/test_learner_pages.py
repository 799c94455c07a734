"""A learner's pages, in a real browser."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from support.browser import DASHBOARD, LOOKS, ON_BOTH_STORES, barriers, fits, visiting
from support.running import Running, course, lesson


@pytest.fixture
def learner_id() -> str:
    return str(uuid4())


@pytest.fixture
def course_id(running: Running, learner_id: str) -> str:
    """Return a course of four lessons. The learner has completed one of them."""
    document = course(*(lesson(title=f"Lesson {number}") for number in range(1, 5)), title="Ways of bread")
    course_id = running.put_course(document)
    with running.client(learner_id) as learner:
        path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        learner.put(path, json={"status": "completed", "time_spent_minutes": 75}).raise_for_status()
    return course_id


@pytest.mark.usefixtures("course_id")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_courses_in_progress_are_shown(
    browser: Browser, running: Running, learner_id: str, scheme: str, width: int
) -> None:
    with visiting(browser, running, learner_id, width=width, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        card = page.get_by_role("listitem").filter(has_text="Ways of bread")
        expect(card).to_contain_text("25%")
        expect(card).to_contain_text("1 of 4 lessons")
        expect(card).to_contain_text("1 h 15 min")
        assert barriers(page) == []
        assert fits(page)


@ON_BOTH_STORES
def test_a_learner_without_progress_sees_a_way_to_begin(browser: Browser, running: Running, learner_id: str) -> None:
    with visiting(browser, running, learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("heading", name="Nothing under way yet")).to_be_visible()
        assert barriers(page) == []
