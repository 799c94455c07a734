"""All notes of a learner: by course and lesson, searched, downloaded, and edited in place."""

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.own_course import Student
from headway.auth.sessions import COOKIE
from support.browser import DASHBOARD, ON_BOTH_STORES, check_looks, cookie_of, visiting
from support.running import PATIENCE, Running, course, lesson

NOTES = f"{DASHBOARD}/notes"
HOSTILE = "<b>bold</b> {{ 7 * 7 }}"


@pytest.fixture
def baker(running: Running) -> Student:
    """Return a learner with three notes in a course, one in a lesson that has left it, and one in a removed course."""
    baker = Student(running, course(lesson(title="Flour"), lesson(title="Crème"), lesson(title="Old"), title="Breads"))
    baker.write("Flour", user_notes="Rye takes more WATER.")
    baker.write("Crème", user_notes=HOSTILE)
    baker.write("Old", user_notes="Kept.")
    stayed = [one for one in baker.document["lessons"] if one["title"] != "Old"]
    running.put_course({**baker.document, "lessons": stayed}, baker.course_id)
    gone = Student(running, course(lesson(title="Away"), title="Gone"), learner_id=baker.learner_id)
    gone.write("Away", user_notes="Kept, too.")
    with running.client(None, "courses:write") as author:
        author.delete(f"/courses/{gone.course_id}").raise_for_status()
    return baker


def note_of(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title))


def test_notes_are_listed_searched_and_edited(browser: Browser, running: Running, baker: Student) -> None:
    with visiting(browser, running, baker.learner_id) as context:
        page = context.new_page()
        page.goto(DASHBOARD, wait_until="load")
        page.get_by_role("link", name="My notes").click()
        expect(page.get_by_text("4 notes in all courses")).to_be_visible()
        headings = page.get_by_role("main").get_by_role("heading", level=2)
        expect(headings).to_have_text(["Breads", "A course that is not in the catalogue any more"])
        expect(note_of(page, "A lesson that is not in the course any more")).to_contain_text(["Kept.", "Kept, too."])
        expect(note_of(page, "Crème")).to_contain_text(HOSTILE)
        expect(page.get_by_role("button", name="Edit note")).to_have_count(2)
        check_looks(page)
        note_of(page, "Flour").get_by_role("button", name="Edit note").press("Enter")
        page.keyboard.press("Control+End")
        page.keyboard.type(" And time.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status")).to_have_text("Note saved")
        expect(note_of(page, "Flour").get_by_role("button", name="Edit note")).to_be_focused()
        assert baker.lesson_progress("Flour")["user_notes"] == "Rye takes more WATER. And time."
        page.get_by_role("searchbox", name="Search my notes").fill("water  creme")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="No notes have these words")).to_be_visible()
        page.get_by_role("searchbox").fill("wÄter BREADS")
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 of your 4 notes has these words.")).to_be_visible()
        check_looks(page)
        page.get_by_role("link", name="Flour").click()
        expect(page.get_by_role("heading", name="Flour")).to_be_in_viewport()


def test_a_note_that_was_changed_in_another_tab_is_a_conflict_there_too(
    browser: Browser, running: Running, baker: Student
) -> None:
    with visiting(browser, running, baker.learner_id, refusals=[412]) as context:
        page = context.new_page()
        page.goto(NOTES, wait_until="load")
        flour = note_of(page, "Flour")
        flour.get_by_role("button", name="Edit note").click()
        flour.get_by_role("textbox").fill("Mine")
        baker.write("Flour", user_notes="Theirs")
        flour.get_by_role("button", name="Save").click()
        expect(flour.get_by_text("This note was changed elsewhere meanwhile.")).to_be_visible()
        flour.get_by_role("button", name="Keep both").click()
        expect(page.get_by_role("status")).to_have_text("Note saved")
        assert baker.lesson_progress("Flour")["user_notes"] == "Theirs\n\nMine"


@ON_BOTH_STORES
def test_notes_are_downloaded_as_they_are_found(running: Running, baker: Student) -> None:
    cookie = cookie_of(running, baker.learner_id)["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        answer = client.get(f"{NOTES}/download")
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="headway-notes.md"'
        assert answer.text.splitlines()[:6] == ["# My notes", "", "## Breads", "", "### Flour", ""]
        assert f"### Crème\n\n{HOSTILE}\n" in answer.text
        assert "Kept, too." in answer.text
        found = client.get(f"{NOTES}/download", params={"q": "rye"}).text
        assert "Rye takes" in found
        assert "Kept" not in found
        assert "Rye takes" in client.get(NOTES).text


@pytest.mark.usefixtures("baker")
def test_nobody_else_sees_a_learners_notes(running: Running) -> None:
    with httpx.Client(base_url=running.base_url, timeout=PATIENCE) as nobody:
        for address in (NOTES, f"{NOTES}/download"):
            assert nobody.get(address).status_code == 303
    cookie = cookie_of(running, Student(running, course()).learner_id, "learners:admin", "statistics:read")["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as other:
        assert "Rye takes" not in other.get(NOTES).text
        assert "No notes yet" in other.get(NOTES).text
        assert other.get(f"{NOTES}/download").text == "# My notes\n"


def test_many_notes_come_in_pages(running: Running) -> None:
    learner = Student(running, course(*(lesson(title=f"Lesson {number:03}") for number in range(60))))
    for number in range(60):
        learner.write(f"Lesson {number:03}", user_notes=f"about {number:03}")
    cookie = cookie_of(running, learner.learner_id)["value"]
    with httpx.Client(base_url=running.base_url, cookies={COOKIE: cookie}, timeout=PATIENCE) as client:
        pages = [client.get(NOTES, params={"q": "about", "page": page}).text for page in ("1", "2", "99", "-1", "x")]
        assert [("about 049" in text, "about 050" in text) for text in pages] == [
            (True, False), (False, True), (False, True), (True, False), (True, False),
        ]  # fmt: skip
        assert "/notes?q=about&amp;page=2" in pages[0]
        assert "60 of your 60 notes have these words." in pages[0]
