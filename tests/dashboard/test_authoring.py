"""The author's pages in a real browser: a course document as a form and as JSON, checked and saved."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from support.browser import DASHBOARD, LOOKS, ON_BOTH_STORES, barriers, fits, visiting
from support.running import Running, course, lesson

LONG = "Bread that rises overnight in a cool room, and what the dough tells whoever looks at it in the morning " * 2
HOSTILE = '<img src=x onerror="document.title=1">{{ 7 * 7 }}"><script>document.title=2</script>'


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


def opened(author: BrowserContext, course_id: str) -> Page:
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring/{course_id}")
    expect(page.get_by_role("tab", name="Form")).to_be_visible()
    return page


def names(page: Page) -> Locator:
    return page.locator("#lessons .lesson-name")


def edit(page: Page, title: str) -> Locator:
    """Return the form of the lesson with this title, unfolded."""
    row = page.locator(".lesson-edit").filter(has=page.locator(".lesson-name", has_text=title))
    if row.locator("details").get_attribute("open") is None:
        row.locator("summary").click()
    return row


def check(page: Page) -> Locator:
    """Ask what saving would change. Return the page's answer."""
    page.get_by_role("button", name="Check", exact=True).click()
    report = page.locator("#result")
    expect(report.get_by_role("heading").first).to_be_visible()
    return report


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result").get_by_role("heading", name="Saved")).to_be_visible()


def title_of(page: Page) -> Locator:
    """Return the field of the course's title."""
    return page.locator("#course-fields").get_by_label("Title")


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


def stored(running: Running, course_id: str) -> dict[str, Any]:
    with running.client() as client:
        found: dict[str, Any] = client.get(f"/courses/{course_id}").json()
    return found


def titles(found: dict[str, Any]) -> list[str]:
    return [one["title"] for one in found["lessons"]]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_editor_passes_the_accessibility_checks(
    browser: Browser, running: Running, course_id: str, document: dict[str, Any], scheme: str, width: int
) -> None:
    document["lessons"].append(lesson(title=LONG, section=LONG, kind="article"))
    running.put_course(document | {"title": LONG}, course_id)
    with visiting(
        browser, running, str(uuid4()), "courses:write", width=width, color_scheme=scheme, refusals=(422,)
    ) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        expect(page.get_by_role("link", name="New course")).to_be_visible()
        assert barriers(page) == []
        assert fits(page)
        page.goto(f"{DASHBOARD}/authoring/{course_id}")
        edit(page, "Check yourself").get_by_label("Pass mark").fill("60")
        check(page)
        assert barriers(page) == []
        assert fits(page)
        page.locator("#course-fields").get_by_label("Title").fill(" ")
        check(page)
        assert barriers(page) == []
        page.get_by_role("tab", name="JSON").click()
        assert barriers(page) == []
        assert fits(page)


@ON_BOTH_STORES
def test_the_catalogue_leads_to_each_course(author: BrowserContext, running: Running) -> None:
    title = f"A course of its own {uuid4()}"
    course_id = running.put_course(course(lesson(), lesson(required=False), title=title))
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring")
    line = page.get_by_role("listitem").filter(has_text=title)
    expect(line).to_contain_text("2 lessons")
    expect(line).to_contain_text("1 required")
    line.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    assert page.url.endswith(course_id)


def test_a_user_without_the_scope_is_refused(browser: Browser, running: Running, course_id: str) -> None:
    with visiting(browser, running, str(uuid4()), refusals=(403,)) as context:
        page = context.new_page()
        for path in ("", "/new", f"/{course_id}"):
            page.goto(f"{DASHBOARD}/authoring{path}")
            expect(page.get_by_role("heading", name="This page is not for you")).to_be_visible()
        assert barriers(page) == []


@ON_BOTH_STORES
def test_a_course_is_edited_as_a_form(author: BrowserContext, running: Running, course_id: str) -> None:
    before = stored(running, course_id)
    page = opened(author, course_id)
    expect(page.locator("#state")).to_have_text("No changes")
    page.locator("#course-fields").get_by_label("Title").fill("Bread for friends")
    page.locator("#course-fields").get_by_label("After an edit").select_option("reopen")
    flour = edit(page, "Flour")
    flour.get_by_label("Title", exact=True).fill("Flours")
    flour.get_by_label("Duration").fill("330.5")
    quiz = edit(page, "Check yourself")
    quiz.get_by_label("Pass mark").fill("80")
    edit(page, "Water").get_by_label("Counts towards").check()
    expect(page.locator("#state")).to_have_text("Changes that are not saved")
    report = check(page)
    expect(report).to_contain_text("“Bread at home” → “Bread for friends”")
    expect(report).to_contain_text("duration: 300 → 330.5")
    expect(report).to_contain_text("pass mark: 70 → 80")
    assert stored(running, course_id) == before
    save(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bread for friends")
    after = stored(running, course_id)
    assert (after["title"], after["on_edit"]) == ("Bread for friends", "reopen")
    assert after["lessons"] == [
        before["lessons"][0] | {"title": "Flours", "duration_seconds": 330.5},
        before["lessons"][1] | {"required": True},
        before["lessons"][2] | {"pass_mark": 80},
    ]
    page.locator("#course-fields").get_by_label("Title").fill(
        "Once more"
    )  # the version that was saved is the one edited now
    check(page)
    save(page)
    assert stored(running, course_id)["title"] == "Once more"


def test_an_edit_after_a_check_has_to_be_checked_again(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    page.locator("#course-fields").get_by_label("Title").fill("Another")
    check(page)
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    page.locator("#course-fields").get_by_label("Title").fill("Yet another")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_text_typed_during_a_check_has_to_be_checked_again(
    author: BrowserContext, course_id: str, held: list[Route]
) -> None:
    page = opened(author, course_id)
    title_of(page).fill("One")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#state")).to_have_text("Checking …")
    title_of(page).fill("Two")
    send_on(page, held)
    expect(page.locator("#result")).to_contain_text("Edited meanwhile")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(title_of(page)).to_be_focused()
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#state")).to_have_text("Checking …")
    send_on(page, held)
    expect(page.locator("#result")).to_contain_text("“Bread at home” → “Two”")
    expect(page.locator("#result")).to_be_focused()


def test_text_typed_during_a_save_stays_and_is_not_shown_as_saved(
    author: BrowserContext, running: Running, course_id: str, held: list[Route]
) -> None:
    page = opened(author, course_id)
    title_of(page).fill("One")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#state")).to_have_text("Checking …")
    send_on(page, held)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#state")).to_have_text("Saving …")
    title_of(page).fill("Two")
    send_on(page, held)
    expect(page.locator("#result")).to_contain_text("What you have edited since is not saved yet")
    expect(page.locator("#state")).to_have_text("Changes that are not saved")
    expect(title_of(page)).to_have_value("Two")
    expect(title_of(page)).to_be_focused()
    assert stored(running, course_id)["title"] == "One"
    author.unroute("**/courses/*")
    expect(check(page)).to_contain_text("“One” → “Two”")
    save(page)
    assert stored(running, course_id)["title"] == "Two"


def test_an_author_who_saves_twice_overwrites_no_later_author(
    author: BrowserContext, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    page = opened(author, course_id)
    edit(page, "Water").get_by_label("Title", exact=True).fill("Waters")
    check(page)
    save(page)
    expect(page.locator("#result")).to_be_focused()
    expect(page.locator("#state")).to_have_text("Saved")
    expect(edit(page, "Waters").get_by_label("Title", exact=True)).to_be_visible()  # unfolded, as it was
    running.put_course(document | {"title": "Theirs"}, course_id)
    title_of(page).fill("Mine")
    expect(check(page)).to_contain_text("Somebody else has saved this course")


def test_a_lost_answer_is_not_shown_as_another_authors_edit(
    author: BrowserContext, running: Running, course_id: str
) -> None:
    page = opened(author, course_id)
    title_of(page).fill("Stored")
    check(page)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    author.route("**/courses/*", lose, times=1)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result")).to_contain_text("The service does not answer")
    assert stored(running, course_id)["title"] == "Stored"
    expect(check(page).get_by_role("heading", name="Saved")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Saved")


def test_a_save_without_changes_stores_nothing(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    expect(check(page)).to_contain_text("Nothing would change")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_lessons_are_added_removed_and_moved_by_buttons(
    author: BrowserContext, running: Running, course_id: str
) -> None:
    page = opened(author, course_id)
    page.get_by_role("button", name="Move down: Flour").click()
    expect(names(page)).to_have_text(["Water", "Flour", "Check yourself"])
    expect(page.get_by_role("button", name="Move down: Flour")).to_be_focused()
    expect(page.locator("#said")).to_have_text("Flour is lesson 2 of 3 now.")
    page.get_by_role("button", name="Remove: Water").click()
    expect(names(page)).to_have_text(["Flour", "Check yourself"])
    page.get_by_role("button", name="Add a lesson").click()
    expect(page.locator(".lesson-edit").last.get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.type("Salt")
    expect(names(page)).to_have_text(["Flour", "Check yourself", "Salt"])
    report = check(page)
    expect(report.locator(".change-added")).to_contain_text("Salt")
    expect(report.locator(".change-removed")).to_contain_text("Water")
    save(page)
    assert titles(stored(running, course_id)) == ["Flour", "Check yourself", "Salt"]
    assert stored(running, course_id)["lessons"][2]["section"] == "After it"


def test_lessons_are_moved_by_the_keyboard(author: BrowserContext, running: Running, course_id: str) -> None:
    page = opened(author, course_id)
    page.locator(".lesson-edit summary").nth(2).focus()
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")  # it is the first one already
    expect(names(page)).to_have_text(["Check yourself", "Flour", "Water"])
    expect(page.locator(".lesson-edit summary").first).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    expect(names(page)).to_have_text(["Flour", "Check yourself", "Water"])
    edit(page, "Flour").get_by_label("Kind").press("Alt+ArrowDown")  # the key that opens its choices
    expect(names(page)).to_have_text(["Flour", "Check yourself", "Water"])
    page.keyboard.press("Escape")
    expect(check(page)).to_contain_text("another order")
    save(page)
    assert titles(stored(running, course_id)) == ["Flour", "Check yourself", "Water"]


def test_form_and_json_show_the_same_document(author: BrowserContext, running: Running, course_id: str) -> None:
    page = opened(author, course_id)
    page.locator("#course-fields").get_by_label("Title").fill("By the form")
    page.get_by_role("tab", name="Form").focus()
    page.keyboard.press("ArrowRight")
    text = page.get_by_label("The course as JSON")
    shown = json.loads(text.input_value())
    before = {
        name: value for name, value in stored(running, course_id).items() if name not in {"version", "recalculation"}
    }
    assert shown == before | {"title": "By the form"}
    shown["lessons"][0]["title"] = "By the JSON"
    shown["lessons"] = shown["lessons"][:2]
    text.fill(json.dumps(shown))
    page.keyboard.press("Tab")
    page.get_by_role("tab", name="Form").click()
    expect(names(page)).to_have_text(["By the JSON", "Water"])
    page.get_by_role("tab", name="JSON").click()
    assert json.loads(text.input_value()) == shown
    check(page)
    save(page)
    assert titles(stored(running, course_id)) == ["By the JSON", "Water"]


def test_invalid_json_is_reported_beside_its_text(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    page.get_by_role("tab", name="JSON").click()
    text = page.get_by_label("The course as JSON")
    for wrong in ("{", "[]", "null", '{"title": '):
        text.fill(wrong)
        page.get_by_role("tab", name="Form").click()
        expect(page.locator("#result").get_by_role("heading", name="One thing is not right yet")).to_be_visible()
        expect(text).to_be_visible()
        expect(text).to_have_attribute("aria-invalid", "true")
        expect(check(page)).to_contain_text("JSON")


def test_unknown_fields_are_kept_and_their_faults_shown(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    page.get_by_role("tab", name="JSON").click()
    text = page.get_by_label("The course as JSON")
    document = json.loads(text.input_value())
    document["lessons"][1]["colour"] = "red"
    text.fill(json.dumps(document))
    page.get_by_role("tab", name="Form").click()
    expect(check(page)).to_contain_text("Lesson 2, colour")


def test_faults_are_shown_at_their_fields(author: BrowserContext, running: Running, course_id: str) -> None:
    before = stored(running, course_id)
    page = opened(author, course_id)
    page.locator("#course-fields").get_by_label("Title").fill("  ")
    flour = edit(page, "Flour")
    flour.get_by_label("Pass mark").fill("120")
    edit(page, "Water").get_by_label("Duration").fill("soon")
    flour.locator("summary").click()  # folded: the fault unfolds it
    report = check(page)
    expect(report.get_by_role("heading", name="3 things are not right yet")).to_be_visible()
    for field in (
        page.locator("#course-fields").get_by_label("Title"),
        flour.get_by_label("Pass mark"),
        page.locator(".lesson-edit").nth(1).get_by_label("Duration"),
    ):
        expect(field).to_be_visible()
        expect(field).to_have_attribute("aria-invalid", "true")
        described = field.get_attribute("aria-describedby")
        expect(page.locator(f"#{described}")).not_to_be_empty()
    report.get_by_role("button", name="Lesson 1, Pass mark").click()
    expect(flour.get_by_label("Pass mark")).to_be_focused()
    page.locator("#course-fields").get_by_label("Title").fill("Bread at home")
    expect(page.locator("[aria-invalid]")).to_have_count(2)  # the others are wrong still, and listed
    expect(report.get_by_role("heading", name="3 things are not right yet")).to_be_visible()
    flour.get_by_label("Pass mark").fill("50")
    page.locator(".lesson-edit").nth(1).get_by_label("Duration").fill("60")
    page.locator("#course-fields").get_by_label("Time zone").fill("Mars/Olympus")
    report = check(page)
    expect(report).to_contain_text("Only a quiz or an assignment has a pass mark")
    expect(report).to_contain_text("not a time zone of the IANA database")
    assert stored(running, course_id) == before


@pytest.mark.parametrize(("written", "read"), [("1,5", 1.5), ("1800", 1800), ("0,125", 0.125)])
def test_a_number_is_read_with_a_comma_or_a_point(
    author: BrowserContext, course_id: str, written: str, read: float
) -> None:
    page = opened(author, course_id)
    edit(page, "Flour").get_by_label("Duration").fill(written)
    expect(check(page)).to_contain_text(f"duration: 300 → {read:g}")


def test_an_ambiguous_number_is_refused(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    edit(page, "Flour").get_by_label("Duration").fill("1,800")
    expect(check(page)).to_contain_text("this can be read in two ways: write 1800, or 1.8")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_a_pass_mark_replaces_the_percentage(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    page.get_by_role("button", name="Add a lesson").click()
    added = page.locator(".lesson-edit").last
    added.get_by_label("Kind").select_option("quiz")
    expect(added.get_by_label("Completed at")).to_have_value("100")
    added.get_by_label("Pass mark").fill("50")
    added.get_by_label("Title", exact=True).fill("A quiz")
    expect(added.get_by_label("Completed at")).to_have_value("")
    added.get_by_label("Pass mark").fill("")
    added.get_by_label("Title", exact=True).fill("No quiz")
    expect(added.get_by_label("Completed at")).to_have_value("100")
    assert "No percentage completes" not in check(page).inner_text()


def test_a_lesson_that_no_percentage_completes_is_named_before_it_is_saved(
    author: BrowserContext, course_id: str
) -> None:
    page = opened(author, course_id)
    edit(page, "Check yourself").get_by_label("Pass mark").fill("")
    edit(page, "Flour").get_by_label("Completed at").fill("")
    report = check(page)
    expect(report).to_contain_text("No percentage completes Flour, Check yourself.")
    edit(page, "Check yourself").get_by_label("Completed at").fill("90")
    expect(check(page)).to_contain_text("No percentage completes Flour.")


def test_the_last_lesson_can_be_removed_but_not_saved(author: BrowserContext, course_id: str) -> None:
    page = opened(author, course_id)
    for title in ("Flour", "Water", "Check yourself"):
        page.get_by_role("button", name=f"Remove: {title}").click()
    expect(page.get_by_role("button", name="Add a lesson")).to_be_focused()
    expect(check(page)).to_contain_text("Lessons")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_a_new_course_can_be_made(author: BrowserContext, running: Running) -> None:
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring")
    page.get_by_role("link", name="New course").click()
    expect(page.locator("#state")).to_have_text("Not saved yet")
    expect(check(page)).to_contain_text("2 things are not right yet")
    title = f"New {uuid4()}"
    page.locator("#course-fields").get_by_label("Title").fill(title)
    page.locator(".lesson-edit").first.get_by_label("Title", exact=True).fill("The first")
    expect(check(page)).to_contain_text("New")
    save(page)
    assert "?" not in page.url
    found = stored(running, page.url.rsplit("/", 1)[1])
    assert (found["title"], titles(found)) == (title, ["The first"])
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_opening_an_unknown_course_does_not_make_it(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4()), "courses:write", refusals=(404,)) as context:
        page = context.new_page()
        for course_id in (str(uuid4()), "nothing", "nothing?new"):
            page.goto(f"{DASHBOARD}/authoring/{course_id}")
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        page.get_by_role("link", name="To all courses that can be edited").click()
        expect(page.get_by_role("heading", name="Authoring")).to_be_visible()


@ON_BOTH_STORES
def test_a_conflict_is_shown_and_overwrites_no_edit(
    author: BrowserContext, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    page = opened(author, course_id)
    page.locator("#course-fields").get_by_label("Title").fill("Mine")
    check(page)
    theirs = document | {"title": "Theirs", "lessons": [*document["lessons"], lesson(title="Their lesson")]}
    running.put_course(theirs, course_id)
    page.get_by_role("button", name="Save", exact=True).click()
    report = page.locator("#result")
    expect(report.get_by_role("heading", name="Somebody else has saved this course")).to_be_visible()
    expect(report).to_contain_text("Their title: Theirs")
    expect(report).to_contain_text("Only in theirs: Their lesson")
    assert stored(running, course_id)["title"] == "Theirs"
    assert barriers(page) == []
    page.get_by_role("button", name="Check mine against theirs").click()
    expect(report.locator(".change-removed")).to_contain_text("Their lesson")
    expect(page.locator("#course-fields").get_by_label("Title")).to_have_value("Mine")
    save(page)
    assert stored(running, course_id)["title"] == "Mine"
    page.locator("#course-fields").get_by_label("Title").fill("Mine again")
    running.put_course(theirs, course_id)
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name="Show theirs, drop mine").click()
    expect(page.locator("#course-fields").get_by_label("Title")).to_have_value("Theirs")
    expect(names(page)).to_have_text(["Flour", "Water", "Check yourself", "Their lesson"])
    expect(check(page)).to_contain_text("Nothing would change")


def test_a_course_that_was_removed_during_editing_can_be_put_back(
    author: BrowserContext, running: Running, course_id: str
) -> None:
    page = opened(author, course_id)
    page.locator("#course-fields").get_by_label("Title").fill("Back again")
    with running.client(None, "courses:write") as other:
        other.delete(f"/courses/{course_id}").raise_for_status()
    expect(check(page)).to_contain_text("This course has been removed")


@ON_BOTH_STORES
def test_learners_who_gain_or_lose_the_completion_are_counted(
    author: BrowserContext, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    flour, water, quiz = (one["id"] for one in document["lessons"])
    done, nearly = str(uuid4()), str(uuid4())
    for learner, lessons in ((done, (flour, quiz)), (nearly, (flour,))):
        with running.client(learner) as client:
            for lesson_id in lessons:
                update = {"quiz_passed": True} if lesson_id == quiz else {"status": "completed"}
                client.put(f"/progress/{course_id}/lessons/{lesson_id}", json=update).raise_for_status()
    page = opened(author, course_id)
    edit(page, "Check yourself").get_by_label("Counts towards").uncheck()
    edit(page, "Water").get_by_label("Counts towards").check()
    page.locator("#course-fields").get_by_label("After an edit").select_option("reopen")
    figures = check(page).locator(".figures")
    expect(figures.locator("div").nth(0)).to_contain_text("2")
    expect(figures.locator("div").nth(1)).to_contain_text("0")
    expect(figures.locator("div").nth(2)).to_contain_text("1")
    edit(page, "Water").get_by_label("Counts towards").uncheck()
    figures = check(page).locator(".figures")
    expect(figures.locator("div").nth(1)).to_contain_text("1")
    save(page)
    expect(page.locator("#recalculation")).to_be_hidden(timeout=20_000)
    assert water


def test_titles_are_shown_as_text_and_not_as_html(
    author: BrowserContext, running: Running, course_id: str, document: dict[str, Any]
) -> None:
    document["lessons"][0] |= {"title": HOSTILE, "section": HOSTILE}
    running.put_course(document | {"title": HOSTILE}, course_id)
    page = author.new_page()
    page.goto(f"{DASHBOARD}/authoring")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    page = opened(author, course_id)
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(names(page).first).to_have_text(HOSTILE)
    page.locator("#course-fields").get_by_label("Title").fill(f"{HOSTILE} again")
    edit(page, "Water").get_by_label("Title", exact=True).fill(HOSTILE)
    expect(check(page)).to_contain_text(HOSTILE)
    save(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{HOSTILE} again")
    assert page.title().startswith("<img")
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_the_document_is_readable_without_javascript(browser: Browser, running: Running, course_id: str) -> None:
    with visiting(browser, running, str(uuid4()), "courses:write", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring/{course_id}")
        expect(page.get_by_text("To edit it takes JavaScript")).to_be_visible()
        expect(names(page)).to_have_text(["Flour", "Water", "Check yourself"])
        page.locator("summary").first.click()
        expect(page.locator("details[open]").get_by_label("Duration")).to_have_value("300")
        shown = json.loads(page.get_by_label("The course as JSON").input_value())
        assert titles(shown) == ["Flour", "Water", "Check yourself"]
        expect(page.get_by_role("button", name="Check", exact=True)).to_be_hidden()


def test_edits_survive_an_expired_session(browser: Browser, running: Running, course_id: str) -> None:
    author_id = str(uuid4())
    with visiting(browser, running, author_id, "courses:write", refusals=(401, 403)) as context:
        page = opened(context, course_id)
        page.locator("#course-fields").get_by_label("Title").fill("After the session")
        context.clear_cookies()
        expect(check(page)).to_contain_text("Your session is over")
        expect(page.get_by_role("link", name="Sign in in another tab")).to_have_attribute("target", "_blank")
        with running.client(author_id, "courses:write") as back_end:
            url = back_end.post("/sign-in-codes").json()["url"]
        context.new_page().goto(url)
        check(page)
        save(page)
    assert stored(running, course_id)["title"] == "After the session"
