"""The bytes of the first pages. benchmarks/run_pages.py measures the time, test_every_page.py shifts of the layout."""

from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect

from support.browser import DASHBOARD, visiting
from support.running import Running, course, lesson

FIRST_PAGE_BYTES = 150 * 1024


def _bytes_of(page: Page, address: str) -> int:
    """Return how many bytes a page received, with headers and redirects, until it had all its files."""
    received: list[float] = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")

    def redirected(event: dict[str, Any]) -> None:
        received.append(event.get("redirectResponse", {}).get("encodedDataLength", 0))

    wire.on("Network.requestWillBeSent", redirected)
    wire.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(address, wait_until="load")
    return round(sum(received))


def _learner_of(running: Running) -> str:
    """Return a learner with progress in three courses with a quiz."""
    learner_id = str(uuid4())
    for number in range(3):
        quiz = lesson(kind="quiz", pass_mark=60, title="Quiz")
        document = course(lesson(), quiz, lesson(), title=f"Course {number}")
        course_id = running.put_course(document)
        with running.client(learner_id) as client:
            for one in document["lessons"]:
                body = {"quiz_score": 80, "quiz_attempts": 1} if one.get("kind") == "quiz" else {"status": "completed"}
                client.put(f"/progress/{course_id}/lessons/{one['id']}", json=body).raise_for_status()
    return learner_id


def test_the_first_pages_are_small(browser: Browser, running: Running) -> None:
    learner_id = _learner_of(running)
    with running.client(learner_id) as back_end:
        link = back_end.post("/sign-in-codes").raise_for_status().json()["url"]
    for address in (link, f"{DASHBOARD}/statistics"):
        with visiting(browser, running, learner_id, "statistics:read", "courses:write") as context:
            page = context.new_page()
            assert 10_000 < _bytes_of(page, address) < FIRST_PAGE_BYTES
            expect(page.get_by_role("button", name="Menu")).to_be_visible()
            assert page.evaluate("() => document.fonts.check('1em Inter')")
