"""What holds for every page in every language: it is open to all, does not shift, and fits on a phone."""

from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page

from dashboard.taught import Taught
from headway.dashboard.rendering import LANGUAGE_COOKIE
from headway.dashboard.words import LANGUAGES, SOURCE
from support.browser import DESKTOP, ON_BOTH_STORES, PHONE, SCHEMES, barriers, bring_axe, cookie_of, fits, visiting
from support.pages import WATCH_SHIFTS, all_addresses, opened
from support.running import PATIENCE, Running

HEIGHT = 900
CONTRAST = "color-contrast"
"""The one rule of axe-core whose answer depends on the scheme, and not on the language. It takes longest."""
WRITTEN_POINTS = """() => [...document.querySelectorAll("main :not(.visually-hidden, svg *)")]
    .flatMap((element) => [...element.childNodes])
    .filter((node) => node.nodeType === Node.TEXT_NODE && /(^|\\s)·/.test(node.data))
    .map((node) => node.data.trim())"""
"""Points between facts that are written in a text: one may end a line. Those of `in-a-row` do not."""
NAMES = ("Łukasz Żółć", "Þóra Jónsdóttir", "أحمد بن محمد", "Đorđe Kovačević")


@pytest.fixture
def named(taught: Taught) -> Taught:
    """Return a course whose learners have names, but for one, and are members of a class."""
    with taught.running.client(None, "learners:admin") as registrar:
        for learner, name in zip(taught.learners, NAMES, strict=False):
            registrar.put(f"/learners/{learner}/profile", json={"name": name}).raise_for_status()
    taught.grouped("Class of Monday", taught.learners)
    return taught


def _parts(named: Taught) -> dict[str, str]:
    """Return what is in the paths of pages."""
    lesson_id = named.document["lessons"][1]["id"]
    return {"course_id": named.course_id, "lesson_id": lesson_id, "user_id": named.learners[2]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_open_to_all(browser: Browser, running: Running, named: Taught, language: str) -> None:
    found: dict[str, list[str]] = {}
    for path, problems in _problems(browser, running, named, language):
        found.setdefault(path, []).extend(problems)
    assert len(found) > 10
    assert {path: problems for path, problems in found.items() if problems} == {}


def _problems(browser: Browser, running: Running, named: Taught, language: str) -> Iterator[tuple[str, list[str]]]:
    who = named.learners[2]
    with visiting(
        browser, running, who, "statistics:read", "courses:write", color_scheme="light", reduced_motion="reduce"
    ) as context:
        context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": running.base_url}])
        context.add_init_script(WATCH_SHIFTS)
        bring_axe(context)
        for path, page in opened(context, **_parts(named)):
            assert page.locator("html").get_attribute("lang") == language
            yield path, page.evaluate("() => window.shifts")
            yield path, barriers(page, but=[CONTRAST])
            if language == SOURCE:
                yield path, [one for scheme in SCHEMES for one in _faint(page, scheme)]
            page.set_viewport_size({"width": PHONE, "height": HEIGHT})
            yield path, [] if fits(page) else ["wider than a phone"]
            yield path, page.evaluate(WRITTEN_POINTS)
            page.set_viewport_size({"width": DESKTOP, "height": HEIGHT})


def _faint(page: Page, scheme: Literal["light", "dark"]) -> list[str]:
    """Return what has too little contrast in a scheme."""
    page.emulate_media(color_scheme=scheme)
    return barriers(page, CONTRAST)


@ON_BOTH_STORES
def test_every_page_is_answered(running: Running, named: Taught) -> None:
    who = named.learners[2]
    cookie = cookie_of(running, who, "statistics:read", "courses:write")
    with httpx.Client(base_url=running.base_url, cookies={cookie["name"]: cookie["value"]}, timeout=PATIENCE) as client:
        for address in all_addresses(**_parts(named)).values():
            answer = client.get(address, follow_redirects=True)
            assert (answer.status_code, answer.content != b"") == (200, True), address
