"""What all commands share: settings, arguments, the consoles, the progress of long work, ending with an error."""

import asyncio
import contextlib
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Annotated, Final, NoReturn, TypeVar

import asyncpg
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console, ConsoleOptions, RenderableType
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.text import Text

from headway.app import VERSION, Headway
from headway.domain.errors import ConfigurationError, HeadwayError, InvalidValueError
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, WebhookId
from headway.domain.principal import (
    COURSES_WRITE,
    ENROLMENTS_WRITE,
    EVENTS_READ,
    GROUPS_WRITE,
    LEARNERS_ADMIN,
    OPERATOR_ID,
    STATISTICS_READ,
    WEBHOOKS_WRITE,
    Principal,
)
from headway.domain.text import without_controls
from headway.formats.fields import Moment
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier
from headway.formats.shapes import to_json
from headway.logs import configure, get_logger
from headway.service import Services
from headway.settings import LogFormat, Settings

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON of the API.")]

_log = get_logger("headway")

_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
_KEPT: Final = re.compile(r"[^\n\t]+")  # line feeds and tabs stay as they are
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SECONDS_BETWEEN_LINES: Final = 10.0


class _Harmless(Console):
    """A console that prints control characters as escapes, so that stored texts can not control the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments to print."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else _harmless(text), style, control)


def count_of(number: float, noun: str) -> str:
    """Return a number with its noun: `1 row`, `1,200 rows`."""
    return f"{number:,.0f} {noun}" if round(number) == 1 else f"{number:,.0f} {noun}s"


def _harmless(text: str) -> str:
    return text if text.isprintable() or text == "\n" else _KEPT.sub(lambda part: without_controls(part[0]), text)


# Texts are printed unchanged: brackets and colons in a title are not markup.
# Lines are not wrapped where the output is not a terminal.
out: Final = _Harmless(
    soft_wrap=True, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 10_000
)
err: Final = _Harmless(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

# People who can open the database can do all that the commands do, so commands run with every scope.
_EVERY_SCOPE: Final = frozenset(
    {COURSES_WRITE, ENROLMENTS_WRITE, EVENTS_READ, GROUPS_WRITE, LEARNERS_ADMIN, STATISTICS_READ, WEBHOOKS_WRITE}
)
OPERATOR: Final = Principal(OPERATOR_ID, _EVERY_SCOPE)


def print_json(document: object) -> None:
    """Print a document of the API on one line."""
    out.out(to_json(document).decode(), highlight=False)


def fail(message: str, code: int = 1) -> NoReturn:
    """Print an error message and end the program with an exit code."""
    err.print(Text.assemble(("error: ", "bold red"), message))
    raise typer.Exit(code)


@contextlib.contextmanager
def refusals_end_the_program() -> Iterator[None]:
    """Turn an error that says what to do into a message and an exit code: 2 for bad input or settings, else 1.

    PostgreSQL's error for a statement that it refuses is shown without its details, which may quote stored data.
    """
    try:
        yield
    except (ConfigurationError, InvalidValueError) as error:
        fail(str(error), 2)
    except HeadwayError as error:
        fail(str(error))
    except asyncpg.PostgresError as error:
        fail(f"PostgreSQL refused a statement ({error.args[0]}). Were its tables changed by hand?")


def load_settings(**overrides: object) -> Settings:
    """Load the settings; options that are not `None` replace them. Ends the program where they are not valid."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        fail("The file .env is not UTF-8 text.", 2)
    except ValidationError as error:
        # The values are left out: one of them may be the secret.
        faults = [
            f"{'HEADWAY_' + '_'.join(map(str, fault['loc'])).upper() if fault['loc'] else 'settings'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        fail("; ".join(faults), 2)
    configure_logs(settings)
    return settings


def configure_logs(settings: Settings) -> None:
    """Set the log's format and level from the settings."""
    configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)


def with_service(action: Callable[[Services], Awaitable[T]]) -> T:
    """Open the configured store, run `action` with its services, close it, and return the action's result."""
    headway = Headway(load_settings())
    results: list[T] = []  # not the result of the task, which asyncio.run writes out as text for nothing when it ends

    async def run() -> None:
        async with headway.opened():
            results.append(await action(headway.services))

    with refusals_end_the_program():
        asyncio.run(run())
    return results[0]


def announce(settings: Settings, url: str) -> None:
    """Print the service's URL to the terminal, or write it to the log where the log is JSON."""
    announcement = f"Headway {VERSION} answers at {url} (API: {url}/docs)"
    if settings.log_format is LogFormat.JSON:
        _log.info(announcement)
    else:
        err.print(announcement)


def course_id_of(text: str) -> CourseId:
    """Return the course id in an argument COURSE. Ends the program where it is not a valid id."""
    try:
        return CourseId(parse_identifier("COURSE", text))
    except InvalidIdentifierError as error:
        fail(str(error), 2)


def group_id_of(text: str) -> GroupId:
    """Return the group id in an argument GROUP. Ends the program where it is not a valid id."""
    try:
        return GroupId(parse_identifier("GROUP", text))
    except InvalidIdentifierError as error:
        fail(str(error), 2)


def webhook_id_of(text: str) -> WebhookId:
    """Return the webhook id in an argument WEBHOOK. Ends the program where it is not a valid id."""
    try:
        return WebhookId(ConsumerId(parse_identifier("WEBHOOK", text)))
    except InvalidIdentifierError as error:
        fail(str(error), 2)


def moment_of(option: str, text: str | None) -> datetime | None:
    """Return the time in an option. Ends the program where it has no offset from UTC."""
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        fail(f"{option} {text} is not a time with an offset from UTC, such as 2027-06-30T22:00:00Z.", 2)


def shown_moment(moment: datetime | None) -> str:
    """Return a time in UTC, to the minute."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lifetime_of(text: str) -> timedelta:
    """Return the duration in an option --expires. Ends the program where it is not valid."""
    unit = _UNITS.get(text[-1:])
    number = text[:-1]
    if unit is None or not (number.isascii() and number.isdigit()) or not 0 < int(number) < 10**6:
        fail("--expires takes a whole number and a unit: 90s, 15m, 12h or 30d.", 2)
    return timedelta(**{unit: int(number)})


@contextlib.contextmanager
def stage_shown(stage: str, total: int, *, in_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far a stage is. Yields a function to call with the amount of work done since the last call."""
    if not err.is_terminal:
        lines = _Lines(stage, total, decimal if in_bytes else "{:,}".format)
        yield lines.advance
        lines.print()
        return
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn()
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(stage, total=total)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """Prints how far a stage is, at most once every few seconds."""

    def __init__(self, stage: str, total: int, shown: Callable[[int], str]) -> None:
        self._stage = stage
        self._total = total
        self._shown = shown
        self._done = 0
        self._printed_at = monotonic()

    def advance(self, count: int) -> None:
        """Add to the amount done, and print a line where it is time."""
        self._done += count
        if monotonic() - self._printed_at > _SECONDS_BETWEEN_LINES:
            self.print()

    def print(self) -> None:
        """Print the amount done and the total."""
        err.print(f"{self._stage}: {self._shown(self._done)} of {self._shown(self._total)}")
        self._printed_at = monotonic()
