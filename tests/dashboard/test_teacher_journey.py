"""The teacher's whole job in a browser: from signing in to the people who need attention, and to a file of them."""

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.taught import STATISTICS, TEACHER
from support.browser import DASHBOARD, PHONE, WAYS, check_looks, choice, cookie_of, visiting
from support.running import Running, course, lesson

NAMES: Final = ("Ada Lovelace", "Jürgen Ångström", "Zoë van den Berg")
LATE: Final = (datetime.now(UTC) - timedelta(days=3)).isoformat()


class Workshop:
    """A course and a class of its own: three learners by name, each in need of attention for another reason."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.mark = uuid4().hex[:8]
        self.title = f"Élan {self.mark}"
        document = course(lesson(title="Flour"), lesson(title="A quiz", kind="quiz", pass_mark=60), title=self.title)
        self.first, self.quiz = (one["id"] for one in document["lessons"])
        self.course_id = running.put_course(document)
        self.other_id = running.put_course(course(title=f"Pause {self.mark}"))
        self.late, self.failing, self.new = self.learners = sorted(str(uuid4()) for _ in NAMES)
        self.group_id, self.group = str(uuid4()), f"Class {self.mark}"
        self._put("groups:write", f"/groups/{self.group_id}", title=self.group, members=self.learners)
        for learner, name in zip(self.learners, NAMES, strict=True):
            self._put("learners:admin", f"/learners/{learner}/profile", name=name, email=f"{learner[:8]}@example.org")
            due = {"due_at": LATE} if learner == self.late else {}
            self._put("enrolments:write", f"/courses/{self.course_id}/enrolments/{learner}", **due)
        self.work(self.late, self.first, progress_percentage=40)
        self.work(self.failing, self.quiz, quiz_score=20, quiz_attempts=4)

    def _put(self, scope: str, path: str, **body: Any) -> None:
        with self.running.client(None, scope) as client:
            client.put(path, json=body).raise_for_status()

    def work(self, learner: str, lesson_id: str, **fields: object) -> None:
        with self.running.client(learner) as client:
            client.put(f"/progress/{self.course_id}/lessons/{lesson_id}", json=fields).raise_for_status()


@pytest.fixture
def workshop(running: Running) -> Workshop:
    return Workshop(running)


@pytest.fixture
def teacher() -> str:
    return str(uuid4())


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


@pytest.mark.parametrize(("width", "scripts"), WAYS)
def test_from_signing_in_to_a_file_and_to_a_learner(
    browser: Browser, running: Running, workshop: Workshop, teacher: str, width: int, scripts: bool
) -> None:
    with running.client(teacher, TEACHER) as client:
        code = client.post("/sign-in-codes").raise_for_status().json()
    with visiting(browser, running, teacher, width=width, java_script_enabled=scripts) as context:
        context.clear_cookies()
        page = context.new_page()
        page.goto(code["url"])
        page.get_by_role("link", name="Statistics").click()
        page.get_by_role("link", name="Show the list: Late").click()  # two clicks
        expect(page.get_by_role("heading", level=1)).to_have_text("Late")
        choice(page, "Class").select_option(label=workshop.group)
        choice(page, "Course").select_option(label=workshop.title)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("1 in this list")).to_be_visible()
        row = page.get_by_role("row").filter(has_text=NAMES[0])
        expect(row).to_contain_text("late")
        with page.expect_download() as download:
            page.get_by_role("link", name="All of these as CSV").click()
        lines = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
        told = [(line["name"], line["course_title"], line["lesson_title"], line["reason"]) for line in lines]
        assert told == [(NAMES[0], workshop.title, "Flour", "late")]
        row.get_by_role("link", name=NAMES[0]).click()
        expect(page).to_have_url(re.compile(f"{STATISTICS}/{workshop.course_id}/learners/{workshop.late}$"))
        expect(page.get_by_role("heading", level=1)).to_contain_text(NAMES[0])


def test_the_home_shows_a_class(browser: Browser, running: Running, workshop: Workshop, teacher: str) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(STATISTICS)
        choice(page, "Class").select_option(label=workshop.group)
        page.get_by_role("button", name="Show").click()
        for title, name, place in (
            ("Late", NAMES[0], f"{workshop.title} Flour"),
            ("Failed a quiz twice or more", NAMES[1], f"{workshop.title} A quiz"),
            ("Not started", NAMES[2], workshop.title),
        ):
            one = card(page, title).get_by_role("listitem")
            expect(one).to_have_count(1)
            expect(one.get_by_role("link", name=name)).to_be_visible()
            expect(one).to_contain_text(place)
            expect(card(page, "Not seen for 14 days").get_by_role("paragraph")).to_have_text("0")
        expect(card(page, "Failed a quiz twice or more")).to_contain_text("failed 4 times")
        rows = page.get_by_role("region", name="Table of courses").locator("tbody tr")
        expect(rows).to_have_count(1)
        expect(rows.get_by_role("cell").nth(1)).to_have_text("3")
        page.get_by_role("link", name="Show the list: Not started").click()
        expect(choice(page, "Class")).to_have_value(workshop.group_id)
        expect(page.get_by_role("row").filter(has_text=NAMES[2])).to_be_visible()


def test_the_home_and_the_lists_pass_the_accessibility_checks(
    browser: Browser, running: Running, workshop: Workshop, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        for below in (f"?group={workshop.group_id}", "/attention/late", "/attention/inactive?inactive_days=400"):
            page.goto(STATISTICS + below)
            check_looks(page)


def test_courses_are_searched_and_sorted_without_scripts(
    browser: Browser, running: Running, workshop: Workshop, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(STATISTICS)
        page.get_by_role("searchbox", name="Title", exact=True).fill(f"{workshop.mark} ELAN")
        page.get_by_role("search", name="Search for courses").get_by_role("button").click()
        rows = page.get_by_role("region", name="Table of courses").locator("tbody tr")
        expect(rows).to_have_count(1)
        expect(page.get_by_text("1 course has")).to_be_visible()
        page.get_by_role("searchbox", name="Title", exact=True).fill(workshop.mark)
        page.get_by_role("search", name="Search for courses").get_by_role("button").click()
        heads = page.get_by_role("columnheader")
        for title, first, direction in (
            ("Learners", "Élan", "descending"),
            ("Learners", "Pause", "ascending"),
            ("Late", "Élan", "descending"),
            ("Course", "Élan", "ascending"),
            ("Course", "Pause", "descending"),
        ):
            page.get_by_role("columnheader", name=title).get_by_role("link").click()
            expect(heads.filter(has_text=title)).to_have_attribute("aria-sort", direction)
            expect(rows).to_have_count(2)
            expect(rows.first).to_contain_text(first)
        page.get_by_role("searchbox", name="Title", exact=True).fill("no such title")
        page.get_by_role("search", name="Search for courses").get_by_role("button").click()
        expect(page.get_by_text("No course matches this search.")).to_be_visible()


def test_nobody_needs_attention(browser: Browser, running: Running, teacher: str) -> None:
    group_id = str(uuid4())
    with running.client(None, "groups:write") as client:
        client.put(f"/groups/{group_id}", json={"title": "Fine", "members": [str(uuid4())]}).raise_for_status()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}?group={group_id}")
        expect(page.get_by_text("Nobody needs attention")).to_be_visible()
        expect(page.get_by_role("heading", name="No courses yet")).to_be_visible()
        page.goto(f"{STATISTICS}/attention/late?group={group_id}")
        expect(page.get_by_text("No learners match these filters.")).to_be_visible()
        expect(page.get_by_role("link", name="All of these as CSV")).to_have_count(0)


def test_a_session_for_classes_sees_their_members(browser: Browser, running: Running, workshop: Workshop) -> None:
    other_id = str(uuid4())
    with running.client(None, "groups:write") as client:
        client.put(f"/groups/{other_id}", json={"title": "Others", "members": [workshop.new]}).raise_for_status()
    context = browser.new_context(base_url=running.base_url)
    cookie = cookie_of(running, str(uuid4()), TEACHER, groups=[other_id])
    context.add_cookies([cookie])  # type: ignore[list-item]
    try:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.get_by_role("link", name="Statistics").click()
        expect(card(page, "Not started").get_by_role("listitem")).to_contain_text(NAMES[2])
        expect(card(page, "Late").get_by_role("paragraph")).to_have_text("0")
        expect(choice(page, "Class").get_by_role("option")).to_have_text(["all my classes", "Others"])
        page.get_by_role("region", name="Table of courses").get_by_role("link", name=workshop.title).click()
        expect(page.get_by_text("Only the members of Others.")).to_be_visible()
    finally:
        context.close()


def crowd(running: Running, workshop: Workshop) -> None:
    """Enrol 52 learners more, who are late."""
    with running.client(None, "enrolments:write") as client:
        for _ in range(52):
            path = f"/courses/{workshop.course_id}/enrolments/{uuid4()}"
            client.put(path, json={"due_at": LATE}).raise_for_status()


def test_heads_of_long_tables_stay_in_sight(
    browser: Browser, running: Running, workshop: Workshop, teacher: str
) -> None:
    crowd(running, workshop)
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        for below, name in (
            (f"/attention/late?course={workshop.course_id}", "Table of learners"),
            (f"/{workshop.course_id}/learners", "Table of learners"),
            (f"/{workshop.course_id}/learners/grid", "Table of results"),
        ):
            page.goto(STATISTICS + below)
            table = page.get_by_role("region", name=name)
            table.get_by_role("rowheader").last.scroll_into_view_if_needed()
            expect(table.get_by_role("rowheader").first).not_to_be_in_viewport()
            for head in table.get_by_role("columnheader").all():
                expect(head).to_be_in_viewport(ratio=1)


def test_a_roster_with_late_marks_fits_a_phone_in_german(
    browser: Browser, running: Running, workshop: Workshop, teacher: str
) -> None:
    workshop.work(workshop.late, workshop.first, status="completed")
    workshop.work(workshop.late, workshop.quiz, quiz_score=90, quiz_attempts=1)
    crowd(running, workshop)
    with visiting(browser, running, teacher, TEACHER, width=PHONE, locale="de-DE") as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}/{workshop.course_id}/learners")
        expect(page.get_by_text("verspätet abgeschlossen")).to_be_visible()
        table = page.get_by_role("region", name="Tabelle der Lernenden")
        assert table.evaluate("(frame) => frame.scrollWidth <= frame.clientWidth")


def test_a_long_list_has_pages(browser: Browser, running: Running, workshop: Workshop, teacher: str) -> None:
    crowd(running, workshop)
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}/attention/late?course={workshop.course_id}")
        expect(page.get_by_text("53 in this list")).to_be_visible()
        rows = page.get_by_role("region", name="Table of learners").locator("tbody tr")
        expect(rows).to_have_count(50)
        page.get_by_role("link", name="Next page").click()
        expect(rows).to_have_count(3)
        page.get_by_role("link", name="Previous page").click()
        expect(rows).to_have_count(50)
        expect(page.get_by_role("link", name="Previous page")).to_have_count(0)
        page.get_by_role("link", name="Next page").click()
        expect(rows).to_have_count(3)
        page.get_by_role("link", name="First page").click()
        expect(rows).to_have_count(50)
