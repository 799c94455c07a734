"""The teacher's pages, in a real browser: what they show, and to whom."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from dashboard.taught import STATISTICS, TEACHER, Taught, is_live, lesson_rows, losing, people, quiz_of, tile
from headway.domain.principal import OPERATOR_ID
from support.browser import (
    DASHBOARD,
    ON_BOTH_STORES,
    SCHEMES,
    barriers,
    bring_axe,
    check_looks,
    choice,
    cookie_of,
    fits,
    unfold_all,
    visiting,
)
from support.running import PATIENCE, Running, course, lesson

HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert(2)">'"&{{ 7*7 }}"""
TABS = ["/{course_id}", "/{course_id}/lessons", "/{course_id}/learners", "/{course_id}/activity"]
PAGES = ["", *TABS, "/{course_id}/learners/{learner}"]
"""Below STATISTICS."""
CHARTS = {"/{course_id}/lessons": 1, "/{course_id}/activity": 2}
A_CHART = re.compile("^Learners by their best score|^.* by day")


@pytest.fixture
def teacher() -> str:
    return str(uuid4())


@contextmanager
def refused(browser: Browser, running: Running, *scopes: str, **options: Any) -> Iterator[BrowserContext]:
    """A visit on which a browser complains of the status, as it should."""
    context = browser.new_context(base_url=running.base_url, **options)
    context.add_cookies([cookie_of(running, str(uuid4()), *scopes)])  # type: ignore[list-item]
    try:
        yield context
    finally:
        context.close()


def test_the_statistics_pages_pass_the_accessibility_checks(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        bring_axe(context)
        page = context.new_page()
        for below in PAGES:
            page.goto(STATISTICS + below.format(course_id=taught.course_id, learner=taught.learners[3]))
            expect(page.get_by_role("slider")).to_have_count(CHARTS.get(below, 0))
            unfold_all(page)
            check_looks(page)


def test_every_page_is_readable_without_scripts(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        for below in (f"?query={taught.document['title'].rpartition(' ')[2]}", *TABS):
            page.goto(STATISTICS + below.format(course_id=taught.course_id))
            expect(page.get_by_text("Ways of bread").first).to_be_visible()
            expect(page.get_by_role("table").or_(page.get_by_role("region", name="Figures")).first).to_be_visible()
            for table in page.get_by_role("table", include_hidden=True).all():
                expect(table).to_be_visible()
            expect(page.get_by_role("img", name=A_CHART)).to_have_count(CHARTS.get(below, 0))


def test_the_tabs_of_a_course_are_links_that_work_without_scripts(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    group_id = taught.grouped("Class 7b", taught.learners[:2])
    with visiting(browser, running, teacher, TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{taught.page}?group={group_id}")
        tabs = page.get_by_role("navigation", name="The course")
        for name, below in (
            ("Lessons", "/lessons"),
            ("Learners", "/learners"),
            ("Activity", "/activity"),
            ("Overview", ""),
        ):
            tabs.get_by_role("link", name=name).click()
            expect(page).to_have_url(re.compile(f"{taught.course_id}{below}[?]group={group_id}$"))
            expect(tabs.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
            expect(page.get_by_role("heading", level=1)).to_have_text(taught.document["title"])
            expect(page).to_have_title(re.compile(f"^{name} · "))
        page.get_by_role("link", name="Show all learners").click()
        expect(tile(page, "Enrolled")).to_have_text("5")


def test_an_overview_fits_the_window(browser: Browser, running: Running, taught: Taught, teacher: str) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page)
        expect(losing(page)).to_have_count(3)
        assert page.evaluate("() => document.documentElement.scrollHeight") <= 900


@pytest.mark.parametrize(
    ("query", "below"),
    [
        ("completed=false", "/learners?sort=last_seen&completed=false"),
        ("sort=progress&order=asc", "/learners?sort=progress&order=asc"),
        ("from=2026-01-01&to=2026-01-31", "/activity?from=2026-01-01&to=2026-01-31"),
        ("unknown=1", "?unknown=1"),
    ],
)
def test_addresses_of_the_time_of_one_page_lead_to_the_tab(
    running: Running, taught: Taught, teacher: str, query: str, below: str
) -> None:
    cookie = cookie_of(running, teacher, TEACHER)
    with httpx.Client(base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE) as client:
        answer = client.get(f"{taught.page}?{query}", follow_redirects=True)
    assert answer.status_code == 200
    assert str(answer.url) == f"{running.base_url}{taught.page}{below}"


def test_the_fragment_of_the_time_of_one_page_is_at_the_tab(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}#learners")
        expect(page.locator(":target")).to_have_attribute("href", f"{taught.page}/learners")


@ON_BOTH_STORES
def test_each_course_has_a_line(browser: Browser, running: Running, taught: Taught, teacher: str) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}?query={taught.document['title'].rpartition(' ')[2]}")
        line = page.get_by_role("row").filter(has_text=taught.document["title"])
        figures = taught.get()
        shown = [cell.strip() for cell in line.get_by_role("cell").all_inner_texts()]
        assert shown[1:] == ["5", "5", str(figures["completed"]), "0"]
        expect(line.get_by_role("img", name="0.7")).to_be_visible()  # five learners on one of seven days
        line.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(taught.document["title"])


def test_a_course_shows_the_figures_of_the_api(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    figures = taught.get()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page)
        for name in ("Enrolled", "Started", "Completed", "Late"):
            expect(tile(page, name)).to_have_text(str(figures[name.lower()]))
        expect(tile(page, "Active in 7 days")).to_have_text(str(figures["active_last_7_days"]))
        most = sorted(figures["lessons"], key=lambda one: -one["stopped_here"])[:3]
        shown = losing(page)
        expect(shown).to_contain_text([one["title"] for one in most])
        expect(shown).to_contain_text(
            [f"{one['stopped_here']} learner{'s' * (one['stopped_here'] != 1)} stuck" for one in most]
        )
        expect(shown.first.get_by_role("link")).to_have_attribute("href", re.compile(most[0]["lesson_id"]))
        page.get_by_role("link", name="Lessons", exact=True).click()
        expect(page.get_by_role("definition").first).to_have_text(f"{figures['completion_rate']}%")
        page.wait_for_load_state()
        rows = lesson_rows(page)
        shown_rows = [row.locator("td").all_inner_texts()[1:3] for row in rows.all()]
        assert shown_rows == [[str(one["started"]), str(one["completed"])] for one in figures["lessons"]]
        quiz = quiz_of(page)
        expect(quiz).to_contain_text(re.compile(r"Pass mark\s*60"))
        quiz.locator("summary").click()
        bins = [int(text) for text in quiz.locator("td").all_inner_texts()]
        assert sum(bins) == sum(one["learners"] for one in figures["lessons"][1]["score_distribution"]) == 4


def test_days_can_be_chosen_and_are_in_the_address(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        activity = page.get_by_role("region").filter(has=page.get_by_text("Days of the time zone"))
        expect(activity).to_contain_text("Pacific/Auckland")
        expect(activity.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
        activity.get_by_role("link", name="7 days").click()
        expect(activity.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
        expect(activity.get_by_role("link", name="7 days")).to_be_focused()
        first = page.get_by_label("From", exact=True).input_value()
        assert f"from={first}" in page.url
        activity.locator("summary").click()
        expect(activity.locator("tbody tr")).to_have_count(7)
        days = taught.get("/activity", **{"from": first})["days"]
        shown = [row.locator("td").first.inner_text() for row in activity.locator("tbody tr").all()]
        assert shown == [str(day["active_learners"]) for day in reversed(days)]
        page.get_by_label("to", exact=True).fill("2000-01-01")
        activity.get_by_role("button", name="Show").click()
        expect(activity.get_by_role("alert")).to_contain_text("The first day is after the last.")
        page.go_back()
        expect(page.get_by_label("From", exact=True)).to_have_value(first)


def test_titles_are_shown_as_text_and_not_as_html(browser: Browser, running: Running, teacher: str) -> None:
    document = course(lesson(title=HOSTILE), lesson(title=HOSTILE, kind="quiz"), title=HOSTILE)
    course_id, learner = running.put_course(document), str(uuid4())
    with running.client(learner) as client:
        for one in document["lessons"]:
            path = f"/progress/{course_id}/lessons/{one['id']}"
            body = {"quiz_score": 50, "user_notes": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
            client.put(path, json=body).raise_for_status()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        for below in PAGES:
            page.goto(STATISTICS + below.format(course_id=course_id, learner=learner))
            expect(page.get_by_text(HOSTILE).first).to_be_attached()
            assert page.locator("img[src=x]").count() == 0
        page.goto(f"{STATISTICS}/{course_id}/lessons")
        expect(page.get_by_role("slider", name=f"Learners by their best score in {HOSTILE}").first).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_course_without_learners_says_so(browser: Browser, running: Running, teacher: str, scheme: str) -> None:
    course_id = running.put_course(course(title="Nobody's"))
    with visiting(browser, running, teacher, TEACHER, color_scheme=scheme) as context:
        page = context.new_page()
        for below, words in zip(
            TABS,
            (
                "Nobody is in this course yet",
                "Nobody has started yet",
                "Nobody is in this course yet.",
                "No learner was active on these days.",
            ),
            strict=True,
        ):
            page.goto(STATISTICS + below.format(course_id=course_id))
            expect(page.get_by_text(words, exact=True)).to_be_visible()
            assert barriers(page) == []


def test_a_user_without_the_scope_is_refused(browser: Browser, running: Running, taught: Taught) -> None:
    with refused(browser, running) as context:
        page = context.new_page()
        for below in PAGES:
            answer = page.goto(STATISTICS + below.format(course_id=taught.course_id, learner=taught.learners[0]))
            assert answer is not None
            assert answer.status == 403
            expect(page.get_by_role("heading", name="You may not see this page")).to_be_visible()
            expect(page.get_by_role("navigation", name="Pages").get_by_text("Statistics")).to_have_count(0)
        assert barriers(page) == []


def test_a_session_for_some_courses_shows_only_those(browser: Browser, running: Running, taught: Taught) -> None:
    other = running.put_course(course(title=f"Another {uuid4()}"))
    context = browser.new_context(base_url=running.base_url)
    cookie = cookie_of(running, str(uuid4()), TEACHER, courses=[taught.course_id])
    context.add_cookies([cookie])  # type: ignore[list-item]
    try:
        page = context.new_page()
        page.goto(STATISTICS)
        expect(page.get_by_role("region", name="Table of courses").locator("tbody tr")).to_have_count(1)
        answer = page.goto(f"{STATISTICS}/{other}")
        assert answer is not None
        assert answer.status == 403
    finally:
        context.close()


@ON_BOTH_STORES
def test_a_session_for_some_groups_shows_only_their_members(browser: Browser, running: Running, taught: Taught) -> None:
    members = taught.learners[:2]
    group_id = taught.grouped("Class 7b", members)
    other_id = taught.grouped("Class 8b", taught.learners[2:])
    context = browser.new_context(base_url=running.base_url)
    cookie = cookie_of(running, str(uuid4()), TEACHER, groups=[group_id])
    context.add_cookies([cookie])  # type: ignore[list-item]
    try:
        page = context.new_page()
        page.goto(taught.page)  # leads to the class
        expect(page.get_by_text("Only the members of Class 7b.")).to_be_visible()
        expect(page.get_by_role("link", name="Show all learners")).to_have_count(0)
        expect(tile(page, "Enrolled")).to_have_text("2")
        is_live(page)
        page.get_by_role("link", name="Learners", exact=True).click()
        expect(choice(page, "Class").get_by_role("option")).to_have_text(["Class 7b"])
        expect(people(page)).to_have_count(2)
        page.get_by_role("link", name="Lessons completed").click()
        expect(page.get_by_role("columnheader", name="Lessons completed")).to_have_attribute("aria-sort", "descending")
        expect(people(page)).to_have_count(2)
        for learner in members:
            expect(page.get_by_role("link", name=learner)).to_be_visible()
        refused = [f"{taught.page}{tab}?group={other_id}" for tab in ("", "/lessons", "/learners", "/activity")]
        page.goto(STATISTICS)  # the courses of the class, with its members' figures
        [line] = page.get_by_role("region", name="Table of courses").locator("tbody tr").all()
        expect(line.get_by_role("cell").nth(1)).to_have_text("2")
        for address in (f"{STATISTICS}?group={other_id}", *refused, f"{taught.page}/learners/{taught.learners[2]}"):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 403, address
    finally:
        context.close()


def test_the_time_zone_links_to_the_editor(browser: Browser, running: Running, taught: Taught, teacher: str) -> None:
    with visiting(browser, running, teacher, TEACHER, "courses:write") as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        expect(page.get_by_text("Days of the time zone Pacific/Auckland (change")).to_be_visible()
        page.get_by_role("link", name="change the time zone").click()
        field = page.get_by_label("Time zone of its days")
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(
            "A new zone counts for later days. Earlier days stay as they were counted."
        )
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/activity")
        expect(page.get_by_role("link", name="change the time zone")).to_have_count(0)


@pytest.mark.parametrize("path", ["none", "497f6eca-6276-4993-bfeb-53cbbbba6f08"])
def test_an_unknown_course_is_404(browser: Browser, running: Running, path: str) -> None:
    with refused(browser, running, TEACHER) as context:
        page = context.new_page()
        answer = page.goto(f"{STATISTICS}/{path}")
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        page.get_by_role("link", name="To all statistics").click()
        expect(page.get_by_role("heading", name="Statistics", exact=True)).to_be_visible()


@pytest.mark.parametrize("below", ["", "/lessons", "/learners", "/activity"])
def test_a_tab_is_small_and_its_layout_does_not_shift(
    browser: Browser, running: Running, taught: Taught, teacher: str, below: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(taught.page + below)
        is_live(page)
        shift = page.evaluate(
            """() => new Promise((resolve) => {
                let total = 0;
                new PerformanceObserver((list) => { for (const one of list.getEntries()) total += one.value; })
                    .observe({ type: "layout-shift", buffered: true });
                requestAnimationFrame(() => requestAnimationFrame(() => resolve(total)));
            })"""
        )
        assert shift < 0.01
        sizes = page.evaluate(
            """() => performance.getEntriesByType("resource")
                .filter((one) => one.name.includes("/static/"))
                .map((one) => one.transferSize)"""
        )
        assert len(sizes) > 5
        assert sum(sizes) < 90 * 1024, "of which the font is 35 KiB"


def test_scripts_name_each_other_by_addresses_that_change_with_them(running: Running) -> None:
    with httpx.Client(base_url=running.base_url, timeout=PATIENCE) as client:
        script = client.get(f"{DASHBOARD}/static/statistics-lessons.js").text
        for name in ("chart-tips.js", "headway.js", "statistics.js"):
            [mark] = [part.partition('"')[0] for part in script.split(f"./{name}?")[1:]]
            imported = client.get(f"{DASHBOARD}/static/{name}?{mark}")
            assert "immutable" in imported.headers["cache-control"]


def test_one_thing_is_in_the_singular(browser: Browser, running: Running) -> None:
    document = course(lesson(title="Test", kind="quiz", pass_mark=1), title=f"Single {uuid4()}")
    course_id, learner = running.put_course(document), str(uuid4())
    with running.client(learner) as client:
        body = {"quiz_score": 1, "quiz_attempts": 1, "time_spent_minutes": 1}
        client.put(f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}", json=body).raise_for_status()
    paths = ["", f"/courses/{course_id}", "/authoring", f"/authoring/{course_id}"]
    paths += [f"/statistics{below.format(course_id=course_id, learner=learner)}" for below in PAGES]
    with visiting(browser, running, learner, TEACHER, "courses:write") as context:
        page = context.new_page()
        for path in paths:
            page.goto(DASHBOARD + path)
            unfold_all(page)
            plurals = r"\b1 (attempts|courses|days|learners|lessons|points)\b"
            assert re.findall(plurals, page.locator("body").inner_text()) == [], path
        page.goto(f"{STATISTICS}/{course_id}/lessons")
        named = page.get_by_text("Attempts per learner", exact=True)
        attempts = quiz_of(page).locator("div").filter(has=named).get_by_role("definition")
        expect(attempts).to_have_text("1")
        is_live(page)
        with running.client() as other:
            body = {"quiz_score": 1, "quiz_attempts": 4}
            other.put(f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}", json=body).raise_for_status()
        expect(attempts).to_have_text("2.5")


def test_the_writer_for_a_learner_is_shown(browser: Browser, running: Running, taught: Taught, teacher: str) -> None:
    first, second, *_ = taught.document["lessons"]
    learner = str(uuid4())
    for writer, one in {teacher: first, str(OPERATOR_ID): second}.items():
        line = {"user_id": learner, "course_id": taught.course_id, "lesson_id": one["id"], "time_spent_minutes": 5}
        with running.client(writer, "learners:admin") as admin:
            headers = {"Content-Type": "application/x-ndjson"}
            admin.post("/progress/import", content=json.dumps(line), headers=headers).raise_for_status()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners/{learner}")
        page.get_by_text("Beginnings").click()
        for one, words in (
            (first, "written on the learner's behalf"),
            (second, "imported by the operator of the service"),
        ):
            expect(page.get_by_role("listitem").filter(has_text=one["title"]).first).to_contain_text(words)
        assert teacher not in page.locator("main").inner_text()
        assert fits(page)


def test_the_writer_of_a_completion_against_the_conditions_is_shown(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    quiz = next(one for one in taught.document["lessons"] if one.get("pass_mark") is not None)
    learner = str(uuid4())
    path = f"/learners/{learner}/progress/{taught.course_id}/lessons/{quiz['id']}"
    with running.client(teacher, "learners:admin") as admin:
        answer = admin.put(path, json={"status": "completed"}, headers={"If-None-Match": "*"}).raise_for_status()
    assert answer.headers["Headway-Completed-By"] == teacher
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners/{learner}")
        row = page.get_by_role("listitem").filter(has_text=quiz["title"]).first
        expect(row).to_contain_text("completed against its conditions, by another person")
        assert fits(page)


def test_learners_with_a_profile_are_shown_by_name(
    browser: Browser, running: Running, taught: Taught, teacher: str
) -> None:
    learner = taught.learners[2]
    with running.client(None, "learners:admin") as admin:
        admin.put(f"/learners/{learner}/profile", json={"name": "<b>Ada</b> Lovelace"}).raise_for_status()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(f"{taught.page}/learners")
        expect(people(page).first).to_contain_text("<b>Ada</b> Lovelace")
        people(page).get_by_role("link", name="<b>Ada</b> Lovelace").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("<b>Ada</b> Lovelace")
        expect(page.get_by_text(learner)).to_have_count(0)
        assert fits(page)
