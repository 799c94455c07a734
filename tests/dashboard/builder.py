"""What the tests of the author's pages share: opening the builder, finding its parts, reviewing and saving."""

from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from support.browser import DASHBOARD
from support.running import Running


class Builder:
    """The builder on a page, as its roles and labels name it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.title = page.get_by_role("textbox", name="Title of the course")
        self.titles = page.get_by_role("textbox", name="Title of lesson")
        self.durations = page.get_by_role("textbox", name="Duration of lesson")
        self.sections = page.get_by_role("textbox", name="Title of the section")
        self.review_button = page.get_by_role("button", name="Review and save")
        self.dialog = page.get_by_role("dialog")
        self.state = page.get_by_role("status").filter(visible=True)
        self.messages = page.get_by_role("region", name="Messages about the course")

    @classmethod
    def opened(cls, author: BrowserContext, course_id: str) -> "Builder":
        """Open the page of a course."""
        page = author.new_page()
        page.goto(f"{DASHBOARD}/authoring/{course_id}")
        builder = cls(page)
        expect(builder.titles.first).to_be_visible()
        return builder

    def lesson(self, position: int) -> Locator:
        """Return the lesson at a position, from 1."""
        return self.page.get_by_role("listitem").filter(
            has=self.page.get_by_role("textbox", name=f"Title of lesson {position}", exact=True)
        )

    def title_of(self, position: int) -> Locator:
        """Return the field of a lesson's title."""
        return self.page.get_by_role("textbox", name=f"Title of lesson {position}", exact=True)

    def more(self, position: int) -> Locator:
        """Return the lesson at a position, with its further fields unfolded."""
        button = self.page.get_by_role("button", name=f"More about lesson {position}", exact=True)
        if button.get_attribute("aria-expanded") == "false":
            button.click()
        return self.lesson(position)

    def written(self) -> list[str]:
        """Return the titles of the lessons."""
        return [field.input_value() for field in self.titles.all()]

    def expect_titles(self, *titles: str) -> None:
        """Wait until the lessons have these titles."""
        expect(self.titles).to_have_count(len(titles))
        for field, title in zip(self.titles.all(), titles, strict=True):
            expect(field).to_have_value(title)

    def review(self) -> Locator:
        """Open the review. Returns the dialog."""
        self.review_button.click()
        expect(self.dialog.get_by_role("heading", name="Review and save")).to_be_visible()
        return self.dialog

    def faults(self) -> Locator:
        """Ask for a review of a draft with faults. Returns the messages."""
        self.review_button.click()
        expect(self.messages.get_by_role("heading", name="not right yet")).to_be_visible()
        return self.messages

    def save(self) -> None:
        """Save what the review shows."""
        self.dialog.get_by_role("button", name="Save", exact=True).click()
        expect(self.state).to_have_text("Saved")


def stored(running: Running, course_id: str) -> dict[str, Any]:
    """Return the document of a course."""
    with running.client() as client:
        found: dict[str, Any] = client.get(f"/courses/{course_id}").json()
    return found


def titles(found: dict[str, Any]) -> list[str]:
    """Return the titles of a document's lessons."""
    return [one["title"] for one in found["lessons"]]
