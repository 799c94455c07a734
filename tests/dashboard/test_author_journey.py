"""An author makes a course of ten lessons from nothing, by the keyboard alone."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.builder import Builder, stored
from support.browser import DASHBOARD, DESKTOP, PHONE, barriers, fits, visiting
from support.running import Running

SECONDS_A_KEY = 0.28
"""The mean time of an average person who types (Card, Moran, Newell: The Keystroke-Level Model, 1980)."""
SECONDS_OF_THOUGHT = 1.35
"""The mean time of thinking before each step, by the same authors."""
MOST_SECONDS = 3 * 60
SECTIONS = {
    "Before the oven": (("Flour", "5:00"), ("Water", "4:20"), ("Salt", ""), ("Yeast", "12:30"), ("Kneading", "8:00")),
    "In the oven": (("Heat", "6:00"), ("Steam", "3:45"), ("Crust", ""), ("Colour", "2:10"), ("Cooling", "1:02:30")),
}


class Keyboard:
    """A person's keyboard, which counts its keys and the steps before which the person thinks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = 0
        self.steps = 0

    def type(self, text: str) -> None:
        """Type a text, of which the person thinks first. Shift is a key."""
        self.steps += 1
        self.keys += len(text) + sum(one.isupper() or one in ":#" for one in text)
        self.page.keyboard.type(text)

    def press(self, *keys: str) -> None:
        """Press keys without further thought."""
        for key in keys:
            self.keys += key.count("+") + 1
            self.page.keyboard.press(key)

    def tab_to(self, role: str, name: str) -> None:
        """Go on with Tab until an element has the focus."""
        self.steps += 1
        wanted = self.page.get_by_role(role, name=name)  # type: ignore[arg-type]
        for _ in range(30):
            self.press("Tab")
            if wanted.evaluate("(element) => element === document.activeElement"):
                return
        pytest.fail(f"Tab does not lead to {role} {name!r}")

    @property
    def seconds(self) -> float:
        """The time that a person needs for it."""
        return self.keys * SECONDS_A_KEY + self.steps * SECONDS_OF_THOUGHT


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_ten_lessons_are_made_by_the_keyboard_in_less_than_three_minutes(
    browser: Browser, running: Running, width: int
) -> None:
    title = f"Bread at home {str(uuid4())[:8]}"
    with visiting(browser, running, str(uuid4()), "courses:write", width=width) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        keyboard = Keyboard(page)
        keyboard.tab_to("link", "New course")
        keyboard.press("Enter")
        builder = Builder(page)
        expect(builder.title).to_be_focused()
        keyboard.type(title)
        keyboard.press("Enter")
        _type_sections(keyboard)
        expect(builder.titles).to_have_count(11)  # and an empty one, which is not saved
        assert fits(page)
        assert barriers(page) == []
        keyboard.steps += 1
        keyboard.press("Control+s")
        expect(builder.dialog.get_by_role("button", name="Save", exact=True)).to_be_focused()
        assert barriers(page) == []
        keyboard.steps += 1
        keyboard.press("Enter")
        expect(builder.state).to_have_text("Saved")
        course_id = page.url.rsplit("/", 1)[1]
    found = stored(running, course_id)
    assert found["title"] == title
    made = [(one["section"], one["title"], one["duration_seconds"]) for one in found["lessons"]]
    assert made == [
        (section, lesson, sum(int(part) * 60**place for place, part in enumerate(reversed(length.split(":")))))
        if length
        else (section, lesson, None)
        for section, lessons in SECTIONS.items()
        for lesson, length in lessons
    ]
    assert keyboard.seconds < MOST_SECONDS


def _type_sections(keyboard: Keyboard) -> None:
    """Type each lesson on a line of its own: the title, and with Tab the duration."""
    first, *_ = SECTIONS
    for section, lessons in SECTIONS.items():
        keyboard.type(section if section == first else f"# {section}")
        keyboard.press("Enter")
        for title, duration in lessons:
            keyboard.type(title)
            if duration:
                keyboard.press("Tab")
                keyboard.type(duration)
            keyboard.press("Enter")
