"""The filters of a course's learners and of its activity: classes, names, due dates, completions that expire."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.taught import STATISTICS, TEACHER, Taught, days, filters, people, row_heads, tile
from support.browser import barriers, choice, cookie_of, fits, visiting
from support.program import forked_headway_serve
from support.running import PATIENCE, Running, course, lesson

PAST, FUTURE = datetime(2000, 1, 31, 10, 59, 59, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
"""The first is the last second of 31 January in Auckland."""


def shown(page: Page) -> list[str]:
    page.wait_for_load_state()
    return [one.get_attribute("href").rpartition("/")[2] for one in row_heads(page).get_by_role("link").all()]  # type: ignore[union-attr]


def named_field(page: Page) -> Locator:
    return page.get_by_role("search", name="Learners").get_by_role("searchbox", name="Name or e-mail")


def named(running: Running, names: dict[str, str]) -> None:
    with running.client(None, "learners:admin") as admin:
        for learner, name in names.items():
            admin.put(f"/learners/{learner}/profile", json={"name": name}).raise_for_status()


def due(taught: Taught, dates: dict[str, datetime]) -> None:
    with taught.running.client(None, "enrolments:write") as registrar:
        for learner, due_at in dates.items():
            path = f"/courses/{taught.course_id}/enrolments/{learner}"
            registrar.put(path, json={"due_at": due_at.isoformat()}).raise_for_status()


def test_a_class_is_chosen_for_the_whole_course(browser: Browser, running: Running, taught: Taught) -> None:
    members = taught.learners[:2]
    title = f"Class <b>7b</b> {uuid4()}"
    group_id = taught.grouped(title, members)
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners?sort=progress&order=asc")
        expect(people(page)).to_have_count(5)
        choice(page, "Class").select_option(label=title)
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page).to_have_url(f"{taught.page}/learners?group={group_id}&sort=progress&order=asc")
        expect(people(page)).to_have_count(2)
        assert set(shown(page)) == set(members)
        stream = page.locator("[data-stream]").get_attribute("data-stream")
        assert stream is not None
        assert f"group={group_id}" in stream
        choice(page, "Status").select_option("completed")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_text("No learners match these filters.").last).to_be_visible()
        assert f"group={group_id}" in page.url
        page.get_by_role("link", name="Activity").click()
        page.wait_for_load_state()
        expect(choice(page, "Class")).to_have_value(group_id)
        page.get_by_text("Show the figures").click()
        today = days(page).first.locator("td").first
        expect(today).to_have_text("2")
        page.get_by_role("link", name="7 days", exact=True).click()
        expect(days(page)).to_have_count(7)
        choice(page, "Class").select_option(label="all learners")
        page.get_by_role("button", name="Show", exact=True).first.click()
        page.get_by_text("Show the figures").click()
        expect(days(page)).to_have_count(7)  # the same days
        expect(today).to_have_text("5")
        assert barriers(page) == []


def test_learners_are_found_by_due_date_and_lateness(browser: Browser, running: Running, taught: Taught) -> None:
    first, second, third, *_ = taught.learners
    named(running, {first: "Zoë", second: "Ada", third: "Mia"})
    due(taught, {first: PAST, second: PAST, third: FUTURE})
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page)
        expect(tile(page, "Late")).to_contain_text("2")
        page.get_by_role("link", name="Show who is late").click()
        expect(row_heads(page)).to_contain_text(["Ada", "Zoë"])
        expect(row_heads(page)).to_contain_text(["⚠ late", "⚠ late"])
        choice(filters(page), "Late").select_option("")
        page.get_by_text("More filters").click()
        field = filters(page).get_by_role("textbox", name="Due before")
        for day, count in (("2000-01-31", 0), ("2000-02-01", 2)):  # in the course's time zone
            field.fill(day)
            page.get_by_role("button", name="Show", exact=True).click()
            expect(page.get_by_role("list", name="Filters that are set")).to_contain_text(f"{int(day[-2:])} ")
            expect(people(page)).to_have_count(count)
        assert "due_before=2000-02-01" in page.url
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        lines = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8")))
        assert [line["name"] for line in lines] == ["Ada", "Zoë"]
        page.reload()
        expect(field).to_have_value("2000-02-01")
        assert barriers(page) == []
        page.goto(f"{taught.page}/learners?due_before=soon")
        expect(page.get_by_role("alert")).to_contain_text("Due before")


def test_learners_are_sorted_and_found_by_name(browser: Browser, running: Running, taught: Taught) -> None:
    first, second, third, *others = taught.learners
    named(running, {first: "Zoë Zebra", second: "Ábaco", third: "نور"})
    with visiting(browser, running, str(uuid4()), TEACHER, width=375) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners")
        expect(page.get_by_role("columnheader", name="Learner")).to_have_attribute("aria-sort", "ascending")
        assert shown(page) == [second, first, third, *sorted(others)]
        filters(page).get_by_role("searchbox", name="Name or e-mail").press_sequentially("zeb")
        expect(row_heads(page)).to_have_text(["Zoë Zebra"])
        assert fits(page)


def test_few_stops_lead_to_the_first_learner(browser: Browser, running: Running, taught: Taught) -> None:
    taught.grouped("Class 7b", taught.learners)
    with visiting(browser, running, str(uuid4()), TEACHER, "courses:write") as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners")
        first = row_heads(page).get_by_role("link").first
        stops = 0
        while not first.evaluate("(link) => link === document.activeElement"):
            page.keyboard.press("Tab")
            stops += 1
            assert stops <= 15
            if page.evaluate("() => document.activeElement.matches('.skip')"):
                page.keyboard.press("Enter")


def test_another_class_that_is_not_shown_yet_changes_nothing(
    browser: Browser, running: Running, taught: Taught
) -> None:
    members = taught.learners[:2]
    group_id = taught.grouped("Class 7b", members)
    named(running, dict.fromkeys(taught.learners[:3], "Ada Lovelace"))
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        for chosen, to_choose, count in ((f"?group={group_id}", "", 2), ("", group_id, 3)):
            page.goto(f"{taught.page}/learners{chosen}")
            choice(filters(page), "Class").select_option(to_choose)
            filters(page).get_by_role("searchbox", name="Name or e-mail").press_sequentially("ada")
            expect(page).to_have_url(re.compile("query=ada"))
            expect(people(page)).to_have_count(count)


def test_completions_that_expire_are_found_where_they_do(browser: Browser, running: Running) -> None:
    document = course(lesson(), title="First aid", valid_for_days=30)
    course_id, learner = running.put_course(document), str(uuid4())
    with running.client(learner) as client:
        path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        client.put(path, json={"status": "completed"}).raise_for_status()
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}/{course_id}/learners")
        page.get_by_text("More filters").click()
        for days, count in (("10", 0), ("30", 1)):
            filters(page).get_by_role("spinbutton", name="Completion expires within days").fill(days)
            page.get_by_role("button", name="Show", exact=True).click()
            expect(page.get_by_role("list", name="Filters that are set")).to_contain_text(f"within days: {days}")
            expect(people(page)).to_have_count(count)
        page.goto(f"{STATISTICS}/{running.put_course(course())}/learners")
        expect(filters(page).get_by_role("spinbutton", name="Completion expires within days")).to_have_count(0)


def test_classes_are_those_that_the_session_may_see(running: Running, taught: Taught) -> None:
    own, other = (taught.grouped(f"Class {uuid4()}", taught.learners[:1]) for _ in range(2))
    cookie = cookie_of(running, str(uuid4()), TEACHER, "groups:write", groups=[own])
    with httpx.Client(base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE) as client:
        for tab in ("learners", "activity"):
            page = client.get(f"{taught.page}/{tab}?from=2026-01-01", follow_redirects=True)
            assert page.status_code == 200
            assert parse_qs(urlsplit(str(page.url)).query)["group"] == [own]
            assert own in page.text
            assert other not in page.text


def test_without_profiles_the_roster_is_sorted_by_the_day_last_seen(folder: Path) -> None:
    document = course(lesson(), title="Nameless")
    with forked_headway_serve(folder, profiles="off") as running:
        course_id, learner = running.put_course(document), str(uuid4())
        with running.client(learner) as client:
            path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
            client.put(path, json={"status": "completed"}).raise_for_status()
        cookie = cookie_of(running, str(uuid4()), TEACHER)
        with httpx.Client(
            base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE
        ) as client:
            page = client.get(f"{STATISTICS}/{course_id}/learners")
    assert page.status_code == 200
    assert learner[:8] in page.text
    assert "Sorted by the day last seen, the latest first." in page.text
    assert "Copy e-mail addresses" not in page.text
    assert 'name="query"' not in page.text
