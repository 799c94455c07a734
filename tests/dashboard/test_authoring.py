"""The author's pages in a real browser: a course is built, reviewed, saved, read from files, shown and removed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, Route, expect

from dashboard.builder import Builder, stored, titles
from headway.auth.sessions import COOKIE
from support.browser import DASHBOARD, PHONE, barriers, check_looks, choice, cookie_of, visiting
from support.documents import as_written
from support.running import PATIENCE, Running, course, lesson

LONG = "Bread that rises overnight in a cool room, and what the dough tells whoever looks at it in the morning " * 2
MOVED = re.compile(r"\bMoved")
HOSTILE = '<img src=x onerror="document.title=1">{{ 7 * 7 }}"><script>document.title=2</script>'


def own(text: str) -> str:
    """Return a text with its own direction of writing, as it is in sentences."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


@pytest.fixture
def document() -> dict[str, Any]:
    """Three lessons, the last one a quiz."""
    return course(
        lesson(title="Flour", section="Before the oven", kind="video", duration_seconds=300),
        lesson(title="Water", section="Before the oven", required=False),
        lesson(title="Check yourself", section="After it", kind="quiz", pass_mark=70),
        title="Bread at home",
        time_zone="Europe/Berlin",
    )


@pytest.fixture
def course_id(running: Running, document: dict[str, Any]) -> str:
    return running.put_course(document)


@pytest.fixture
def author(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    with visiting(browser, running, str(uuid4()), "courses:write", refusals=(0, 404, 412, 422)) as context:
        yield context


@pytest.fixture
def builder(author: BrowserContext, course_id: str) -> Builder:
    return Builder.opened(author, course_id)


@pytest.fixture
def held(author: BrowserContext) -> list[Route]:
    """Hold every PUT of the page. Returns the list of them; a test continues each one."""
    waiting: list[Route] = []
    author.route(
        "**/courses/*", lambda route: waiting.append(route) if route.request.method == "PUT" else route.continue_()
    )
    return waiting


def send_on(page: Page, held: list[Route]) -> None:
    """Send on what the page has put, as soon as the browser has told of it."""
    while not held:
        page.evaluate("() => new Promise(requestAnimationFrame)")
    held.pop().continue_()


def paste(field: Locator, text: str) -> None:
    field.focus()
    field.evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


# --- The pages


def test_the_pages_pass_the_accessibility_checks(
    browser: Browser, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    document["lessons"].append(lesson(title=LONG, section=LONG, requires=[document["lessons"][0]["id"]]))
    running.put_course(document | {"title": LONG}, course_id)
    scopes = "courses:write", "statistics:read"
    with visiting(browser, running, str(uuid4()), *scopes) as context:
        page = context.new_page()
        for path in ("", f"/{course_id}/preview"):
            page.goto(f"{DASHBOARD}/authoring{path}")
            check_looks(page)
        builder = Builder.opened(context, course_id)
        page = builder.page
        builder.more(4)
        builder.more(3).get_by_label("Pass mark").fill("60")
        page.get_by_role("checkbox", name="Select lesson 1").check()
        page.get_by_text("Settings of the course").click()
        check_looks(page)
        builder.review()
        check_looks(page)
        page.keyboard.press("Escape")
        builder.title.fill(" ")
        builder.faults()
        assert barriers(page) == []


def test_the_catalogue_leads_to_each_course(author: BrowserContext, running: Running) -> None:
    title = f"A course of its own {uuid4()}"
    course_id = running.put_course(course(lesson(), lesson(required=False), title=title))
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring")
    line = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=title))
    expect(line).to_contain_text("2 lessons")
    expect(line).to_contain_text("1 required")
    line.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    assert page.url.endswith(course_id)


def test_a_user_without_the_scope_is_refused(browser: Browser, running: Running, course_id: str) -> None:
    with visiting(browser, running, str(uuid4()), refusals=(403,)) as context:
        page = context.new_page()
        for path in ("", "/new", f"/{course_id}", f"/{course_id}/preview", f"/{course_id}/course.json"):
            page.goto(f"{DASHBOARD}/authoring{path}")
            expect(page.get_by_role("heading", name="You may not see this page")).to_be_visible()
        assert barriers(page) == []


def test_opening_an_unknown_course_does_not_make_it(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4()), "courses:write", refusals=(404,)) as context:
        page = context.new_page()
        for path in (str(uuid4()), "nothing", "nothing?new", f"{uuid4()}/preview", f"{uuid4()}/course.yaml"):
            page.goto(f"{DASHBOARD}/authoring/{path}")
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        page.get_by_role("link", name="To all courses that can be edited").click()
        expect(page.get_by_role("heading", level=1, name="Authoring")).to_be_visible()


def test_the_course_is_readable_without_javascript(browser: Browser, running: Running, course_id: str) -> None:
    with visiting(browser, running, str(uuid4()), "courses:write", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring/{course_id}")
        expect(page.get_by_text("Editing needs JavaScript")).to_be_visible()
        expect(page.get_by_role("listitem").filter(has_text="Check yourself")).to_be_visible()
        expect(page.get_by_role("button", name="Review and save")).to_be_hidden()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as JSON").click()
        assert json.loads(download.value.path().read_text()) == as_written(stored(running, course_id))
        page.get_by_role("link", name="Preview as a learner").click()
        expect(page.get_by_role("heading", name="Flour")).to_be_visible()


def test_a_preview_shows_what_a_learner_sees(author: BrowserContext, running: Running, course_id: str) -> None:
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring/{course_id}/preview")
    expect(page.get_by_text("Begins with Flour")).to_be_visible()
    water = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Water"))
    expect(water).to_contain_text("Optional")
    expect(page.get_by_role("listitem").filter(has_text="Passed at 70%").first).to_contain_text("Check yourself")
    with running.client(None, "statistics:read") as teacher:
        assert teacher.get(f"/statistics/{course_id}").json()["learners"] == 0  # a preview begins nothing


# --- Editing


def test_a_course_is_edited_and_saved(builder: Builder, running: Running, course_id: str) -> None:
    before = stored(running, course_id)
    expect(builder.state).to_have_text("No changes")
    builder.title.fill("Bread for friends")
    builder.page.get_by_text("Settings of the course").click()
    choice(builder.page, "After an edit, a learner who had completed the course").select_option("reopen")
    builder.page.get_by_label("Days for which a completion counts").fill("365")
    builder.title_of(1).fill("Flours")
    builder.durations.first.fill("5:30.5")
    builder.more(3).get_by_label("Pass mark").fill("80")
    builder.more(2).get_by_label("Counts towards").check()
    expect(builder.state).to_have_text("Unsaved changes")
    review = builder.review()
    expect(review).to_contain_text(f"Title: {own('Bread at home')} → {own('Bread for friends')}")
    expect(review).to_contain_text(f"Duration: {own('5:00')} → {own('5:30.5')}")
    expect(review).to_contain_text(f"Pass mark: {own('70')} → {own('80')}")
    expect(review).to_contain_text("No learner has progress in this course.")
    assert stored(running, course_id) == before
    builder.save()
    expect(builder.page.get_by_role("heading", level=1)).to_have_text("Bread for friends")
    after = stored(running, course_id)
    assert (after["title"], after["on_edit"], after["valid_for_days"]) == ("Bread for friends", "reopen", 365)
    assert after["lessons"] == [
        before["lessons"][0] | {"title": "Flours", "duration_seconds": 330.5},
        before["lessons"][1] | {"required": True},
        before["lessons"][2] | {"pass_mark": 80},
    ]
    builder.title.fill("Once more")  # the version that was saved is the one that is edited now
    builder.review()
    builder.save()
    assert stored(running, course_id)["title"] == "Once more"


def test_a_link_leads_to_the_time_zone(author: BrowserContext, course_id: str) -> None:
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring/{course_id}#time-zone")
    zone = page.get_by_label("Time zone of its days")
    expect(zone).to_be_focused()
    expect(zone).to_have_value("Europe/Berlin")


def test_a_save_without_changes_stores_nothing(builder: Builder) -> None:
    builder.review_button.click()
    expect(builder.messages).to_contain_text("Nothing has changed")
    expect(builder.dialog).to_have_count(0)


def test_a_duration_is_read_as_a_clock_or_as_minutes(builder: Builder) -> None:
    first, second, _ = builder.durations.all()
    for typed, shown in (
        ("90", "1:30:00"),
        ("12:30", "12:30"),
        ("1:02:30", "1:02:30"),
        ("\u0665:\u0660\u0660", "5:00"),
        ("", ""),
    ):
        first.fill(typed)
        second.focus()
        expect(first).to_have_value(shown)
    first.fill("soon")
    second.focus()
    expect(builder.lesson(1)).to_contain_text("Write minutes and seconds, such as 12:30")
    expect(first).to_have_attribute("aria-invalid", "true")
    first.fill("1:15")
    expect(builder.lesson(1)).not_to_contain_text("Write minutes")


def test_lessons_are_inserted_duplicated_and_removed_and_each_step_is_undone(
    builder: Builder, running: Running, course_id: str
) -> None:
    builder.title_of(1).press("Enter")
    builder.page.keyboard.type("Salt")
    builder.more(1).get_by_role("button", name="Duplicate").click()
    builder.expect_titles("Flour", "Flour", "Salt", "Water", "Check yourself")
    expect(builder.title_of(2)).to_be_focused()
    builder.more(4).get_by_role("button", name="Remove").click()
    builder.expect_titles("Flour", "Flour", "Salt", "Check yourself")
    expect(builder.title_of(4)).to_be_focused()
    builder.page.get_by_role("button", name="Add a lesson to").first.click()
    builder.page.keyboard.press("Backspace")  # an empty lesson goes away
    expect(builder.title_of(3)).to_be_focused()
    builder.page.keyboard.press("Control+z")
    builder.page.keyboard.press("Control+z")
    builder.page.keyboard.press("Control+z")
    builder.expect_titles("Flour", "Flour", "Salt", "Water", "Check yourself")
    builder.page.keyboard.press("Control+z")
    builder.expect_titles("Flour", "Salt", "Water", "Check yourself")
    builder.page.get_by_role("button", name="Undo").click()  # what was typed in one field is one step
    builder.expect_titles("Flour", "", "Water", "Check yourself")
    builder.page.get_by_role("button", name="Redo").click()
    builder.page.keyboard.press("Control+Shift+z")
    builder.expect_titles("Flour", "Flour", "Salt", "Water", "Check yourself")
    review = builder.review()
    expect(review.get_by_role("listitem").filter(has_text="Added")).to_have_count(2)
    builder.save()
    found = stored(running, course_id)["lessons"]
    assert [one["section"] for one in found] == ["Before the oven"] * 4 + ["After it"]
    assert len({one["id"] for one in found}) == 5
    assert found[1] == found[0] | {"id": found[1]["id"], "content_id": found[1]["id"]}


def test_lessons_and_sections_are_moved_by_the_keyboard(builder: Builder, running: Running, course_id: str) -> None:
    page = builder.page
    builder.title_of(3).focus()
    page.keyboard.press("Alt+ArrowUp")  # into the section above
    expect(builder.title_of(3)).to_be_focused()
    expect(page.get_by_text(f"is lesson 3 of 3 now, in {own('Before the oven')}.")).to_be_attached()
    page.keyboard.press("Alt+ArrowUp")
    expect(builder.title_of(2)).to_be_focused()
    builder.expect_titles("Flour", "Check yourself", "Water")
    page.keyboard.press("ArrowDown")
    expect(builder.title_of(3)).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")  # the section of the quiz is empty, and takes it
    page.keyboard.press("Alt+ArrowDown")  # it is the last one already
    expect(page.get_by_text(f"is lesson 3 of 3 now, in {own('After it')}.")).to_be_attached()
    builder.sections.nth(1).focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(builder.sections.first).to_have_value("After it")
    expect(builder.sections.first).to_be_focused()
    builder.expect_titles("Water", "Flour", "Check yourself")
    page.get_by_role("combobox", name="Kind of lesson 1").press("Alt+ArrowDown")  # the key that opens its choices
    page.keyboard.press("Escape")
    builder.expect_titles("Water", "Flour", "Check yourself")
    expect(builder.review().get_by_role("listitem").filter(has_text=MOVED).first).to_be_visible()
    builder.save()
    found = stored(running, course_id)["lessons"]
    assert [(one["section"], one["title"]) for one in found] == [
        ("After it", "Water"),
        ("Before the oven", "Flour"),
        ("Before the oven", "Check yourself"),
    ]


def test_lessons_and_sections_are_moved_by_a_pointer(builder: Builder) -> None:
    page = builder.page
    _drag(page, builder.title_of(1), builder.title_of(3), 1.0)
    builder.expect_titles("Water", "Check yourself", "Flour")
    _drag(page, builder.sections.nth(1), builder.sections.first, -0.5)
    builder.expect_titles("Check yourself", "Flour", "Water")
    _drag(page, builder.title_of(1), builder.sections.nth(1), 0.9, drop=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    builder.expect_titles("Check yourself", "Flour", "Water")


def _drag(page: Page, what: Locator, onto: Locator, below: float, *, drop: bool = True) -> None:
    """Take the grip at the start of an element's line, and move it to another element: `below` its top, in heights."""
    line = what.evaluate("(field) => field.parentElement.firstElementChild.getBoundingClientRect().toJSON()")
    target = onto.bounding_box()
    assert target is not None
    page.mouse.move(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    page.mouse.down()
    page.mouse.move(target["x"] + 9, target["y"] + target["height"] * below, steps=4)
    if drop:
        page.mouse.up()


def test_a_lesson_is_moved_by_a_finger(browser: Browser, running: Running, course_id: str) -> None:
    with visiting(browser, running, str(uuid4()), "courses:write", width=375, has_touch=True) as context:
        builder = Builder.opened(context, course_id)
        wire = context.new_cdp_session(builder.page)
        builder.title_of(2).evaluate("(field) => field.scrollIntoView({ block: 'center' })")
        grip = builder.lesson(3).locator("[data-grip]").bounding_box()
        target = builder.title_of(1).bounding_box()
        assert grip is not None
        assert target is not None
        points = [(grip["x"] + 8, grip["y"] + 8), (grip["x"] + 8, target["y"] + 40), (grip["x"] + 8, target["y"] + 2)]
        for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), points, strict=True):
            wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        builder.expect_titles("Check yourself", "Flour", "Water")


def test_a_section_is_renamed_folded_and_removed_with_its_lessons(
    builder: Builder, running: Running, course_id: str
) -> None:
    page = builder.page
    builder.sections.first.fill("Dough")
    page.get_by_role("button", name=f"Lessons of {own('Dough')}").click()
    expect(builder.titles).to_have_count(1)
    page.get_by_role("button", name=f"Lessons of {own('Dough')}").click()
    expect(builder.titles).to_have_count(3)
    page.get_by_role("button", name=f"Remove {own('After it')} and its lessons").click()
    builder.expect_titles("Flour", "Water")
    page.get_by_role("button", name="Add a section").click()
    page.keyboard.type("Loaf")
    page.keyboard.press("Enter")
    page.keyboard.type("Crust")
    review = builder.review()
    expect(review.get_by_role("listitem").filter(has_text="Renamed")).to_contain_text(
        f"{own('Before the oven')} → {own('Dough')}"
    )
    expect(review.get_by_role("listitem").filter(has_text="Removed")).to_contain_text("Check yourself")
    expect(review.get_by_role("listitem").filter(has_text=MOVED)).to_have_count(0)
    builder.save()
    found = stored(running, course_id)["lessons"]
    assert [(one["section"], one["title"]) for one in found] == [
        ("Dough", "Flour"),
        ("Dough", "Water"),
        ("Loaf", "Crust"),
    ]


def test_a_list_of_titles_is_pasted(builder: Builder, running: Running, course_id: str) -> None:
    paste(builder.title_of(1), "Salt 12:30\r\n- Yeast (1:02:30)\n\n# Kneading\nBy hand\nBy machine\n")
    builder.expect_titles("Flour", "Salt", "Yeast", "By hand", "By machine", "Water", "Check yourself")
    expect(builder.page.get_by_text("4 lessons were added.")).to_be_attached()
    expect(builder.title_of(5)).to_be_focused()
    expect(builder.durations.nth(1)).to_have_value("12:30")
    builder.review()
    builder.save()
    found = stored(running, course_id)["lessons"]
    assert [(one["section"], one["duration_seconds"]) for one in found] == [
        ("Before the oven", 300),
        ("Before the oven", 750),
        ("Before the oven", 3750),
        *[("Kneading", None)] * 3,
        ("After it", None),
    ]
    builder.page.keyboard.press("Control+z")
    builder.expect_titles("Flour", "Water", "Check yourself")


def test_a_long_title_has_several_lines_and_stays_one_paragraph(builder: Builder) -> None:
    builder.page.set_viewport_size({"width": PHONE, "height": 800})
    for field in (builder.title, builder.sections.first, builder.title_of(1)):
        field.fill(LONG)
        assert field.evaluate("(one) => one.scrollHeight <= one.clientHeight"), "no line is hidden"
    first, second = builder.title_of(1), builder.title_of(2)
    first.press("Control+Home")
    first.press("ArrowDown")
    expect(first).to_be_focused()  # there is another line below
    first.press("Control+End")
    first.press("ArrowDown")
    expect(second).to_be_focused()
    second.fill("Kneading\nand resting")
    expect(second).to_have_value("Kneading and resting")


def test_several_lessons_are_edited_together(builder: Builder, running: Running, course_id: str) -> None:
    page = builder.page
    page.get_by_role("checkbox", name="Select lesson 1").click()
    page.get_by_role("checkbox", name="Select lesson 3").click(modifiers=["Shift"])
    group = page.get_by_role("group", name="3 lessons selected")
    choice(group, "Kind of the selected lessons").select_option("assignment")
    choice(group, "Whether the selected lessons count").select_option("optional")
    group.get_by_label("Pass mark").fill("55")
    group.get_by_label("Percentage").fill("80")
    group.get_by_label("Percentage").press("Enter")
    page.get_by_role("checkbox", name="Select lesson 3").click()
    choice(page.get_by_role("group", name="2 lessons selected"), "Section of the selected lessons").select_option(
        "After it"
    )
    builder.expect_titles("Check yourself", "Flour", "Water")
    builder.review()
    builder.save()
    found = stored(running, course_id)["lessons"]
    edited = {"section": "After it", "kind": "assignment", "required": False, "pass_mark": 55, "complete_at": 80}
    assert [{name: one[name] for name in edited} for one in found] == [edited] * 3
    page.get_by_role("group", name="2 lessons selected").get_by_role("button", name="Remove").click()
    builder.expect_titles("Check yourself")


def test_a_lesson_comes_after_others_until_they_are_removed(builder: Builder, running: Running, course_id: str) -> None:
    flour, water, _ = (one["id"] for one in stored(running, course_id)["lessons"])
    quiz = builder.more(3)
    for title in ("Flour", "Water"):
        choice(quiz, "Comes after").select_option(title)
    quiz.get_by_label("Due so many days").fill("14")
    expect(quiz).to_contain_text("After 2 lessons")
    builder.review()
    builder.save()
    saved = stored(running, course_id)["lessons"][2]
    assert (saved["requires"], saved["due_after_days"]) == ([flour, water], 14)
    builder.more(2).get_by_role("button", name="Remove").click()
    expect(builder.lesson(2)).to_contain_text("After 1 lesson")
    quiz = builder.lesson(2)
    quiz.get_by_label("Due at").fill("2030-01-02T03:04")
    expect(quiz.get_by_label("Due so many days")).to_have_value("")
    quiz.get_by_role("button", name="No longer after").click()
    builder.review()
    builder.save()
    saved = stored(running, course_id)["lessons"][1]
    assert (saved["requires"], saved["due_at"], saved["due_after_days"]) == ([], "2030-01-02T02:04:00Z", None)


def test_a_pass_mark_replaces_the_percentage(builder: Builder) -> None:
    water = builder.more(2)
    choice(water, "Kind of lesson 2").select_option("quiz")
    expect(water.get_by_label("Completed at")).to_have_value("100")
    water.get_by_label("Pass mark").fill("50")
    expect(water.get_by_label("Completed at")).to_have_value("")
    choice(water, "Kind of lesson 2").select_option("video")
    expect(water.get_by_label("Pass mark")).to_be_hidden()
    expect(water.get_by_label("Completed at")).to_have_value("100")


def test_a_lesson_that_no_percentage_completes_is_named_before_it_is_saved(builder: Builder) -> None:
    builder.more(1).get_by_label("Completed at").fill("")
    review = builder.review()
    expect(review).to_contain_text("No percentage completes these lessons.")
    expect(review.get_by_role("listitem").filter(has_text="Flour").last).to_be_visible()


# --- What is not right


def test_faults_are_shown_at_their_fields(builder: Builder, running: Running, course_id: str) -> None:
    before = stored(running, course_id)
    builder.title.fill("  ")
    quiz = builder.more(3)
    quiz.get_by_label("Pass mark").fill("120")
    builder.durations.nth(1).fill("soon")
    builder.page.get_by_role("button", name="More about lesson 3").click()  # folded: the fault unfolds it
    faults = builder.faults()
    expect(faults.get_by_role("heading", name="3 things are not right yet")).to_be_visible()
    for field in (builder.title, quiz.get_by_label("Pass mark"), builder.durations.nth(1)):
        expect(field).to_be_visible()
        expect(field).to_have_attribute("aria-invalid", "true")
    faults.get_by_role("button", name="Lesson 3, Pass mark").click()
    expect(quiz.get_by_label("Pass mark")).to_be_focused()
    builder.title.fill("Bread at home")
    expect(builder.title).not_to_have_attribute("aria-invalid", "true")
    quiz.get_by_label("Pass mark").fill("50")
    builder.durations.nth(1).fill("1:00")
    builder.page.get_by_text("Settings of the course").click()
    builder.page.get_by_label("Time zone of its days").fill("Mars/Olympus")
    expect(builder.faults()).to_contain_text("This is not a time zone, such as Europe/Berlin.")
    expect(builder.page.get_by_label("Time zone of its days")).to_have_attribute("aria-invalid", "true")
    assert stored(running, course_id) == before


def test_the_last_lesson_can_be_removed_but_not_saved(builder: Builder) -> None:
    for _ in range(3):
        builder.more(1).get_by_role("button", name="Remove").click()
    expect(builder.page.get_by_role("button", name="Add a section")).to_be_focused()
    expect(builder.faults()).to_contain_text("A course needs one lesson at least.")


def test_text_typed_during_a_check_is_in_the_review(builder: Builder, held: list[Route]) -> None:
    builder.title.fill("One")
    builder.review_button.click()
    expect(builder.state).to_have_text("Checking …")
    builder.title.fill("Two")
    send_on(builder.page, held)
    send_on(builder.page, held)
    expect(builder.dialog).to_contain_text(f"{own('Bread at home')} → {own('Two')}")


def test_a_lost_answer_is_not_shown_as_another_authors_edit(
    author: BrowserContext, builder: Builder, running: Running, course_id: str
) -> None:
    builder.title.fill("Stored")
    review = builder.review()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    author.route("**/courses/*", lose, times=1)
    review.get_by_role("button", name="Save", exact=True).click()
    expect(builder.messages).to_contain_text("The service does not answer")
    assert stored(running, course_id)["title"] == "Stored"
    builder.review_button.click()
    expect(builder.state).to_have_text("Saved")


def test_another_authors_course_is_not_overwritten_unseen(
    builder: Builder, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    builder.title_of(2).fill("My water")
    theirs = document | {"title": "Theirs", "lessons": [*document["lessons"], lesson(title="Their lesson")]}
    running.put_course(theirs, course_id)
    builder.review_button.click()
    expect(builder.dialog.get_by_role("heading", name="Somebody else has saved")).to_be_visible()
    expect(builder.dialog.get_by_role("listitem").filter(has_text="Added")).to_contain_text("Their lesson")
    assert barriers(builder.page) == []
    builder.dialog.get_by_role("button", name="Compare mine with theirs").click()
    removed = builder.dialog.get_by_role("listitem").filter(has_text="Removed")
    expect(removed).to_contain_text("Their lesson")
    builder.dialog.get_by_role("button", name="Back to editing").click()
    running.put_course(theirs | {"title": "Theirs again"}, course_id)
    builder.review_button.click()
    builder.dialog.get_by_role("button", name="Go on with theirs").click()
    expect(builder.title).to_have_value("Theirs again")
    builder.expect_titles("Flour", "Water", "Check yourself", "Their lesson")
    expect(builder.state).to_have_text("No changes")
    builder.page.keyboard.press("Control+z")
    builder.expect_titles("Flour", "My water", "Check yourself")
    assert stored(running, course_id)["title"] == "Theirs again"
    with running.client(None, "courses:write") as other:
        other.delete(f"/courses/{course_id}").raise_for_status()
    builder.review_button.click()
    expect(builder.dialog.get_by_role("heading", name="This course has been removed")).to_be_visible()
    builder.dialog.get_by_role("button", name="Review it as a new course").click()
    expect(builder.dialog.get_by_role("listitem").filter(has_text="New").first).to_contain_text("Bread at home")
    builder.save()
    assert titles(stored(running, course_id)) == ["Flour", "My water", "Check yourself"]


def test_learners_who_gain_or_lose_the_completion_are_counted(
    builder: Builder, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    flour, _, quiz = (one["id"] for one in document["lessons"])
    done, nearly = str(uuid4()), str(uuid4())
    for learner, lessons in ((done, (flour, quiz)), (nearly, (flour,))):
        with running.client(learner) as client:
            for lesson_id in lessons:
                update = {"quiz_passed": True} if lesson_id == quiz else {"status": "completed"}
                client.put(f"/progress/{course_id}/lessons/{lesson_id}", json=update).raise_for_status()
    builder.more(3).get_by_label("Counts towards").uncheck()
    review = builder.review()
    expect(review).to_contain_text("2 learners have progress in this course.")
    expect(review).to_contain_text("1 learner will have completed the course.")
    review.get_by_role("button", name="Back to editing").click()
    builder.more(3).get_by_label("Counts towards").check()
    builder.more(2).get_by_label("Counts towards").check()
    builder.page.get_by_text("Settings of the course").click()
    choice(builder.page, "After an edit, a learner who had completed the course").select_option("reopen")
    expect(builder.review()).to_contain_text("1 learner will no longer have completed the course.")
    builder.save()
    expect(builder.page.get_by_role("heading", name="Recalculation after the last edit")).to_be_hidden()


def test_titles_are_shown_as_text_and_not_as_html(
    author: BrowserContext, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    document["lessons"][0] |= {"title": HOSTILE, "section": HOSTILE}
    running.put_course(document | {"title": HOSTILE}, course_id)
    builder = Builder.opened(author, course_id)
    page = builder.page
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(builder.titles.first).to_have_value(HOSTILE)
    builder.title.fill(f"{HOSTILE} again")
    builder.title_of(2).fill(HOSTILE)
    expect(builder.review()).to_contain_text(HOSTILE)
    builder.save()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{HOSTILE} again")
    page.goto(f"{DASHBOARD}/authoring/{course_id}/preview")
    expect(page.get_by_role("heading", name=HOSTILE).first).to_be_visible()
    assert page.title().startswith("<img")
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_edits_survive_an_expired_session(browser: Browser, running: Running, course_id: str) -> None:
    author_id = str(uuid4())
    with visiting(browser, running, author_id, "courses:write", refusals=(401, 403)) as context:
        builder = Builder.opened(context, course_id)
        builder.title.fill("After the session")
        context.clear_cookies()
        builder.review_button.click()
        expect(builder.messages).to_contain_text("Your session is over")
        link = builder.messages.get_by_role("link", name="Sign in in another tab")
        expect(link).to_have_attribute("target", "_blank")
        with running.client(author_id, "courses:write") as back_end:
            url = back_end.post("/sign-in-codes").json()["url"]
        context.new_page().goto(url)
        builder.review()
        builder.save()
    assert stored(running, course_id)["title"] == "After the session"


# --- Drafts


def test_a_draft_survives_a_reload_and_warns_before_it_is_left(
    builder: Builder, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    page = builder.page
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    builder.title_of(2).fill("My water")
    page.reload()
    assert asked == ["beforeunload"]
    expect(builder.messages.get_by_role("heading", name="Your unsaved changes are here")).to_be_in_viewport()
    builder.expect_titles("Flour", "My water", "Check yourself")
    running.put_course(document | {"title": "Theirs"}, course_id)
    page.reload()
    expect(builder.messages).to_contain_text("Somebody else has saved the course since.")
    builder.review_button.click()
    expect(builder.dialog).to_contain_text(f"{own('Bread at home')} → {own('Theirs')}")
    builder.dialog.get_by_role("button", name="Back to editing").click()
    page.reload()
    builder.messages.get_by_role("button", name="Discard them").click()
    builder.expect_titles("Flour", "Water", "Check yourself")
    expect(builder.title).to_have_value("Theirs")
    asked.clear()
    page.reload()
    expect(builder.state).to_have_text("No changes")
    assert asked == []


# --- A new course


def test_a_new_course_can_be_made(author: BrowserContext, running: Running) -> None:
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring")
    page.get_by_role("link", name="New course").click()
    builder = Builder(page)
    expect(builder.state).to_have_text("Not saved yet")
    expect(page.get_by_role("link", name="Preview as a learner")).to_have_count(0)
    expect(builder.faults()).to_contain_text("2 things are not right yet")
    title = f"New {uuid4()}"
    builder.title.fill(title)
    builder.title_of(1).fill("The first")
    expect(builder.review().get_by_role("listitem").filter(has_text="New").first).to_contain_text(title)
    builder.save()
    assert "?" not in page.url
    expect(page.get_by_role("link", name="Preview as a learner")).to_be_visible()
    found = stored(running, page.url.rsplit("/", 1)[1])
    assert (found["title"], titles(found)) == (title, ["The first"])
    page.reload()
    expect(builder.title).to_have_value(title)


# --- Files


def test_a_file_is_read_into_the_builder(builder: Builder, running: Running, course_id: str, tmp_path: Path) -> None:
    page = builder.page
    made = course(lesson(title="From a file", kind="article"), lesson(title="And another"), title="Read")
    good = tmp_path / "course.yaml"
    good.write_text(yaml.safe_dump(made))
    bad = tmp_path / "wrong.json"
    bad.write_text(json.dumps(made | {"lessons": [{"title": "No id"}]}))
    for file, message in (
        (bad, "Lesson 1, id: This is missing."),
        (tmp_path / "notes.txt", "ends in .json, .yaml or .yml"),
    ):
        file.touch()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Import a file").click()
        chooser.value.set_files(file)
        expect(builder.messages).to_contain_text(message)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a file").click()
    chooser.value.set_files(good)
    builder.expect_titles("From a file", "And another")
    builder.review()
    builder.save()
    assert titles(stored(running, course_id)) == ["From a file", "And another"]


def test_a_course_is_downloaded_as_it_is_saved(running: Running, course_id: str) -> None:
    cookie = cookie_of(running, str(uuid4()), "courses:write")["value"]
    wanted = as_written(stored(running, course_id))
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        path = f"{DASHBOARD}/authoring/{course_id}/course"
        answers = {ending: client.get(f"{path}.{ending}") for ending in ("json", "yaml")}
        assert client.get(f"{path}.csv").status_code == 404
    assert answers["json"].json() == wanted
    assert yaml.safe_load(answers["yaml"].text) == wanted
    assert answers["yaml"].headers["content-type"].startswith("application/yaml")
    assert f'attachment; filename="course-{course_id}.json"' == answers["json"].headers["content-disposition"]


# --- Removing


def test_a_course_is_removed_when_its_title_is_typed(
    builder: Builder, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    page = builder.page
    with running.client() as learner:
        path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        learner.put(path, json={"status": "completed"}).raise_for_status()
    page.get_by_role("button", name="Remove the course").click()
    expect(builder.dialog).to_contain_text("1 learner has progress in this course. It is kept.")
    assert barriers(page) == []
    confirm = builder.dialog.get_by_role("button", name="Remove the course")
    expect(confirm).to_be_disabled()
    builder.dialog.get_by_role("textbox").fill("Bread at home")
    confirm.click()
    expect(page.get_by_role("heading", level=1, name="Authoring")).to_be_visible()
    with running.client() as client:
        assert client.get(f"/courses/{course_id}").status_code == 404


# --- Figures


def test_the_lessons_figures_are_beside_them_for_those_who_may_read_them(
    browser: Browser, builder: Builder, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    with running.client() as learner:
        path = f"/progress/{course_id}/lessons/{document['lessons'][0]['id']}"
        learner.put(path, json={"status": "completed"}).raise_for_status()
    expect(builder.lesson(1)).not_to_contain_text("started")
    with visiting(browser, running, str(uuid4()), "courses:write", "statistics:read") as context:
        seen = Builder.opened(context, course_id)
        expect(seen.lesson(1)).to_contain_text("1 started 1 completed 1 stopped here")
        expect(seen.lesson(2)).to_contain_text("0 started")
