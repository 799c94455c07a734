"""Every page that is read, from the table of pages, so that a new page is looked at without being named here."""

from collections.abc import Iterator
from typing import Final

from playwright.sync_api import BrowserContext, Page

from headway.dashboard.site import PAGES
from support.browser import DASHBOARD

WATCH_SHIFTS: Final = """
    window.shifts = [];
    const described = (one) => `${one.value}: ${one.sources.map(({ node }) => node?.outerHTML ?? node?.textContent)}`;
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(described)))
        .observe({ type: "layout-shift", buffered: true });
"""
"""A script for each page of a context. It keeps every shift of the layout, with what has moved."""


def addresses(**values: str) -> dict[str, str]:
    """Return the address of each page by its path in the table. `values` are for what is in the paths.

    Pages that take a form are left out, and files to save, whose paths have an ending.
    """
    read = (page.path for page in PAGES if not page.takes_form and "." not in page.path)
    return {path: DASHBOARD + path.format(**values) for path in read}


def opened(context: BrowserContext, **values: str) -> Iterator[tuple[str, Page]]:
    """Open one page after the other in the same tab, with all that its scripts draw."""
    page = context.new_page()
    for path, address in addresses(**values).items():
        answer = page.goto(address, wait_until="load")
        assert answer
        assert answer.ok, path
        settle(page)
        yield path, page
    page.close()


def settle(page: Page) -> None:
    """Wait until the charts are drawn and all that was asked for is painted."""
    page.wait_for_function("() => !document.querySelector('.chart-room')")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
