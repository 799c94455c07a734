"""The demo's page with a video: it plays, and shows what was watched and stored."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from support.browser import check_looks
from support.demo import running_demo

pytestmark = pytest.mark.slow


def test_the_page_shows_what_was_watched_and_stored(browser: Browser, folder: Path) -> None:
    with running_demo(folder) as demo:
        context = browser.new_context()
        page = context.new_page()
        page.goto(demo.video)
        page.wait_for_function("() => document.querySelector('video').duration === 24")
        expect(page.get_by_text("0 % watched")).to_be_visible()
        page.evaluate("""() => {
            const video = document.querySelector("video");
            Object.assign(video, { muted: true, playbackRate: 8 });
            return video.play();
        }""")
        expect(page.get_by_text("100 % watched")).to_be_visible()
        expect(page.get_by_role("definition").first).to_have_text("completed")
        expect(page.locator("#seen i")).to_have_count(1)
        check_looks(page)
        context.close()
