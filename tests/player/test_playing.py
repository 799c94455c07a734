"""Content played in a browser: completes, passes, fails, is resumed, and is left in the middle."""

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from headway.domain.scorm import ScormVersion
from player.content import V12, V2004, Course, Place, page
from support.browser import check_looks, visiting
from support.packages import Item
from support.running import Running, eventually

STRANGE = 'slide=7;\\"quoted"\n\t\u2028 \U0001f600' * 2_781  # 63,963 of JavaScript's characters


@pytest.mark.parametrize("version", [V12, V2004])
def test_content_completes_and_passes_the_lesson(version: ScormVersion, running: Running, browser: Browser) -> None:
    course = Course(running, [Item(mastery_score=70) if version is V12 else Item(measure=0.7)], version=version)
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        assert played.content.evaluate("answers") == ["true"]
        if version is V12:
            wanted = {"core__score__raw": "83", "core__score__max": "100", "core__lesson_status": "passed"}
        else:
            wanted = {"score__scaled": "0.83", "completion_status": "completed", "success_status": "passed"}
        assert set(played.set(**wanted)) == {"true"}
        stored = course.progress()
        found = [stored[name] for name in ("status", "quiz_score", "quiz_passed", "quiz_attempts")]
        assert found == ["completed", 83, True, 1]
        expect(played.page.locator("#lesson-status")).to_have_text("Completed")
        expect(played.page.locator("#saved")).to_have_text("Saved")


@pytest.mark.parametrize("version", [V12, V2004])
def test_content_that_fails_does_not_complete_the_lesson(
    version: ScormVersion, running: Running, browser: Browser
) -> None:
    course = Course(running, [Item(mastery_score=70) if version is V12 else Item(measure=0.7)], version=version)
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        if version is V12:
            played.set(core__score__raw="40", core__lesson_status="failed")
        else:
            played.set(score__scaled="0.4", completion_status="completed", success_status="failed")
        played.do(("Terminate",))
        eventually(lambda: course.progress().get("quiz_attempts") == 1)
        stored = course.progress()
        assert [stored[name] for name in ("status", "quiz_score", "quiz_passed")] == ["in_progress", 40, False]
        again = course.open(context)
        again.set(
            **(
                {"core__score__raw": "90", "core__lesson_status": "passed"}
                if version is V12
                else {"score__scaled": "0.9"}
            )
        )
        stored = course.progress()
        assert [stored[name] for name in ("status", "quiz_score", "quiz_attempts")] == ["completed", 90, 2]


@pytest.mark.parametrize("version", [V12, V2004])
def test_content_is_resumed_exactly(version: ScormVersion, running: Running, browser: Browser) -> None:
    course = Course(running, version=version)
    core = "core." if version is V12 else ""
    location, entry, total = (
        f"{core}{name}" for name in ("lesson_location" if version is V12 else "location", "entry", "total_time")
    )
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        assert played.get(entry) == ["ab-initio"]
        wanted = [("SetValue", "cmi.suspend_data", STRANGE), ("SetValue", f"cmi.{location}", "page 7")]
        wanted += [("SetValue", f"cmi.{core}session_time", "00:05:30" if version is V12 else "PT5M30S")]
        wanted += [("SetValue", "cmi.interactions.0.id", "q1"), ("SetValue", "cmi.interactions.0.type", "true-false")]
        wanted += [("SetValue", "cmi.objectives.0.id", "o1"), ("SetValue", f"cmi.{core}exit", "suspend")]
        assert set(played.do(*wanted)) == {"true"}
        assert played.do(("Terminate",)) == ["true"]
        eventually(lambda: course.progress().get("time_spent_minutes") == 5.5)
        played.page.close()
        again = course.open(context)
        assert again.get("suspend_data", location, entry) == [STRANGE, "page 7", "resume"]
        assert again.get(total) == (["00:05:30"] if version is V12 else ["PT5M30S"])
        assert again.get("interactions._count", "objectives.0.id") == ["1", "o1"]


def test_what_is_not_committed_is_kept_where_the_tab_is_closed(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    played.do(("SetValue", "cmi.suspend_data", "in the middle"), ("SetValue", "cmi.progress_measure", "0.4"))
    played.page.close(run_before_unload=True)
    eventually(lambda: course.progress().get("progress_percentage") == 40)
    assert course.open(context).get("suspend_data", "entry") == ["in the middle", "resume"]


@pytest.mark.parametrize("event", ["pagehide", "unload"])
def test_content_that_ends_when_its_window_is_left_is_counted(event: str, running: Running, browser: Browser) -> None:
    leave = f"""addEventListener("{event}", () => did(
        ["SetValue", "cmi.completion_status", "completed"], ["SetValue", "cmi.location", "end"], ["Terminate"]));"""
    course = Course(running, files={"index.html": page(leave)})
    with visiting(browser, running, course.learner, refusals=(0,)) as context:
        course.open(context).page.close(run_before_unload=True)
        eventually(lambda: course.progress().get("status") == "completed")


def test_content_of_several_pages_goes_on_from_page_to_page(running: Running, browser: Browser) -> None:
    files = {"index.html": page(), "second.html": page()}
    course = Course(running, files=files)
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        played.do(("SetValue", "cmi.suspend_data", "first page"), ("SetValue", "cmi.exit", "suspend"), ("Terminate",))
        played.content.evaluate("() => { location.href = 'second.html'; }")
        played.content.wait_for_url("**/second.html")
        played.wait()
        place = played.content.evaluate("() => window.parent === window ? 'sandbox' : 'own'")
        if place == "sandbox":  # where each page has an interface of its own
            assert played.get("suspend_data") == ["first page"]
            played.set(completion_status="completed")
            assert course.progress()["status"] == "completed"


def test_the_time_is_counted_where_content_says_none(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    begun = played.content.evaluate("() => performance.now()")
    played.content.wait_for_function("(begun) => performance.now() > begun + 1500", arg=begun)
    played.set(suspend_data="a")
    assert 0.015 < course.progress()["time_spent_minutes"] < 0.5


def test_continue_and_previous_lead_to_the_lessons_beside(running: Running, browser: Browser) -> None:
    items = [Item(identifier=name, href=f"{name}.html") for name in ("one", "two")]
    files = {"one.html": page(), "two.html": page()}
    course = Course(running, items, files)
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        expect(played.page.get_by_role("link", name="Previous lesson")).to_have_count(0)
        played.do(("SetValue", "adl.nav.request", "continue"), ("Terminate",))
        played.page.wait_for_url(f"**/{course.lesson_ids[1]}")
        expect(played.page.get_by_role("link", name="Next lesson")).to_have_count(0)
        played.wait()
        played.do(("SetValue", "adl.nav.request", "previous"), ("Terminate",))
        played.page.wait_for_url(f"**/{course.lesson_ids[0]}")


def test_an_asset_is_completed_when_it_is_shown(running: Running, browser: Browser) -> None:
    course = Course(
        running, [Item(href="picture.svg", is_sco=False)], {"picture.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>"}
    )
    with visiting(browser, running, course.learner) as context:
        opened = context.new_page()
        opened.goto(f"/dashboard/play/{course.course_id}/{course.lesson_ids[0]}")
        expect(opened.locator("#lesson-status")).to_have_text("Completed")
    assert course.progress()["status"] == "completed"


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("a page.html", "a page.html"), ("a%20page.html", "a page.html"), ("Größe/シ.html", "Größe/シ.html"),
        ("page.html?a=1&amp;b=%C3%BC", "page.html"), ("page.html#part", "page.html"), ("100%25.html", "100%.html"),
    ],
)  # fmt: skip
def test_content_at_strange_addresses_is_played(href: str, name: str, running: Running, browser: Browser) -> None:
    course = Course(running, [Item(href=href.replace("&amp;", "&"))], {name: page()})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        played.set(completion_status="completed")
        if "?" in href:
            assert played.content.evaluate("location.search") == "?a=1&b=%C3%BC"
    assert course.progress()["status"] == "completed"


def test_the_page_has_no_barriers(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    played.set(suspend_data="a")
    check_looks(played.page)


def test_the_course_page_leads_to_the_lesson_that_is_played(
    context: BrowserContext, course: Course, place: Place
) -> None:
    opened = context.new_page()
    opened.goto(f"/dashboard/courses/{course.course_id}")
    expect(opened.get_by_role("button", name="Mark as done")).to_have_count(0)
    opened.get_by_role("heading", name="An item").get_by_role("link").click()
    opened.wait_for_url("**/dashboard/play/**")
    source = opened.locator("#frame iframe").get_attribute("src") or ""
    assert source.startswith("http://localhost") is (place is Place.OWN_ORIGIN)
