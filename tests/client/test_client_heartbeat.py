"""Heartbeats: only what changed, on a timer, on a pause, and when the page is hidden or left."""

import json
from typing import Any

from playwright.sync_api import BrowserContext, Page

from client.between import Between
from client.player import Player, School
from support.running import eventually

HIDE = """(state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def begin(player: Player, **fields: Any) -> None:
    """Begin to report `shown`, which the test changes."""
    player.run(
        "await client.pending(); window.shown = given;"
        "window.beat = lesson.heartbeat({ every: 10, fields: () => window.shown });",
        fields,
    )


def change(player: Player, **fields: Any) -> None:
    player.run("Object.assign(window.shown, given);", fields)


def sent(proxy: Between) -> list[dict[str, Any]]:
    return [write["progress"] for one in proxy.sent() for write in one.writes]


def clocked(context: BrowserContext, proxy: Between, school: School) -> Player:
    """Return a player on a page whose time the test turns on."""
    page = context.new_page()
    page.clock.install()
    return Player(page, proxy, school, school.learner)


def test_it_reports_what_has_changed_every_few_seconds(context: BrowserContext, proxy: Between, school: School) -> None:
    player = clocked(context, proxy, school)
    begin(player, progress_percentage=10, video_position_seconds=6, user_notes=None)
    assert sent(proxy) == []
    player.page.clock.run_for(10_000)
    eventually(lambda: len(sent(proxy)) == 1, 30)
    player.page.clock.run_for(30_000)
    change(player, video_position_seconds=36)
    player.page.clock.run_for(10_000)
    eventually(lambda: len(sent(proxy)) == 2, 30)
    player.run("window.shown = null;")
    player.page.clock.run_for(30_000)
    player.wait_until_sent()
    assert sent(proxy) == [{"progress_percentage": 10, "video_position_seconds": 6}, {"video_position_seconds": 36}]


def test_a_pause_reports_at_once_and_a_stop_for_the_last_time(
    context: BrowserContext, proxy: Between, school: School
) -> None:
    player = clocked(context, proxy, school)
    begin(player, video_position_seconds=5)
    player.run("beat.pause(); beat.pause(); beat.pause();")
    eventually(lambda: len(sent(proxy)) == 1, 30)
    change(player, video_position_seconds=8)
    player.run("beat.stop();")
    player.wait_until_sent()
    change(player, video_position_seconds=9)
    player.page.clock.run_for(60_000)
    player.page.evaluate(HIDE, "hidden")
    player.wait_until_sent()
    assert sent(proxy) == [{"video_position_seconds": 5}, {"video_position_seconds": 8}]


def test_it_reports_when_the_page_is_hidden_once(player: Player, proxy: Between, school: School) -> None:
    begin(player, video_position_seconds=5)
    player.page.evaluate(HIDE, "hidden")
    player.wait_until_sent()
    player.page.evaluate(HIDE, "visible")
    player.page.evaluate(HIDE, "hidden")
    player.run("await client.flush();")
    assert sent(proxy) == [{"video_position_seconds": 5}]
    stored = school.stored()
    assert stored
    assert stored["video_position_seconds"] == 5


def test_it_reports_when_the_page_is_left(player: Player, proxy: Between, school: School) -> None:
    begin(player, video_position_seconds=77, metadata={"seen": "x" * 2000})
    player.page.goto("about:blank")
    eventually(lambda: bool(sent(proxy)), 30)
    eventually(lambda: school.stored() is not None, 30)
    stored = school.stored()
    assert stored
    assert stored["video_position_seconds"] == 77


def test_it_reports_when_the_tab_is_closed(player: Player, school: School) -> None:
    begin(player, video_position_seconds=78)
    player.page.close(run_before_unload=True)
    eventually(lambda: school.stored() is not None, 30)


def test_what_is_reported_while_the_page_is_left_without_a_connection_is_sent_at_the_next_visit(
    player: Player, context: BrowserContext, proxy: Between, school: School
) -> None:
    proxy.service = ""
    begin(player, video_position_seconds=79)
    player.page.goto("about:blank")
    proxy.service = school.running.base_url
    Player(context.new_page(), proxy, school, school.learner).wait_until_sent()
    stored = school.stored()
    assert stored
    assert stored["video_position_seconds"] == 79


def test_a_page_that_is_left_sends_no_more_than_browsers_do(
    player: Player, context: BrowserContext, proxy: Between, school: School
) -> None:
    proxy.held.clear()
    player.run(
        "for (const [index, one] of lessons.entries())"
        " await one.report({ user_notes: 'é'.repeat(10_000), metadata: { a: 'a'.repeat(5000) },"
        " quiz_attempts: index });"
    )
    eventually(lambda: bool(proxy.sent()), 30)
    player.page.goto("about:blank")
    proxy.held.set()
    eventually(lambda: len(proxy.sent()) == 2, 30)
    at_once = proxy.sent()[1]
    assert len(at_once.body) < 60 * 1024
    assert [write["progress"]["quiz_attempts"] for write in at_once.writes] == [1, 2]
    Player(context.new_page(), proxy, school, school.learner).wait_until_sent()
    assert all(school.stored(index) for index in range(3))


def test_a_page_that_was_left_can_be_shown_again(player: Player, school: School) -> None:
    page: Page = player.page
    player.report({"progress_percentage": 3})
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    player.report({"progress_percentage": 4})
    player.wait_until_sent()
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 4
    assert json.dumps(player.problems()) == "[]"
