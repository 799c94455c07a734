"""`bindH5P` with the real player of H5P: results of whole contents become progress."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page

from client.watching import SITES_ON_BOTH_STORES, Learner, Site, opened, site_of
from support.h5p import answered, bring_player, make_content, part, said

Buttons = dict[str, list[dict[str, Any]]]

BODY: Final = '<script src="h5p/main.bundle.js"></script><div id="first"></div><div id="second"></div>'
SHOW: Final = """
    const Content = H5PStandalone.H5P; // the player itself replaces the name
    const show = (id, folder) => new Content(document.getElementById(id), {{
        id, h5pJsonPath: `/${{folder}}`, frameJs: "/h5p/frame.bundle.js", frameCss: "/h5p/styles/h5p.css",
    }});
    await show("first", "{first}");
    await show("second", "{second}");
    window.bound = bindH5P(window, {lessons});
"""
QUIZ: Final = {"kind": "quiz"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(request, tmp_path_factory.mktemp("site")) as site:
        bring_player(site.folder)
        yield site


class Contents:
    """A page with two contents. The second one is not of interest unless a test says so."""

    def __init__(
        self,
        context: BrowserContext,
        learner: Learner,
        buttons: Buttons,
        *parts: dict[str, Any],
        second: Buttons | None = None,
        lessons: str = "{ first: lesson }",
    ) -> None:
        site = learner.site
        folders = [make_content(site.folder / str(uuid4()), buttons, *parts)]
        folders += [make_content(site.folder / str(uuid4()), second or {})]
        script = SHOW.format(first=folders[0].name, second=folders[1].name, lessons=lessons)
        self.page: Page = opened(context, learner.page(BODY, script))

    def press(self, label: str, content: int = 0) -> None:
        self.page.frame_locator("iframe").nth(content).get_by_role("button", name=label, exact=True).click()

    def nothing_waits(self) -> None:
        """Wait until everything that was reported is stored."""
        self.page.evaluate("() => client.flush()")
        assert self.page.evaluate("() => client.pending()") == 0


@SITES_ON_BOTH_STORES
def test_each_result_counts_and_the_best_score_stays(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Half": [answered(2, 4)], "Quarter": [answered(1, 4)]})
    contents.press("Half")
    row = learner.soon(lambda row: row["quiz_attempts"] == 1)
    assert (row["quiz_score"], row["status"]) == (50, "completed")
    contents.press("Quarter")
    row = learner.soon(lambda row: row["quiz_attempts"] == 2)
    assert (row["quiz_score"], row["status"]) == (50, "completed")


def test_attempts_of_before_are_counted_on(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    learner.put(quiz_attempts=5)
    contents = Contents(context, learner, {"Half": [answered(2, 4)]})
    contents.press("Half")
    contents.press("Half")
    learner.soon(lambda row: row["quiz_attempts"] == 7)


def test_the_course_says_which_score_passes(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ | {"pass_mark": 70})
    contents = Contents(context, learner, {"Half": [answered(2, 4)], "All": [answered(4, 4)]})
    contents.press("Half")
    row = learner.soon(lambda row: row["quiz_attempts"] == 1)
    assert (row["status"], row["quiz_passed"]) == ("in_progress", False)
    contents.press("All")
    row = learner.soon(lambda row: row["quiz_attempts"] == 2)
    assert (row["status"], row["quiz_passed"], row["quiz_score"]) == ("completed", True, 100)


@SITES_ON_BOTH_STORES
def test_the_parts_of_a_content_say_nothing_of_the_whole(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    parts = [part(str(uuid4()), **{f"Part {number}": [answered(1, 1)]}) for number in (1, 2)]
    contents = Contents(context, learner, {"Finish": [answered(1, 2, "completed")]}, *parts)
    contents.press("Part 1")
    contents.press("Part 2")
    contents.nothing_waits()
    assert learner.row() == {}
    contents.press("Finish")
    row = learner.soon(lambda row: row["quiz_attempts"] == 1)
    assert row["quiz_score"] == 50


def test_what_is_not_a_result_is_not_reported(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    buttons = {"Try": [said("interacted"), said("progressed"), answered(1, 2, completion=False)]}
    contents = Contents(context, learner, buttons)
    contents.press("Try")
    contents.nothing_waits()
    assert learner.row() == {}


def test_two_statements_of_one_attempt_are_one_attempt(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Finish": [answered(3, 4), said("completed", completion=True)]})
    contents.press("Finish")
    row = learner.soon(lambda row: row["quiz_attempts"] == 1)
    assert row["quiz_score"] == 75
    contents.nothing_waits()
    assert learner.row()["quiz_attempts"] == 1


@pytest.mark.parametrize(
    ("score", "stored"),
    [
        ({"scaled": 0.25}, 25),
        ({"raw": 7, "max": 7}, 100),
        ({"raw": 9, "max": 7}, 100),
        ({"raw": -1, "max": 4}, 0),
        ({"raw": 0, "max": 0}, None),
        ({}, None),
    ],
    ids=str,
)
def test_scores_are_percentages(context: BrowserContext, site: Site, score: object, stored: float | None) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Finish": [said("completed", completion=True, score=score)]})
    contents.press("Finish")
    row = learner.soon(lambda row: row["status"] == "completed")
    assert row["quiz_score"] == stored


@pytest.mark.parametrize(
    "lessons", ["{ first: lessons[0], second: lessons[1] }", "(id) => lessons[['first', 'second'].indexOf(id)]"]
)
def test_each_content_reports_to_its_lesson(context: BrowserContext, site: Site, lessons: str) -> None:
    learner = Learner(site, QUIZ, QUIZ)
    buttons, second = {"Half": [answered(2, 4)]}, {"All": [answered(4, 4)]}
    contents = Contents(context, learner, buttons, second=second, lessons=lessons)
    contents.press("Half")
    contents.press("All", content=1)
    assert learner.soon(lambda row: row["quiz_attempts"] == 1, 0)["quiz_score"] == 50
    assert learner.soon(lambda row: row["quiz_attempts"] == 1, 1)["quiz_score"] == 100


def test_a_content_without_a_lesson_is_left_alone(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Half": [answered(2, 4)]}, lessons="{ second: lesson }")
    contents.press("Half")
    contents.nothing_waits()
    assert learner.row() == {}


def test_the_only_lesson_gets_all_results(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Half": [answered(2, 4)]}, lessons="lesson")
    contents.press("Half")
    learner.soon(lambda row: row["quiz_score"] == 50)


def test_nothing_is_reported_after_the_end_of_the_bond(context: BrowserContext, site: Site) -> None:
    learner = Learner(site, QUIZ)
    contents = Contents(context, learner, {"Half": [answered(2, 4)]})
    contents.page.evaluate("() => bound.stop()")
    contents.press("Half")
    contents.nothing_waits()
    assert learner.row() == {}


def test_a_window_without_h5p_is_refused(context: BrowserContext, site: Site) -> None:
    script = "try { bindH5P(window, lesson); } catch (error) { window.refused = error.message; }"
    page = opened(context, Learner(site).page("", script))
    assert page.evaluate("() => window.refused") == "The window has no H5P yet: call bindH5P when H5P has loaded."
