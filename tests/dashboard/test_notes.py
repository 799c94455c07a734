"""Notes and bookmarks on the page, in one tab and in two, with other writes while the learner types."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from dashboard.own_course import Student, course_head, lesson_of, lesson_titles, look_again, note_of, student
from support.browser import DASHBOARD, barriers, check_looks, cookie_of, visiting
from support.pages import settle
from support.program import forked_headway_serve
from support.running import Running

LATER = "Ask about the second rise."
MINE = "Fold it four times.\nThen wait."
OTHERS = "Fold it three times."


def begin(page: Page, title: str, text: str) -> Locator:
    """Type a note, and do not save it."""
    lesson = lesson_of(page, title)
    lesson.get_by_role("button", name="note").click()
    lesson.get_by_role("textbox").fill(text)
    return lesson


def save(lesson: Locator) -> None:
    lesson.get_by_role("button", name="Save").click()


def conflict(lesson: Locator) -> Locator:
    """Return the part of the editor that shows a conflict."""
    return lesson.get_by_text("This note was changed elsewhere meanwhile.").locator("..")


def test_a_first_note_makes_lesson_progress_and_is_shown_as_saved(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        assert barriers(page) == []
        save(lesson)
        expect(page.get_by_role("status")).to_have_text("Note saved")
        expect(note_of(lesson)).to_have_text(MINE)
        expect(lesson.get_by_role("button", name="Edit note")).to_be_focused()
        assert learner.lesson_progress("Water")["user_notes"] == MINE
        assert learner.lesson_progress("Water")["status"] == "not_started"
        page.reload()
        expect(note_of(lesson_of(page, "Water"))).to_have_text(MINE)


def test_a_note_can_be_cleared(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", user_notes=MINE)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", "")
        lesson.get_by_role("textbox").press("Control+Enter")
        expect(lesson.get_by_role("button", name="Add a note")).to_be_focused()
        expect(lesson.get_by_text(MINE)).to_be_hidden()
        assert learner.lesson_progress("Water")["user_notes"] is None


def test_a_write_of_the_player_is_no_conflict(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", user_notes="Seen on another\r\nkind of machine.")
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", progress_percentage=40)
        save(lesson)
        expect(note_of(lesson)).to_have_text(MINE)
        progress = learner.lesson_progress("Water")
        assert (progress["user_notes"], progress["progress_percentage"]) == (MINE, 40)
        expect(lesson).to_contain_text("40%")


@pytest.mark.parametrize(
    ("choice", "kept"),
    [("Keep mine", MINE), ("Keep the stored one", OTHERS), ("Keep both", f"{OTHERS}\n\n{MINE}")],
)
@pytest.mark.parametrize("before", [None, LATER])
def test_a_conflict_is_shown_and_the_learner_decides(
    browser: Browser, running: Running, before: str | None, choice: str, kept: str
) -> None:
    learner = student(running)
    if before:
        learner.write("Water", user_notes=before)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", user_notes=OTHERS)
        save(lesson)
        expect(conflict(lesson).get_by_role("blockquote")).to_have_text(OTHERS)
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        expect(page.get_by_role("status")).to_contain_text("changed elsewhere")
        assert learner.lesson_progress("Water")["user_notes"] == OTHERS
        conflict(lesson).get_by_role("button", name=choice).click()
        expect(note_of(lesson)).to_have_text(kept)
        expect(lesson.get_by_role("textbox")).to_have_count(0)
        assert learner.lesson_progress("Water")["user_notes"] == kept


def test_a_conflict_overwrites_nothing_while_the_learner_types(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", user_notes=OTHERS)
        lesson.get_by_role("textbox").press("Control+Enter")
        expect(conflict(lesson).get_by_role("blockquote")).to_have_text(OTHERS)
        expect(lesson.get_by_role("textbox")).to_be_focused()
        page.keyboard.press("Space")
        page.keyboard.press("Control+Enter")
        expect(lesson.get_by_role("textbox")).to_have_value(f"{MINE} ")
        assert learner.lesson_progress("Water")["user_notes"] == OTHERS
        conflict(lesson).get_by_role("button", name="Keep both").click()
        expect(note_of(lesson)).to_have_text(f"{OTHERS}\n\n{MINE}")


def test_a_conflict_gets_the_focus_if_the_learner_does_not_type(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", user_notes=OTHERS)
        lesson.get_by_role("button", name="Save").press("Enter")
        expect(conflict(lesson)).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(conflict(lesson).get_by_role("button", name="Keep mine")).to_be_focused()
        assert learner.lesson_progress("Water")["user_notes"] == OTHERS


def test_keeping_both_notes_adds_each_text_once(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[0, 412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", user_notes=OTHERS)
        save(lesson)
        expect(conflict(lesson)).to_be_visible()
        context.set_offline(True)
        conflict(lesson).get_by_role("button", name="Keep both").click()
        expect(lesson.get_by_role("alert")).to_contain_text("The service does not answer")
        expect(conflict(lesson)).to_be_hidden()
        expect(lesson.get_by_role("textbox")).to_be_focused()
        context.set_offline(False)
        save(lesson)
        expect(note_of(lesson)).to_have_text(f"{OTHERS}\n\n{MINE}")
        assert learner.lesson_progress("Water")["user_notes"] == f"{OTHERS}\n\n{MINE}"


def test_a_note_that_changes_during_the_decision_is_shown_again(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.write("Water", user_notes=OTHERS)
        save(lesson)
        expect(conflict(lesson).get_by_role("blockquote")).to_have_text(OTHERS)
        learner.write("Water", user_notes=LATER)
        conflict(lesson).get_by_role("button", name="Keep mine").click()
        expect(conflict(lesson).get_by_role("blockquote")).to_have_text(LATER)
        assert learner.lesson_progress("Water")["user_notes"] == LATER


def test_a_note_that_was_removed_elsewhere_is_a_conflict(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", user_notes=OTHERS)
    with visiting(browser, running, learner.learner_id, refusals=[404, 412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        learner.remove_lesson_progress("Water")
        save(lesson)
        expect(conflict(lesson)).to_contain_text("the note was removed")
        conflict(lesson).get_by_role("button", name="Keep mine").click()
        expect(note_of(lesson)).to_have_text(MINE)
        assert learner.lesson_progress("Water")["user_notes"] == MINE


def test_a_conflict_passes_the_accessibility_checks(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", "x" * 400)
        learner.write("Water", user_notes="y" * 400)
        save(lesson)
        expect(conflict(lesson)).to_be_visible()
        check_looks(page)


def test_two_tabs_do_not_overwrite_each_other(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        one, other = learner.open(context), learner.open(context)
        first, second = begin(one, "Salt", OTHERS), begin(other, "Salt", MINE)
        save(first)
        expect(note_of(first)).to_have_text(OTHERS)
        save(second)
        expect(conflict(second).get_by_role("blockquote")).to_have_text(OTHERS)


def test_a_lesson_finished_in_another_tab_is_shown_and_typed_text_stays(browser: Browser, running: Running) -> None:
    learner = student(running)
    learner.write("Water", progress_percentage=10)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        lesson.get_by_role("textbox").press("End")
        learner.write("Flour", status="completed")
        learner.write("Water", progress_percentage=60)
        look_again(page)
        expect(lesson_of(page, "Flour")).to_contain_text("Completed")
        expect(lesson).to_contain_text("60%")
        expect(course_head(page)).to_contain_text("33%")
        expect(lesson.get_by_role("textbox")).to_be_focused()
        page.keyboard.type(" Typed on.")
        expect(lesson.get_by_role("textbox")).to_have_value(f"{MINE} Typed on.")
        lesson.get_by_role("button", name="Save").click()
        expect(note_of(lesson)).to_have_text(f"{MINE} Typed on.")


def test_an_edit_of_the_course_is_shown_after_typing(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        first, second, third = learner.document["lessons"]
        running.put_course(
            {**learner.document, "lessons": [third, second, first | {"title": "Rye"}]}, learner.course_id
        )
        look_again(page)
        expect(lesson_of(page, "Rye")).to_be_visible()
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        save(lesson)
        expect(lesson_titles(page)).to_have_text(["Salt", "Water", "Rye"])
        expect(note_of(lesson_of(page, "Water"))).to_have_text(MINE)


def test_an_expired_session_loses_no_typed_text(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[401, 403]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        context.clear_cookies()
        save(lesson)
        expect(lesson.get_by_role("alert")).to_contain_text("You are signed out")
        link = lesson.get_by_role("link", name="Sign in in another tab")
        expect(link).to_have_attribute("target", "_blank")
        look_again(page)
        expect(page.get_by_role("region", name="Notice")).to_contain_text("You are signed out")
        assert barriers(page) == []
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        # Signed in again, in a session that has another token against forgery.
        context.add_cookies([cookie_of(running, learner.learner_id)])  # type: ignore[list-item]
        save(lesson)
        expect(note_of(lesson)).to_have_text(MINE)
        expect(page.get_by_role("region", name="Notice")).to_be_hidden()
        assert learner.lesson_progress("Water")["user_notes"] == MINE


def test_typed_text_is_not_stored_for_another_learner(browser: Browser, running: Running) -> None:
    learner, somebody = student(running), student(running)
    with visiting(browser, running, learner.learner_id, refusals=[401, 403]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        context.add_cookies([cookie_of(running, somebody.learner_id)])  # type: ignore[list-item]
        save(lesson)
        expect(lesson.get_by_role("alert")).to_contain_text("Somebody else has signed in")
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        look_again(page)
        expect(page.get_by_role("region", name="Notice")).to_contain_text("Somebody else has signed in")
        with running.client(somebody.learner_id) as client:
            assert client.get(f"/progress/{learner.course_id}").json() == []


def test_a_service_without_an_answer_is_shown_and_tried_again(browser: Browser, folder: Path) -> None:
    with forked_headway_serve(folder) as running:
        learner = student(running)
        with visiting(browser, running, learner.learner_id, refusals=[0, 412]) as context:
            page = learner.open(context)
            lesson = begin(page, "Water", MINE)
            context.set_offline(True)
            save(lesson)
            expect(lesson.get_by_role("alert")).to_contain_text("The service does not answer")
            lesson.get_by_role("button", name="Bookmark").click()
            notice = page.get_by_role("region", name="Notice")
            expect(notice).to_contain_text("The service does not answer")
            expect(lesson.get_by_role("button", name="Bookmark")).to_have_attribute("aria-pressed", "false")
            with page.expect_event("requestfailed"):
                look_again(page)  # which fails, too, and leaves what is tried again
            settle(page)
            context.set_offline(False)
            notice.get_by_role("button", name="Try again").click()
            expect(lesson.get_by_role("button", name="Bookmark")).to_have_attribute("aria-pressed", "true")
            save(lesson)
            expect(note_of(lesson)).to_have_text(MINE)


def test_typed_text_is_discarded_only_after_confirmation(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        lesson.get_by_role("textbox").press("Escape")
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        lesson.get_by_role("button", name="Cancel").click()
        lesson.get_by_role("button", name="Discard what I typed").click()
        expect(lesson.get_by_role("textbox")).to_have_count(0)
        expect(lesson.get_by_role("button", name="Add a note")).to_be_focused()
        with running.client(learner.learner_id) as client:
            assert client.get(f"/progress/{learner.course_id}").json() == []


def test_leaving_a_page_with_unsaved_text_asks_first(browser: Browser, running: Running) -> None:
    learner = student(running)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        page.on("dialog", stay)
        lesson = begin(page, "Water", MINE)
        with page.expect_event("dialog"):
            page.get_by_role("link", name="Headway").click(no_wait_after=True)
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
        save(lesson)
        expect(note_of(lesson)).to_have_text(MINE)
        page.get_by_role("link", name="Headway").click()
        page.wait_for_url(f"**{DASHBOARD}")
        assert asked == ["beforeunload"]


def test_a_note_may_be_ten_thousand_characters_long(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", "🌾" * 10_001)
        expect(lesson).to_contain_text("10,001 of 10,000 characters")
        expect(lesson.get_by_role("button", name="Save")).to_be_disabled()
        lesson.get_by_role("textbox").fill("🌾" * 10_000)
        save(lesson)
        expect(lesson.get_by_role("button", name="Edit note")).to_be_focused()
        assert learner.lesson_progress("Water")["user_notes"] == "🌾" * 10_000


def test_a_bookmark_can_be_changed_while_a_player_writes(browser: Browser, running: Running) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        page = learner.open(context)
        bookmark = lesson_of(page, "Water").get_by_role("button", name="Bookmark Water")
        bookmark.click()
        expect(page.get_by_role("status")).to_have_text("Bookmark saved")
        assert learner.lesson_progress("Water")["is_bookmarked"] is True
        learner.write("Water", progress_percentage=30, user_notes=OTHERS)
        bookmark.press("Space")
        expect(page.get_by_role("status")).to_have_text("Bookmark removed")
        expect(bookmark).to_have_attribute("aria-pressed", "false")
        progress = learner.lesson_progress("Water")
        assert (progress["is_bookmarked"], progress["progress_percentage"]) == (False, 30)
        expect(note_of(lesson_of(page, "Water"))).to_have_text(OTHERS)


@pytest.mark.parametrize("by", ["key", "pointer"])
def test_a_button_that_is_pressed_while_the_page_is_fetched_is_clicked(
    browser: Browser, running: Running, by: str
) -> None:
    learner = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[412]) as context:
        context.add_init_script("window.setInterval = () => 0")  # the page looks only when the test says so
        page = learner.open(context)
        lesson = lesson_of(page, "Water")
        bookmark = lesson.get_by_role("button", name="Bookmark Water")
        learner.write("Water", progress_percentage=30)
        bookmark.focus()
        bookmark.hover()
        if by == "key":
            page.keyboard.down("Space")
        else:
            page.mouse.down()
        with page.expect_response(f"**{learner.address}") as fetched:
            look_again(page)
        fetched.value.finished()
        settle(page)
        if by == "key":
            page.keyboard.up("Space")
        else:
            page.mouse.up()
        expect(page.get_by_role("status")).to_have_text("Bookmark saved")
        assert learner.lesson_progress("Water")["is_bookmarked"] is True
        expect(lesson).to_contain_text("30%")


def test_a_removed_lesson_keeps_typed_text(browser: Browser, running: Running) -> None:
    learner: Student = student(running)
    with visiting(browser, running, learner.learner_id, refusals=[404]) as context:
        page = learner.open(context)
        lesson = begin(page, "Water", MINE)
        others = [one for one in learner.document["lessons"] if one["title"] != "Water"]
        running.put_course({**learner.document, "lessons": others}, learner.course_id)
        save(lesson)
        expect(lesson.get_by_role("alert")).to_contain_text("not in the course any more")
        expect(lesson.get_by_role("textbox")).to_have_value(MINE)
