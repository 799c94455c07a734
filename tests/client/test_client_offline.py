"""Writes that wait on a device: lost connections, a service that dies, reloads, two tabs, two learners, full disks."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext

from client.between import Between, between
from client.player import Player, School, device
from support import browser as browsers
from support.browser import ON_BOTH_STORES
from support.program import forked_headway_serve
from support.running import PREFIX, eventually, token

SOON = 30


@ON_BOTH_STORES
def test_a_report_reaches_the_service(player: Player, school: School) -> None:
    player.report({"progress_percentage": 42.5, "video_position_seconds": 61, "metadata": {"seen": [1, 2]}})
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert (stored["progress_percentage"], stored["video_position_seconds"]) == (42.5, 61)
    assert stored["metadata"] == {"seen": [1, 2]}
    assert player.problems() == []


@ON_BOTH_STORES
def test_writes_that_are_made_offline_wait_and_are_sent_when_the_connection_is_back(
    player: Player, context: BrowserContext, school: School, proxy: Between
) -> None:
    context.set_offline(True)
    player.report({"progress_percentage": 10, "is_bookmarked": True}, {"progress_percentage": 30})
    assert player.pending() == 2
    assert school.stored() is None
    context.set_offline(False)
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 30
    assert stored["is_bookmarked"] is True
    assert [len(one.writes) for one in proxy.sent()] == [2]


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_nothing_is_lost_while_the_service_is_killed_and_started_again(
    browser: Browser, request: pytest.FixtureRequest, folder: Path, store: str
) -> None:
    settings = {} if store == "sqlite" else {"database_url": request.getfixturevalue("postgres_url")}
    with device(browser) as context, forked_headway_serve(folder, **settings) as first:
        school = School(first)
        with between(first.base_url) as proxy:
            player = Player(context.new_page(), proxy, school, school.learner)
            player.report({"progress_percentage": 10})
            player.wait_until_sent()
            first.process.kill()
            first.process.wait(SOON)
            player.report({"progress_percentage": 20, "video_position_seconds": 120})
            player.reload()
            player.report({"progress_percentage": 30}, {"user_notes": "Again."})
            assert player.pending() >= 2
            assert player.run("return (await lesson.read()).progress_percentage;") == 30
            with forked_headway_serve(folder, **settings) as second:
                school.running = second
                proxy.service = second.base_url
                player.wait_until_sent()
                stored = school.stored()
    assert stored
    assert (stored["progress_percentage"], stored["video_position_seconds"]) == (30, 120)
    assert stored["user_notes"] == "Again."


def test_writes_survive_the_end_of_the_page(
    player: Player, context: BrowserContext, school: School, proxy: Between
) -> None:
    proxy.service = ""
    player.report({"quiz_score": 70, "quiz_attempts": 1})
    player.page.close()
    proxy.service = school.running.base_url
    Player(context.new_page(), proxy, school, school.learner).wait_until_sent()
    stored = school.stored()
    assert stored
    assert stored["quiz_score"] == 70


def test_writes_survive_a_crash_of_the_browser(browser: Browser, folder: Path, school: School, proxy: Between) -> None:
    options: dict[str, Any] = {"executable_path": browsers.require(), "args": ["--no-sandbox"]}
    profile = browser.browser_type.launch_persistent_context(folder, **options)
    player = Player(profile.pages[0], proxy, school, school.learner)
    proxy.service = ""
    player.report({"progress_percentage": 66})
    assert profile.browser
    processes = profile.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    [pid] = [one["id"] for one in processes if one["type"] == "browser"]
    with profile.expect_event("close"):
        os.kill(pid, signal.SIGKILL)
    proxy.service = school.running.base_url
    profile = browser.browser_type.launch_persistent_context(folder, **options)
    Player(profile.pages[0], proxy, school, school.learner).wait_until_sent()
    profile.close()
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 66


@ON_BOTH_STORES
def test_a_write_whose_answer_was_lost_is_sent_again_and_counts_once(
    player: Player, school: School, proxy: Between
) -> None:
    proxy.lose_answers = 1
    player.report({"quiz_score": 70, "quiz_attempts": 1})
    player.wait_until_sent()
    first, second = proxy.sent()
    assert [one["key"] for one in first.writes] == [one["key"] for one in second.writes]
    stored = school.stored()
    assert stored
    assert (stored["quiz_score"], stored["quiz_attempts"]) == (70, 1)


def test_a_service_that_is_busy_is_asked_again_later(player: Player, school: School, proxy: Between) -> None:
    busy = json.dumps({"detail": "Too many writes are waiting.", "code": "queue_full"}).encode()
    proxy.refuse_with = [(503, {"retry-after": "1", "content-type": "application/json"}, busy)]
    player.report({"progress_percentage": 5})
    player.wait_until_sent()
    assert school.stored()
    assert player.problems() == []


def test_a_connection_that_comes_back_while_an_attempt_fails_is_used_at_once(
    player: Player, school: School, proxy: Between
) -> None:
    proxy.held.clear()
    player.report({"progress_percentage": 5})
    eventually(lambda: bool(proxy.sent()), SOON)
    player.run("dispatchEvent(new Event('online'));")
    proxy.refuse_with = [(503, {"retry-after": "3600"}, b"")]
    proxy.held.set()
    player.wait_until_sent()
    assert len(proxy.sent()) == 2
    assert school.stored()


@ON_BOTH_STORES
def test_two_tabs_send_one_queue_without_sending_anything_twice(
    context: BrowserContext, school: School, proxy: Between
) -> None:
    tabs = [Player(context.new_page(), proxy, school, school.learner) for _ in range(2)]
    context.set_offline(True)
    tabs[0].report({"progress_percentage": 20, "time_spent_minutes": 3})
    tabs[1].report({"progress_percentage": 40})
    assert [tab.pending() for tab in tabs] == [2, 2]
    proxy.held.clear()
    context.set_offline(False)
    eventually(lambda: bool(proxy.sent()), SOON)
    proxy.held.set()
    for tab in tabs:
        tab.wait_until_sent()
        tab.run("await client.flush();")
    keys = [write["key"] for one in proxy.sent() for write in one.writes]
    assert len(keys) == len(set(keys)) == 2
    stored = school.stored()
    assert stored
    assert (stored["progress_percentage"], stored["time_spent_minutes"]) == (40, 3)


def test_a_tab_that_ends_while_it_sends_leaves_the_queue_to_the_other_one(
    context: BrowserContext, school: School, proxy: Between
) -> None:
    tabs = [Player(context.new_page(), proxy, school, school.learner) for _ in range(2)]
    proxy.held.clear()
    tabs[0].report({"progress_percentage": 20})
    eventually(lambda: bool(proxy.sent()), SOON)
    proxy.lose_answers = 1
    tabs[1].report({"progress_percentage": 40})
    tabs[0].page.close()
    proxy.held.set()
    tabs[1].wait_until_sent()
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 40


@ON_BOTH_STORES
def test_two_learners_on_one_device_never_mix(context: BrowserContext, school: School, proxy: Between) -> None:
    other = str(uuid4())
    first = Player(context.new_page(), proxy, school, school.learner)
    context.set_offline(True)
    first.report({"progress_percentage": 90, "user_notes": "Mine."})
    first.run("window.token = given;", token(other))
    first.report({"progress_percentage": 15})
    assert first.pending() == 1
    context.set_offline(False)
    first.wait_until_sent()
    assert school.stored() is None
    theirs = school.stored(learner=other)
    assert theirs
    assert (theirs["progress_percentage"], theirs["user_notes"]) == (15, None)
    known = first.run("return lesson.read();")
    assert known["user_id"] == other
    first.run("window.token = given; await client.flush();", token(school.learner))
    stored = school.stored()
    assert stored
    assert (stored["progress_percentage"], stored["user_notes"]) == (90, "Mine.")
    assert school.stored(learner=other) == theirs


@pytest.mark.parametrize("name", ["ada@example.org", "Ada Łovelace — 愛 ☃", "a.b/c"])
def test_a_learner_may_have_any_name(context: BrowserContext, school: School, proxy: Between, name: str) -> None:
    player = Player(context.new_page(), proxy, school, name)
    context.set_offline(True)
    player.report({"progress_percentage": 25})
    context.set_offline(False)
    player.wait_until_sent()
    stored = school.stored(learner=name)
    assert stored
    assert stored["progress_percentage"] == 25
    assert player.run("return (await client.setGoal(3)).days_per_week;") == 3


@ON_BOTH_STORES
def test_a_token_that_expires_while_the_device_is_offline_is_renewed_once(
    player: Player, context: BrowserContext, school: School, proxy: Between
) -> None:
    expired = token(school.learner, lifetime=timedelta(seconds=-60))
    context.set_offline(True)
    player.run("window.token = given;", expired)
    player.report({"progress_percentage": 55})
    player.run(
        "window.getToken = (refused) => refused === given.expired ? (window.token = given.fresh) : token;",
        {"expired": expired, "fresh": token(school.learner)},
    )
    context.set_offline(False)
    player.wait_until_sent()
    assert player.run("return refusedTokens;") == [expired]
    assert [one.authorization == f"Bearer {expired}" for one in proxy.sent()] == [True, False]
    assert player.problems() == []
    assert school.stored()


def test_writes_wait_until_there_is_a_token_that_the_service_takes(
    player: Player, context: BrowserContext, school: School
) -> None:
    expired = token(school.learner, lifetime=timedelta(seconds=-60))
    context.set_offline(True)
    player.run("window.token = given;", expired)
    player.report({"progress_percentage": 55})
    context.set_offline(False)
    player.page.wait_for_function("() => problems.length === 1")
    assert [one["kind"] for one in player.problems()] == ["not_authenticated"]
    assert player.pending() == 1
    player.run("await client.flush(); window.token = given; await client.flush();", token(school.learner))
    assert player.pending() == 0
    assert [one["kind"] for one in player.problems()] == ["not_authenticated"]
    assert school.stored()


def test_writes_are_kept_for_the_last_learner_while_no_token_can_be_had(
    player: Player, context: BrowserContext, school: School
) -> None:
    player.run("await client.pending(); window.getToken = () => { throw new Error('no connection'); };")
    context.set_offline(True)
    player.report({"progress_percentage": 55})
    assert player.pending() == 1
    player.run("window.getToken = () => token;")
    context.set_offline(False)
    player.wait_until_sent()
    assert school.stored()


@ON_BOTH_STORES
def test_a_write_that_is_refused_is_given_up_and_told_and_the_others_are_stored(
    player: Player, context: BrowserContext, school: School
) -> None:
    context.set_offline(True)
    player.run(
        "await client.lesson(lesson.courseId, given).report({ quiz_score: 80 });"
        "await lesson.report({ quiz_score: 120 });"
        "await lessons[1].report({ quiz_score: 90 });",
        str(uuid4()),
    )
    context.set_offline(False)
    player.wait_until_sent()
    assert [(one["kind"], one["status"], one["fields"]) for one in player.problems()] == [
        ("refused", 404, {"quiz_score": 80}),
        ("refused", 422, {"quiz_score": 120}),
    ]
    assert player.problems()[0]["code"] == "lesson_not_found"
    assert school.stored(0) is None
    assert school.stored(1)


def test_a_write_that_the_service_can_not_read_does_not_hold_the_others_up(
    player: Player, context: BrowserContext, school: School, proxy: Between
) -> None:
    context.set_offline(True)
    player.run("await lesson.report({ quiz_score: 80 }); await lessons[1].report({ quiz_score: 90 });")
    proxy.refuse_with = [(422, {"content-type": "application/json"}, b'{"detail": []}')] * 2
    context.set_offline(False)
    player.wait_until_sent()
    assert [(one["kind"], one["status"], one["fields"]) for one in player.problems()] == [
        ("refused", 422, {"quiz_score": 80})
    ]
    assert school.stored(1)


@pytest.mark.parametrize("answer", [(404, b"{}"), (403, b"<html>Sign in to the network</html>"), (500, b"")])
def test_an_answer_that_is_not_of_the_service_loses_nothing(
    player: Player, school: School, proxy: Between, answer: tuple[int, bytes]
) -> None:
    proxy.refuse_with = [(answer[0], {}, answer[1])]
    player.report({"quiz_score": 80})
    player.wait_until_sent()
    assert school.stored()
    assert [one["kind"] for one in player.problems()] == ["not_possible"]


def test_a_page_that_answers_in_place_of_the_service_loses_nothing(
    player: Player, school: School, proxy: Between
) -> None:
    proxy.refuse_with = [(200, {"content-type": "text/html"}, b"<html>Welcome to the hotel</html>")]
    player.report({"quiz_score": 80})
    player.wait_until_sent()
    assert school.stored()


@ON_BOTH_STORES
def test_a_full_disk_is_told_once_and_the_writes_are_sent_from_memory(
    player: Player, context: BrowserContext, school: School
) -> None:
    session = context.new_cdp_session(player.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": player.page.url.removesuffix("/player"), "quotaSize": 1})
    context.set_offline(True)
    player.report({"user_notes": "n" * 9000, "metadata": {"text": "m" * 15_000}})
    player.report({"progress_percentage": 20})
    assert [one["kind"] for one in player.problems()] == ["storage_full"]
    assert player.pending() == 2
    context.set_offline(False)
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert (len(stored["user_notes"]), stored["progress_percentage"]) == (9000, 20)


def test_writes_go_to_the_disk_as_soon_as_it_has_room(player: Player, context: BrowserContext, school: School) -> None:
    session = context.new_cdp_session(player.page)
    origin = player.page.url.removesuffix("/player")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
    context.set_offline(True)
    player.report({"user_notes": "n" * 9000})
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    player.report({"quiz_score": 20})
    player.page.close()
    context.set_offline(False)
    player = Player(context.new_page(), player.proxy, school, school.learner)
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert len(stored["user_notes"]) == 9000


def test_a_device_without_a_database_sends_from_memory(player: Player, school: School) -> None:
    player.page.add_init_script("delete window.indexedDB; Object.defineProperty(window, 'indexedDB', {value: null});")
    player.reload()
    player.report({"progress_percentage": 10})
    player.wait_until_sent()
    assert school.stored()
    assert {one["kind"] for one in player.problems()} == {"storage_unavailable"}


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(navigator, 'locks', { value: undefined });",
        "LockManager.prototype.request = () => Promise.reject(new DOMException('In a sandbox.', 'SecurityError'));",
    ],
)
def test_a_browser_without_locks_sends_too(player: Player, school: School, script: str) -> None:
    player.page.add_init_script(script)
    player.reload()
    player.report({"progress_percentage": 10})
    player.wait_until_sent()
    assert school.stored()


def test_reading_shows_what_is_stored_with_what_waits_and_the_last_known_without_a_connection(
    player: Player, context: BrowserContext, school: School
) -> None:
    assert player.run("return lesson.read();") is None
    with school.running.client(school.learner) as elsewhere:
        elsewhere.put(school.path(), json={"progress_percentage": 50, "metadata": {"a": 1}}).raise_for_status()
    assert player.run("return (await lesson.read()).progress_percentage;") == 50
    context.set_offline(True)
    player.report({"progress_percentage": 20, "video_position_seconds": 9, "metadata": {"b": 2}})
    known = player.run("return lesson.read();")
    assert known["progress_percentage"] == 50
    assert known["video_position_seconds"] == 9
    assert known["metadata"] == {"a": 1, "b": 2}
    assert known["user_id"] == school.learner
    unknown = player.run("await lessons[1].report({ quiz_score: 3 }); return lessons[1].read();")
    assert (unknown["quiz_score"], unknown["status"], unknown.get("id")) == (3, "not_started", None)
    assert player.run("return lessons[2].read();") is None


def test_a_device_forgets_a_learner(player: Player, context: BrowserContext) -> None:
    player.report({"user_notes": "Mine."})
    player.wait_until_sent()
    context.set_offline(True)
    player.report({"progress_percentage": 9})
    player.run("await client.forget();")
    assert player.pending() == 0
    assert player.run("return lesson.read();") is None
    context.set_offline(False)
    assert player.run("return (await lesson.read()).user_notes;") == "Mine."


@ON_BOTH_STORES
def test_an_old_write_does_not_undo_a_start_from_the_beginning_elsewhere(
    player: Player, context: BrowserContext, school: School
) -> None:
    player.report({"progress_percentage": 20})
    player.wait_until_sent()
    context.set_offline(True)
    player.report({"progress_percentage": 80, "user_notes": "Before."})
    with school.running.client(school.learner) as elsewhere:
        elsewhere.delete(school.path()).raise_for_status()
    context.set_offline(False)
    player.wait_until_sent()
    assert school.stored() is None
    assert player.run("return lesson.read();") is None
    assert player.problems() == []


@ON_BOTH_STORES
def test_what_was_done_after_a_start_from_the_beginning_counts(
    player: Player, context: BrowserContext, school: School
) -> None:
    player.report({"progress_percentage": 20})
    player.wait_until_sent()
    context.set_offline(True)
    player.report({"progress_percentage": 80, "is_bookmarked": True, "metadata": {"a": 1}})
    with school.running.client(school.learner) as elsewhere:
        elsewhere.delete(f"/progress/{school.course_id}").raise_for_status()
    player.report({"progress_percentage": 5, "metadata": {"b": 2}})
    context.set_offline(False)
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert (stored["progress_percentage"], stored["is_bookmarked"], stored["metadata"]) == (5, False, {"b": 2})


@ON_BOTH_STORES
def test_a_later_note_of_another_device_is_kept(player: Player, context: BrowserContext, school: School) -> None:
    context.set_offline(True)
    player.report({"user_notes": "On the train.", "quiz_score": 60})
    with school.running.client(school.learner) as elsewhere:
        elsewhere.put(school.path(), json={"user_notes": "At home.", "quiz_score": 50}).raise_for_status()
    context.set_offline(False)
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert (stored["user_notes"], stored["quiz_score"]) == ("At home.", 60)


def test_many_writes_are_sent_in_several_requests(player: Player, context: BrowserContext, proxy: Between) -> None:
    context.set_offline(True)
    player.run("for (let score = 0; score < 501; score += 1) await lesson.report({ quiz_score: score / 10 });")
    assert player.pending() == 501
    context.set_offline(False)
    player.wait_until_sent()
    assert [len(one.writes) for one in proxy.sent()] == [500, 1]


def test_a_closed_client_sends_nothing_and_keeps_what_waits(
    player: Player, context: BrowserContext, school: School, proxy: Between
) -> None:
    context.set_offline(True)
    player.report({"progress_percentage": 10})
    player.run("client.close();")
    context.set_offline(False)
    assert proxy.sent() == []
    player.start()
    player.wait_until_sent()
    assert school.stored()


@ON_BOTH_STORES
@pytest.mark.parametrize("year", [2019, 2041])
def test_a_device_whose_clock_is_years_off_tells_how_long_ago_a_write_was_made(
    browser: Browser, school: School, proxy: Between, year: int
) -> None:
    before = datetime.now(UTC) - timedelta(minutes=2)  # the service corrects a clock by whole minutes
    with device(browser) as context:
        page = context.new_page()
        page.clock.install(time=f"{year}-03-01T11:00:00Z")
        page.clock.pause_at(f"{year}-03-01T12:00:00Z")
        player = Player(page, proxy, school, school.learner)
        context.set_offline(True)
        player.report({"status": "completed"})
        page.clock.run_for(5000)
        player.report({"quiz_score": 20})
        context.set_offline(False)
        player.wait_until_sent()
    [sent] = proxy.sent()
    assert json.loads(sent.body)["sent_at"].startswith(f"{year}-03-01T12:00:05")
    assert [write["made_at"][:19] for write in sent.writes] == [f"{year}-03-01T12:00:00", f"{year}-03-01T12:00:05"]
    stored = school.stored()
    assert stored
    assert before <= datetime.fromisoformat(stored["completed_at"]) <= datetime.now(UTC)


def test_a_clock_that_is_set_back_moves_waiting_writes_back_with_it(
    browser: Browser, school: School, proxy: Between
) -> None:
    with device(browser) as context:
        page = context.new_page()
        page.clock.install(time="2027-06-01T11:00:00Z")
        page.clock.pause_at("2027-06-01T12:00:00Z")
        player = Player(page, proxy, school, school.learner)
        context.set_offline(True)
        player.report({"quiz_score": 10})
        page.clock.run_for(5000)
        player.report({"quiz_score": 20})
        page.clock.set_system_time("2026-06-01T12:00:00Z")
        player.report({"quiz_score": 30})
        context.set_offline(False)
        player.wait_until_sent()
    made = [write["made_at"][:19] for write in proxy.sent()[0].writes]
    assert made == ["2026-06-01T11:59:55", "2026-06-01T12:00:00", "2026-06-01T12:00:00"]


def test_a_page_of_another_origin_reports_also_when_it_is_left(browser: Browser, folder: Path) -> None:
    with (
        between("") as pages,
        forked_headway_serve(folder, cors_origins=pages.url) as running,
        device(browser) as context,
    ):
        pages.service = running.base_url
        school = School(running)
        player = Player(context.new_page(), pages, school, school.learner, baseUrl=running.base_url + PREFIX)
        player.run("await client.pending(); lesson.heartbeat({ fields: () => ({ video_position_seconds: 12 }) });")
        player.page.goto("about:blank")
        eventually(lambda: school.stored() is not None, SOON)
    assert not pages.sent()
