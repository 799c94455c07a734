"""The overview and the activity of a course in a browser: changes of a week, weeks and months, comparisons, tips."""

import re
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

from dashboard.taught import TEACHER, Taught
from support.browser import DASHBOARD, PHONE, barriers, choice, cookie_of, fits, visiting
from support.running import Running, course, lesson

FIGURES = ("Enrolled", "Started", "Completed", "Late", "Active in 7 days")
CHARTS = ("Active learners by day", "Lessons completed by day")


@pytest.fixture(scope="module")
def teacher() -> str:
    return str(uuid4())


@pytest.fixture
def classes(taught: Taught) -> tuple[str, str]:
    """Two classes in the course, by their titles."""
    titles = (f"7b {uuid4()}", f"9a {uuid4()}")
    for title, members in zip(titles, (taught.learners[:2], taught.learners[2:]), strict=True):
        taught.grouped(title, members)
    return titles


def test_the_overview_fits_a_window_and_says_how_each_figure_changed(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page)
        assert page.evaluate("[innerWidth, innerHeight]") == [1440, 900]
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "nothing is below the window"
        figures = page.get_by_role("region", name="Figures")
        expect(figures.get_by_role("term")).to_have_text(FIGURES)
        changes = [figures.get_by_role("definition").filter(has_text=ago) for ago in ("week before", "week ago")]
        came = [change["now"] for name, change in taught.get()["changes"].items() if name != "late"]
        expect(changes[0]).to_have_text([f"▲ {number:g} more than the week before" for number in came])
        expect(changes[1]).to_have_text(["= As a week ago"])
        lost = page.get_by_role("region", name="Where most learners stop").get_by_role("listitem")
        expect(lost).to_have_count(3)
        for row in lost.all():
            expect(row).to_contain_text("stuck")
        most = max(taught.get()["lessons"], key=lambda one: one["stopped_here"])
        lost.first.get_by_role("link", name=most["title"]).click()
        expect(page.get_by_role("heading", name=most["title"])).to_be_visible()


def test_two_classes_are_laid_over_each_other(
    browser: Browser, running: Running, taught: Taught, teacher: str, classes: tuple[str, str]
) -> None:
    one, other = classes
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        choice(page, "Class").select_option(label=one)
        choice(page, "Compare with").select_option(label=other)
        page.get_by_role("button", name="Show").first.click()
        expect(page.get_by_role("list", name="Compared").get_by_role("listitem")).to_have_text([one, other])
        says = re.compile(f", {one}: 2 learners active, {other}: 3 learners active$")
        expect(page.get_by_role("slider", name=CHARTS[0])).to_have_attribute("aria-valuetext", says)
        says = re.compile(rf", {one}: \d+ lessons? completed, {other}: \d+ lessons completed$")
        expect(page.get_by_role("slider", name=CHARTS[1])).to_have_attribute("aria-valuetext", says)
        page.get_by_text("Show the figures").click()
        table = page.get_by_role("region", name="The activity, in figures")
        expect(table.get_by_role("columnheader")).to_contain_text(
            ["Active learners", "Lessons completed", "Day", one, other, one, other]
        )
        today = table.get_by_role("row").nth(2).get_by_role("cell").all_inner_texts()
        assert today[:2] == ["2", "3"]
        assert barriers(page) == []
        page.get_by_role("link", name="Weeks").click()
        expect(table.get_by_role("columnheader", name="Week", exact=True)).to_be_visible()
        expect(page.get_by_role("list", name="Compared").get_by_role("listitem")).to_have_text([one, other])


def test_a_class_is_compared_without_a_script(
    browser: Browser, running: Running, taught: Taught, teacher: str, classes: tuple[str, str]
) -> None:
    with visiting(browser, running, teacher, TEACHER, java_script_enabled=False, width=PHONE) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity?by=month")
        choice(page, "Class").select_option(label=classes[0])
        choice(page, "Compare with").select_option(label="all learners")
        page.get_by_role("button", name="Show").first.click()
        expect(page.get_by_role("list", name="Compared").get_by_role("listitem")).to_have_text(
            [classes[0], "All learners"]
        )
        expect(page.get_by_role("link", name="Months")).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("img", name="Active learners a day, by month")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Month")).to_be_visible()
        assert fits(page)


def test_two_courses_are_compared_where_the_session_may_see_both(
    browser: Browser, running: Running, taught: Taught
) -> None:
    titles = [taught.document["title"], f"Ways of cheese {uuid4()}"]
    other = running.put_course(course(title=titles[1]))
    context = browser.new_context(base_url=running.base_url)
    try:
        context.add_cookies([cookie_of(running, str(uuid4()), TEACHER)])  # type: ignore[list-item]
        page = context.new_page()
        page.goto(f"{taught.page}/activity?compare=course:{other}")
        compared = page.get_by_role("list", name="Compared").get_by_role("listitem")
        expect(compared).to_have_text(titles)
        context.add_cookies([cookie_of(running, str(uuid4()), TEACHER, courses=[taught.course_id])])  # type: ignore[list-item]
        answer = page.reload()
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", name="You may not see this page")).to_be_visible()
        page.goto(f"{taught.page}/activity")
        expect(page.get_by_role("option", name=titles[1])).to_have_count(0)
        page.goto(f"{taught.page}/activity?compare=course:nonsense")
        expect(page.get_by_role("alert")).to_contain_text("something that is not there")
    finally:
        context.close()


def test_courses_whose_today_differs_are_compared_on_the_same_days(browser: Browser, running: Running) -> None:
    zones = ("Pacific/Pago_Pago", "Pacific/Kiritimati")  # 25 hours apart
    work = lesson()
    first, other = (running.put_course(course(work, time_zone=zone)) for zone in zones)
    begin = (datetime.now(ZoneInfo(zones[0])) - timedelta(days=9)).date()
    with running.client() as learner:
        for one in (first, other):
            learner.put(f"/progress/{one}/lessons/{work['id']}", json={"status": "completed"}).raise_for_status()
    with visiting(browser, running, str(uuid4()), TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        for one, beside in ((first, other), (other, first)):
            for interval in ("day", "week"):
                page.goto(f"{DASHBOARD}/statistics/{one}/activity?from={begin}&by={interval}&compare=course:{beside}")
                expect(page.get_by_role("list", name="Compared").get_by_role("listitem")).to_have_count(2)


def test_tips_are_reached_by_keys_by_pointer_and_by_touch(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, has_touch=True) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        chart = page.get_by_role("slider", name=CHARTS[0])
        page.get_by_role("button", name="Show").last.focus()
        page.keyboard.press("Tab")
        expect(chart).to_be_focused()
        shown = page.get_by_role("figure").first.get_by_text("5 learners active")
        expect(shown).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(chart).to_have_attribute("aria-valuenow", "29")
        expect(page.get_by_role("figure").first.get_by_text("0 learners active")).to_be_visible()
        page.keyboard.press("Home")
        expect(chart).to_have_attribute("aria-valuenow", "1")
        page.keyboard.press("End")
        expect(shown).to_be_visible()
        page.keyboard.press("Escape")
        expect(shown).to_be_hidden()
        box = chart.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + 80)
        expect(shown).to_be_visible()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
        expect(chart).to_have_attribute("aria-valuenow", re.compile("1[4-7]"))
        page.mouse.move(0, 0)
        expect(page.get_by_role("figure").first.get_by_text("0 learners active")).to_be_hidden()


def test_time_runs_from_right_to_left_in_arabic(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, locale="ar-EG") as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        chart = page.get_by_role("slider").first
        expect(chart).to_have_attribute("aria-valuenow", "30")
        chart.focus()
        page.keyboard.press("ArrowRight")  # to the day before, which is on the right
        expect(chart).to_have_attribute("aria-valuenow", "29")
        assert fits(page)


def test_the_chart_of_scores_says_what_its_bars_count(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/lessons")
        chart = page.get_by_role("slider", name="Learners by their best score in The first test")
        chart.focus()
        page.keyboard.press("End")
        expect(chart).to_have_attribute("aria-valuetext", "90 to 100 points, 1 learner")
        page.keyboard.press("ArrowLeft")
        expect(chart).to_have_attribute("aria-valuetext", "80 to 89 points, 0 learners")
        expect(page.get_by_text("Pass mark").last).to_be_visible()
