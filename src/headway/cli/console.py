"""What every command shares: settings, the two consoles, and how a refusal ends the program."""

import asyncio
import contextlib
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from headway.app import VERSION, Headway
from headway.domain.errors import ConfigurationError, HeadwayError, InvalidValueError
from headway.domain.principal import COURSES_WRITE, LEARNERS_ADMIN, OPERATOR_ID, STATISTICS_READ, Principal
from headway.domain.text import without_controls
from headway.logs import configure, get_logger
from headway.service import Services
from headway.settings import LogFormat, Settings

T = TypeVar("T")

_log = get_logger("headway")

_KEPT: Final = re.compile(r"[^\n\t]+")  # a line's end and a tab are what they are


class _Harmless(Console):
    """A console on which no text that somebody stored commands the terminal: control characters show as escapes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed, piece by piece."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else _harmless(text), style, control)


def count_of(number: float, noun: str) -> str:
    """So many of something, in words: `1 row`, `1,200 rows`."""
    return f"{number:,.0f} {noun}" if round(number) == 1 else f"{number:,.0f} {noun}s"


def _harmless(text: str) -> str:
    return text if text.isprintable() or text == "\n" else _KEPT.sub(lambda part: without_controls(part[0]), text)


# What is printed is printed as it is: brackets and colons in a title are no markup.
# Where there is no terminal to fit it into, a line is as long as it is.
out: Final = _Harmless(
    soft_wrap=True, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 10_000
)
err: Final = _Harmless(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

# Whoever may read the database's file may do all that the commands do.
OPERATOR: Final = Principal(OPERATOR_ID, frozenset({COURSES_WRITE, LEARNERS_ADMIN, STATISTICS_READ}))


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program, saying why."""
    err.print(Text.assemble(("error: ", "bold red"), message))
    raise typer.Exit(code)


@contextlib.contextmanager
def refusals_end_the_program() -> Iterator[None]:
    """Turn a refusal into a sentence and an exit code: 2 for bad input or settings, 1 for the rest."""
    try:
        yield
    except (ConfigurationError, InvalidValueError) as error:
        fail(str(error), 2)
    except HeadwayError as error:
        fail(str(error))


def load_settings(**overrides: object) -> Settings:
    """The settings, with the options given (not `None`) in their place; ends the program where they are wrong."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        fail("The file .env is no UTF-8 text.", 2)
    except ValidationError as error:
        # Without the values: one of them may be the secret.
        faults = [
            f"{'HEADWAY_' + '_'.join(map(str, fault['loc'])).upper() if fault['loc'] else 'settings'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        fail("; ".join(faults), 2)
    configure_logs(settings)
    return settings


def configure_logs(settings: Settings) -> None:
    """Write this process's log lines as the settings say."""
    configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)


def with_service(action: Callable[[Services], Awaitable[T]]) -> T:
    """Run `action` on the services over the configured store, opened and closed around it."""
    headway = Headway(load_settings())

    async def run() -> T:
        async with headway.opened():
            return await action(headway.services)

    with refusals_end_the_program():
        return asyncio.run(run())


def announce(settings: Settings, url: str) -> None:
    """Say once where the service answers: on the terminal, or as a line of the log where that is JSON."""
    announcement = f"Headway {VERSION} answers at {url} (API: {url}/docs)"
    if settings.log_format is LogFormat.JSON:
        _log.info(announcement)
    else:
        err.print(announcement)
