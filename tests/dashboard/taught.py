"""What the tests of the teacher's pages share: a course in which some learners are some way."""

import re
from typing import Any, Final
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from support.browser import DASHBOARD
from support.running import Running, course, lesson

STATISTICS: Final = f"{DASHBOARD}/statistics"
TEACHER: Final = "statistics:read"


class Taught:
    """A course in which some learners are some way."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.document = course(
            lesson(title="Flour and water", section="Beginnings"),
            lesson(
                title="The first test of all that was said so far, and it is not a short one", kind="quiz", pass_mark=60
            ),
            lesson(title="Kneading"),
            lesson(title="More on ovens", required=False),
            title=f"Ways of bread {uuid4()}",
            time_zone="Pacific/Auckland",
        )
        self.course_id = running.put_course(self.document)
        self.learners = sorted(str(uuid4()) for _ in range(5))
        for position, learner in enumerate(self.learners):
            for one in self.document["lessons"][: position + 1]:
                body: dict[str, Any] = {"time_spent_minutes": 20 * (position + 1), "status": "completed"}
                if one.get("kind") == "quiz":
                    body = {"quiz_score": 25 * position, "quiz_attempts": position, "time_spent_minutes": 5}
                self.write(learner, one["id"], **body)

    @property
    def page(self) -> str:
        return f"{STATISTICS}/{self.course_id}"

    def write(self, learner: str, lesson_id: str, **fields: object) -> None:
        with self.running.client(learner) as client:
            client.put(f"/progress/{self.course_id}/lessons/{lesson_id}", json=fields).raise_for_status()

    def grouped(self, title: str, members: list[str]) -> str:
        """Make a group of some learners, and return its id."""
        group_id = str(uuid4())
        with self.running.client(None, "groups:write") as registrar:
            registrar.put(f"/groups/{group_id}", json={"title": title, "members": members}).raise_for_status()
        return group_id

    def get(self, path: str = "", **parameters: str) -> Any:
        with self.running.client(None, TEACHER) as teacher:
            return teacher.get(f"/statistics/{self.course_id}{path}", params=parameters).raise_for_status().json()


def let_time_pass(page: Page) -> None:
    """Let the time pass that a page waits after new figures, before it asks for a part of itself again.

    It begins with the figures: they are waited for. Its clock has to be installed before the page is opened.
    """
    expect(page.get_by_text("Live, changed at")).to_be_visible()
    page.clock.run_for(6_000)


def tile(page: Page, name: str) -> Locator:
    """Return the figure of this name in the overview of a course."""
    figures = page.get_by_role("region", name="Figures").locator("div")
    return figures.filter(has=page.get_by_text(name, exact=True)).get_by_role("definition").first


def is_live(page: Page) -> None:
    """Wait until a page follows the figures of its course."""
    expect(page.get_by_text(re.compile("^Live(, changed at .*)?$"))).to_be_visible()


def lesson_rows(page: Page) -> Locator:
    """Return the lines of a course's lessons, of all sections that are unfolded."""
    sections = page.get_by_role("region", name=re.compile("^Lessons"))
    return sections.get_by_role("row").filter(has=page.get_by_role("rowheader"))


def losing(page: Page) -> Locator:
    """Return the lessons at which most learners stop."""
    return page.get_by_role("region", name="Where most learners stop").get_by_role("listitem")


def quiz_of(page: Page) -> Locator:
    """Return the scores in the one quiz of a course, also where its section is folded."""
    heading = page.get_by_role("heading", name="Best scores in", include_hidden=True)
    return page.get_by_role("listitem", include_hidden=True).filter(has=heading)


def row_heads(page: Page) -> Locator:
    """Return the head of each line in the list of a course's learners."""
    return people(page).get_by_role("rowheader")


def filters(page: Page) -> Locator:
    """Return the form that filters a course's learners."""
    return page.get_by_role("search", name="Learners")


def people(page: Page) -> Locator:
    """Return the lines of the list, or of the grid, of a course's learners."""
    table = page.get_by_role("region", name=re.compile("Table of (learners|results)"))
    return table.get_by_role("row").filter(has=page.get_by_role("rowheader"))


def days(page: Page) -> Locator:
    """Return the lines of the activity in figures."""
    table = page.get_by_role("region", name="The activity, in figures")
    return table.get_by_role("row").filter(has=page.get_by_role("rowheader"))
