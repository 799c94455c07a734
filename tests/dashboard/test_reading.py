"""Numbers and times in the reader's locale: the server and the scripts write the same."""

from datetime import UTC, datetime
from random import Random
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from dashboard.own_course import student
from headway.dashboard.rendering import reader_for
from headway.domain.bounds import shown
from support.browser import DASHBOARD, visiting
from support.running import Running

LOCALES = ("en-GB", "de-DE", "fr-FR", "tr-TR", "hi-IN", "th-TH", "fa-IR", "ar-EG", "ar-SA", "bn-BD", "my-MM")
VALUES = (0, 1e-7, 0.35, 0.45, 7.15, 12.5, 33.333333, 66.65, 99.95, 99.96, 99.9999999, 100)
WRITE = """
    async ([name, values]) => {
      const script = await import(document.querySelector("script[src*='/headway']").src);
      return values.map((value) => script[name](value));
    }
"""


@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_is_written_alike_by_the_server_and_by_scripts(
    browser: Browser, running: Running, locale: str
) -> None:
    reader = reader_for(locale)
    with visiting(browser, running, str(uuid4()), locale=locale) as context:
        page = context.new_page()
        page.goto(DASHBOARD, wait_until="load")
        assert page.evaluate(WRITE, ["percent", VALUES]) == [reader.percent(value) for value in VALUES]
        numbers = (*VALUES, 1234567, 0.0625)
        assert page.evaluate(WRITE, ["number", numbers]) == [reader.number(value) for value in numbers]


def test_scripts_round_as_the_server_does(browser: Browser, running: Running) -> None:
    chance = Random(58)
    values = [*VALUES, 57.99999999999999, 58, 69.5, 0.5, 1.5, 2.5, 12.25, 12.75, 0.0625, 0.0001, 1234567.0005]
    values += [round(chance.uniform(0, 100), chance.randrange(7)) for _ in range(500)]
    cases = [
        (value, decimals, marks) for value in values for decimals in (0, 1, 3) for marks in ([], [100], [58, 69.9, 100])
    ]
    each = "(cases) => cases.map((one) => script.shown(...one))"
    with visiting(browser, running, str(uuid4())) as context:
        page = context.new_page()
        page.goto(DASHBOARD, wait_until="load")
        imported = """const script = await import(document.querySelector("script[src*='/headway']").src);"""
        rounded = page.evaluate(f"async (cases) => {{ {imported} return ({each})(cases); }}", cases)
    assert rounded == [shown(*case) for case in cases]


def test_no_figure_shows_a_mark_that_its_value_has_not_reached() -> None:
    reader = reader_for("en")
    assert reader.percent(99.99) == "99%"
    assert reader.percent(100 * 1999 / 2000) == "99%"
    assert reader.percent(0.001) == "1%"
    assert reader.percent(79.99, 80) == "79%"
    assert reader.number(57.99999999999999, 58) == "57.9"
    assert reader.number(69.9996, 70) == "69.9"
    assert reader.number(58, 58) == "58"
    assert reader.minutes(0.2) == "1 min"
    assert reader.minutes(14.7, 15, 30, 60) == "14 min"
    assert reader.minutes(59.7) == "1 h 0 min"


@pytest.mark.parametrize("locale", ["th-TH", "fa-IR", "ar-EG"])
def test_times_are_in_the_courses_time_zone(browser: Browser, running: Running, locale: str) -> None:
    learner = student(running)
    learner.write("Flour", progress_percentage=20)
    with visiting(browser, running, learner.learner_id, locale=locale, timezone_id="UTC") as context:
        moment = learner.open(context).locator("time[data-moment]").first
        expect(moment).not_to_contain_text("UTC")
        expect(moment).to_contain_text(str(datetime.now(UTC).year))


def test_a_percentage_is_written_as_the_locale_does() -> None:
    written = {locale: reader_for(locale).percent(12.4) for locale in ("en", "de", "tr", "eu")}
    assert written == {"en": "12%", "de": "12\N{NO-BREAK SPACE}%", "tr": "%12", "eu": "%\N{NO-BREAK SPACE}12"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr; q=0.4, de;q=0.9 , en;q=0.1", "de"),
        ("be@tarask, root, x-y, nl", "nl"),
        ("zh-Hans-CN-x-own", "zh-Hans-CN"),
        ("en-US-posix", "en-US"),
        ("de;q=0, *", "en"),
        ("de;q=0.9, fr;q=none", "fr"),
        (",;=", "en"),
    ],
)
def test_the_chosen_language_is_one_that_scripts_support(accepted: str, language: str) -> None:
    assert reader_for(accepted).language == f"{language}-u-ca-gregory-nu-latn"
