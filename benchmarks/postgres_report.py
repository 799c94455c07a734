"""What run_postgres.py found, and what is printed of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, Final, NamedTuple

from rich.text import Text

from load import Measurement
from pgbench import CLIENTS
from processor import CLIENT, OTHERS
from tables import (
    NAMES,
    Cell,
    Cells,
    Column,
    Part,
    Reach,
    Spread,
    count,
    errors,
    machine_lines,
    rate,
    ratio_reach,
    rounds_remark,
    table_of_cells,
    table_of_reaches,
)

HEADWAY: Final = "headway"
POSTGRES: Final = "postgres"

_OF_THE_BARE_DATABASE: Final = {"put": 1.0, "list": 0.7, "summary": 0.7}
_OF_MANY_COURSES: Final = 0.9
_OF_FEW_ROWS: Final = 0.8
_PACED_P99_MS: Final = 10
_BUSY_MACHINE: Final = 0.1


class Section(NamedTuple):
    """A part of the run, with so many processes of Headway's."""

    part: str
    workers: int


@dataclass
class Findings:
    """Everything one run found. `checks` say whether the databases hold what was acknowledged."""

    machine: Mapping[str, str]
    cores: int
    titles: Mapping[str, str]
    sections: dict[Section, dict[Cell, list[Measurement]]] = field(default_factory=dict)
    checks: list[Reach] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a request failed, or a database does not hold what was acknowledged."""
        measured = [cell for cells in self.sections.values() for cell in cells.values()]
        return any(map(errors, measured)) or not all(check.reached for check in self.checks)

    def reaches(self) -> list[Reach]:
        """What this run can say about what was to be reached."""
        several = len({section.workers for section in self.sections}) > 1
        return [
            reach._replace(what=f"{count(section.workers, 'worker')}: {reach.what}") if several else reach
            for section, cells in self.sections.items()
            for cell in cells
            for reach in _reaches_of(section.part, cells, cell)
        ]

    def parts(self) -> Iterator[Part]:
        """The machine, a table for each part, and what was reached."""
        yield from machine_lines(self.machine)
        yield Text()
        for section, cells in self.sections.items():
            title = f"{self.titles[section.part]}: {count(section.workers, 'worker')}"
            yield table_of_cells(cells, title, _PACED_COLUMNS if section.part == "pace" else _COLUMNS, grouped_by=1)
        yield from self._remarks()
        if reaches := self.reaches():
            yield table_of_reaches(reaches)
        if self.checks:
            yield table_of_reaches(self.checks, "What the databases held afterwards")

    def as_json(self) -> dict[str, Any]:
        """Everything found, round by round."""
        return {
            "machine": dict(self.machine),
            "cells": [
                {**section._asdict(), **cell._asdict(), "rounds": [measured._asdict() for measured in measurements]}
                for section, cells in self.sections.items()
                for cell, measurements in cells.items()
            ],
            "reach": [reach._asdict() for reach in self.reaches()],
            "checks": [check._asdict() for check in self.checks],
            "failed": self.failed,
        }

    def _remarks(self) -> Iterator[Text]:
        """What a reader has to know before believing the tables."""
        for cells in list(self.sections.values())[:1]:
            yield from rounds_remark(cells)
        for line in _LEGEND:
            yield Text(line)
        measured = [found for cells in self.sections.values() for cell in cells.values() for found in cell]
        others = Spread.of([found.busy[OTHERS] / self.cores for found in measured])
        client = max(found.busy[CLIENT] for found in measured)
        yield Text(f"The clients (wrk, pgbench, this program) took {client:.2f} of {self.cores} cores at most.")
        yield Text(f"Other work took {others.middle:.0%} of the cores (median; {others.high:.0%} at most).")
        if others.middle > _BUSY_MACHINE:
            yield Text("The machine had other things to do: the figures are lower than they need be.", style="yellow")
        yield Text()


def _reaches_of(part: str, cells: Cells, cell: Cell) -> Iterator[Reach]:
    """What was to be reached in one cell of a part."""
    match part, cell.server:
        case "bare", "headway":
            bare = Cell(cell.endpoint, CLIENTS, "pgbench")
            yield from ratio_reach(cells, cell, bare, _OF_THE_BARE_DATABASE.get(cell.endpoint))
        case "pace", _:
            yield _paced_reach(cell, cells[cell])
        case "courses", "one-course":
            yield from ratio_reach(cells, cell, cell._replace(server="many-courses"), _OF_MANY_COURSES)
        case "rows", "many-rows" | "any-of-many":
            wanted = _OF_FEW_ROWS if cell.server == "many-rows" else None
            yield from ratio_reach(cells, cell, cell._replace(server="few-rows"), wanted)


def _paced_reach(cell: Cell, measurements: Sequence[Measurement]) -> Reach:
    p99 = median(measurement.p99_ms for measurement in measurements)
    failed = bool(errors(measurements))
    return Reach(
        f"{NAMES[cell.endpoint]}, p99 at {rate(measurements).middle:,.0f} a second, half the top rate",
        f"<= {_PACED_P99_MS} ms",
        "failed" if failed else f"{p99:.1f} ms",
        not failed and p99 <= _PACED_P99_MS,
    )


def _processor_time(measurements: Sequence[Measurement]) -> str:
    """The processor time that the servers took for a request, in microseconds."""
    taken = (
        (found.busy.get(HEADWAY, 0) + found.busy[POSTGRES]) / found.requests_per_second * 1_000_000
        for found in measurements
        if found.requests_per_second
    )
    return f"{median([*taken] or [0]):,.0f}"


def _cores_of(name: str, measurements: Sequence[Measurement]) -> str:
    return f"{median(measurement.busy.get(name, 0) for measurement in measurements):.2f}"


def _client_lateness(measurements: Sequence[Measurement]) -> str:
    return f"{median(measurement.client_late_ms for measurement in measurements):.2f}"


_LEGEND: Final = (
    "min, median, max: requests a second. All others are medians of the rounds.",
    "CPU µs: what Headway and PostgreSQL took of the processors' time for a request.",
    "headway, postgres: how many cores they took. late ms: p99 of what the client itself was late by, part of p99 ms.",
)
_COLUMNS: Final[Mapping[str, Column]] = {
    "CPU µs": _processor_time,
    "headway": partial(_cores_of, HEADWAY),
    "postgres": partial(_cores_of, POSTGRES),
}
_PACED_COLUMNS: Final[Mapping[str, Column]] = {"CPU µs": _processor_time, "late ms": _client_lateness}
