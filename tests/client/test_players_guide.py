"""The examples in docs/players.md and README.md run as they stand there, in a browser, against the service."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Page

from client.watching import Learner, Site, site_in
from support.documentation import examples
from support.h5p import answered, bring_player, make_content
from support.media import SECONDS, make_video
from support.running import PREFIX, token

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "docs/players.md"
README: Final = ROOT / "README.md"
ADDRESS: Final = "https://headway.example"
VIDEO: Final = '<video src="lesson.webm" muted></video>'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("site")) as site:
        make_video(site.folder / "lesson.webm")
        bring_player(site.folder)
        make_content(site.folder / "contents" / "1", {"Check": [answered(3, 4)]})
        yield site


@pytest.fixture
def learner(site: Site) -> Learner:
    return Learner(site)


def shown(context: BrowserContext, learner: Learner, html: str, **values: object) -> Page:
    """Open a page with an example. `values` are what the example uses and leaves to its reader."""
    service = learner.site.running.base_url
    values |= {"token": token(learner.id), "courseId": learner.course_id, "lessonId": learner.lesson_ids[0]}
    given = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    imports = json.dumps({"imports": {"headway-client": f"{service}/client/headway-client.js"}})
    head = f'<!doctype html><script type="importmap">{imports}</script><script>{given}</script>'
    (learner.site.folder / "headway-token").write_text(token(learner.id))
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(learner.site.write("example.html", head + html.replace(ADDRESS, service)))
    assert complaints == []
    return page


def watch(page: Page) -> None:
    """Play the page's video to its end, as soon as it is bound."""
    page.evaluate("""() => {
        const video = document.querySelector("video");
        Object.assign(video, { muted: true, playbackRate: 4 });
        return video.play();
    }""")
    page.wait_for_function("() => document.querySelector('video').ended")


@pytest.mark.parametrize(("document", "around"), [(GUIDE, ""), (README, VIDEO)], ids=["guide", "readme"])
def test_a_video_in_five_lines(context: BrowserContext, learner: Learner, document: Path, around: str) -> None:
    [example] = examples(document, "html", "bindVideo")
    assert len(example.removeprefix('<video src="lesson.webm" controls></video>\n').splitlines()) == 5
    watch(shown(context, learner, around + example))
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    assert (row["status"], row["metadata"]["watched"]) == ("completed", [[0, SECONDS]])


def test_a_content_of_h5p(context: BrowserContext, learner: Learner) -> None:
    [example] = examples(GUIDE, "html", "bindH5P")
    page = shown(context, learner, example)
    page.frame_locator("iframe").get_by_role("button", name="Check").click()
    row = learner.soon(lambda row: row["quiz_attempts"] == 1)
    assert (row["status"], row["quiz_score"]) == ("completed", 75)


def test_the_parts_of_the_client_in_the_order_of_the_page(context: BrowserContext, learner: Learner) -> None:
    *parts, _ = examples(GUIDE, "js", "")
    script = "".join(parts) + "window.watching = bound;"
    page = shown(context, learner, f'{VIDEO}<output></output><script type="module">{script}</script>', slides=4)
    learner.soon(lambda row: row["progress_percentage"] == 75)
    page.wait_for_function("() => window.watching")
    watch(page)
    row = learner.soon(lambda row: row["progress_percentage"] == 100)
    assert (row["is_bookmarked"], row["user_notes"]) == (True, "Look at this again.")
    assert page.locator("output").text_content() == "100 %"


def test_a_player_without_the_client(context: BrowserContext, learner: Learner) -> None:
    [example] = examples(GUIDE, "js", "setInterval")
    reader = 'const video = document.querySelector("video"); const minutesSpent = () => 3;'
    address = learner.site.running.base_url + PREFIX
    page = shown(context, learner, f"{VIDEO}<script>{reader}{example}</script>", BASE=address)
    learner.put(time_spent_minutes=5)
    page.wait_for_function("() => video.duration")
    page.evaluate("() => { video.currentTime = 6; }")
    assert page.evaluate("async () => (await heartbeat(video, 1)).kept") == ["time_spent_minutes"]
    page.evaluate("() => editNotes((notes) => `${notes}One. `)")
    saved = page.evaluate("() => editNotes((notes) => `${notes}Two.`)")
    assert saved["user_notes"] == "One. Two."
    assert (saved["video_position_seconds"], saved["progress_percentage"]) == (6, 50)
    page.goto("about:blank")
    learner.soon(lambda row: row["video_position_seconds"] == 6)


def test_every_method_and_every_problem_is_named() -> None:
    types = (ROOT / "clients/javascript/src/types.ts").read_text()
    text = GUIDE.read_text()
    client = types.partition("export interface Client {")[2].partition("\n}")[0]
    methods = re.findall(r"^  (\w+)\(", client, flags=re.MULTILINE)
    assert len(methods) > 20
    assert [name for name in methods if not re.search(rf"`{name}`|\b{name}\(", text)] == []
    kinds = set(re.findall(r'"(\w+)"', "".join(re.findall(r"kind: ([^;]+);? ?", types))))
    assert kinds == {"storage_full", "storage_unavailable", "refused", "not_authenticated", "not_possible"}
    assert all(f"`{kind}`" in text for kind in kinds)
