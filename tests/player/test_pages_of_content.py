"""Pages of content as authors' tools write them: in a sandbox each gets the interface before its first script."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from headway.player.pages import MOST_CHANGED_BYTES, static_files, with_interface
from player.content import IN_A_SANDBOX, SCRIPT, Course, Place, page
from support.browser import cookie_of, visiting
from support.media import SECONDS, make_video
from support.packages import Item
from support.running import Running

_SCRIPT = f"<script>/*<![CDATA[*/{SCRIPT}/*]]>*/</script>"
_OLD = '<!--[if lt IE 9]><html class="old"><head><![endif]-->\n<!--[if gt IE 8]><!--><html lang="de"><!--<![endif]-->'
_XHTML = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head>'
    f"<title>Größe</title>{_SCRIPT}</head><body><p>Größe</p></body></html>"
)
PAGES: dict[str, str | bytes] = {
    "plain": f"<!doctype html><html><head><title>Größe</title>{_SCRIPT}</head><body>Größe</body></html>",
    "capitals": f"<!DOCTYPE HTML><HTML LANG='de'><HEAD PROFILE=x><TITLE>Größe</TITLE>{_SCRIPT}</HEAD><BODY>Größe",
    "no head": f"<!doctype html><title>Größe</title>{_SCRIPT}<p>Größe",
    "nothing before": f"{_SCRIPT}<p>Größe",
    "comment": f"<!-- <head> <script> --><!doctype html><!-- <html> --><html><head>{_SCRIPT}</head>Größe",
    "conditional comments": f"<!doctype html>{_OLD}<head>{_SCRIPT}</head><body>Größe",
    "text before": f"Größe<html><head>{_SCRIPT}</head><body>",
    "script before the head": f"<!doctype html><html>{_SCRIPT}<head></head><body>Größe",
    "attributes": f"<html data-a='a > b' data-b=\"<head>\"\n><head\n>{_SCRIPT}<body>Größe",
    "head in a script": f"<html><script>var a = '<head>';</script>{_SCRIPT}<body>Größe",
    "mark": b"\xef\xbb\xbf" + f"<!doctype html><html><head>{_SCRIPT}<body>Größe".encode(),
    "UTF-16": f"<!doctype html><html><head>{_SCRIPT}<body>Größe".encode("utf-16"),
    "UTF-16, the other": b"\xfe\xff" + f"<!doctype html><html><head>{_SCRIPT}<body>Größe".encode("utf-16-be"),
    "old character set": f"<html><head><meta charset='windows-1252'>{_SCRIPT}<body>Größe".encode("cp1252"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_gets_the_interface_before_its_first_script(name: str, running: Running, browser: Browser) -> None:
    content = PAGES[name]
    written = content if isinstance(content, bytes) else b"\xef\xbb\xbf" + content.encode()
    course = Course(running, files={"index.html": written})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        assert played.content.evaluate("answers") == ["true"]
        assert "Größe" in played.content.inner_text("body")
        wanted = (
            "BackCompat" if "doctype" not in written.replace(b"\0", b"").decode("latin-1").lower() else "CSS1Compat"
        )
        assert played.content.evaluate("document.compatMode") == wanted or name in {"comment", "text before"}
        played.set(completion_status="completed")
    assert course.progress()["status"] == "completed"


@pytest.mark.parametrize("ending", ["xhtml", "XHT", "htm", "HTML"])
def test_pages_have_many_endings(ending: str, running: Running, browser: Browser) -> None:
    course = Course(running, [Item(href=f"start.{ending}")], {f"start.{ending}": _XHTML})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        assert played.content.evaluate("answers") == ["true"]
        played.set(completion_status="completed")
    assert course.progress()["status"] == "completed"


@pytest.mark.parametrize("beginning", [b" ", b"<html " + b"a" * 1024, b"<html ''", b"<!>"])
def test_a_hostile_page_takes_little_memory(beginning: bytes) -> None:
    page, static = beginning + beginning[-1:] * 1024 * 1024, static_files()
    small = len(with_interface(b"", static))
    tracemalloc.start()
    try:
        changed = with_interface(page, static)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(changed) == len(page) + small
    assert most < 6 * len(page)


def test_a_page_over_8_mib_is_served_as_it_is(place: Place, running: Running, browser: Browser) -> None:
    large = page() + f"<!--{'x' * MOST_CHANGED_BYTES}-->"
    course = Course(running, files={"large.html": large, "index.html": page()})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        size = played.content.evaluate("() => fetch('large.html').then((found) => found.text()).then((t) => t.length)")
        assert size == len(large)
        length = played.content.evaluate(
            "() => fetch('index.html').then((found) => found.text()).then((t) => t.length)"
        )
        assert (length > len(page())) is (place is Place.SANDBOX)


def test_a_video_seeks(tmp_path: Path, running: Running, browser: Browser) -> None:
    video = make_video(tmp_path / "video.webm").read_bytes()
    body = "<video id='video' src='video.webm' preload='metadata' muted></video>"
    course = Course(running, files={"index.html": page(body=body), "video.webm": video})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        found = played.content.evaluate(
            """(to) => new Promise((resolve, reject) => {
                const video = document.getElementById("video");
                const seek = () => { video.currentTime = to; };
                video.onseeked = () => resolve([Math.round(video.duration), video.currentTime, video.seekable.end(0)]);
                video.onerror = () => reject(new Error(video.error.message));
                if (video.readyState > 0) seek(); else video.onloadedmetadata = seek;
            })""",
            SECONDS - 2,
        )
        assert found[:2] == [SECONDS, SECONDS - 2]


FRAMES = {
    "index.html": "<!doctype html><title>Frames</title><iframe src='inner/one.html' name='inner'></iframe>",
    "inner/one.html": page(),
}
FRAMESET = {
    "index.html": "<html><head><title>Frames</title></head><frameset cols='50%,50%'><frame src='one.html' name='one'>"
    "<frame src='two.html' name='two'></frameset></html>",
    "one.html": page(),
    "two.html": "<p>Two</p>",
}


@pytest.mark.parametrize(("files", "inner"), [(FRAMES, "inner"), (FRAMESET, "one")], ids=["iframe", "frameset"])
def test_content_in_frames_of_its_own_finds_the_interface(
    files: dict[str, str | bytes], inner: str, place: Place, running: Running, browser: Browser
) -> None:
    course = Course(running, files=files)
    with _unwatched(browser, running, course.learner) as context:
        opened = context.new_page()
        opened.goto(f"/dashboard/play/{course.course_id}/{course.lesson_ids[0]}")
        outer = opened.frame_locator("#frame iframe").frame_locator("iframe")
        found = outer.locator(f"[name={inner}]").element_handle().content_frame()
        assert found is not None
        found.wait_for_load_state()
        if place is Place.SANDBOX:  # windows of a sandbox can not see each other: looking for the interface fails
            assert found.evaluate("() => 'did' in window") is False
        else:
            assert found.evaluate("answers") == ["true"]
            found.evaluate("() => did(['SetValue', 'cmi.completion_status', 'completed'], ['Commit'])")
            assert course.progress()["status"] == "completed"


@contextmanager
def _unwatched(browser: Browser, running: Running, learner_id: str) -> Iterator[BrowserContext]:
    """Yield a browser of a learner. Errors of content, which its console says, do not fail the test."""
    context = browser.new_context(base_url=running.base_url)
    context.add_cookies([cookie_of(running, learner_id)])  # type: ignore[list-item]
    yield context
    context.close()


@IN_A_SANDBOX
def test_content_in_a_sandbox_has_a_storage_while_its_page_is_open(running: Running, browser: Browser) -> None:
    keep = "localStorage.setItem('a', 1); localStorage.setItem('b', '2'); sessionStorage.setItem('c', 'd');"
    course = Course(running, files={"index.html": page(keep)})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        script = (
            "() => [localStorage.getItem('a'), localStorage.length, localStorage.key(1), sessionStorage.getItem('x')]"
        )
        assert played.content.evaluate(script) == ["1", 2, "b", None]
        played.content.evaluate("() => { localStorage.removeItem('a'); sessionStorage.clear(); }")
        assert played.content.evaluate("() => [localStorage.length, sessionStorage.length]") == [1, 0]


def test_the_keyboard_leads_into_the_content_and_out_of_it(running: Running, browser: Browser) -> None:
    course = Course(running, files={"index.html": page(body="<button id=inside>Inside</button>")})
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        inside = played.content.locator("#inside")
        played.page.keyboard.press("Tab")
        expect(inside).to_be_focused()
        played.page.keyboard.press("Shift+Tab")
        expect(inside).not_to_be_focused()
        for _ in range(3):
            if played.page.evaluate("() => document.activeElement.tagName") == "A":
                break
            played.page.keyboard.press("Shift+Tab")
        assert played.page.evaluate("() => document.activeElement.tagName") == "A"


@pytest.mark.parametrize(("language", "saved", "direction"), [("de", "Gespeichert", "ltr"), ("ar", "تم الحفظ", "rtl")])
def test_the_page_speaks_the_language_of_the_learner(
    language: str, saved: str, direction: str, running: Running, browser: Browser
) -> None:
    course = Course(running)
    with visiting(browser, running, course.learner, locale=language) as context:
        played = course.open(context)
        played.set(suspend_data="a")
        expect(played.page.locator("#saved")).to_have_text(saved)
        assert played.page.evaluate("() => document.dir || getComputedStyle(document.body).direction") == direction
