"""The demo's SCORM course: a learner goes through it on Headway's own player, and its pages have no barriers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from support.browser import check_looks
from support.demo import Demo, running_demo
from support.probes import free_port

pytestmark = pytest.mark.slow

WAYS = pytest.mark.parametrize("sandboxed", [False, True], ids=["own origin", "sandboxed"])
ANSWERS = ("The hue", "Yellow", "4.5:1", "A word or an icon beside the field")
WRONG = ("The lightness", "Blue", "4.5:1", "A word or an icon beside the field")
READABLE = "44"
"""A lightness of the text in the last question that is right."""


@WAYS
def test_a_learner_resumes_the_lesson_and_completes_it(browser: Browser, folder: Path, *, sandboxed: bool) -> None:
    with demo_running(folder, sandboxed=sandboxed) as demo, learner_playing(browser, demo) as page:
        content = content_of(page)
        expect(content.get_by_text("Page 3 of 5")).to_be_visible()
        content.get_by_label("Lightness of the text").fill("30")
        content.get_by_role("button", name="Next").click()
        expect(content.get_by_text("Page 4 of 5")).to_be_visible()
        page.reload()
        expect(content.get_by_text("Page 4 of 5")).to_be_visible()
        content.get_by_role("button", name="Back").click()
        expect(content.get_by_label("Lightness of the text")).to_have_value("30")
        expect(page.locator("#lesson-status")).to_have_text("In progress")
        assert progress_of(page)["progress_percentage"] == 80
        for _ in range(2):
            content.get_by_role("button", name="Next").click()
        expect(page.locator("#lesson-status")).to_have_text("Completed")
        content.get_by_role("button", name="Go on to the questions").click()
        expect(content.get_by_text("Question 1 of 5")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Five questions")


@WAYS
def test_a_learner_fails_the_quiz_and_passes_it_at_the_next_try(
    browser: Browser, folder: Path, *, sandboxed: bool
) -> None:
    with demo_running(folder, sandboxed=sandboxed) as demo, learner_playing(browser, demo) as page:
        page.get_by_role("link", name="Next lesson").click()
        content = content_of(page)
        answer(content, *WRONG[:2])
        page.reload()
        expect(content.get_by_text("Question 3 of 5")).to_be_visible()
        answer(content, *WRONG[2:])
        slide(content)
        expect(content.get_by_role("heading", name="Not yet")).to_be_visible()
        expect(page.locator("#saved")).to_have_text("Saved")
        progress = progress_of(page)
        assert (progress["status"], progress["quiz_score"], progress["quiz_passed"]) == ("in_progress", 60, False)
        content.get_by_role("button", name="Try again").click()
        answer(content, *ANSWERS)
        slide(content)
        expect(content.get_by_role("heading", name="You have passed")).to_be_visible()
        expect(page.locator("#lesson-status")).to_have_text("Completed")
        progress = progress_of(page)
        assert (progress["status"], progress["quiz_score"], progress["quiz_passed"]) == ("completed", 100, True)
        interactions = interactions_of(page)
        assert [one["result"] for one in interactions] == ["incorrect"] * 2 + ["correct"] * 8
        assert [one["type"] for one in interactions] == (["choice"] * 4 + ["numeric"]) * 2


def test_the_summary_is_completed_when_it_is_shown(browser: Browser, folder: Path) -> None:
    with running_demo(folder) as demo, learner_playing(browser, demo) as page:
        for _ in range(2):
            page.get_by_role("link", name="Next lesson").click()
        expect(content_of(page).get_by_role("heading", level=1)).to_have_text("Colour and contrast on one page")
        expect(page.locator("#lesson-status")).to_have_text("Completed")


def test_its_pages_have_no_barriers_and_work_without_a_player(browser: Browser, folder: Path) -> None:
    with running_demo(folder) as demo, learner_playing(browser, demo) as playing:
        course = playing.url.split("/")[-2]
        lesson, quiz, summary = addresses(demo, course)
        page = playing.context.new_page()
        page.goto(lesson)
        expect(page.get_by_text("Nothing is saved")).to_be_visible()
        for number in range(1, 6):
            expect(page.get_by_text(f"Page {number} of 5")).to_be_visible()
            if number == 3:
                page.get_by_label("Lightness of the text").fill("30")  # its text is too light until then: its subject
            check_looks(page)
            if number < 5:
                page.get_by_role("button", name="Next").click()
        page.goto(quiz)
        check_looks(page)
        answer(page, *WRONG)
        slide(page)
        expect(page.get_by_role("heading", name="Not yet")).to_be_visible()
        check_looks(page)
        page.goto(summary)
        check_looks(page)


def test_a_page_of_the_lesson_is_used_by_keys_alone(browser: Browser, folder: Path) -> None:
    with running_demo(folder) as demo, learner_playing(browser, demo) as playing:
        page = playing.context.new_page()
        page.goto(addresses(demo, playing.url.split("/")[-2])[0])
        page.keyboard.press("Tab")
        hue = page.get_by_role("slider", name="Hue")
        expect(hue).to_be_focused()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        expect(hue).to_have_attribute("aria-valuetext", "1°")
        page.get_by_role("button", name="Next").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_be_focused()


@contextmanager
def demo_running(folder: Path, *, sandboxed: bool) -> Iterator[Demo]:
    """Yield a running demo. Its content has an origin of its own, or none."""
    if not sandboxed:
        with running_demo(folder) as demo:
            yield demo
        return
    port = free_port()
    with running_demo(folder, "--port", str(port), public_url=f"http://127.0.0.1:{port}") as demo:
        yield demo


@contextmanager
def learner_playing(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Yield the page on which the demo's learner plays the lesson. No page may fail, or have a value refused."""
    context = browser.new_context(reduced_motion="reduce")
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: complaints.append(message.text) if "is refused" in message.text else None)
    page = context.new_page()
    page.goto(demo.links["a learner who plays a SCORM package"])
    yield page
    context.close()
    assert complaints == []


def content_of(page: Page) -> FrameLocator:
    """Return the content: it is in the frame of the player, which is in a frame of the page."""
    return page.frame_locator("iframe").frame_locator("iframe")


def answer(content: FrameLocator | Page, *labels: str) -> None:
    """Answer questions that have choices."""
    for label in labels:
        content.get_by_label(label, exact=True).check()
        content.get_by_role("button", name="Check").click()
        content.get_by_role("button", name="Next question").click()


def slide(content: FrameLocator | Page) -> None:
    """Answer the last question, and see the result."""
    content.get_by_role("slider").fill(READABLE)
    content.get_by_role("button", name="Check").click()
    content.get_by_role("button", name="See the result").click()


def progress_of(page: Page) -> dict[str, Any]:
    """Return the learner's progress in the lesson of the page."""
    found: dict[str, Any] = page.evaluate(
        "async () => (await fetch(document.querySelector('#play').dataset.progress)).json()"
    )
    return found


def interactions_of(page: Page) -> list[dict[str, Any]]:
    """Return the interactions that the content of the page has reported."""
    launch = page.frames[1].url.rpartition("/")[2]
    interactions = httpx.get(f"{page.url.partition('/dashboard')[0]}/api/v1/education/launches/{launch}", timeout=20)
    return list(interactions.json()["cmi"]["interactions"].values())


def addresses(demo: Demo, course: str) -> list[str]:
    """Return the addresses of the content of the course's lessons."""
    with httpx.Client(
        base_url=f"{demo.base_url}/api/v1/education", headers={"Authorization": f"Bearer {demo.token}"}, timeout=20
    ) as client:
        lessons = client.get(f"/courses/{course}").json()["lessons"]
        launches = [client.post(f"/progress/{course}/lessons/{lesson['id']}/launches") for lesson in lessons]
    return [launch.json()["content_url"] for launch in launches]
