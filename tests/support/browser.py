"""A real browser on the pages: Debian's Chromium, driven by Playwright, with axe-core to look for barriers."""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from headway.auth import Sessions
from headway.auth.sessions import COOKIE
from headway.domain.identifiers import LearnerId
from headway.domain.principal import Principal
from support.running import SECRET, STORES, Running

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
PHONE: Final = 375
DESKTOP: Final = 1440
LOOKS: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = ((PHONE, "light"), (DESKTOP, "dark"))
"""Each width and each scheme once: no style sheet asks for both at once."""
WAYS: Final = ((DESKTOP, True), (PHONE, False))
"""Each width once, with scripts and without: a whole job is done in each of these ways."""
DASHBOARD: Final = "/dashboard"

ON_BOTH_STORES: Final = pytest.mark.parametrize("running", STORES, indirect=True)
"""For tests of what no address of the API answers: those are tested on both stores, and pages show what they answer.
All the others run on SQLite."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_AXE: Final = _ROOT / "node_modules/axe-core/axe.min.js"
_HEIGHT: Final = 900
_REFUSED: Final = "Failed to load resource: the server responded with a status of"
_UNANSWERED: Final = "Failed to load resource: net::"
_NO_BROWSER: Final = "no Chromium: apt-get install chromium-headless-shell"
_PROGRAMS: Final = ("chromium-headless-shell", "chromium")
"""The first one has no windows at all: a page costs a quarter of the time."""
_SWITCHES: Final = (
    "--no-sandbox",  # the tests run as root in containers, where Chromium's own sandbox can not be had
    "--process-per-site",  # with the next two, one process shows all pages, which takes a tenth less processor time
    "--renderer-process-limit=1",
    "--in-process-gpu",
)
_NO_AXE: Final = "no axe-core: npm ci"

# Playwright's own limit is 5 seconds. On a machine that runs other tests beside it, a page may take longer.
expect.set_options(timeout=30_000)


def missing() -> str | None:
    """Return what the browser tests need and this machine does not have; `None` where it has all."""
    if _program() is None:
        return _NO_BROWSER
    return None if _AXE.is_file() else _NO_AXE


def require() -> str:
    """Chromium's path. Fails where CI is set, and skips elsewhere, if something is missing."""
    lacking = missing()
    if lacking and os.environ.get("CI"):
        pytest.fail(f"The pages are not tested: {lacking}", pytrace=False)
    if lacking:
        pytest.skip(f"THE PAGES ARE NOT TESTED: {lacking}")
    return _program() or ""


def _program() -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser without a window."""
    path = require()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_SWITCHES, env=_real_time())
        yield chromium
        chromium.close()


def _real_time() -> dict[str, str | float | bool]:
    """Return this process's environment without libfaketime (see tools/days.py), which stops Chromium."""
    return {name: value for name, value in os.environ.items() if name not in {"LD_PRELOAD", "FAKETIME"}}


def cookie_of(
    running: Running,
    learner_id: str,
    *scopes: str,
    courses: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the cookie of a learner's session, as Playwright takes it."""
    limits = [None if limit is None else frozenset(limit) for limit in (courses, groups)]
    principal = Principal(LearnerId(learner_id), frozenset(scopes), *limits)  # type: ignore[arg-type]
    return {"name": COOKIE, "value": Sessions(SECRET, timedelta(hours=1)).sealed(principal), "url": running.base_url}


@contextmanager
def visiting(
    browser: Browser,
    running: Running,
    learner_id: str,
    *scopes: str,
    width: int = DESKTOP,
    refusals: Collection[int] = (),
    **options: Any,
) -> Iterator[BrowserContext]:
    """Yield a browser of a learner who has signed in.

    What a page's console says of errors fails the test, but for answers that have one of the statuses `refusals`,
    in which 0 stands for no answer at all.
    """
    defaults: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Berlin"}
    context = browser.new_context(
        base_url=running.base_url, viewport={"width": width, "height": _HEIGHT}, **(defaults | options)
    )
    if "FAKETIME" in os.environ:
        context.clock.set_system_time(datetime.now(UTC))
    context.add_cookies([cookie_of(running, learner_id, *scopes)])  # type: ignore[list-item]
    complaints: list[str] = []
    expected = tuple(f"{_REFUSED} {status} " if status else _UNANSWERED for status in refusals)
    context.on(
        "console",
        lambda message: (
            complaints.append(f"{message.text} {message.location['url']}")
            if message.type == "error" and not message.text.startswith(expected)
            else None
        ),
    )
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    try:
        yield context
    finally:
        context.close()
    assert not complaints, complaints


def unfold_all(page: Page) -> None:
    """Unfold all that a page has folded."""
    page.wait_for_load_state()
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")


def choice(within: Page | Locator, name: str) -> Locator:
    """Return the field of choices that has exactly this name.

    It is not found by its label: the text of a label has the texts of the options, such as classes of other tests.
    """
    return within.get_by_role("combobox", name=name, exact=True)


_VIOLATIONS: Final = """({ only, but }) => axe.run({
        resultTypes: ["violations"],
        rules: Object.fromEntries(but.map((rule) => [rule, { enabled: false }])),
        ...(only.length && { runOnly: only }),
    })
    .then((found) => found.violations.map(
        (one) => `${one.id}: ${one.help}: ${JSON.stringify(one.nodes.map((node) => node.target))}`
    ))
"""
"""Only this text leaves the page: a whole report of axe-core is megabytes, and took a second to hand over."""


def bring_axe(context: BrowserContext) -> None:
    """Give axe-core to each page that is opened from now on. For contexts in which many pages are looked at."""
    context.add_init_script(path=_AXE)


def barriers(page: Page, *only: str, but: Collection[str] = ()) -> list[str]:
    """Return what axe-core finds wrong with a page, a line for each rule that is violated.

    It looks at all rules, or `only` at some of them, or at all `but` some. A page that was led to by a click may not be
    whole yet, so it is waited for, as by the others that look at a whole page at once.
    """
    page.wait_for_load_state()
    if not page.evaluate("() => 'axe' in window"):
        # Not a script element, which the pages' policy would refuse; nor page.evaluate, which takes half as long again.
        page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": _AXE.read_text()})
    found: list[str] = page.evaluate(_VIOLATIONS, {"only": only, "but": list(but)})
    return found


def check_looks(page: Page) -> None:
    """Check that a page has no barriers and is not wider than its window, in each of the `LOOKS`."""
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        assert barriers(page) == []
        assert fits(page)


def fits(page: Page) -> bool:
    """Return whether nothing makes the page wider than its window."""
    page.wait_for_load_state()
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"))
