"""The quick search: what each role finds, with and without scripts, and by the keyboard alone."""

import re
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from dashboard.taught import TEACHER
from headway.domain.text import has_words, search_words
from support.browser import DASHBOARD, ON_BOTH_STORES, check_looks, cookie_of, visiting
from support.program import forked_headway_serve
from support.running import PATIENCE, Running, course, lesson

SEARCH = f"{DASHBOARD}/search"
AUTHOR = "courses:write"


class Town:
    """Two courses, each with a learner who is in a class; names and titles hold a word that no other test has."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.word = f"w{uuid4().hex[:10]}"
        self.ids, self.learners, self.groups = [], [], []
        with running.client(None, "groups:write", "learners:admin") as office:
            for name in ("Zoë Müller", "Ben Çelik"):
                document = course(lesson(title=f"Sauerteig {self.word}"), title=f"Bröd {name[:3]} {self.word}")
                learner, group_id = str(uuid4()), str(uuid4())
                self.ids.append(running.put_course(document))
                self.learners.append(learner)
                self.groups.append(group_id)
                profile = {"name": f"{name} {self.word}", "email": f"{name[:2]}{self.word}@example.org"}
                office.put(f"/learners/{learner}/profile", json=profile).raise_for_status()
                office.put(f"/groups/{group_id}", json={"title": "A class", "members": [learner]}).raise_for_status()
                with running.client(learner) as client:
                    path = f"/progress/{self.ids[-1]}/lessons/{document['lessons'][0]['id']}"
                    client.put(path, json={"progress_percentage": 10}).raise_for_status()

    def found(
        self,
        text: str,
        *scopes: str,
        learner: str | None = None,
        courses: list[str] | None = None,
        groups: list[str] | None = None,
    ) -> set[str]:
        """Return the addresses of what is found, below the path of the pages."""
        cookie = cookie_of(self.running, learner or str(uuid4()), *scopes, courses=courses, groups=groups)
        with httpx.Client(
            base_url=self.running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE
        ) as client:
            headers = {"HX-Request": "true", "HX-Target": "quick-results"}
            part = client.get(SEARCH, params={"q": text}, headers=headers).raise_for_status().text
        assert "<html" not in part
        return {one.removeprefix(DASHBOARD) for one in re.findall(r'role="option"[^>]* href="([^"]+)"', part)}

    def person(self, number: int) -> str:
        return f"/statistics/learners/{self.learners[number]}"

    def courses(self, area: str) -> set[str]:
        return {f"/{area}/{course_id}" for course_id in self.ids}


@pytest.fixture
def town(running: Running) -> Town:
    return Town(running)


@ON_BOTH_STORES
def test_a_teacher_finds_the_people_and_courses_that_the_session_may_see(town: Town) -> None:
    people = {town.person(0), town.person(1)}
    assert town.found(town.word, TEACHER) == people | town.courses("statistics")
    assert town.found(f"zoe {town.word}", TEACHER) == {town.person(0)} | {f"/statistics/{town.ids[0]}"}
    assert town.found(f"BE{town.word}@example.org", TEACHER) == {town.person(1)}
    assert town.found(town.learners[0], TEACHER) == {town.person(0)}
    assert town.found(town.word, TEACHER, courses=[town.ids[1]]) == {town.person(1), f"/statistics/{town.ids[1]}"}
    in_class = [town.groups[0], str(uuid4())]
    assert town.found(town.word, TEACHER, groups=in_class) == {town.person(0)} | town.courses("statistics")
    assert town.found(town.word, TEACHER, courses=[town.ids[0]], groups=[town.groups[1]]) == {
        f"/statistics/{town.ids[0]}"
    }
    # More rights of another kind do not show more people.
    assert town.found(town.word, TEACHER, "learners:admin", groups=in_class) == {town.person(0)} | town.courses(
        "statistics"
    )
    for person in people:
        with httpx.Client(base_url=town.running.base_url, timeout=PATIENCE) as client:
            assert client.get(DASHBOARD + person).status_code == 303  # not without a session


@ON_BOTH_STORES
def test_a_learner_finds_courses_and_own_lessons_and_never_people(town: Town) -> None:
    mine, other = town.ids
    found = town.found(town.word, learner=town.learners[0])
    assert {one.partition("#")[0] for one in found} == {f"/courses/{mine}", f"/courses/{other}"}
    assert [one.partition("#lesson-")[0] for one in found if "#" in one] == [f"/courses/{mine}"]
    assert town.found("zoe muller", learner=town.learners[0]) == set()
    assert town.found("zoe muller", AUTHOR, "learners:admin") == set()
    assert town.found(town.word, AUTHOR) == town.courses("authoring")


def test_a_learner_finds_own_courses_only_where_enrolling_is_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    learner = str(uuid4())
    with forked_headway_serve(tmp_path_factory.mktemp("closed"), enrolment="closed") as running:
        ids = [running.put_course(course(title=f"Bröd {number}")) for number in range(2)]
        with running.client(None, "enrolments:write") as office:
            office.put(f"/courses/{ids[0]}/enrolments/{learner}", json={}).raise_for_status()
        cookie = cookie_of(running, learner)
        with httpx.Client(
            base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE
        ) as client:
            page = client.get(SEARCH, params={"q": "brod"}).text
    assert ids[0] in page
    assert ids[1] not in page


@pytest.mark.parametrize("text", ["", "  ", ",;", "'"])
def test_a_text_without_a_word_finds_nothing(town: Town, text: str) -> None:
    assert town.found(text, TEACHER, AUTHOR) == set()


def test_a_text_of_too_many_words_is_refused_in_words(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{SEARCH}?q=a+b+c+d+e+f+g")
        expect(page.get_by_role("status").filter(has_text="Please use fewer words.")).to_be_visible()


def test_the_search_is_a_page_without_scripts(browser: Browser, running: Running, town: Town) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER, AUTHOR, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.get_by_role("banner").get_by_role("button", name="Search").click()
        expect(page).to_have_url(re.compile(f"{SEARCH}[?]?$"))
        page.get_by_role("searchbox", name="The name or e-mail address of a learner").fill(town.word)
        page.get_by_role("main").get_by_role("button", name="Search").click()
        for kind, links in {"People": 2, "Statistics": 2, "Authoring": 2}.items():
            expect(page.get_by_role("region", name=kind).get_by_role("link")).to_have_count(links)
        page.get_by_role("link", name=f"Zoë Müller {town.word}").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Zoë Müller {town.word}")


def asked(page: Page, text: str) -> None:
    """Write a text into the search, and wait for what it finds."""
    page.get_by_role("combobox", name=re.compile("title of a course")).fill(text)
    expect(page.get_by_role("dialog", name="Search").get_by_role("status")).to_have_text(re.compile("result|Nothing"))


def test_the_search_works_by_the_keyboard_alone(browser: Browser, running: Running, town: Town) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        before = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Statistics")
        before.focus()
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name=re.compile("title of a course"))
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-expanded", "false")
        page.keyboard.type(town.word)
        options = page.get_by_role("dialog").get_by_role("option")
        expect(options).to_have_count(4)
        expect(field).to_have_attribute("aria-expanded", "true")
        chosen = page.get_by_role("dialog").get_by_role("option", selected=True)
        expect(chosen).to_contain_text("Ben Çelik")
        for key, name in (("ArrowDown", "Zoë Müller"), ("ArrowUp", "Ben Çelik"), ("ArrowUp", "Bröd Zoë")):
            page.keyboard.press(key)
            expect(chosen).to_contain_text(name)
            assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(chosen).to_contain_text("Zoë Müller")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(before).to_be_focused()
        page.keyboard.press("Control+k")
        expect(field).to_have_value("")
        expect(options).to_have_count(0)
        page.keyboard.type(f"zoe {town.word}")
        expect(options).to_have_count(2)
        expect(chosen).to_contain_text("Zoë Müller")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Zoë Müller {town.word}")


def test_apples_computers_have_a_key_of_their_own(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4())) as context:
        context.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' })")
        page = context.new_page()
        page.goto(DASHBOARD)
        expect(page.get_by_role("banner").get_by_text("⌘ K")).to_be_visible()
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("Meta+k")
        expect(page.get_by_role("combobox", name="The title of a course or a lesson")).to_be_focused()


def test_enter_before_an_answer_leads_to_the_page_of_the_search(browser: Browser, running: Running, town: Town) -> None:
    with visiting(browser, running, town.learners[0]) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.route("**/search?*", lambda route: route.continue_() if route.request.is_navigation_request() else None)
        page.get_by_role("banner").get_by_role("button", name="Search").click()
        page.keyboard.type(f"sauerteig {town.word}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="Lessons").get_by_role("link")).to_have_count(1)
        expect(page.get_by_role("searchbox", name="The title of a course or a lesson")).to_have_value(
            f"sauerteig {town.word}"
        )


def test_the_answer_to_the_latest_text_is_shown(browser: Browser, running: Running, town: Town) -> None:
    held: list[Route] = []
    with visiting(browser, running, str(uuid4()), TEACHER, refusals={0}) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.route(re.compile("q=zoe"), lambda route: held.append(route))  # noqa: PLW0108 - it gets an attribute
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name=re.compile("title of a course"))
        with page.expect_request(re.compile("q=zoe")):
            field.fill(f"zoe {town.word}")
        asked(page, f"ben {town.word}")
        expect(page.get_by_role("dialog").get_by_role("option")).to_contain_text(["Ben Çelik", "Bröd Ben"])
        for route in held:
            route.continue_()
        field.press("End")
        expect(page.get_by_role("dialog").get_by_role("option")).to_contain_text(["Ben Çelik", "Bröd Ben"])


def test_a_search_that_is_not_answered_says_so_and_one_without_a_session_leads_to_the_sign_in(
    browser: Browser, running: Running, town: Town
) -> None:
    with visiting(browser, running, str(uuid4()), TEACHER, refusals={0, 401}) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name=re.compile("title of a course"))
        page.route(re.compile("q="), lambda route: route.abort())
        field.fill(town.word)
        expect(page.get_by_text("The search does not answer now. Please try again.")).to_be_visible()
        page.unroute_all()
        context.clear_cookies()
        field.fill(f"{town.word} zoe")
        expect(page).to_have_url(re.compile("/sign-in[?]next="))


def test_the_search_passes_the_accessibility_checks(browser: Browser, running: Running, town: Town) -> None:
    with visiting(browser, running, town.learners[0], TEACHER, AUTHOR) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.get_by_role("banner").get_by_role("button", name="Search").click()
        asked(page, town.word)
        check_looks(page)
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("banner").get_by_role("button", name="Search")).to_be_focused()
        page.goto(f"{SEARCH}?q={town.word}")
        check_looks(page)


def test_a_list_that_is_cut_says_that_there_are_more(browser: Browser, running: Running) -> None:
    word = f"w{uuid4().hex[:10]}"
    for number in range(7):
        running.put_course(course(title=f"Course {number} {word}"))
    with visiting(browser, running, str(uuid4())) as context:
        page = context.new_page()
        page.goto(DASHBOARD)
        page.keyboard.press("Control+k")
        asked(page, word)
        expect(page.get_by_role("dialog").get_by_role("option")).to_have_count(6)
        expect(page.get_by_role("status").filter(has_text="6 results, and there are more.")).to_be_visible()
        page.goto(f"{SEARCH}?q={word}")
        expect(page.get_by_role("region", name="Other courses").get_by_role("link")).to_have_count(7)


@pytest.mark.parametrize(
    ("title", "text", "is_found"),
    [
        ("Brot backen für Anfänger", "anfanger BROT", True),
        ("Brot backen", "ack", True),
        ("Baker\u2019s dozen", "baker's", True),
        ("パンを焼く", "焼く", True),
        ("Brot backen", "brot kuchen", False),
    ],
)
def test_a_title_is_found_by_parts_of_its_words(title: str, text: str, is_found: bool) -> None:
    assert has_words(search_words(text), title) is is_found
