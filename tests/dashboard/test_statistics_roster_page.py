"""A roster of 10,000 learners (200 pages), sorted, filtered and paged in a real browser."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import apsw
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from dashboard.taught import filters, people, row_heads
from support.browser import DASHBOARD, barriers, choice, fits, visiting
from support.program import forked_headway_serve
from support.running import Running, course, eventually, lesson

LEARNERS = 10_000
TEACHER = "statistics:read"

# Learners some way through three lessons, last seen on one of the last hundred days.
_EVERYBODY = """
WITH RECURSIVE learner (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM learner WHERE n < {learners})
INSERT INTO course_progress (
    user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, course_version, revision,
    enrolled_at, started_at, completed_at, day, day_lessons_started, day_lessons_completed, day_micro_minutes,
    day_completions, at_lesson
)
SELECT
    printf('%08x-0000-4000-8000-%012x', n * 2654435761 % 4294967296, n), c.course_id, n % 4,
    CASE WHEN n % 4 < 3 THEN 1 ELSE 0 END,
    n % 500 * 1000000, date('now', printf('-%d days', n % 100)) || 'T08:00:00.000000+00:00', c.version, 1,
    '2026-01-01T08:00:00.000000+00:00', '2026-01-01T08:00:00.000000+00:00',
    CASE WHEN n % 4 = 3 THEN date('now', printf('-%d days', n % 100)) || 'T08:00:00.000000+00:00' END,
    date('now', printf('-%d days', n % 100)), 0, 0, 0, 0,
    (SELECT l.lesson_id FROM lessons AS l WHERE l.course_id = c.course_id AND l.position = min(n % 4, 2))
FROM learner, courses AS c
WHERE c.course_id = '{course_id}';
INSERT INTO course_statistics
SELECT course_id, count(*), count(completed_at), count(*), count(*), count(completed_at)
FROM course_progress
GROUP BY course_id;
"""


class Crowd:
    """A service with one course, and everybody in it."""

    def __init__(self, running: Running, course_id: str, lessons: list[dict[str, Any]]) -> None:
        self.running = running
        self.course_id = course_id
        self.lessons = lessons
        self.page = f"{DASHBOARD}/statistics/{course_id}/learners"

    def get(self, **parameters: str) -> Any:
        with self.running.client(None, TEACHER) as teacher:
            return teacher.get(f"/statistics/{self.course_id}/learners", params=parameters).raise_for_status().json()

    def ids(self, **parameters: str) -> list[str]:
        return [line["user_id"] for line in self.get(**parameters)["learners"]]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("crowd")
    document = course(lesson(title="One"), lesson(title="Two"), lesson(title="Three"), title="A crowd")
    with forked_headway_serve(folder) as running:
        course_id = running.put_course(document)
        connection = apsw.Connection(str(folder / "headway.db"))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_EVERYBODY.format(learners=LEARNERS, course_id=course_id))
        connection.execute("COMMIT")
        connection.close()
        yield Crowd(running, course_id, document["lessons"])


@pytest.fixture
def visit(browser: Browser, crowd: Crowd) -> Iterator[BrowserContext]:
    with visiting(browser, crowd.running, str(uuid4()), TEACHER) as context:
        yield context


BY_NAME = {"sort": "name", "order": "asc"}
"""The order of the page, where its address names none."""


def shown(page: Page) -> list[str]:
    page.wait_for_load_state()
    return [text.strip() for text in row_heads(page).all_inner_texts()]


def shows(page: Page, ids: list[str]) -> None:
    expect(row_heads(page)).to_have_text(ids)


def said(page: Page) -> Locator:
    """Return what is said of the list to those who listen to the page."""
    return page.get_by_role("region", name="Learners", exact=True).get_by_role("status").first


def test_filters_that_belong_together_share_a_line(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(crowd.page)
    page.get_by_text("More filters").click()
    form = filters(page)
    first = [form.get_by_role("searchbox", name="Name or e-mail"), choice(form, "Status"), choice(form, "Late")]
    first.append(form.get_by_role("button", name="Show"))
    failed = form.get_by_role("spinbutton", name="Failed attempts, at least")
    for fields in (first, [choice(form, "Lesson started, not completed"), failed]):
        boxes = [field.bounding_box() for field in fields]
        assert len({round(box["y"] + box["height"]) for box in boxes if box}) == 1, fields


def test_the_total_of_a_filter_is_shown(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(f"{crowd.page}?status=completed")
    expect(page.get_by_text("2,500 learners match", exact=True)).to_be_visible()
    page.get_by_role("link", name="Remove the filter Status").click()
    expect(page.get_by_text("10,000 learners", exact=True)).to_be_visible()


def test_headings_sort_and_links_lead_to_further_pages(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(crowd.page)
    shows(page, crowd.ids(**BY_NAME))
    for name, heading in [("progress", "Lessons completed"), ("completed", "Completed"), ("last_seen", "Last seen")]:
        for order in ("desc", "asc"):
            head = page.get_by_role("columnheader", name=heading, exact=True)
            head.get_by_role("link").click()
            direction = {"asc": "ascending", "desc": "descending"}[order]
            expect(head).to_have_attribute("aria-sort", direction)
            expect(page).to_have_url(re.compile(f"sort={name}&order={order}"))
            shows(page, crowd.ids(sort=name, order=order))
            expect(head.get_by_role("link")).to_be_focused()
    first = before = following = crowd.get(sort="last_seen", order="asc")
    expect(page.get_by_role("link", name="Previous page")).to_have_count(0)
    for _ in range(3):
        page.get_by_role("link", name="Next page").click()
        before, following = following, crowd.get(sort="last_seen", order="asc", cursor=following["next"])
        shows(page, [line["user_id"] for line in following["learners"]])
        expect(page.get_by_role("region", name="Table of learners")).to_be_focused()
        expect(people(page).first).to_be_in_viewport()
    words = "10,000 learners Sorted by the day last seen, the earliest first."
    expect(said(page)).to_have_text(words)
    page.get_by_role("link", name="Previous page").click()
    shows(page, [line["user_id"] for line in before["learners"]])
    expect(page.get_by_role("region", name="Table of learners")).to_be_focused()
    page.get_by_role("link", name="Next page").click()
    shows(page, [line["user_id"] for line in following["learners"]])
    address = page.url
    page.reload()
    shows(page, [line["user_id"] for line in following["learners"]])
    page.go_back()
    shows(page, [line["user_id"] for line in before["learners"]])
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(address)
    shows(page, [line["user_id"] for line in following["learners"]])
    page.get_by_role("link", name="First page").click()
    shows(page, [line["user_id"] for line in first["learners"]])
    expect(page.get_by_role("region", name="Table of learners")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(address)
    shows(page, [line["user_id"] for line in following["learners"]])


def scrolled(page: Page) -> float:
    return float(page.evaluate("() => scrollY"))


def test_back_leads_to_the_page_before(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(f"{crowd.page}?completed=false&sort=last_seen")
    first = crowd.get(completed="false")
    page.get_by_role("link", name="Next page").scroll_into_view_if_needed()
    before = scrolled(page)
    assert before > 500
    page.get_by_role("link", name="Next page").click()
    second = crowd.ids(completed="false", cursor=first["next"])
    shows(page, second)
    row_heads(page).nth(30).get_by_role("link").scroll_into_view_if_needed()
    further = scrolled(page)
    row_heads(page).nth(30).get_by_role("link").click()
    expect(page.get_by_text(second[30])).to_be_attached()
    page.go_back()
    shows(page, second)
    eventually(lambda: abs(scrolled(page) - further) < 2)
    page.go_back()
    shows(page, [line["user_id"] for line in first["learners"]])
    eventually(lambda: abs(scrolled(page) - before) < 2)
    expect(page.get_by_role("list", name="Filters that are set")).to_contain_text("Completed the course: No")
    choice(filters(page), "Status").select_option("in_progress")
    filters(page).get_by_role("button", name="Show").click()
    narrowed = crowd.ids(completed="false", status="in_progress", sort="last_seen")
    expect(page.get_by_role("list", name="Filters that are set")).to_contain_text("Status: In progress")
    shows(page, narrowed)
    page.go_back()
    expect(choice(filters(page), "Status")).to_have_value("")
    shows(page, [line["user_id"] for line in first["learners"]])
    page.go_forward()
    expect(choice(filters(page), "Status")).to_have_value("in_progress")
    expect(page.get_by_role("list", name="Filters that are set")).to_contain_text("Status: In progress")
    page.get_by_role("link", name="Remove the filter Completed the course").click()
    expect(page.get_by_role("list", name="Filters that are set").locator("li")).to_have_count(1)
    page.get_by_role("link", name="Show all learners").click()
    shows(page, crowd.ids(sort="last_seen"))
    expect(choice(filters(page), "Status")).to_have_value("")


def test_a_learner_is_found_while_the_id_is_typed(visit: BrowserContext, crowd: Crowd) -> None:
    wanted = crowd.ids(limit="1")[0]
    page = visit.new_page()
    page.clock.install()
    page.goto(f"{crowd.page}?sort=progress&order=asc")
    page.get_by_text("More filters").click()
    field = filters(page).get_by_role("searchbox", name="Learner's id begins with")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    field.press("0")
    page.clock.run_for(600)  # more than it waits for whoever types
    assert not [url for url in asked if "learner=" in url]
    field.fill("")
    field.press_sequentially(wanted[:3].upper(), delay=20)
    expected = crowd.ids(learner=wanted[:3], sort="progress", order="asc")
    shows(page, expected)
    assert expected
    assert all(one.startswith(wanted[:3]) for one in expected)
    expect(field).to_be_focused()
    field.fill(wanted)
    shows(page, [wanted])
    assert f"learner={wanted}" in page.url
    assert "sort=progress" in page.url
    page.get_by_role("link", name=wanted).click()
    expect(page.get_by_text(wanted)).to_be_attached()


def test_filters_hold_together_and_are_kept_while_sorting(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(crowd.page)
    choice(filters(page), "Status").select_option("in_progress")
    page.get_by_text("More filters").click()
    filters(page).get_by_role("spinbutton", name="Days not seen, at least").fill("40")
    choice(filters(page), "At lesson").select_option(label="Two")
    filters(page).get_by_role("button", name="Show").click()
    asked = {"status": "in_progress", "stalled_days": "40", "at_lesson": crowd.lessons[1]["id"]}
    shows(page, crowd.ids(**asked, **BY_NAME))
    page.get_by_role("link", name="Lessons completed").click()
    shows(page, crowd.ids(**asked, sort="progress", order="desc"))
    for name, value in asked.items():
        assert f"{name}={value}" in page.url
    page.get_by_role("link", name="Show all learners").click()
    shows(page, crowd.ids(sort="progress", order="desc"))
    page.get_by_text("More filters").click()
    expect(filters(page).get_by_role("spinbutton", name="Days not seen, at least")).to_have_value("")


def test_wrong_filters_are_reported(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(crowd.page)
    page.get_by_text("More filters").click()
    filters(page).get_by_role("searchbox", name="Learner's id begins with").fill("0000000000000000000000000000ffff")
    expect(page.get_by_text("No learners match these filters.").last).to_be_visible()
    expect(said(page)).to_have_text("No learners match these filters.")
    filters(page).evaluate("(form) => { form.noValidate = true; form.setAttribute('novalidate', ''); }")
    filters(page).get_by_role("searchbox", name="Learner's id begins with").evaluate(
        "(field) => { for (const one of ['pattern', 'minlength']) field.removeAttribute(one); }"
    )
    filters(page).get_by_role("searchbox", name="Learner's id begins with").fill("ghi")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The filter “Learner's id begins with” cannot be used.")
    expect(said(page)).to_be_empty()  # an alert says itself
    assert barriers(page) == []


def test_the_file_has_the_filtered_learners(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(f"{crowd.page}?sort=progress&order=desc")
    page.get_by_text("More filters").click()
    filters(page).get_by_role("spinbutton", name="Days not seen, at least").fill("90")
    filters(page).get_by_role("button", name="Show").click()
    shows(page, crowd.ids(sort="progress", order="desc", stalled_days="90"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    pages = [shown(page)]
    for _ in range(2):
        page.get_by_role("link", name="Next page").click()
        expect(row_heads(page).first).not_to_have_text(pages[-1][0])
        pages.append(shown(page))
    assert [line["user_id"] for line in lines[:150]] == [one for ids in pages for one in ids]
    last = people(page).last
    line = lines[149]
    expect(last).to_contain_text(f"{line['completed_lessons']} of {line['total_lessons']}")


def test_the_file_without_filters_has_all_learners(visit: BrowserContext, crowd: Crowd) -> None:
    page = visit.new_page()
    page.goto(crowd.page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert len(lines) == LEARNERS
    assert [line["user_id"] for line in lines[:50]] == shown(page)


def test_the_roster_works_without_scripts(browser: Browser, crowd: Crowd) -> None:
    with visiting(browser, crowd.running, str(uuid4()), TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(crowd.page)
        page.get_by_role("link", name="Lessons completed").click()
        shows(page, crowd.ids(sort="progress", order="desc"))
        page.get_by_role("link", name="Next page").click()
        first = crowd.get(sort="progress", order="desc")
        shows(page, crowd.ids(sort="progress", order="desc", cursor=first["next"]))
        page.get_by_role("link", name="Previous page").click()
        shows(page, [line["user_id"] for line in first["learners"]])
        choice(filters(page), "Status").select_option("completed")
        filters(page).get_by_role("button", name="Show").click()
        shows(page, crowd.ids(sort="progress", order="desc", status="completed"))


def test_a_roster_fits_a_phone(browser: Browser, crowd: Crowd) -> None:
    with visiting(browser, crowd.running, str(uuid4()), TEACHER, width=375) as context:
        page = context.new_page()
        page.goto(crowd.page)
        expect(people(page)).to_have_count(50)
        assert fits(page)
