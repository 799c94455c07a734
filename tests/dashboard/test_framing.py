"""Only pages of configured origins may show the pages in a frame."""

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from support.browser import DASHBOARD, cookie_of
from support.elsewhere import foreign_origin
from support.program import forked_headway_serve, headway
from support.running import Running


def framed_heading(browser: Browser, running: Running, parent: str) -> str | None:
    """Return the heading of the page in the frame; `None` where the browser refuses to show it."""
    with browser.new_context() as context:
        context.add_cookies([cookie_of(running, str(uuid4()))])  # type: ignore[list-item]
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if "frame-ancestors" in message.text else None)
        page.goto(parent)
        if refused:
            return None
        heading = page.frame_locator("iframe").get_by_role("heading", level=1)
        expect(heading).to_be_visible()
        return heading.inner_text()


def test_pages_can_be_framed_by_configured_origins(browser: Browser, folder: Path) -> None:
    with (
        foreign_origin() as allowed,
        foreign_origin() as refused,
        forked_headway_serve(folder, frame_ancestors=f"https://campus.example, {allowed}/") as running,
    ):
        wanted = f"?{running.base_url}{DASHBOARD}"
        assert framed_heading(browser, running, allowed + wanted) == "My courses"
        assert framed_heading(browser, running, refused + wanted) is None


def test_pages_can_not_be_framed_by_default(browser: Browser, folder: Path) -> None:
    with foreign_origin() as parent, forked_headway_serve(folder) as running:
        for page in ("", "/sign-in", "/authoring", "/nothing"):
            assert framed_heading(browser, running, f"{parent}?{running.base_url}{DASHBOARD}{page}") is None


def test_a_code_signs_in_within_a_frame(browser: Browser, folder: Path) -> None:
    with foreign_origin() as parent, forked_headway_serve(folder, frame_ancestors=parent) as running:
        with running.client(str(uuid4())) as back_end:
            url = back_end.post("/sign-in-codes").json()["url"]
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{parent}?{url}")
            heading = page.frame_locator("iframe").get_by_role("heading", level=1)
            expect(heading).to_have_text("My courses")


@pytest.mark.parametrize("path", ["", "/sign-in", "/authoring", "/courses/none", "/static/headway.css", "/nothing"])
def test_the_content_policy_allows_only_the_pages_own_files(running: Running, path: str) -> None:
    cookie = cookie_of(running, str(uuid4()))
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    answer = httpx.get(f"{running.base_url}{DASHBOARD}{path}", headers=headers, verify=False, timeout=20)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize(
    "wrong",
    ["campus.example", "https://campus.example/path", "'self'", "*", "https://*", "https://a.example; script-src *",
     "https://user@a.example", "ftp://a.example", "https://a.example:port", "https://a b.example"],
)  # fmt: skip
def test_a_text_that_is_no_origin_is_refused(folder: Path, wrong: str) -> None:
    refused = headway(folder, "settings", frame_ancestors=wrong)
    assert refused.code == 2
    assert "HEADWAY_FRAME_ANCESTORS" in refused.err
