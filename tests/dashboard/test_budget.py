"""The bytes of a page, and a layout that does not shift. benchmarks/run_pages.py measures the time."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from support.browser import DASHBOARD, visiting
from support.running import Running, course, lesson

FIRST_PAGE_BYTES = 150 * 1024
WATCH_SHIFTS = """
    window.shifts = [];
    const described = (one) => `${one.value}: ${one.sources.map(({ node }) => node?.outerHTML ?? node?.textContent)}`;
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(described)))
        .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def courses(running: Running) -> list[str]:
    """Return courses with a quiz, so that a teacher sees every chart."""
    quiz = lesson(kind="quiz", pass_mark=60, title="Quiz")
    return [running.put_course(course(lesson(), quiz, lesson(), title=f"Course {number}")) for number in range(3)]


@pytest.fixture
def context(browser: Browser, running: Running, courses: list[str]) -> Iterator[BrowserContext]:
    """Yield the browser of a learner with progress in every course, who is also a teacher and an author."""
    learner_id = str(uuid4())
    with running.client(learner_id) as client:
        for course_id in courses:
            for one in client.get(f"/courses/{course_id}").json()["lessons"]:
                body = {"quiz_score": 80, "quiz_attempts": 1} if one["kind"] == "quiz" else {"status": "completed"}
                client.put(f"/progress/{course_id}/lessons/{one['id']}", json=body).raise_for_status()
    with visiting(browser, running, learner_id, "statistics:read", "courses:write") as opened:
        opened.add_init_script(WATCH_SHIFTS)
        yield opened


def _bytes_of(page: Page, address: str) -> int:
    """Return how many bytes a page received, headers included, until it had all its files."""
    received: list[float] = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(address, wait_until="load")
    return round(sum(received))


def test_the_first_page_is_small(context: BrowserContext) -> None:
    assert 1000 < _bytes_of(context.new_page(), DASHBOARD) < FIRST_PAGE_BYTES


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/courses/{0}",
        "/statistics",
        "/statistics/{0}",
        "/statistics/{0}/lessons",
        "/statistics/{0}/learners",
        "/statistics/{0}/activity",
        "/authoring",
        "/authoring/{0}",
    ],
)
def test_the_layout_of_the_first_page_does_not_shift(context: BrowserContext, courses: list[str], address: str) -> None:
    page = context.new_page()
    page.goto(DASHBOARD + address.format(*courses), wait_until="load")
    page.wait_for_function("() => !document.querySelector('.chart-room')")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("() => window.shifts") == []
