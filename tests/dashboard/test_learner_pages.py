"""A learner's pages, in a real browser."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from support.browser import DASHBOARD, PHONE, barriers, check_looks, fits, visiting
from support.program import forked_headway_serve
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
def test_the_course_to_go_on_with_is_shown(browser: Browser, running: Running, learner_id: str) -> None:
    with visiting(browser, running, learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        course = page.get_by_role("region", name="Ways of bread")
        expect(course).to_contain_text("25%")
        expect(course).to_contain_text("1 of 4 lessons")
        expect(course).to_contain_text("1 h 15 min spent")
        expect(course.get_by_role("link", name="Continue Lesson 2")).to_be_visible()
        check_looks(page)


def test_a_learner_without_courses_sees_a_way_to_begin(browser: Browser, running: Running, learner_id: str) -> None:
    with visiting(browser, running, learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("heading", name="Begin your first course")).to_be_visible()
        assert barriers(page) == []


def test_what_is_past_or_not_begun_is_told_apart(browser: Browser, running: Running, learner_id: str) -> None:
    names = ("Late", "Begins later", "Valid for a while", "Ended")
    late, later, valid, ended = (
        running.put_course(course(lesson(title=f"First of {name}"), title=name, **fields))
        for name, fields in zip(names, ({}, {}, {"valid_for_days": 10}, {}), strict=True)
    )
    now = datetime.now(UTC)
    with running.client(str(uuid4()), "enrolments:write", "groups:write", "learners:admin") as staff:
        dates = {
            late: {"due_at": (now - timedelta(days=3)).isoformat()},
            later: {"starts_at": (now + timedelta(days=3)).isoformat()},
            valid: {},
            ended: {},
        }
        for course_id, body in dates.items():
            staff.put(f"/courses/{course_id}/enrolments/{learner_id}", json=body).raise_for_status()
        a_class = str(uuid4())
        staff.put(f"/groups/{a_class}", json={"title": "Class 7b", "members": [learner_id]}).raise_for_status()
        staff.put(f"/courses/{late}/groups/{a_class}", json={}).raise_for_status()
    with running.client(learner_id) as own:
        [only] = own.get(f"/courses/{valid}").json()["lessons"]
        own.put(f"/progress/{valid}/lessons/{only['id']}", json={"status": "completed"}).raise_for_status()
    with visiting(browser, running, learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        foremost = page.get_by_role("region", name="Late")
        expect(foremost.get_by_role("link", name="Begin First of Late")).to_be_visible()
        expect(foremost).to_contain_text("Class 7b")
        expect(page.get_by_role("region", name="Due dates").get_by_role("listitem")).to_contain_text(
            re.compile("Late by [34] days")  # another day may begin meanwhile
        )
        waiting = page.get_by_role("region", name="Not started yet")
        to_come = waiting.get_by_role("listitem").filter(has_text="Begins later")
        expect(to_come).to_contain_text("Starts")
        expect(to_come.get_by_role("link", name="Begin First")).to_have_count(0)
        expect(page.get_by_text("Valid until")).to_be_hidden()
        page.get_by_text("1 past course").click()
        expect(page.get_by_text("Valid until")).to_be_visible()
        assert barriers(page) == []


def test_a_newcomer_sees_few_courses_at_once(browser: Browser, tmp_path: Path) -> None:
    learner_id = str(uuid4())
    with (
        forked_headway_serve(tmp_path) as alone,
        visiting(browser, alone, learner_id, width=PHONE) as context,
    ):
        page = context.new_page()
        page.goto(f"{DASHBOARD}/catalogue")
        expect(page.get_by_role("heading", name="There are no courses yet")).to_be_visible()
        alone.put_course(course(lesson(title="Flour"), title="Ways of bread"))
        page.goto(DASHBOARD)
        offer = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Ways of bread"))
        assert barriers(page) == []
        assert fits(page)
        offer.get_by_role("button", name="Enrol and begin").click()
        expect(page.get_by_role("link", name="Begin Flour")).to_be_visible()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Running]:
    """A service in which only those who are enrolled may write."""
    with forked_headway_serve(tmp_path, enrolment="closed") as running:
        yield running


def test_where_enrolling_is_closed_a_newcomer_is_told_whom_to_ask(browser: Browser, closed: Running) -> None:
    course_id = closed.put_course(course(lesson(title="Behind the door"), title="Closed"))
    learner_id = str(uuid4())
    with visiting(browser, closed, learner_id, refusals={403}) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("heading", name="You have no courses yet")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Ask your teacher")
        expect(page.get_by_role("link", name="Choose a course")).to_have_count(0)
        page.goto(f"{DASHBOARD}/catalogue")
        expect(page.get_by_role("heading", name="Others enrol you in courses")).to_be_visible()
        expect(page.get_by_role("main")).not_to_contain_text("Closed")
        token = page.locator("meta[name=forgery-token]").get_attribute("content")
        answer = page.request.post(f"{DASHBOARD}/catalogue/{course_id}", form={"forgery_token": token or ""})
        assert answer.status == 403
    with closed.client(learner_id) as own:
        assert own.get("/enrolments").json() == []


def test_a_form_of_another_session_changes_nothing(browser: Browser, running: Running, learner_id: str) -> None:
    with visiting(browser, running, learner_id, refusals={403, 422}) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        course_id = running.put_course(course())
        for sent in ("", "0" * 128):
            for path in ("/goal", f"/catalogue/{course_id}"):
                answer = page.request.post(f"{DASHBOARD}{path}", form={"days_per_week": "3", "forgery_token": sent})
                assert answer.status == 403
                assert "Load the page again" in answer.text()
        token = page.locator("meta[name=forgery-token]").get_attribute("content")
        for days in ("8", "-1", "three", ""):
            answer = page.request.post(f"{DASHBOARD}/goal", form={"forgery_token": token or "", "days_per_week": days})
            assert answer.status == 422
    with running.client(learner_id) as own:
        assert own.get("/enrolments").json() == []
        assert own.get(f"/learners/{learner_id}/goal").status_code == 404
