"""What every report is made of: a table of what was measured, one of what was to be reached."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, Self

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from load import Measurement

NAMES: Final = {"put": "PUT lesson", "list": "GET list", "summary": "GET summary", "mixed": "PUT, GET list"}
ENOUGH_ROUNDS: Final = 5

_ANSWERS: Final = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}
_WIDTH_WITHOUT_TERMINAL: Final = 120
_MARKDOWN_WIDTH: Final = 200

Part = Table | Text


class Cell(NamedTuple):
    """One place of a table: an endpoint, asked over so many connections, of one server."""

    endpoint: str
    connections: int
    server: str

    @property
    def name(self) -> str:
        """What `--only` is matched with."""
        return f"{self.endpoint}/{self.connections}/{self.server}"


Cells = Mapping[Cell, Sequence[Measurement]]


class Spread(NamedTuple):
    """What repeated measurements spread over."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        return cls(min(values), median(values), max(values))


class Reach(NamedTuple):
    """Something the project set out to reach, and whether it did; `None` where it has set itself nothing."""

    what: str
    wanted: str
    found: str
    reached: bool | None


def ratio_reach(cells: Cells, cell: Cell, other: Cell, wanted: float | None) -> Iterator[Reach]:
    """What the ratio of two cells' rates says, where both were measured."""
    if cell not in cells or other not in cells:
        return
    what = f"{NAMES[cell.endpoint]}, {count(cell.connections, 'connection')}: {cell.server} / {other.server}"
    least = "" if wanted is None else f">= {wanted:g}"
    if errors(cells[cell]) or errors(cells[other]):
        yield Reach(what, least, "failed", reached=False)
    else:
        ratio = rate(cells[cell]).middle / rate(cells[other]).middle
        yield Reach(what, least, f"{ratio:.2f}", reached=None if wanted is None else ratio >= wanted)


def machine_lines(machine: Mapping[str, str]) -> Iterator[Text]:
    """What it was measured on, a line each."""
    for name, value in machine.items():
        yield Text(f"{name + ':':<12}{value}")


Column = Callable[[Sequence[Measurement]], str]
"""What a table says of the rounds of one cell."""


def table_of_cells(
    cells: Cells, title: str | None = None, more: Mapping[str, Column] | None = None, grouped_by: int = 2
) -> Table:
    """The rates and latencies; `more` columns by their headings. A line after so many of a cell's fields are others."""
    rounds = max(map(len, cells.values()))
    usual = f"Requests per second over {count(rounds, 'round')}, latency as median of the rounds"
    table = Table(box=box.SIMPLE_HEAD, title=title or usual)
    for heading in ("endpoint", "connections", "server"):
        table.add_column(heading, justify="right" if heading == "connections" else "left", no_wrap=True)
    for heading in ("min", "median", "max", "p50 ms", "p99 ms", *(more or ())):
        table.add_column(heading, justify="right", no_wrap=True)
    any_failed = any(map(errors, cells.values()))
    if any_failed:
        table.add_column("", no_wrap=True)
    for _, group in groupby(cells.items(), key=lambda item: item[0][:grouped_by]):
        for cell, measurements in group:
            failures = errors(measurements)
            table.add_row(
                NAMES[cell.endpoint],
                str(cell.connections),
                cell.server,
                *(f"{value:,.0f}" for value in rate(measurements)),
                f"{median(measurement.p50_ms for measurement in measurements):.2f}",
                f"{median(measurement.p99_ms for measurement in measurements):.2f}",
                *(tell(measurements) for tell in (more or {}).values()),
                *([f"[red]failed: {failures[0]}[/red]" if failures else ""] if any_failed else []),
            )
        table.add_section()
    return table


def rounds_remark(cells: Cells) -> Iterator[Text]:
    """That there were not enough rounds, where there were not."""
    rounds = max(map(len, cells.values()))
    if rounds < ENOUGH_ROUNDS:
        yield Text(f"Only {count(rounds, 'round')}: a trial, not a measurement.", style="yellow")


def table_of_reaches(reaches: Sequence[Reach], title: str = "What was to be reached") -> Table:
    """What was wanted, what was found, and whether that is as good."""
    table = Table(box=box.SIMPLE_HEAD, title=title)
    for heading in ("what", "wanted", "found", "reached"):
        table.add_column(heading, no_wrap=True)
    for what, wanted, found, reached in reaches:
        table.add_row(what, wanted, found, _ANSWERS[reached])
    return table


def print_report(parts: Iterable[Part]) -> None:
    """Print a report."""
    Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL).print(Group(*parts))


def write_markdown(path: Path, parts: Iterable[Part]) -> None:
    """Write a report as Markdown: its lines as a list, its tables under headings."""
    with path.open("w") as file:
        console = Console(file=file, width=_MARKDOWN_WIDTH)
        for part in parts:
            if isinstance(part, Text):
                console.print(f"- {part.plain}" if part.plain else "", markup=False)
                continue
            console.print(f"## {part.title}\n", markup=False)
            part.title, part.box = None, box.MARKDOWN
            for row in part.rows:
                row.end_section = False
            console.print(part)


def count(number: int, noun: str) -> str:
    """`1 round`, `5 rounds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rate(measurements: Sequence[Measurement]) -> Spread:
    """The rates of the rounds."""
    return Spread.of([measurement.requests_per_second for measurement in measurements])


def errors(measurements: Sequence[Measurement]) -> list[str]:
    """What failed, round by round."""
    return [measurement.errors for measurement in measurements if measurement.errors]
