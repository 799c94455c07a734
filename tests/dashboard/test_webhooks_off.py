"""What the author's catalogue says of webhooks that turned themselves off."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.browser import DASHBOARD, LOOKS, barriers, fits, visiting
from support.program import forked_headway_serve
from support.running import Running
from support.tables import execute

SCOPES = ("courses:write", "webhooks:write")
HOST = "lms.example:8443"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, list[str]]]:
    """Yield a service with three webhooks, and their ids: one is gone, one failed for five days, one is off by request.

    Nobody can wait for five days, so the test writes what came of them.
    """
    folder: Path = tmp_path_factory.mktemp("service")
    ids = [str(uuid4()) for _ in range(3)]
    with forked_headway_serve(folder) as running:
        with running.client(None, "webhooks:write") as client:
            for number, webhook_id in enumerate(ids):
                address = f"https://{HOST}/{number}?token=inthequery"
                client.put(f"/webhooks/{webhook_id}", json={"address": address, "enabled": False}).raise_for_status()
        for webhook_id, because in zip(ids, ("gone", "failing"), strict=False):
            execute(
                f"sqlite:///{folder}/headway.db",
                f"UPDATE webhooks SET disabled_because = '{because}', failing_since = '2026-11-20T10:00:00+00:00' "
                f"WHERE webhook_id = '{webhook_id}'",
            )
        yield running, ids


def notice(page: Page, name: str = "Webhooks that are turned off") -> Locator:
    return page.get_by_role("region", name=name)


def test_who_manages_webhooks_reads_which_are_off_since_when_and_what_to_do(
    browser: Browser, serving: tuple[Running, list[str]]
) -> None:
    running, (gone, failing, by_request) = serving
    with visiting(browser, running, str(uuid4()), *SCOPES) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        lines = notice(page).get_by_role("listitem")
        expect(lines).to_have_count(2)
        for line, webhook_id, why in zip(
            lines.all(), (gone, failing), ("It has wanted no events since", "No event has arrived there"), strict=True
        ):
            expect(line).to_contain_text(HOST)
            expect(line).to_contain_text(why)
            expect(line).to_contain_text("20 Nov 2026")
            expect(line).to_contain_text(f"headway webhooks enable {webhook_id}")
        assert by_request not in page.content()
        assert "inthequery" not in page.content()


def test_others_read_nothing_of_it(browser: Browser, serving: tuple[Running, list[str]]) -> None:
    with visiting(browser, serving[0], str(uuid4()), "courses:write") as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        expect(page.get_by_role("heading", level=1)).to_have_text("Authoring")
        expect(notice(page)).to_have_count(0)
        assert HOST not in page.content()


@pytest.mark.parametrize(("locale", "name"), [("de", "Abgeschaltete Webhooks"), ("ar", "خطافات ويب متوقفة")])
def test_it_is_said_in_the_readers_language(
    browser: Browser, serving: tuple[Running, list[str]], locale: str, name: str
) -> None:
    with visiting(browser, serving[0], str(uuid4()), *SCOPES, locale=locale) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        expect(notice(page, name)).to_contain_text("headway webhooks enable")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_passes_the_accessibility_checks(
    browser: Browser, serving: tuple[Running, list[str]], scheme: str, width: int
) -> None:
    with visiting(browser, serving[0], str(uuid4()), *SCOPES, width=width, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring")
        expect(notice(page)).to_be_visible()
        assert barriers(page) == []
        assert fits(page)
