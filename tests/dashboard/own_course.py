"""A learner, a course and its page, for the tests of learners' pages."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from playwright.sync_api import BrowserContext, Locator, Page

from support.browser import DASHBOARD
from support.running import Running, course, lesson


@dataclass
class Student:
    """A learner in a course, by the API and in a browser. Lessons are named by their titles."""

    running: Running
    document: dict[str, Any]
    learner_id: str = field(default_factory=lambda: str(uuid4()))
    course_id: str = ""

    def __post_init__(self) -> None:
        self.course_id = self.running.put_course(self.document)

    @property
    def address(self) -> str:
        """The path of the course's page."""
        return f"{DASHBOARD}/courses/{self.course_id}"

    def lesson_id(self, title: str) -> str:
        return next(str(one["id"]) for one in self.document["lessons"] if one["title"] == title)

    def path(self, title: str) -> str:
        """Return the path of the learner's progress in a lesson, in the API."""
        return f"/progress/{self.course_id}/lessons/{self.lesson_id(title)}"

    def write(self, title: str, **fields: object) -> None:
        """Write as a player does, without having seen the lesson progress."""
        with self.running.client(self.learner_id) as client:
            client.put(self.path(title), json=fields).raise_for_status()

    def lesson_progress(self, title: str) -> dict[str, Any]:
        with self.running.client(self.learner_id) as client:
            answer = client.get(self.path(title))
            found: dict[str, Any] = answer.raise_for_status().json()
            return found

    def remove_lesson_progress(self, title: str) -> None:
        with self.running.client(self.learner_id) as client:
            client.delete(self.path(title)).raise_for_status()

    def open(self, context: BrowserContext) -> Page:
        """Open the course's page, and wait until its script runs."""
        page = context.new_page()
        page.goto(self.address, wait_until="load")
        return page


def student(running: Running, *titles: str, **fields: object) -> Student:
    """Return a learner in a course of plain lessons: three where no titles are given."""
    named = titles or ("Flour", "Water", "Salt")
    return Student(running, course(*(lesson(title=title) for title in named), **fields))


def lesson_of(page: Page, title: str) -> Locator:
    """Return a lesson in the page's list, also where its section is folded."""
    heading = page.get_by_role("heading", name=title, exact=True, level=3, include_hidden=True)
    return page.get_by_role("listitem", include_hidden=True).filter(has=heading)


def lesson_titles(page: Page) -> Locator:
    """Return the titles of the lessons in the page's list, also where their sections are folded."""
    return page.get_by_role("main").get_by_role("heading", level=3, include_hidden=True)


def note_of(lesson: Locator) -> Locator:
    """Return the note of a lesson that has one: what is said last of it."""
    return lesson.get_by_role("paragraph").last


def course_head(page: Page) -> Locator:
    """Return the part of the page with the title of the course, how much is completed, and what to go on with."""
    return page.locator("header").filter(has=page.get_by_role("heading", level=1))


def active_days(page: Page) -> Locator:
    """Return the part of the page with the active days."""
    return page.get_by_role("region", name="Active days", exact=True)


def explanation(page: Page) -> Locator:
    """Return the part of the page that explains the percentage."""
    return page.get_by_role("group").filter(has=page.get_by_text(re.compile("^Where the .* comes from$")))


def unfold(page: Page) -> None:
    """Unfold all sections of the course."""
    for section in page.get_by_role("group").filter(has=page.get_by_role("heading", level=2)).all():
        if section.get_attribute("open") is None:
            section.get_by_role("heading", level=2).click()


def look_again(page: Page) -> None:
    """Tell the page that it has the focus again. A browser without a window never does."""
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")
