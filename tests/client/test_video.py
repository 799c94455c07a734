"""`bindVideo` in a real browser with a real video: what was watched counts, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from client.watching import SITES_ON_BOTH_STORES, Learner, Site, open_again, opened, site_of
from support.media import SECONDS, make_video

VIDEO: Final = '<video src="video.webm" muted preload="auto"></video>'
PLAYERS: Final = {
    "video.js": """({
        on: (type, heard) => video.addEventListener(type, heard),
        off: (type, heard) => video.removeEventListener(type, heard),
        currentTime: (...to) => to.length ? (video.currentTime = to[0]) : video.currentTime,
        duration: () => video.duration,
        paused: () => video.paused,
        playbackRate: () => video.playbackRate,
        seeking: () => video.seeking,
    })""",
    "Plyr": """({
        on: (type, heard) => video.addEventListener(type, heard),
        off: (type, heard) => video.removeEventListener(type, heard),
        get currentTime() { return video.currentTime; },
        set currentTime(seconds) { video.currentTime = seconds; },
        get duration() { return video.duration; },
        get paused() { return video.paused; },
        get speed() { return video.playbackRate; },
        get seeking() { return video.seeking; },
    })""",
    "Vidstack": """(() => {
        const own = new EventTarget();
        const names = {
            timeupdate: "time-update", ratechange: "rate-change", loadedmetadata: "loaded-metadata",
            durationchange: "duration-change", play: "play", pause: "pause", seeking: "seeking", seeked: "seeked",
        };
        for (const [name, told] of Object.entries(names))
            video.addEventListener(name, () => own.dispatchEvent(new Event(told)));
        const named = (name) => ({ get: () => video[name], set: (value) => { video[name] = value; } });
        return Object.defineProperties(own, {
            currentTime: named("currentTime"), duration: named("duration"), paused: named("paused"),
            playbackRate: named("playbackRate"),
        });
    })()""",
}
"""Objects with the events and properties of players, over the same video."""
SILENT: Final = """({
    on: (type, heard) => type.startsWith("seek") || video.addEventListener(type, heard),
    off: (type, heard) => video.removeEventListener(type, heard),
    get currentTime() { return video.currentTime; },
    get duration() { return video.duration; },
    get paused() { return video.paused; },
})"""
"""A player that tells nothing of seeking."""
FAST: Final = 4
"""How fast a test plays what it need not look at."""
SLOWEST: Final = 0.0625
"""How slowly Chromium can play: for what a test waits for while a video plays."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(request, tmp_path_factory.mktemp("site")) as site:
        make_video(site.folder / "video.webm")
        yield site


@pytest.fixture
def learner(site: Site) -> Learner:
    return Learner(site)


class Player:
    """A page with a bound video."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.page.wait_for_function("() => video.duration > 0")

    def begin(self, rate: float) -> None:
        """Play from where it is. The test goes on meanwhile."""
        self.page.evaluate("(rate) => { video.playbackRate = rate; return video.play(); }", rate)

    def play(self, until: float | None = None, rate: float = FAST) -> None:
        """Play from where it is, to a position where one is given, else to the end. Then the video is paused.

        The page itself pauses it: a test may be slow to do so.
        """
        self.page.evaluate(
            """([until, rate]) => new Promise((done) => {
                const looks = setInterval(() => { if (until !== null && video.currentTime >= until) video.pause(); });
                video[until === null ? "onended" : "onpause"] = () => { clearInterval(looks); done(); };
                video.playbackRate = rate;
                video.play();
            })""",
            [until, rate],
        )

    def pause(self) -> None:
        self.page.evaluate(
            "() => video.paused ? null : new Promise((done) => { video.onpause = done; video.pause(); })"
        )

    def seek(self, seconds: float) -> None:
        self.page.evaluate(
            "(seconds) => new Promise((done) => { video.onseeked = done; video.currentTime = seconds; })", seconds
        )

    @property
    def position(self) -> float:
        return float(self.page.evaluate("() => video.currentTime"))

    def knows_what_is_stored(self) -> None:
        """Wait until the client has read what is stored."""
        self.page.wait_for_function("() => window.watched")

    @property
    def watched(self) -> Any:
        return self.page.evaluate("() => window.watched")


def player(context: BrowserContext, learner: Learner) -> Player:
    player = Player(opened(context, learner.page(VIDEO, bind())))
    player.knows_what_is_stored()
    return player


def bind(media: str = "video") -> str:
    """Return a script that binds a player over the page's video."""
    return f"""
        window.video = document.querySelector("video");
        window.bound = bindVideo({media}, lesson, {{ onWatched: (watched) => {{ window.watched = watched; }} }});
    """


def a_minute_passes(page: Page) -> None:
    page.evaluate("() => { const now = performance.now; performance.now = () => now.call(performance) + 61_000; }")


@SITES_ON_BOTH_STORES
def test_a_whole_video_is_watched_and_completed(context: BrowserContext, learner: Learner) -> None:
    player(context, learner).play(rate=2)
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    assert row["status"] == "completed"
    assert row["metadata"] == {"watched": [[0, SECONDS]]}
    assert row["video_position_seconds"] == pytest.approx(SECONDS, abs=0.2)
    assert row["time_spent_minutes"] == pytest.approx(SECONDS / 2 / 60, abs=0.02)


def test_a_video_that_needs_no_percentage_is_completed_when_all_was_watched(
    context: BrowserContext, site: Site
) -> None:
    learner = Learner(site, {"kind": "video"})
    player(context, learner).play()
    assert learner.soon(lambda row: row["progress_percentage"] == 100)["status"] == "completed"


@SITES_ON_BOTH_STORES
def test_seeking_to_the_end_is_not_watching(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.play(until=2, rate=1)
    left = one.position
    one.seek(SECONDS - 2)
    one.play()
    row = learner.soon(lambda row: row["video_position_seconds"] >= SECONDS - 0.2)
    first, second = row["metadata"]["watched"]
    assert first == pytest.approx([0, left], abs=0.11)
    assert second == pytest.approx([SECONDS - 2, SECONDS], abs=0.2)
    assert row["progress_percentage"] == pytest.approx(100 * (first[1] + 2) / SECONDS, abs=3)
    assert row["status"] == "in_progress"


@pytest.mark.parametrize("media", ["video", SILENT], ids=["video", "silent"])
def test_seeking_while_it_plays_is_not_watching(context: BrowserContext, learner: Learner, media: str) -> None:
    one = Player(opened(context, learner.page(VIDEO, bind(media))))
    one.knows_what_is_stored()
    one.begin(1)
    for second in (3, 6, 9, SECONDS - 0.5):
        one.seek(second)
    one.page.wait_for_function("() => video.ended")
    row = learner.soon(lambda row: row["video_position_seconds"] >= SECONDS - 0.2)
    assert row["progress_percentage"] < 60
    assert row["status"] == "in_progress"


def test_what_is_watched_twice_counts_once_and_its_time_twice(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    ends = []
    for _ in range(2):
        one.seek(0)
        one.play(until=4)
        ends.append(one.position)
    row = learner.soon(lambda row: row["time_spent_minutes"] == pytest.approx(sum(ends) / FAST / 60, abs=0.01))
    assert row["metadata"]["watched"] == [pytest.approx([0, max(ends)], abs=0.11)]
    assert row["progress_percentage"] == pytest.approx(100 * max(ends) / SECONDS, abs=1)


@pytest.mark.parametrize("rate", [0.5, 1, 8])
def test_the_speed_does_not_matter_to_what_was_watched(context: BrowserContext, learner: Learner, rate: float) -> None:
    one = player(context, learner)
    one.play(until=2.5, rate=rate)
    end = one.position
    row = learner.soon(lambda row: row["video_position_seconds"] == round(end, 1))
    # An event is handled some milliseconds after it has happened, and the video has gone on at its speed by then.
    assert row["metadata"]["watched"] == [pytest.approx([0, end], abs=max(0.11, 0.06 * rate))]
    assert row["time_spent_minutes"] == pytest.approx(end / rate / 60, abs=0.01)


def test_a_change_of_the_speed_counts_the_time_of_each(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.begin(1)
    one.page.wait_for_function("() => video.currentTime >= 1.5")
    at = one.page.evaluate("() => { video.playbackRate = 10; return video.currentTime; }")
    one.page.wait_for_function("() => video.ended")
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    assert row["time_spent_minutes"] == pytest.approx((at + (SECONDS - at) / 10) / 60, abs=0.01)


@SITES_ON_BOTH_STORES
def test_a_video_goes_on_where_the_learner_left(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.play(until=3, rate=2)
    left = one.position
    learner.soon(lambda row: row["video_position_seconds"] == round(left, 1))
    open_again(one.page)
    one.page.wait_for_function("() => video.currentTime > 0")
    assert one.position == pytest.approx(left, abs=0.1)
    assert one.watched["percentage"] == pytest.approx(100 * left / SECONDS, abs=1)
    one.play()
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    assert row["time_spent_minutes"] == pytest.approx((left / 2 + (SECONDS - left) / FAST) / 60, abs=0.01)


def test_a_video_whose_length_is_known_late_tells_what_was_watched_before(
    context: BrowserContext, learner: Learner
) -> None:
    learner.put(video_position_seconds=4, metadata={"watched": [[0, 6]]})
    page = opened(context, learner.page(VIDEO.replace(' src="video.webm"', ""), bind()))
    page.wait_for_function("() => window.watched")
    assert page.evaluate("() => watched.percentage") == 0
    page.evaluate("() => { video.src = 'video.webm'; }")
    page.wait_for_function("() => watched.percentage > 0")
    assert page.evaluate("() => watched.percentage") == pytest.approx(100 * 6 / SECONDS, abs=0.1)
    page.wait_for_function("() => video.currentTime === 4")


@pytest.mark.parametrize("media", PLAYERS.values(), ids=PLAYERS)
def test_players_are_bound_by_their_own_events_and_properties(
    context: BrowserContext, learner: Learner, media: str
) -> None:
    learner.put(video_position_seconds=4)
    one = Player(opened(context, learner.page(VIDEO, bind(media))))
    one.page.wait_for_function("() => video.currentTime === 4")
    one.play(until=5, rate=1)
    one.seek(9)
    one.play(rate=1)
    row = learner.soon(lambda row: row["video_position_seconds"] >= SECONDS - 0.2)
    first, second = row["metadata"]["watched"]
    assert first[0] == 4
    assert second == [9, SECONDS]
    assert row["time_spent_minutes"] == pytest.approx((first[1] - first[0] + 3) / 60, abs=0.01)
    one.page.evaluate("async () => { bound.stop(); await client.flush(); }")
    before = learner.row()
    one.seek(6)
    one.play(until=8)
    one.page.evaluate("async () => { await client.flush(); }")
    assert learner.row() == before


@pytest.mark.parametrize("position", [SECONDS - 0.3, SECONDS, 10 * SECONDS])
def test_a_video_that_was_left_in_its_last_seconds_begins_anew(
    context: BrowserContext, learner: Learner, position: float
) -> None:
    learner.put(video_position_seconds=position)
    one = player(context, learner)
    one.play(until=1, rate=1)
    assert one.position < SECONDS / 2


def test_a_learner_who_has_chosen_a_position_is_not_moved(context: BrowserContext, learner: Learner) -> None:
    learner.put(video_position_seconds=8)
    page = learner.page(VIDEO, bind())
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    context.route(f"**{learner.path()}", hold)
    one = Player(opened(context, page))
    one.seek(2)
    while not held:
        one.page.evaluate("() => null")  # lets Playwright tell of the request
    held.pop().continue_()
    one.knows_what_is_stored()
    one.play(until=3, rate=1)
    assert one.position < 8


def test_looking_at_the_page_is_no_progress(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.seek(5)
    one.page.evaluate("async () => { bound.stop(); await client.flush(); }")
    assert learner.row() == {}


def test_time_passes_only_while_the_page_is_visible(context: BrowserContext, learner: Learner) -> None:
    """The browser of the tests has no windows that could be hidden, so the page is told that it is."""
    tell = """(state) => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        return video.currentTime;
    }"""
    one = player(context, learner)
    one.begin(2)
    one.page.wait_for_function("() => video.currentTime >= 2")
    with one.page.expect_request("**/progress/sync") as reported:
        hidden_at = one.page.evaluate(tell, "hidden")
    [write] = json.loads(reported.value.post_data or "")["writes"]
    assert write["progress"]["video_position_seconds"] == pytest.approx(hidden_at, abs=0.3)
    one.page.wait_for_function("() => video.currentTime >= 8")
    shown_at = one.page.evaluate(tell, "visible")
    one.page.wait_for_function("() => video.ended")
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    seconds = SECONDS - (shown_at - hidden_at)
    assert row["time_spent_minutes"] == pytest.approx(seconds / 2 / 60, abs=0.01)


def test_what_is_left_with_the_page_is_reported(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.begin(2)
    one.page.wait_for_function("() => video.currentTime >= 4")
    one.page.goto("about:blank")
    row = learner.soon(lambda row: row["video_position_seconds"] >= 4)
    assert row["metadata"]["watched"][0][1] >= 4


@SITES_ON_BOTH_STORES
def test_two_devices_unite_what_was_watched_on_them(browser: Browser, learner: Learner) -> None:
    first, second = browser.new_context(), browser.new_context()
    one = player(first, learner)
    one.play(until=6)
    left = one.position
    learner.soon(lambda row: row["progress_percentage"] >= 50)
    other = player(second, learner)
    other.seek(6)
    other.play()
    minutes = pytest.approx((left + SECONDS - 6) / FAST / 60, abs=0.01)
    row = learner.soon(lambda row: row["time_spent_minutes"] == minutes)
    assert row["progress_percentage"] == 100
    assert row["metadata"]["watched"] == [[0, SECONDS]]
    first.close()
    second.close()


def test_a_page_that_was_open_meanwhile_keeps_what_was_watched_elsewhere(
    context: BrowserContext, learner: Learner
) -> None:
    one = player(context, learner)
    one.play(until=2, rate=1)
    learner.soon(lambda row: row["progress_percentage"] > 0)
    learner.put(metadata={"watched": [[0, 2], [5, 9]], "own": 1}, time_spent_minutes=7)
    a_minute_passes(one.page)
    one.seek(10.5)
    one.begin(SLOWEST)
    one.page.wait_for_function("() => watched.ranges.some(([, end]) => end === 9)")
    one.play(rate=1)
    row = learner.soon(lambda row: row["video_position_seconds"] >= SECONDS - 0.2)
    assert row["metadata"]["watched"][1:] == [[5, 9], [10.5, SECONDS]]
    assert row["metadata"]["own"] == 1
    assert row["time_spent_minutes"] > 7


def test_what_was_removed_elsewhere_does_not_come_back(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.play(until=6)
    learner.soon(lambda row: row["progress_percentage"] >= 50)
    open_again(one.page)
    one.knows_what_is_stored()
    learner.remove()
    a_minute_passes(one.page)
    one.begin(SLOWEST)
    one.page.wait_for_function("() => watched.percentage < 50")
    one.pause()
    one.seek(11)
    one.play()
    row = learner.soon(lambda row: row["video_position_seconds"] >= SECONDS - 0.2)
    assert row["progress_percentage"] == pytest.approx(100 / SECONDS, abs=3)


def test_nothing_is_reported_after_the_end_of_the_bond(context: BrowserContext, learner: Learner) -> None:
    one = player(context, learner)
    one.play(until=2)
    one.page.evaluate("async () => { bound.stop(); await client.flush(); }")
    before = learner.soon(lambda row: row["progress_percentage"] > 0)
    one.play(until=8)
    one.page.evaluate("async () => { await client.flush(); }")
    assert one.page.evaluate("() => client.pending()") == 0
    assert learner.row() == before
