"""Teachers see the lessons whose content has reported nothing, and who has opened it."""

from uuid import uuid4

from playwright.sync_api import Browser, expect

from dashboard.taught import STATISTICS, TEACHER, Taught
from support.browser import ON_BOTH_STORES, check_looks, visiting
from support.running import Running


def open_silently(running: Running, course_id: str, lesson_id: str, name: str) -> None:
    """Make a learner who has opened the content of a lesson long ago."""
    learner = str(uuid4())
    state = {
        "course_id": course_id, "lesson_id": lesson_id, "run": 1, "opened_at": "2020-01-02T12:00:00Z",
        "reported_at": None, "time_spent_seconds": 0, "attempts": 0, "is_counted": False, "is_over": False,
        "made_at": None, "scorm": None, "cmi": None,
    }  # fmt: skip
    profile = {"name": name, "email": None, "external_id": None, "locale": None, "time_zone": None}
    export = {"user_id": learner, "profile": profile, "lesson_progress": [], "content_states": [state]}
    with running.client(None, "learners:admin") as admin:
        admin.post("/progress/import", json=export).raise_for_status()


@ON_BOTH_STORES
def test_the_lessons_name_those_whose_content_is_silent_and_lead_to_the_learners(
    browser: Browser, running: Running, taught: Taught
) -> None:
    silent = taught.document["lessons"][2]
    for name in ("Grace Hopper", "Ada Lovelace"):
        open_silently(running, taught.course_id, silent["id"], name)
    with visiting(browser, running, str(uuid4()), TEACHER) as context:
        page = context.new_page()
        page.goto(f"{STATISTICS}/{taught.course_id}/lessons")
        panel = page.locator("#silent")
        expect(panel).to_contain_text("Opened, reported nothing")
        expect(panel.get_by_role("listitem")).to_have_text("Kneading 2 learners")
        check_looks(page)
        panel.get_by_role("link", name="Kneading").click()
        expect(page.locator("#silent tbody tr")).to_have_count(2)
        expect(page.locator("#silent")).to_contain_text("Ada Lovelace")
        check_looks(page)
        page.goto(f"{STATISTICS}/{taught.course_id}/lessons/{taught.document['lessons'][0]['id']}")
        expect(page.get_by_role("heading", name="At this lesson now")).to_be_visible()
        expect(page.locator("#silent")).to_have_count(0)
