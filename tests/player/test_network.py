"""Content without a connection, or with a bad one: nothing that it commits is lost, and nothing is counted twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Route, expect

from player.conftest import Installation
from player.content import COMMITS, ON_ITS_OWN_ORIGIN, Course, Played, eventually_seen
from support.browser import visiting
from support.running import Running

PORTAL = "<!doctype html><title>Welcome to our network</title>"


def says(played: Played, text: str) -> None:
    expect(played.page.locator("#saved")).to_have_text(text)


def says_it_waits(played: Played) -> None:
    says(played, "Not saved yet: there is no connection. It is tried again.")


def notice(played: Played) -> Locator:
    return played.page.get_by_role("region", name="Notice")


def stored(course: Course, index: int = 0, **values: object) -> Callable[[], bool]:
    """Return a condition: the lesson progress has these values."""
    return lambda: values.items() <= course.progress(index).items()


def test_what_is_committed_without_a_connection_is_stored_when_it_is_back(
    context: BrowserContext, course: Course
) -> None:
    played = course.open(context)
    context.set_offline(True)
    assert set(played.set(suspend_data="first", session_time="PT1M", score__scaled="0.9")) == {"true"}
    assert set(played.set(suspend_data="second", session_time="PT2M", score__scaled="0.4")) == {"true"}
    assert set(played.set(suspend_data="third", session_time="PT3M", completion_status="completed")) == {"true"}
    says_it_waits(played)
    assert "time_spent_minutes" not in course.progress()
    context.set_offline(False)
    says(played, "Saved")
    assert stored(course, status="completed", time_spent_minutes=3, quiz_score=90)()
    assert course.cmi()["suspend_data"] == "third"
    assert course.progress()["quiz_attempts"] == 1


@ON_ITS_OWN_ORIGIN
def test_what_is_kept_is_sent_when_another_lesson_is_opened_later(
    context: BrowserContext, browser: Browser, running: Running, course: Course
) -> None:
    """The device keeps it also where another learner is signed in by then: it counts for the learner who made it."""
    played = course.open(context)
    context.set_offline(True)
    played.set(suspend_data="kept", session_time="PT2M", completion_status="completed")
    says_it_waits(played)
    played.page.close()
    context.set_offline(False)
    other = Course(running)
    with visiting(browser, running, other.learner, storage_state=context.storage_state()) as later:
        opened = other.open(later)
        eventually_seen(opened.page, stored(course, status="completed", time_spent_minutes=2))
        assert opened.get("suspend_data", "learner_id") == ["", other.learner]
    assert course.cmi()["suspend_data"] == "kept"
    assert other.progress() == {} or other.progress()["status"] != "completed"


def test_a_commit_whose_answer_is_lost_counts_once(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) > 1:
            route.continue_()
            return
        lost.append(route.request.post_data or "")
        route.fetch()
        route.abort("connectionreset")

    played.page.route(COMMITS, lose)
    assert set(played.set(session_time="PT4M", score__scaled="0.5", suspend_data="once")) == {"true"}
    says(played, "Saved")
    stored_now = course.progress()
    assert [stored_now[name] for name in ("time_spent_minutes", "quiz_attempts", "quiz_score")] == [4, 1, 50]
    assert len(lost) == 2


def test_a_result_that_was_not_sent_is_not_lost_by_a_later_one_that_is(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) > 1:  # the first commit, and the same as a beacon
            route.continue_()
            return
        lost.append(route.request.post_data or "")
        route.abort("connectionreset")

    played.page.route(COMMITS, lose)
    passed = [("SetValue", "cmi.success_status", "passed"), ("SetValue", "cmi.score.scaled", "0.9"), ("Commit",)]
    tried_again = [("SetValue", "cmi.success_status", "failed"), ("SetValue", "cmi.score.scaled", "0.4"), ("Commit",)]
    assert set(played.do(*passed, *tried_again)) == {"true"}
    says(played, "Saved")
    assert [course.progress()[name] for name in ("quiz_passed", "quiz_score", "quiz_attempts")] == [True, 90, 1]
    assert all('"passed"' in body for body in lost)


def test_the_service_is_killed_and_started_again_in_between(installation: Installation, browser: Browser) -> None:
    with installation.started() as running:
        course = Course(running)
        with visiting(browser, running, course.learner, refusals=(0,)) as context:
            played = course.open(context)
            played.set(suspend_data="before", session_time="PT1M")
            running.process.kill()
            running.process.wait(20)
            assert set(played.set(suspend_data="between", session_time="PT2M", score__scaled="0.7")) == {"true"}
            says_it_waits(played)
            with installation.started() as again:
                course.running = again
                says(played, "Saved")
                eventually_seen(played.page, stored(course, time_spent_minutes=2, quiz_score=70))
                assert course.cmi()["suspend_data"] == "between"
                assert set(played.set(completion_status="completed")) == {"true"}
                assert course.progress()["status"] == "completed"


@pytest.mark.parametrize("status", [502, 503, 429, 404, 403, 200])
def test_something_between_that_answers_in_place_of_the_service_loses_nothing(
    status: int, browser: Browser, running: Running, course: Course
) -> None:
    """A proxy or the sign-in page of a network is not the service: it can neither take a commit nor refuse it."""
    with visiting(browser, running, course.learner, refusals=(0, status)) as context:
        played = course.open(context)
        played.page.route(COMMITS, lambda route: route.fulfill(status=status, body=PORTAL, content_type="text/html"))
        assert set(played.set(completion_status="completed")) == {"true"}
        says_it_waits(played)
        played.page.unroute(COMMITS)
        says(played, "Saved")
        assert course.progress()["status"] == "completed"


def test_a_commit_in_an_old_run_is_refused_in_words(browser: Browser, running: Running, course: Course) -> None:
    with visiting(browser, running, course.learner, refusals=(409,)) as context:
        played = course.open(context)
        played.set(suspend_data="of the first run", completion_status="completed")
        expect(played.page.locator("#lesson-status")).to_have_text("Completed")  # what it asks for is of this run
        with running.client(None, "enrolments:write") as admin:
            admin.post(f"/courses/{course.course_id}/enrolments/{course.learner}/runs").raise_for_status()
        assert played.set(suspend_data="too late") == ["true", "false"]
        says(played, "Not saved")
        expect(notice(played)).to_contain_text("A new run of this course has begun.")
    assert course.progress().get("status", "not_started") == "not_started"


def test_a_commit_after_the_end_of_the_enrolment_is_refused_in_words(
    installation: Installation, browser: Browser
) -> None:
    with installation.started(enrolment="closed") as running:
        course = Course(running)
        with running.client(None, "enrolments:write") as admin:
            enrolment = f"/courses/{course.course_id}/enrolments/{course.learner}"
            admin.put(enrolment, json={}).raise_for_status()
            with visiting(browser, running, course.learner, refusals=(403,)) as context:
                played = course.open(context)
                assert set(played.set(suspend_data="enrolled")) == {"true"}
                admin.delete(enrolment).raise_for_status()
                assert played.set(suspend_data="not enrolled") == ["true", "false"]
                says(played, "Not saved")
                expect(notice(played)).to_contain_text("You are not enrolled in this course now.")


def test_a_commit_of_a_launch_that_has_expired_is_refused_in_words(
    browser: Browser, running: Running, course: Course
) -> None:
    with visiting(browser, running, course.learner, refusals=(404,)) as context:
        opened = context.new_page()
        expired: list[str] = []

        def expire(route: Route) -> None:
            """Make the first launch one that has expired."""
            address = route.request.url
            expired.append(address)
            route.continue_(url=address.replace("/launches/", "/launches/x") if address == expired[0] else address)

        opened.route(COMMITS, expire)
        opened.goto(f"/dashboard/play/{course.course_id}/{course.lesson_ids[0]}")
        played = Played(opened)
        assert played.set(suspend_data="too late") == ["true", "false"]
        says(played, "Not saved")
        expect(notice(played)).to_contain_text("This lesson was open for too long.")
        opened.get_by_role("button", name="Try again").click()
        again = Played(opened)
        assert again.get("suspend_data") == [""]
        assert set(again.set(suspend_data="in time")) == {"true"}


@ON_ITS_OWN_ORIGIN
def test_a_device_that_is_full_keeps_commits_while_the_page_is_open(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    played.content.evaluate(
        """() => {
            for (let size = 5_000_000; size >= 1; size = Math.floor(size / 2))
                try { for (let n = 0; ; n += 1) localStorage.setItem(`x${size} ${n}`, "x".repeat(size)); } catch {}
        }"""
    )
    context.set_offline(True)
    assert set(played.set(suspend_data="on a full device", score__scaled="0.8")) == {"true"}
    assert set(played.set(suspend_data="the last", score__scaled="0.3")) == {"true"}
    says_it_waits(played)
    context.set_offline(False)
    says(played, "Saved")
    assert course.progress()["quiz_score"] == 80
    assert course.cmi()["suspend_data"] == "the last"


@ON_ITS_OWN_ORIGIN
def test_content_that_empties_the_storage_loses_nothing(context: BrowserContext, course: Course) -> None:
    played = course.open(context)
    context.set_offline(True)
    played.set(suspend_data="kept", completion_status="completed")
    played.content.evaluate("() => localStorage.clear()")
    context.set_offline(False)
    eventually_seen(played.page, stored(course, status="completed"))


@pytest.mark.parametrize("text", ["no JSON", "null", "{}", '{"address": "http://127.0.0.1:9/", "sequence": 1}', "7"])
def test_what_content_writes_beside_the_kept_commits_does_no_harm(
    text: str, context: BrowserContext, course: Course
) -> None:
    played = course.open(context)
    played.content.evaluate("(text) => localStorage.setItem('headway-commit x', text)", text)
    assert set(played.set(suspend_data="stored")) == {"true"}
    again = course.open(context)
    assert again.get("suspend_data") == ["stored"]
    context.set_offline(True)
    again.set(completion_status="completed")
    context.set_offline(False)
    eventually_seen(again.page, stored(course, status="completed"))
