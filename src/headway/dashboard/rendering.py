"""Renders pages with Jinja2. Writes numbers, dates and times in the reader's locale."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from babel import Locale, UnknownLocaleError, dates, numbers
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from headway.auth import Session
from headway.dashboard.words import LANGUAGES, SOURCE, Words, words_of
from headway.domain.activity import LEVELS
from headway.domain.bounds import shown
from headway.domain.catalogue import Lesson
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.packages import is_packaged
from headway.domain.text import isolated, visible
from headway.domain.webhook_address import host_of
from headway.http.engine.parameters import accepted
from headway.http.engine.static_files import StaticFiles
from headway.player import Framing

LANGUAGE_COOKIE: Final = "headway_language"
"""The cookie with the language that somebody has chosen for the pages: one of `LANGUAGES`."""

THEME_COOKIE: Final = "headway_theme"
"""The cookie with the colours that somebody has chosen for the pages: one of `THEMES`. Without it, the system's."""

THEMES: Final = ("light", "dark")

_NOBODY: Final = "–"  # noqa: RUF001 - a dash, where there is no value
_MINUTES_IN_AN_HOUR: Final = 60
_LONGEST_LANGUAGES: Final = 1000
# RFC 5646: language, script, region. The later parts of a language tag do not matter for numbers and times.
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(?![^-])")
_FIGURES: Final = 4096


class Renderer:
    """Renders templates. `path` is the path of the pages, `api` is that of the API.

    `lesson_url` is the platform's address of a lesson, with placeholders for the ids in braces. `None` means that
    links to lessons lead to the course's page. `message_url` is the platform's address that takes learners to whom a
    teacher wants to write, if there is one. `framing` is how the content of lessons is framed.
    """

    def __init__(
        self,
        path: str,
        api: str,
        static: StaticFiles,
        framing: Framing,
        lesson_url: str | None = None,
        message_url: str | None = None,
    ) -> None:
        self.path = path
        names = {"path": path, "api": api, "asset": static.address, "levels": LEVELS}
        names |= {"lesson_address": LessonAddress(path, lesson_url), "languages": LANGUAGES}
        names |= {"message_url": message_url, "framing": framing}
        self._environments = {language: _environment(words_of(language), names) for language in LANGUAGES}

    async def show(
        self, request: Request, template: str, session: Session | None, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Render a template with `values`, and with what every page has.

        That is the `session`, the `reader`, the `theme` if one is chosen, and `here`, the path of the request.
        """
        reader = reader_of(request)
        values |= {"session": session, "reader": reader, "theme": _theme_of(request), "here": request.url.path}
        environment = self._environments[reader.words.language]
        # In a thread: a course may have thousands of lessons, and other people's writes must not wait for its page.
        content = await asyncio.to_thread(lambda: environment.get_template(template).render(values))
        return HTMLResponse(content, status)


def _environment(words: Words, names: Mapping[str, object]) -> Environment:
    """Return the templates with the words of one language."""
    environment = Environment(
        loader=PackageLoader("headway.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # The extension adds this method. `newstyle`: the values are put in by the call, escaped.
    environment.install_gettext_callables(words.translate, words.translate_counted, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {"visible": visible, "isolated": isolated, "host_of": host_of}
    environment.globals |= names
    return environment


@dataclass(frozen=True)
class LessonAddress:
    """Makes addresses of lessons: from `template` where it is set, else on the course's page below `path`.

    A lesson with content in a package has a page of its own, which plays it.
    """

    path: str
    template: str | None

    @property
    def leads_away(self) -> bool:
        """Whether the addresses lead to the platform."""
        return self.template is not None

    def __call__(self, course_id: CourseId, lesson_id: LessonId) -> str:
        """Return the address of a lesson."""
        if self.template is None:
            return f"{self.path}/courses/{course_id}#lesson-{lesson_id}"
        return self.template.replace("{course_id}", course_id).replace("{lesson_id}", lesson_id)

    def of(self, course_id: CourseId, lesson: Lesson) -> str:
        """Return the address of a lesson: the page that plays it, where it has one."""
        if self.is_played(lesson):
            return f"{self.path}/play/{course_id}/{lesson.id}"
        return self(course_id, lesson.id)

    def is_played(self, lesson: Lesson) -> bool:
        """Whether a page here plays the lesson."""
        return is_packaged(lesson.content_id)


@dataclass(frozen=True)
class Reader:
    """Writes numbers, dates and times in a locale. A script in the page converts times to the browser's time zone.

    Where the pages do not have the reader's language, sentences are in another one, but dates are in the reader's own.
    `dir="auto"` keeps a date of the other direction of writing from disturbing its sentence.
    """

    locale: Locale
    words: Words

    def gettext(self, message: str, **values: object) -> str:
        """Return a sentence with its values (see `Words`)."""
        return self.words.gettext(message, **values)

    def ngettext(self, one: str, many: str, number: float, **values: object) -> str:
        """Return the sentence for a number of things with its values."""
        return self.words.ngettext(one, many, number, **values)

    @property
    def language(self) -> str:
        """The locale's language tag for scripts (BCP 47), with the calendar and digits that the pages use."""
        return f"{self.locale}-u-ca-gregory-nu-latn".replace("_", "-")

    @property
    def first_weekday(self) -> int:
        """The first day of the week; Monday is 0."""
        return int(self.locale.first_week_day)

    def weekday(self, number: int, width: Literal["abbreviated", "wide"] = "wide") -> str:
        """Return the name of a weekday; Monday is 0."""
        return str(dates.get_day_names(width, "stand-alone", self.locale)[number])

    def month(self, value: date) -> str:
        """Return the short name of a date's month."""
        return dates.format_date(value, "LLL", locale=self.locale)

    def short_day(self, value: date) -> str:
        """Write a date without its year, as an axis has it."""
        return dates.format_skeleton("MMMd", value, locale=self.locale)

    def month_and_year(self, value: date) -> str:
        """Write the month of a date, with its year."""
        return dates.format_skeleton("yMMMM", value, locale=self.locale)

    def days_between(self, first: date, last: date) -> str:
        """Write a range of days as plain text, isolated from the direction of the text around it."""
        written = dates.format_interval(first, last, "yMMMd", locale=self.locale)
        return f"\N{FIRST STRONG ISOLATE}{written}\N{POP DIRECTIONAL ISOLATE}"

    def number(self, value: float | None, *marks: float | None) -> str:
        """Write a number with at most one decimal, or a dash for `None`.

        All pages and their scripts have this one rule: percentages and minutes are whole, other figures have one
        decimal at most. Rounding never reaches 0 or one of `marks` where the value does not; only where it would are
        there more decimals (see `shown`).
        """
        return _NOBODY if value is None else _decimal(value, marks, self.locale)

    def percent(self, value: float | None, *marks: float | None) -> str:
        """Write a whole percentage from 0 to 100. 100 is always a mark, so 99.9 is written as 99."""
        return _NOBODY if value is None else _percent(value, (100, *marks), self.locale)

    def minutes(self, value: float | None, *marks: float | None) -> str:
        """Write a duration in whole minutes, or in hours and minutes where it is an hour or more."""
        if value is None:
            return _NOBODY
        hours, minutes = divmod(shown(value, 0, marks), _MINUTES_IN_AN_HOUR)
        if not hours:
            return self.gettext("%(minutes)s min", minutes=minutes)
        return self.gettext("%(hours)s h %(minutes)s min", hours=self.number(hours), minutes=minutes)

    def moment(self, value: datetime | None) -> Markup | str:
        """Write a date and time in UTC. A script converts it to the browser's time zone."""
        if value is None:
            return _NOBODY
        moment = value.astimezone(UTC)
        written = f"{dates.format_datetime(moment, 'medium', locale=self.locale)} UTC"
        return Markup('<time dir="auto" datetime="{}" data-moment>{}</time>').format(moment.isoformat(), written)

    def day(self, value: date | None) -> Markup | str:
        """Write a date in a course, which is the same in every time zone."""
        if value is None:
            return _NOBODY
        return Markup('<time dir="auto" datetime="{}">{}</time>').format(value.isoformat(), _day(value, self.locale))

    def plain_day(self, value: date) -> str:
        """Write a date as plain text, isolated from the direction of the text around it."""
        return f"\N{FIRST STRONG ISOLATE}{_day(value, self.locale)}\N{POP DIRECTIONAL ISOLATE}"


# Cached: pages write the same few numbers again and again, and all calendars have the same days.
@lru_cache(_FIGURES)
def _decimal(value: float, marks: Sequence[float | None], locale: Locale) -> str:
    return numbers.format_decimal(_exactly(shown(value, 1, marks)), locale=locale, decimal_quantization=False)


@lru_cache(_FIGURES)
def _percent(value: float, marks: Sequence[float | None], locale: Locale) -> str:
    sign = locale.number_symbols["latn"]["percentSign"]
    share = _exactly(shown(value, 0, marks)) / 100
    return numbers.format_percent(share, locale=locale, decimal_quantization=False).replace("%", sign)


def _exactly(figure: float) -> Decimal:
    return Decimal(str(figure))


@lru_cache(_FIGURES)
def _day(value: date, locale: Locale) -> str:
    return dates.format_date(value, "medium", locale=locale)


def reader_of(request: Request) -> Reader:
    """Return the reader for a request: by its cookie with a chosen language, and its `Accept-Language` header."""
    languages = request.headers.get("accept-language", "")[:_LONGEST_LANGUAGES]
    return reader_for(languages, request.cookies.get(LANGUAGE_COOKIE))


def _theme_of(request: Request) -> str | None:
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


@lru_cache(1024)
def reader_for(languages: str, chosen: str | None = None) -> Reader:
    """Return the reader who prefers `languages`, an `Accept-Language` header, or has `chosen` one of the pages'."""
    locales = list(_locales(languages))
    if chosen is not None and chosen in LANGUAGES:
        own = (locale for locale in locales if locale.language == chosen)
        return Reader(next(own, Locale(chosen)), words_of(chosen))
    known = (locale.language for locale in locales if locale.language in LANGUAGES)
    return Reader(next(iter(locales), Locale(SOURCE)), words_of(next(known, SOURCE)))


def _locales(languages: str) -> Iterator[Locale]:
    """Yield the known locales of an `Accept-Language` header, the preferred one first (RFC 9110 section 12.5.4)."""
    for name, weight in sorted(accepted(languages).items(), key=lambda one: -one[1]):
        language = _LANGUAGE.match(name)
        if language and weight > 0:
            with suppress(UnknownLocaleError, ValueError):
                yield Locale.parse(language[0], sep="-")
