"""`headway copy`: copies everything in one database to another."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.table import Column, Table

from headway.app import Headway
from headway.cli.console import count_of, fail, load_settings, out, refusals_end_the_program, stage_shown
from headway.domain.archive_ports import Archive
from headway.domain.errors import ConfigurationError, StoreUnavailableError
from headway.settings import Settings
from headway.storage import copying
from headway.storage.copying import Compared
from headway.storage.migrations import count_anew

_SETTING: Final = "HEADWAY_DATABASE_URL"


def copy(
    context: typer.Context,
    source_url: Annotated[str, typer.Argument(metavar="FROM", help="Address of the database to copy.")],
    destination_url: Annotated[str, typer.Argument(metavar="TO", help="Address of the database to copy it to.")],
) -> None:
    """Copy everything in a database to another one: from SQLite to PostgreSQL, back, or between two of the same kind.

    Stop the service first, so that nothing writes to either database.

    Stores in TO what is missing there, then compares both. Run it again to continue an interrupted copy.
    TO must be empty, or an earlier copy of FROM.

    PGPASSWORD or ~/.pgpass may have the password for PostgreSQL.

    Examples:
      headway copy sqlite:////var/lib/headway/headway.db postgresql://headway@db.example/headway
      headway copy postgresql://headway@db.example/headway sqlite:///headway.db
    """
    if context.args:  # typer would print them, and one may hold a password
        fail("headway copy takes two addresses, FROM and TO.", 2)
    logging.getLogger("headway").addHandler(logging.NullHandler())  # errors are printed once, as a message
    source, destination = load_settings(database_url=source_url), load_settings(database_url=destination_url)
    with refusals_end_the_program():
        with _naming("FROM"):
            _refuse_unusable(source)
        with _naming("TO"):
            _refuse_unescaped(destination)
            _refuse_same(source, destination)
        _print_comparison(asyncio.run(_copy(source, destination)))


@dataclass(frozen=True)
class _Copied:
    """The number of rows that were written, the seconds that it took, and the comparison of both databases."""

    put: int
    seconds: float
    compared: Sequence[Compared]


async def _copy(source: Settings, destination: Settings) -> _Copied:
    async with _opened("FROM", source) as here, _opened("TO", destination) as there:
        try:
            return await _copy_all(here, there)
        except StoreUnavailableError as error:
            raise StoreUnavailableError(
                f"The copy was interrupted ({_reason(error)}). What was copied stays. When the cause is repaired, run "
                "the same command again to continue."
            ) from error


async def _copy_all(source: Archive, destination: Archive) -> _Copied:
    here, there = await source.holdings(), await destination.holdings()
    with stage_shown("Checking the destination", sum(there)) as progress:
        await copying.refuse_unless_earlier(source, destination, progress)
    began = monotonic()
    with stage_shown("Copying", sum(here)) as progress:
        put = await copying.put_what_differs(source, destination, progress)
    with stage_shown("Counting", here.lesson_progress) as progress:
        await count_anew(destination, progress)
    seconds = monotonic() - began
    with stage_shown("Comparing", sum(here)) as progress:
        return _Copied(put, seconds, await copying.compare(source, destination, progress))


@contextlib.asynccontextmanager
async def _opened(name: str, settings: Settings) -> AsyncIterator[Archive]:
    with _naming(name):
        store = Headway(settings).store
        await store.open()
    try:
        yield store.archive
    finally:
        await store.close()


def _refuse_unusable(source: Settings) -> None:
    """Raise `ConfigurationError` where the source file does not exist. Opening it would make an empty database."""
    _refuse_unescaped(source)
    if not source.uses_postgres and not source.database_path.exists():
        raise ConfigurationError(f"There is no file {source.database_path}.")


def _refuse_unescaped(settings: Settings) -> None:
    """Raise `ValueError` where part of a password would be read as the server's name, and so be printed."""
    _, server, *rest = urlsplit(settings.database_url)
    if settings.uses_postgres and any("@" in part for part in rest):
        raise ValueError(server)


def _refuse_same(source: Settings, destination: Settings) -> None:
    """Raise `ConfigurationError` where both are the same database.

    One PostgreSQL database under two different addresses is not noticed; copying it changes nothing.
    """
    if source.uses_postgres != destination.uses_postgres:
        return
    if source.uses_postgres:
        same = _without_password(source.database_url) == _without_password(destination.database_url)
    else:
        path = destination.database_path
        same = path.exists() and path.samefile(source.database_path)
    if same:
        raise ConfigurationError("This is the database that FROM names. Name another one.")


def _without_password(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    credentials, _, server = parts.netloc.rpartition("@")
    return credentials.partition(":")[0], server, parts.path, parts.query


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Add to an error which argument, FROM or TO, it is about. The argument also replaces the setting's name."""
    try:
        yield
    except StoreUnavailableError as error:
        raise StoreUnavailableError(_about(name, error)) from error
    except ConfigurationError as error:
        raise ConfigurationError(_about(name, error)) from error
    except ValueError as error:  # its text may contain part of the password
        raise ConfigurationError(
            f"{name} is not a database address. In a password, write characters such as / ? # @ : in percent form."
        ) from error


def _about(name: str, error: Exception) -> str:
    text = str(error)
    return text.replace(_SETTING, name) if _SETTING in text else f"{name}: {text}"


def _reason(error: Exception) -> str:
    """Return the first line of the driver's message. The details that PostgreSQL adds may quote a row."""
    return str(error.__cause__ or error).partition("\n")[0]


def _print_comparison(copied: _Copied) -> None:
    """Print the comparison of both databases. Ends the program where they differ."""
    figures = [Column(name, justify="right") for name in ("source", "destination", "differing")]
    table = Table("", *figures, box=None, pad_edge=False)
    for kind, *counts in copied.compared:
        table.add_row(kind, *(f"{count:,}" for count in counts))
    out.print(table, soft_wrap=False)
    if copied.put:
        rate = copied.put / copied.seconds
        out.print(
            f"Copied {count_of(copied.put, 'row')} in {copied.seconds:.1f} seconds, {count_of(rate, 'row')} a second."
        )
    else:
        out.print("Everything was there already. Nothing was written.")
    if any(compared.differing for compared in copied.compared):
        fail(
            "The databases differ, because one of them was written to during the copy. Stop every service that uses "
            "one of them, and run the same command again."
        )
