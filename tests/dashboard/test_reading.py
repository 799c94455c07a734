"""Numbers and moments in the reader's locale: alike from the server and from scripts."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from dashboard.own_course import student
from headway.dashboard.rendering import Reader, locale_of
from support.browser import DASHBOARD, ON_ONE_STORE, visiting
from support.running import Running

LOCALES = ("en-GB", "de-DE", "fr-FR", "tr-TR", "hi-IN", "th-TH", "fa-IR", "ar-EG", "ar-SA", "bn-BD", "my-MM")
VALUES = (0, 1e-7, 0.35, 0.45, 7.15, 12.5, 33.333333, 66.65, 99.96, 100)
WRITE = """
    async ([name, values]) => {
      const script = await import(document.querySelector("script[src*='/headway']").src);
      return values.map((value) => script[name](value));
    }
"""


@ON_ONE_STORE
@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_is_written_alike_by_the_server_and_by_scripts(
    browser: Browser, running: Running, locale: str
) -> None:
    reader = Reader(locale_of(locale))
    with visiting(browser, running, str(uuid4()), locale=locale) as context:
        page = context.new_page()
        page.goto(DASHBOARD, wait_until="load")
        assert page.evaluate(WRITE, ["percent", VALUES]) == [reader.percent(value) for value in VALUES]
        numbers = (*VALUES, 1234567, 0.0625)
        assert page.evaluate(WRITE, ["number", numbers]) == [reader.number(value) for value in numbers]


@pytest.mark.parametrize("locale", ["th-TH", "fa-IR", "ar-EG"])
def test_moments_are_in_the_calendar_of_the_courses_days(browser: Browser, running: Running, locale: str) -> None:
    learner = student(running)
    learner.write("Flour", progress_percentage=20)
    with visiting(browser, running, learner.learner_id, locale=locale, timezone_id="UTC") as context:
        moment = learner.open(context).locator("time[data-moment]").first
        expect(moment).not_to_contain_text("UTC")
        expect(moment).to_contain_text(str(datetime.now(UTC).year))


def test_a_percentage_is_written_as_the_locale_does() -> None:
    written = {locale: Reader(locale_of(locale)).percent(12.5) for locale in ("en", "de", "tr", "eu")}
    assert written == {"en": "12.5%", "de": "12,5\N{NO-BREAK SPACE}%", "tr": "%12,5", "eu": "%\N{NO-BREAK SPACE}12,5"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr; q=0.4, de;q=0.9 , en;q=0.1", "de"),
        ("be@tarask, root, x-y, nl", "nl"),
        ("zh-Hans-CN-x-own", "zh-Hans-CN"),
        ("en-US-posix", "en-US"),
        ("de;q=0, fr;q=none, *", "en"),
        (",;=", "en"),
    ],
)
def test_the_language_that_is_liked_best_is_one_that_scripts_know_too(accepted: str, language: str) -> None:
    assert Reader(locale_of(accepted)).language == f"{language}-u-ca-gregory-nu-latn"
