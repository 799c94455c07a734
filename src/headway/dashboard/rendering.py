"""From values to pages: Jinja2's templates, and numbers and moments as the reader writes them."""

import asyncio
import re
from collections.abc import Sequence
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
from headway.dashboard.assets import Assets
from headway.domain.activity import LEVELS
from headway.domain.bounds import shown
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.text import isolated, visible
from headway.http.engine.parameters import accepted

_LOCALE: Final = "en"
_NOBODY: Final = "–"  # noqa: RUF001 - a dash, where there is nothing to tell
_MINUTES_IN_AN_HOUR: Final = 60
_LONGEST_LANGUAGES: Final = 1000
# RFC 5646: language, script, region; what follows says nothing of numbers and moments.
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(?![^-])")
_FIGURES: Final = 4096


class Renderer:
    """Renders templates for readers; `path` is the pages' own, `api` that of the API.

    `lesson_url` is where the platform plays lessons, with their ids in braces; `None`: nowhere but here.
    """

    def __init__(self, path: str, api: str, assets: Assets, lesson_url: str | None = None) -> None:
        self._environment = Environment(
            loader=PackageLoader("headway.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"visible": visible, "isolated": isolated}
        self._environment.globals |= {"path": path, "api": api, "asset": assets.address}
        self._environment.globals |= {"lesson_address": LessonAddress(path, lesson_url), "levels": LEVELS}

    async def show(
        self, request: Request, template: str, session: Session | None, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A template as a page. `values` are its own; it is also given `session`, `reader` and `here`, its address."""
        values |= {"session": session, "reader": reader_of(request), "here": request.url.path}
        # Beside the event loop: a course may have thousands of lessons, and others' writes do not wait for its page.
        content = await asyncio.to_thread(lambda: self._environment.get_template(template).render(values))
        return HTMLResponse(content, status)


@dataclass(frozen=True)
class LessonAddress:
    """Where a lesson is: on the platform if `template` says where, else on its course's page below `path`."""

    path: str
    template: str | None

    @property
    def leads_away(self) -> bool:
        """Whether lessons are on the platform."""
        return self.template is not None

    def __call__(self, course_id: CourseId, lesson_id: LessonId) -> str:
        """The address of one lesson."""
        if self.template is None:
            return f"{self.path}/courses/{course_id}#lesson-{lesson_id}"
        return self.template.replace("{course_id}", course_id).replace("{lesson_id}", lesson_id)


@dataclass(frozen=True)
class Reader:
    """How somebody reads numbers and moments. The zone is the browser's own: a script puts moments into it.

    The pages are in English, dates in the reader's language: a date that runs the other way (`dir="auto"`) does not
    disturb the sentence that it stands in.
    """

    locale: Locale

    @property
    def language(self) -> str:
        """The locale as scripts name it (BCP 47), with the calendar and the digits in which pages are written here."""
        return f"{self.locale}-u-ca-gregory-nu-latn".replace("_", "-")

    @property
    def first_weekday(self) -> int:
        """The day that weeks begin with; Monday is 0."""
        return int(self.locale.first_week_day)

    def weekday(self, number: int, width: Literal["abbreviated", "wide"] = "wide") -> str:
        """The name of a weekday; Monday is 0."""
        return str(dates.get_day_names(width, "stand-alone", self.locale)[number])

    def month(self, value: date) -> str:
        """The short name of a day's month."""
        return dates.format_date(value, "LLL", locale=self.locale)

    def number(self, value: float | None, *marks: float | None) -> str:
        """A figure to three decimals at most, or a dash where there is nobody to ask.

        It reaches 0 and each of the marks exactly where the value does, and so do those below (see `shown`).
        """
        return _NOBODY if value is None else _decimal(value, marks, self.locale)

    def count(self, value: float | None, of: str, *marks: float | None) -> str:
        """A figure and what it counts, a word in the singular: `1 lesson`, `0 lessons`."""
        written = self.number(value, *marks)
        return f"{written} {of}" if written == self.number(1) else f"{written} {of}s"

    def percent(self, value: float | None, *marks: float | None) -> str:
        """A percentage of 0 to 100, to one decimal at most; 100 is a mark always."""
        return _NOBODY if value is None else _percent(value, (100, *marks), self.locale)

    def minutes(self, value: float | None, *marks: float | None) -> str:
        """A time in whole minutes, as hours and minutes from an hour on."""
        if value is None:
            return _NOBODY
        hours, minutes = divmod(shown(value, 0, marks), _MINUTES_IN_AN_HOUR)
        return f"{self.number(hours)} h {minutes} min" if hours else f"{minutes} min"

    def moment(self, value: datetime | None) -> Markup | str:
        """A moment, in UTC until a script puts it into the browser's zone."""
        if value is None:
            return _NOBODY
        moment = value.astimezone(UTC)
        written = f"{dates.format_datetime(moment, 'medium', locale=self.locale)} UTC"
        return Markup('<time dir="auto" datetime="{}" data-moment>{}</time>').format(moment.isoformat(), written)

    def day(self, value: date | None) -> Markup | str:
        """A day of a course, which is the same in every zone."""
        if value is None:
            return _NOBODY
        return Markup('<time dir="auto" datetime="{}">{}</time>').format(value.isoformat(), _day(value, self.locale))

    def plain_day(self, value: date) -> str:
        """A day of a course where there can be no markup, isolated from the text around it."""
        return f"\N{FIRST STRONG ISOLATE}{_day(value, self.locale)}\N{POP DIRECTIONAL ISOLATE}"


# A page shows the same few figures again and again, and a calendar the same days as others'.
@lru_cache(_FIGURES)
def _decimal(value: float, marks: Sequence[float | None], locale: Locale) -> str:
    return numbers.format_decimal(_exactly(shown(value, 3, marks)), locale=locale, decimal_quantization=False)


@lru_cache(_FIGURES)
def _percent(value: float, marks: Sequence[float | None], locale: Locale) -> str:
    sign = locale.number_symbols["latn"]["percentSign"]
    share = _exactly(shown(value, 1, marks)) / 100
    return numbers.format_percent(share, locale=locale, decimal_quantization=False).replace("%", sign)


def _exactly(figure: float) -> Decimal:
    return Decimal(str(figure))


@lru_cache(_FIGURES)
def _day(value: date, locale: Locale) -> str:
    return dates.format_date(value, "medium", locale=locale)


def reader_of(request: Request) -> Reader:
    """How the sender of a request reads."""
    return Reader(locale_of(request.headers.get("accept-language", "")[:_LONGEST_LANGUAGES]))


@lru_cache(1024)
def locale_of(languages: str) -> Locale:
    """The locale that a browser asks for first among those that are known (RFC 9110 section 12.5.4)."""
    for name, weight in sorted(accepted(languages).items(), key=lambda one: -one[1]):
        language = _LANGUAGE.match(name)
        if language and weight > 0:
            try:
                return Locale.parse(language[0], sep="-")
            except (UnknownLocaleError, ValueError):
                continue
    return Locale.parse(_LOCALE)
