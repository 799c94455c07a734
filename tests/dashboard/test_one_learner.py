"""The teacher's page of one learner: what it shows, in how little room, and of whom it tells nothing."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from dashboard.taught import STATISTICS, TEACHER
from headway.dashboard.one_learner_views import around
from support.browser import ON_BOTH_STORES, PHONE, barriers, check_looks, cookie_of, fits, unfold_all, visiting
from support.running import PATIENCE, Running, course, lesson

PHONE_HEIGHT = 812
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


def a_long_course() -> dict[str, Any]:
    """Return a course of sixty lessons in six sections; each fifth is a quiz."""
    lessons = []
    for number in range(60):
        of = {"title": f"Lesson {number}: what the dough does by itself", "section": f"Part {number // 10}: dough"}
        lessons.append(lesson(**of, **({"kind": "quiz", "pass_mark": 60} if number % 5 == 4 else {})))
    return course(*lessons, title=f"Sixty lessons on bread {uuid4()}")


class Class:
    """A class with Ada, who is in three courses, and a neighbour who is in another class and in one course."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.documents = [a_long_course(), course(title=f"Ovens {uuid4()}"), course(title=f"Cakes {uuid4()}")]
        self.long, self.ovens, self.cakes = map(running.put_course, self.documents)
        self.ada, self.ben, self.group_id, self.other_id = (str(uuid4()) for _ in range(4))
        with running.client(None, "groups:write", "learners:admin", "enrolments:write") as office:
            for learner, group_id, title in ((self.ada, self.group_id, "Class 7b"), (self.ben, self.other_id, "8a")):
                office.put(f"/groups/{group_id}", json={"title": title, "members": [learner]}).raise_for_status()
            profile = {"name": "Ada Lovelace", "email": "ada@example.org"}
            office.put(f"/learners/{self.ada}/profile", json=profile).raise_for_status()
            due = {"due_at": "2026-01-02T10:00:00Z"}
            office.put(f"/courses/{self.cakes}/enrolments/{self.ada}", json=due).raise_for_status()
        self.complete(self.ben, 1)
        self.complete(self.ada, 1)
        with running.client(self.ada) as client:
            for one in self.documents[0]["lessons"][:24]:
                body: dict[str, object] = (
                    {"quiz_score": 80, "quiz_attempts": 1} if one.get("kind") == "quiz" else {"status": "completed"}
                )
                client.put(f"/progress/{self.long}/lessons/{one['id']}", json=body).raise_for_status()
            at = self.documents[0]["lessons"][24]["id"]
            body = {"quiz_score": 40, "quiz_attempts": 3, "time_spent_minutes": 7, "user_notes": "a secret of mine"}
            client.put(f"/progress/{self.long}/lessons/{at}", json=body).raise_for_status()

    def complete(self, learner: str, number: int) -> None:
        course_id = (self.long, self.ovens, self.cakes)[number]
        with self.running.client(learner) as client:
            for one in self.documents[number]["lessons"]:
                body = {"status": "completed", "time_spent_minutes": 20}
                client.put(f"/progress/{course_id}/lessons/{one['id']}", json=body).raise_for_status()

    def page_of(self, learner: str, course_id: str | None = None) -> str:
        return f"{STATISTICS}/{course_id}/learners/{learner}" if course_id else f"{STATISTICS}/learners/{learner}"

    def answer(self, address: str, *scopes: str, **limits: list[str]) -> httpx.Response:
        cookie = cookie_of(self.running, str(uuid4()), *scopes, **limits)
        with httpx.Client(
            base_url=self.running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE
        ) as client:
            return client.get(address)


@pytest.fixture
def of_ada(running: Running) -> Class:
    return Class(running)


@pytest.fixture
def teacher() -> str:
    return str(uuid4())


def test_a_learner_fits_on_two_screens_of_a_phone_and_has_no_internal_numbers(
    browser: Browser, running: Running, of_ada: Class, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, "courses:write") as context:
        page = context.new_page()
        page.set_viewport_size({"width": PHONE, "height": PHONE_HEIGHT})
        page.goto(of_ada.page_of(of_ada.ada))
        expect(page.get_by_role("heading", level=1)).to_have_text("Ada Lovelace")
        assert page.evaluate("() => document.documentElement.scrollHeight") <= 2 * PHONE_HEIGHT
        assert fits(page)
        for word in ("Class 7b", "ada@example.org", "Stopped at", "Lesson 24", "Active on"):
            expect(page.get_by_text(word).first).to_be_visible()
        unfold_all(page)
        titles = [document["title"] for document in of_ada.documents]
        text = page.locator("main").inner_text()
        for title in titles:
            text = text.replace(title, "")  # these have an id so that no two tests have the same
        assert not UUID.search(text)
        assert "a secret of mine" not in page.content()


@pytest.mark.parametrize("locale", ["de-DE", "ar-EG"])
def test_a_learner_fits_on_two_screens_in_longer_words_and_mirrored(
    browser: Browser, running: Running, of_ada: Class, teacher: str, locale: str
) -> None:
    with visiting(browser, running, teacher, TEACHER, "courses:write", locale=locale) as context:
        page = context.new_page()
        page.set_viewport_size({"width": PHONE, "height": PHONE_HEIGHT})
        for address in (of_ada.page_of(of_ada.ada), of_ada.page_of(of_ada.ada, of_ada.long)):
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).to_have_text("Ada Lovelace")
            assert page.locator("html").get_attribute("lang") == locale[:2]
            assert page.evaluate("() => document.documentElement.scrollHeight") <= 2 * PHONE_HEIGHT
            assert fits(page)


def test_the_section_where_the_learner_has_stopped_is_unfolded(
    browser: Browser, running: Running, of_ada: Class, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ada))
        opened = page.get_by_role("region", name=of_ada.documents[0]["title"])
        expect(opened.get_by_text("Part 2: dough")).to_be_visible()
        stop = opened.get_by_role("listitem").filter(has_text="stopped here")
        expect(stop).to_contain_text("Lesson 24")
        expect(stop).to_contain_text(re.compile("Attempts.*3.*Best score.*40.*60 to pass.*Time.*7 min", re.DOTALL))
        expect(opened.get_by_text("Lesson 21:").first).to_be_hidden()
        opened.get_by_text("3 lessons before").click()
        expect(opened.get_by_text("Lesson 21:").first).to_be_visible()
        expect(opened.get_by_text("Lesson 50:").first).to_be_hidden()
        opened.get_by_text("2 sections after").click()
        opened.get_by_text("Part 5: dough").click()
        expect(opened.get_by_text("Lesson 50:").first).to_be_visible()
        opened.get_by_text("Why 40%").click()
        expect(opened.get_by_text("24 of the 60 lessons that count are completed.")).to_be_visible()


def test_each_course_of_a_learner_leads_to_the_same_page_with_that_course(
    browser: Browser, running: Running, of_ada: Class, teacher: str
) -> None:
    ovens, cakes = of_ada.documents[1]["title"], of_ada.documents[2]["title"]
    with visiting(browser, running, teacher, TEACHER, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ada))
        others = page.get_by_role("region", name="Other courses")
        line = others.get_by_role("listitem").filter(has_text=cakes)
        expect(line).to_contain_text(re.compile("Not started.*late.*due", re.DOTALL | re.IGNORECASE))
        others.get_by_role("link", name=ovens).click()
        expect(page).to_have_url(re.compile(of_ada.page_of(of_ada.ada, of_ada.ovens)))
        opened = page.get_by_role("region", name=ovens)
        expect(opened.get_by_text("3 of 3 lessons completed")).to_be_visible()
        opened.get_by_text("Completions").click()
        expect(opened.get_by_text("Completed", exact=False).last).to_be_visible()
        expect(page.get_by_text("Lesson 24:").first).to_be_visible()  # the last stop is of all courses
        page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Learners").click()
        expect(page).to_have_url(re.compile(f"{of_ada.ovens}/learners$"))


def test_earlier_runs_are_below_the_course(browser: Browser, running: Running, of_ada: Class, teacher: str) -> None:
    with running.client(None, "enrolments:write") as office:
        office.post(f"/courses/{of_ada.ovens}/enrolments/{of_ada.ada}/runs", json={}).raise_for_status()
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ada, of_ada.ovens))
        opened = page.get_by_role("region", name=of_ada.documents[1]["title"])
        expect(opened.get_by_text("0 of 3 lessons completed")).to_be_visible()
        opened.get_by_text("Completions and earlier runs").click()
        expect(opened.get_by_text("Run 1, ended")).to_be_visible()
        expect(opened.get_by_role("listitem").filter(has_text="Run 1, ended")).to_contain_text("3 of 3 lessons")


def test_days_are_in_a_picture_and_in_a_table(browser: Browser, running: Running, of_ada: Class, teacher: str) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ada))
        expect(page.get_by_role("img", name=re.compile(r"Active on 1 of the last \d+ days, 1 h 7 min"))).to_be_visible()
        page.get_by_text("Day by day").click()
        table = page.get_by_role("region", name="Active days, the latest first")
        expect(table.get_by_role("row")).to_have_count(2)
        expect(table.get_by_role("cell", name="1 h 7 min")).to_be_visible()


def test_a_learner_without_a_name_has_an_id_that_can_be_copied(
    browser: Browser, running: Running, of_ada: Class, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ben))
        expect(page.get_by_role("heading", level=1)).to_have_text("Learner without a name")
        expect(page.get_by_text(of_ada.ben)).to_be_hidden()
        page.get_by_text("Show the id of this learner").click()
        expect(page.get_by_text(of_ada.ben)).to_be_visible()
        expect(page.get_by_text("Completed", exact=True).first).to_be_visible()


def test_the_page_of_a_learner_passes_the_accessibility_checks(
    browser: Browser, running: Running, of_ada: Class, teacher: str
) -> None:
    with visiting(browser, running, teacher, TEACHER) as context:
        page = context.new_page()
        page.goto(of_ada.page_of(of_ada.ada))
        assert barriers(page) == []
        unfold_all(page)
        check_looks(page)


@ON_BOTH_STORES
def test_a_session_for_one_class_sees_its_members_and_no_other_class(running: Running, of_ada: Class) -> None:
    limits = {"groups": [of_ada.group_id]}
    with running.client(None, "groups:write") as office:
        other = {"title": "Choir", "members": [of_ada.ada]}
        office.put(f"/groups/{uuid4()}", json=other).raise_for_status()
    mine = of_ada.answer(of_ada.page_of(of_ada.ada), TEACHER, **limits)
    assert mine.status_code == 200
    assert "Class 7b" in mine.text
    assert "Choir" not in mine.text
    assert "Choir" in of_ada.answer(of_ada.page_of(of_ada.ada), TEACHER).text
    for course_id in (None, of_ada.ovens):
        refused = of_ada.answer(of_ada.page_of(of_ada.ben, course_id), TEACHER, **limits)
        assert refused.status_code == 403
        assert of_ada.answer(of_ada.page_of(str(uuid4()), course_id), TEACHER, **limits).status_code == 403


@ON_BOTH_STORES
def test_a_session_for_one_course_sees_no_other_course(of_ada: Class) -> None:
    limits = {"courses": [of_ada.ovens]}
    for address in (of_ada.page_of(of_ada.ada), of_ada.page_of(of_ada.ada, of_ada.ovens)):
        page = of_ada.answer(address, TEACHER, **limits)
        assert page.status_code == 200
        assert of_ada.documents[1]["title"] in page.text
        for hidden in (of_ada.documents[0]["title"], of_ada.documents[2]["title"], of_ada.long, "Lesson 24"):
            assert hidden not in page.text
        assert "1 h 7 min" not in page.text  # the time in the long course does not count
    assert of_ada.answer(of_ada.page_of(of_ada.ada, of_ada.long), TEACHER, **limits).status_code == 403
    only_long = {"courses": [of_ada.long]}
    assert of_ada.answer(of_ada.page_of(of_ada.ben), TEACHER, **only_long).status_code == 404
    both = {"courses": [of_ada.ovens], "groups": [of_ada.other_id]}
    assert of_ada.answer(of_ada.page_of(of_ada.ada), TEACHER, **both).status_code == 403


def test_who_is_nowhere_or_may_not_look_gets_no_page(running: Running, of_ada: Class) -> None:
    assert of_ada.answer(of_ada.page_of(str(uuid4())), TEACHER).status_code == 404
    assert of_ada.answer(of_ada.page_of("nobody"), TEACHER).status_code == 404
    assert of_ada.answer(of_ada.page_of(of_ada.ada, str(uuid4())), TEACHER).status_code == 404
    assert of_ada.answer(of_ada.page_of(of_ada.ada)).status_code == 403
    newcomer = str(uuid4())
    with running.client(None, "learners:admin") as office:
        office.put(f"/learners/{newcomer}/profile", json={"name": "Grace Hopper"}).raise_for_status()
    page = of_ada.answer(of_ada.page_of(newcomer), TEACHER)
    assert page.status_code == 200
    assert "This learner is in no course." in page.text
    assert of_ada.answer(of_ada.page_of(newcomer), TEACHER, courses=[of_ada.ovens]).status_code == 404


@pytest.mark.parametrize(
    ("position", "shown"), [(0, [0, 1, 2]), (1, [0, 1, 2]), (5, [4, 5, 6]), (8, [7, 8, 9]), (9, [7, 8, 9])]
)
def test_few_of_a_long_list_are_shown_around_a_position(position: int, shown: list[int]) -> None:
    parts = around(range(10), position, 3)
    assert list(parts.shown) == shown
    assert [*parts.before, *parts.shown, *parts.after] == list(range(10))


def test_a_short_list_is_shown_whole() -> None:
    assert [list(part) for part in around([1, 2], 1, 3)] == [[], [1, 2], []]
