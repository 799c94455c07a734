"""The menu of all pages: their colours and language, chosen with and without a script, before and after signing in."""

import re
from collections.abc import Mapping
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from headway.auth.sessions import COOKIE
from headway.dashboard.rendering import LANGUAGE_COOKIE, THEME_COOKIE
from headway.dashboard.words import words_of
from support.browser import DASHBOARD, DESKTOP, PHONE, barriers, cookie_of, fits, visiting
from support.running import PATIENCE, Running, course

ADDRESS = f"{DASHBOARD}/preferences"


def choose(page: Page, choice: str) -> None:
    """Choose something in the menu, whose words are in any language."""
    page.locator("[popovertarget=menu]").click()
    page.get_by_role("button", name=choice, exact=True).click()


def scheme_of(page: Page) -> str:
    """Return the colour scheme that the browser uses for the page."""
    page.wait_for_load_state()
    dark = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return "dark" if sum(map(int, re.findall(r"\d+", dark)[:3])) < 300 else "light"


@pytest.mark.parametrize("is_scripted", [True, False])
def test_colours_and_language_are_chosen_in_the_menu(browser: Browser, running: Running, is_scripted: bool) -> None:
    course_id = running.put_course(course())
    address = f"{DASHBOARD}/statistics/{course_id}/learners?status=completed"
    with visiting(
        browser, running, str(uuid4()), "statistics:read",
        java_script_enabled=is_scripted, color_scheme="light", locale="de-DE",
    ) as context:  # fmt: skip
        page = context.new_page()
        page.goto(address)
        html = page.locator("html")
        expect(html).to_have_attribute("lang", "de")
        choose(page, "English")
        expect(html).to_have_attribute("lang", "en")
        expect(page).to_have_url(running.base_url + address)
        choose(page, "Dark")
        expect(html).to_have_attribute("data-theme", "dark")
        expect(page.locator("meta[name=color-scheme]")).to_have_attribute("content", "dark")
        expect(page).to_have_url(running.base_url + address)
        choose(page, "العربية")
        expect(html).to_have_attribute("lang", "ar")
        expect(html).to_have_attribute("dir", "rtl")
        if not is_scripted:
            return
        assert scheme_of(page) == "dark"
        choose(page, "English")
        choose(page, "As on my device")
        expect(html).not_to_have_attribute("data-theme", re.compile(".*"))
        assert scheme_of(page) == "light"
        page.emulate_media(color_scheme="dark")
        assert scheme_of(page) == "dark"
        choose(page, "Light")
        expect(html).to_have_attribute("data-theme", "light")
        assert scheme_of(page) == "light"


def test_the_menu_is_there_before_signing_in_and_leads_back(browser: Browser, running: Running) -> None:
    with visiting(browser, running, str(uuid4()), width=PHONE) as context:
        context.clear_cookies()
        page = context.new_page()
        page.goto(f"{DASHBOARD}/authoring/new")
        asked = page.url
        choose(page, "Deutsch")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        assert page.url == asked


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_menu_is_open_to_all(browser: Browser, running: Running, width: int) -> None:
    with visiting(browser, running, str(uuid4()), "statistics:read", "courses:write", width=width) as context:
        context.add_cookies([{"name": LANGUAGE_COOKIE, "value": "ar", "url": running.base_url}])
        page = context.new_page()
        page.goto(DASHBOARD)
        menu = page.get_by_role("button", name=words_of("ar").gettext("Menu"), exact=True)
        menu.focus()
        page.keyboard.press("Enter")
        arabic = page.get_by_role("button", name="العربية")
        expect(arabic).to_have_attribute("aria-pressed", "true")
        assert barriers(page) == []
        assert fits(page)
        box = page.locator(":popover-open").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] < width / 2 + box["width"] / 2, "the menu is on the left of a mirrored page"
        page.keyboard.press("Escape")
        expect(arabic).to_be_hidden()
        expect(menu).to_be_focused()


def _post(running: Running, data: Mapping[str, str], **headers: str) -> httpx.Response:
    return httpx.post(running.base_url + ADDRESS, data=data, headers=headers, timeout=PATIENCE)


def test_a_choice_is_kept_for_the_pages_alone_where_no_script_reads_it(running: Running) -> None:
    answer = _post(
        running, {"theme": "dark", "language": "de"}, Referer=f"{running.base_url}{DASHBOARD}/authoring?limit=2"
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{DASHBOARD}/authoring?limit=2"
    kept = "Max-Age=31536000; Path=/dashboard; HttpOnly; SameSite=Lax"
    assert answer.headers.get_list("set-cookie") == [f"{THEME_COOKIE}=dark; {kept}", f"{LANGUAGE_COOKIE}=de; {kept}"]
    again = _post(running, {"theme": "system"})
    assert again.headers.get_list("set-cookie") == [
        f"{THEME_COOKIE}=; Max-Age=0; Path=/dashboard; HttpOnly; SameSite=Lax"
    ]


@pytest.mark.parametrize("referrer", ["", "https://elsewhere.example/", "http://[", "/dashboard/../x", "//x/dashboard"])
def test_a_choice_leads_to_no_other_page_than_ours(running: Running, referrer: str) -> None:
    assert _post(running, {}, Referer=referrer).headers["location"] == DASHBOARD
    assert _post(running, {"next": referrer}).headers["location"] == DASHBOARD


@pytest.mark.parametrize("data", [{"theme": "red"}, {"language": "xx"}, {"theme": ""}, {}])
def test_what_is_no_choice_changes_nothing(running: Running, data: Mapping[str, str]) -> None:
    answer = _post(running, data)
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


def test_no_other_site_chooses(running: Running) -> None:
    cookie = f"{COOKIE}={cookie_of(running, str(uuid4()))['value']}"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Cookie": cookie}):
        answer = _post(running, {"theme": "dark"}, **headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_cookie_with_no_choice_is_as_none(running: Running) -> None:
    page = httpx.get(
        running.base_url + f"{DASHBOARD}/sign-in",
        cookies={THEME_COOKIE: '"><b>', LANGUAGE_COOKIE: "../x"},
        timeout=PATIENCE,
    )
    assert page.status_code == 200
    assert "data-theme" not in page.text
    assert '<html lang="en" dir="ltr"' in page.text
