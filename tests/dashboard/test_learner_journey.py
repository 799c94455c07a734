"""A learner's whole job, on a desktop and a phone: from an empty first page to a course that is completed."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.browser import DASHBOARD, WAYS, check_looks, fits, visiting
from support.running import Running, course, lesson

_MANY = 6  # so many courses beside the learner's own, and the first page does not show all of them


@dataclass
class Newcomer:
    """A learner who takes no course yet, the browser's page, and a course that nobody takes."""

    running: Running
    page: Page
    learner_id: str
    title: str = field(default_factory=lambda: f"1 way of bread {uuid4()}")  # early in a catalogue that is by title

    def __post_init__(self) -> None:
        flour = lesson(title="Flour", kind="video", duration_seconds=600)
        water = lesson(title="Water", kind="video", duration_seconds=1500)
        document = course(flour, water, title=self.title)
        self.course_id = self.running.put_course(document)
        for _ in range(_MANY):
            self.running.put_course(course())
        self.lessons = [one["id"] for one in document["lessons"]]
        self.goal = self.page.get_by_role("region", name="Goal of the week")
        self.foremost = self.page.get_by_role("region", name=self.title)
        self.due = self.page.get_by_role("region", name="Due dates")

    def write(self, lesson_id: str, **fields: object) -> None:
        """Write as the platform's player does, then look at the first page again."""
        with self.running.client(self.learner_id) as player:
            player.put(f"/progress/{self.course_id}/lessons/{lesson_id}", json=fields).raise_for_status()
        self.page.goto(DASHBOARD)

    def set_due_date(self, days: int) -> None:
        dates = {"due_at": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
        with self.running.client(str(uuid4()), "enrolments:write") as registrar:
            registrar.put(f"/courses/{self.course_id}/enrolments/{self.learner_id}", json=dates).raise_for_status()
        self.page.goto(DASHBOARD)

    def line(self) -> Locator:
        """The course in a list, of the catalogue or of past courses."""
        return self.page.get_by_role("listitem").filter(has=self.page.get_by_role("heading", name=self.title))

    def offer(self) -> Locator:
        """The course in the catalogue, in which other tests have courses, too."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Find a course")
        self.page.wait_for_load_state()
        while not self.line().count():
            address = self.page.url
            self.page.get_by_role("link", name="Next page").click()
            expect(self.page).not_to_have_url(address)
            self.page.wait_for_load_state()
        return self.line()


@pytest.mark.parametrize(("width", "scripts"), WAYS)
def test_a_newcomer_enrols_and_completes_a_course(
    browser: Browser, running: Running, width: int, *, scripts: bool
) -> None:
    learner_id = str(uuid4())
    with visiting(browser, running, learner_id, width=width, java_script_enabled=scripts) as context:
        newcomer = Newcomer(running, context.new_page(), learner_id)
        _enrols(newcomer, is_checked=scripts)
        _begins_and_sets_a_goal(newcomer)
        _continues(newcomer, is_checked=scripts)
        _completes(newcomer)
        assert fits(newcomer.page)


def _enrols(newcomer: Newcomer, *, is_checked: bool) -> None:
    page = newcomer.page
    page.goto(DASHBOARD)
    page.get_by_role("link", name="Choose a course").click()
    offer = newcomer.offer()
    expect(offer).to_contain_text("2 lessons about 35 min")
    offer.get_by_text("Contents").click()
    expect(offer.get_by_text("Water")).to_be_visible()
    if is_checked:
        check_looks(newcomer.page)
    offer.get_by_role("button", name="Enrol and begin").click()
    expect(page.get_by_role("heading", name=newcomer.title)).to_be_visible()
    expect(page.get_by_role("link", name="Begin Flour")).to_be_visible()


def _begins_and_sets_a_goal(newcomer: Newcomer) -> None:
    newcomer.set_due_date(days=3)
    expect(newcomer.foremost.get_by_role("link", name="Begin Flour")).to_contain_text("10 min")
    expect(newcomer.due).to_contain_text(re.compile("Due in [23] days"))  # another day may begin meanwhile
    newcomer.goal.get_by_role("button", name="1 day a week").click()
    expect(newcomer.goal).to_contain_text("0 of 1 day this week")


def _continues(newcomer: Newcomer, *, is_checked: bool) -> None:
    newcomer.write(newcomer.lessons[0], progress_percentage=40, video_position_seconds=240)
    expect(newcomer.foremost.get_by_role("link", name="Continue Flour")).to_contain_text("6 min left")
    expect(newcomer.foremost).to_contain_text("31 min left in the course")
    expect(newcomer.goal).to_contain_text("You have met your goal this week.")
    expect(newcomer.goal).to_contain_text("Streak: 1 week")
    newcomer.goal.get_by_text("Change the goal").click()
    if is_checked:
        check_looks(newcomer.page)
    newcomer.goal.get_by_role("button", name="7 days a week").click()
    expect(newcomer.goal).to_contain_text("1 of 7 days this week")
    newcomer.page.get_by_role("link", name="Find a course").click()
    expect(newcomer.offer()).to_contain_text("You are enrolled")
    expect(newcomer.offer().get_by_role("button")).to_have_count(0)


def _completes(newcomer: Newcomer) -> None:
    for lesson_id in newcomer.lessons:
        newcomer.write(lesson_id, status="completed")
    expect(newcomer.page.get_by_role("heading", name="Nothing left to do")).to_be_visible()
    expect(newcomer.due).to_have_count(0)
    expect(newcomer.line()).to_contain_text("Completed")
    newcomer.goal.get_by_text("Change the goal").click()
    newcomer.goal.get_by_role("button", name="Remove the goal").click()
    expect(newcomer.goal.get_by_role("button", name="7 days a week")).to_be_visible()
    with newcomer.running.client(newcomer.learner_id) as client:
        assert client.get(f"/learners/{newcomer.learner_id}/goal").status_code == 404
