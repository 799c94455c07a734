"""One learner in several windows, one after another on one device, and windows that are loaded again."""

import json
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from headway.domain.scorm import ScormVersion
from player.content import (
    COMMITS,
    IN_A_SANDBOX,
    ON_ITS_OWN_ORIGIN,
    V12,
    V2004,
    Course,
    Place,
    Played,
    eventually_seen,
    page,
)
from support.browser import cookie_of, visiting
from support.packages import Item
from support.running import Running, eventually


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_times_of_two_tabs_add_up_and_the_later_state_is_resumed(
    order: tuple[int, int], context: BrowserContext, course: Course
) -> None:
    tabs = [course.open(context), course.open(context)]
    earlier, later = (tabs[number] for number in order)
    earlier.set(suspend_data="earlier", session_time="PT2M", score__scaled="0.6")
    later.set(suspend_data="later", session_time="PT3M", score__scaled="0.5")
    stored = course.progress()
    assert [stored[name] for name in ("time_spent_minutes", "quiz_score", "quiz_attempts")] == [5, 60, 1]
    assert course.cmi()["suspend_data"] == "later"
    # The one that was left goes on: what it says now is the latest.
    earlier.set(suspend_data="earlier again", session_time="PT4M")
    assert course.progress()["time_spent_minutes"] == 7
    assert course.open(context).get("suspend_data", "total_time") == ["earlier again", "PT7M"]


# As most authoring tools do it: the whole state is set once more when the window is left.
SAVES_WHEN_LEFT = """
addEventListener("pagehide", () => did(
    ["SetValue", "cmi.suspend_data", did(["GetValue", "cmi.suspend_data"])[0]], ["SetValue", "cmi.exit", "suspend"],
    ["SetValue", "cmi.session_time", "PT1M"], ["Commit"], ["Terminate"]));
"""


@pytest.mark.parametrize("script", ["", SAVES_WHEN_LEFT])
def test_a_tab_in_which_nothing_happens_does_not_undo_what_the_other_has_done(
    script: str, browser: Browser, running: Running
) -> None:
    course = Course(running, files={"index.html": page(script)})
    with visiting(browser, running, course.learner) as context:
        course.open(context).set(suspend_data="page 1", session_time="PT1M")
        idle, busy = course.open(context), course.open(context)
        begun = idle.content.evaluate("() => performance.now()")
        busy.set(suspend_data="page 2", session_time="PT1M", completion_status="completed", score__scaled="1")
        idle.content.wait_for_function("begun => performance.now() > begun + 1_100", arg=begun, polling=50)
        idle.page.close(run_before_unload=True)
        eventually_seen(busy.page, lambda: course.progress()["time_spent_minutes"] > 2)
        stored = course.progress()
        assert [stored["status"], stored["quiz_score"]] == ["completed", 100]
        assert course.open(context).get("completion_status", "suspend_data") == ["completed", "page 2"]


@pytest.mark.parametrize("stored", ["", "page 1"])
def test_a_look_from_another_device_does_not_undo_what_was_done_without_a_connection(
    stored: str, browser: Browser, running: Running, course: Course
) -> None:
    with (
        visiting(browser, running, course.learner, refusals=(0,)) as home,
        visiting(browser, running, course.learner) as away,
    ):
        at_home = course.open(home)
        if stored:
            at_home.set(suspend_data=stored)
        home.set_offline(True)
        at_home.set(suspend_data="page 2", session_time="PT1M")
        look = course.open(away)
        assert look.get("suspend_data") == [stored]
        look.do(("SetValue", "cmi.session_time", "PT2M"), ("Commit",))
        home.set_offline(False)
        eventually_seen(at_home.page, lambda: course.progress()["time_spent_minutes"] == 3)
        look.do(("SetValue", "cmi.session_time", "PT4M"), ("SetValue", "cmi.exit", "suspend"), ("Terminate",))
        assert course.progress()["time_spent_minutes"] == 5
    assert course.cmi()["suspend_data"] == "page 2"


def test_an_attempt_ends_although_another_window_was_opened_since(context: BrowserContext, course: Course) -> None:
    first = course.open(context)
    first.set(suspend_data="done", completion_status="completed", success_status="passed", score__scaled="0.5")
    course.open(context).do(("SetValue", "cmi.session_time", "PT2M"), ("Commit",))
    first.do(("SetValue", "cmi.exit", "normal"), ("Terminate",))
    again = course.open(context)
    assert again.get("suspend_data") == [""]
    again.set(score__scaled="0.9", success_status="passed")
    assert course.progress()["quiz_attempts"] == 2


@ON_ITS_OWN_ORIGIN
def test_what_is_stored_while_a_window_opens_is_not_undone_by_it(context: BrowserContext, course: Course) -> None:
    busy = course.open(context)
    slow = context.new_page()
    held: list[Route] = []
    slow.route("**/scorm2004.min.js*", lambda route: held.insert(0, route))
    slow.goto(f"/dashboard/play/{course.course_id}/{course.lesson_ids[0]}", wait_until="commit")
    eventually_seen(slow, lambda: len(held) == 1)  # it knows the state
    busy.set(suspend_data="page 2")
    held[0].continue_()
    opened = Played(slow)
    assert opened.get("suspend_data") == [""]
    opened.do(("SetValue", "cmi.session_time", "PT2M"), ("Commit",))
    assert course.progress()["time_spent_minutes"] >= 2
    assert course.cmi()["suspend_data"] == "page 2"


def test_the_next_learner_on_a_device_sees_nothing_of_the_one_before(
    context: BrowserContext, course: Course, running: Running
) -> None:
    with running.client(None, "learners:admin") as registrar:
        registrar.put(f"/learners/{course.learner}/profile", json={"name": "Ada Lovelace"}).raise_for_status()
    first = course.open(context)
    assert first.get("learner_name") == ["Ada Lovelace"]
    first.set(suspend_data="of the first", location="page 9", score__scaled="0.9")
    with first.page.expect_event("close"):
        first.page.close(run_before_unload=True)
    second = str(uuid4())
    context.clear_cookies()
    context.add_cookies([cookie_of(running, second)])  # type: ignore[list-item]
    opened = course.open(context)
    assert opened.get("suspend_data", "location", "learner_name", "learner_id") == ["", "", "", second]
    assert opened.get("entry") == ["ab-initio"]
    opened.set(suspend_data="of the second", session_time="PT1M")
    assert course.progress(learner=second)["time_spent_minutes"] == 1
    assert course.cmi()["suspend_data"] == "of the first"
    assert opened.content.evaluate("() => JSON.stringify(Object.entries(localStorage))").count("first") == 0


def test_a_window_of_a_learner_who_has_signed_out_reports_for_that_learner(
    browser: Browser, course: Course, running: Running
) -> None:
    second = str(uuid4())
    with visiting(browser, running, course.learner) as context:
        first = course.open(context)
        context.clear_cookies()
        context.add_cookies([cookie_of(running, second)])  # type: ignore[list-item]
        course.open(context).set(completion_status="incomplete")
        with first.page.expect_response(f"**{course.path()}"):
            first.set(suspend_data="of the first", completion_status="completed")
        expect(first.page.locator("#saved")).to_have_text("Saved")
        expect(first.page.locator("#lesson-status")).to_have_text("Not started")  # not as that of the second
    assert course.progress()["status"] == "completed"
    assert course.progress(learner=second)["status"] == "in_progress"


def test_a_learner_goes_on_at_another_device(
    context: BrowserContext, browser: Browser, running: Running, course: Course
) -> None:
    at_home = course.open(context)
    at_home.set(suspend_data="at home", session_time="PT1M")
    with visiting(browser, running, course.learner) as elsewhere:
        on_the_way = course.open(elsewhere)
        assert on_the_way.get("suspend_data", "entry") == ["at home", "resume"]
        at_home.page.route(COMMITS, _older)
        context.set_offline(True)
        at_home.set(suspend_data="at home, later", session_time="PT2M", score__scaled="0.8")
        on_the_way.set(suspend_data="on the way", session_time="PT3M")
        context.set_offline(False)
        eventually(lambda: bool(at_home.page.evaluate("() => true")) and course.progress().get("quiz_score") == 80)
    # It arrives later, but it was made earlier: its time and its score count, and its state does not.
    assert course.cmi()["suspend_data"] == "on the way"
    assert course.progress()["time_spent_minutes"] == 5


def _older(route: Route) -> None:
    """Say that a commit was made a minute before it was: the test makes two in one moment."""
    said = json.loads(route.request.post_data or "")
    route.continue_(post_data=json.dumps(said | {"commitAgeSeconds": said["commitAgeSeconds"] + 60}))


@pytest.mark.parametrize("version", [V12, V2004])
def test_a_page_that_is_loaded_again_in_the_middle_goes_on(
    version: ScormVersion, place: Place, running: Running, browser: Browser
) -> None:
    """On an origin of its own, the device keeps what the page that is left has sent until it has arrived."""
    course = Course(running, version=version)
    with visiting(browser, running, course.learner, refusals=(0,)) as context:
        played = course.open(context)
        assert played.do(("SetValue", "cmi.suspend_data", "not committed")) == ["true"]
        if place is Place.SANDBOX:
            expect(played.page.locator("#saved")).to_have_text("Saved")
        played.page.reload()
        again = Played(played.page)
        entry = "core.entry" if version is V12 else "entry"
        assert again.get("suspend_data", entry) == ["not committed", "resume"]
        again.set(suspend_data="committed")
        again.page.reload()
        assert Played(played.page).get("suspend_data") == ["committed"]


def test_back_and_forward_play_a_new_launch(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    opened = played.page
    played.do(("SetValue", "cmi.suspend_data", "before Back"))
    opened.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="A course").click()
    opened.wait_for_url("**/dashboard/courses/*")
    eventually(lambda: course.cmi().get("suspend_data") == "before Back")
    opened.go_back()
    again = Played(opened)
    assert again.get("suspend_data") == ["before Back"]
    again.set(suspend_data="after Back")
    opened.go_back()
    opened.go_forward()
    expect(opened.get_by_role("heading", name="An item", level=1)).to_be_visible()
    assert Played(opened).get("suspend_data") == ["after Back"]


@IN_A_SANDBOX
def test_the_time_of_several_pages_of_content_adds_up(running: Running, browser: Browser) -> None:
    course = Course(running, files={name: page() for name in ("index.html", "second.html", "third.html")})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        played.do(("SetValue", "cmi.session_time", "PT1H2M"), ("SetValue", "cmi.exit", "suspend"), ("Terminate",))
        for name, span in (("second.html", "PT3M30.5S"), ("third.html", "P1DT1S")):
            played.content.evaluate("(name) => { location.href = name; }", name)
            played.content.wait_for_url(f"**/{name}")
            played.wait()
            played.set(session_time=span)
    assert course.progress()["time_spent_minutes"] == pytest.approx(62 + 3.5 + 24 * 60, abs=0.1)


@IN_A_SANDBOX
@pytest.mark.parametrize("version", [V12, V2004])
def test_the_next_page_of_content_needs_nothing_of_what_the_page_before_sends_at_its_end(
    version: ScormVersion, running: Running, browser: Browser
) -> None:
    names = ("core.lesson_location", "core.lesson_status") if version is V12 else ("location", "success_status")
    course = Course(running, files={name: page() for name in ("index.html", "second.html")}, version=version)
    with visiting(browser, running, course.learner, refusals=(0,)) as context:
        context.route(COMMITS, _lose_beacon)
        played = course.open(context)
        begun = played.content.evaluate("() => performance.now()")
        played.content.wait_for_function("(begun) => performance.now() > begun + 2500", arg=begun)
        values = ("the second", "passed")
        calls = [("SetValue", f"cmi.{name}", value) for name, value in zip(names, values, strict=True)]
        played.content.evaluate("(calls) => { did(...calls); location.href = 'second.html'; }", calls)
        played.content.wait_for_url("**/second.html")
        played.wait()
        assert tuple(played.get(*names)) == values
    stored = course.progress()
    assert stored["quiz_passed"] is True
    assert stored["time_spent_minutes"] > 2 / 60


def _lose_beacon(route: Route) -> None:
    if route.request.resource_type == "ping":
        route.abort()
    else:
        route.continue_()


def test_next_and_back_keep_each_lesson_apart(running: Running, browser: Browser) -> None:
    items = [Item(identifier=name, href=f"{name}.html") for name in ("one", "two")]
    course = Course(running, items, {"one.html": page(), "two.html": page()})
    with visiting(browser, running, course.learner, refusals=(0,)) as context:
        opened = course.open(context).page
        Played(opened).set(suspend_data="one")
        _follow(opened, "Next lesson", course.lesson_ids[1])
        Played(opened).set(suspend_data="two")
        opened.go_back()
        opened.wait_for_url(f"**/{course.lesson_ids[0]}")
        assert Played(opened).get("suspend_data") == ["one"]
        opened.go_forward()
        opened.wait_for_url(f"**/{course.lesson_ids[1]}")
        assert Played(opened).get("suspend_data") == ["two"]


def _follow(opened: Page, link: str, lesson_id: str) -> None:
    opened.get_by_role("link", name=link).click()
    opened.wait_for_url(f"**/{lesson_id}")
