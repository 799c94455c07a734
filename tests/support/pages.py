"""Every page that is read, from the table of pages, so that a new page is looked at without being named here."""

from collections.abc import Iterator
from typing import Final

from playwright.sync_api import BrowserContext, Error, Page

from headway.dashboard.site import PAGES
from headway.domain.attention import Reason
from support.browser import DASHBOARD

WATCH_SHIFTS: Final = """
    window.shifts = [];
    const described = (one) => `${one.value}: ${one.sources.map(({ node }) => node?.outerHTML ?? node?.textContent)}`;
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(described)))
        .observe({ type: "layout-shift", buffered: true });
"""
"""A script for each page of a context. It keeps every shift of the layout, with what has moved."""


_ANY: Final = {"ending": "yaml", "reason": Reason.INACTIVE.value}


def all_addresses(**values: str) -> dict[str, str]:
    """Return the address of each page and file by its path in the table. `values` are for what is in the paths.

    Pages that take a form are left out.
    """
    return {page.path: DASHBOARD + page.path.format(**_ANY, **values) for page in PAGES if not page.takes_form}


def addresses(context: BrowserContext, **values: str) -> dict[str, str]:
    """Return all addresses but those of files to save."""
    return {path: address for path, address in all_addresses(**values).items() if _is_shown(context, address)}


def _is_shown(context: BrowserContext, address: str) -> bool:
    answer = context.request.head(address)
    assert answer.ok, address
    return answer.headers["content-type"].startswith("text/html")


def opened(context: BrowserContext, **values: str) -> Iterator[tuple[str, Page]]:
    """Open one page after the other in the same tab, with all that its scripts add. Files to save are left out."""
    page = context.new_page()
    for path, address in all_addresses(**values).items():
        if not _is_file(page, address):
            settle(page)
            yield path, page
    page.close()


def _is_file(page: Page, address: str) -> bool:
    """Open an address. Return whether it is of a file to save, which leaves the page that is open."""
    try:
        answer = page.goto(address, wait_until="load")
    except Error as refused:
        if "Download is starting" in refused.message:
            return True
        raise
    assert answer is not None
    assert answer.ok, address
    return False


def settle(page: Page) -> None:
    """Wait until all that was asked for is painted."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
