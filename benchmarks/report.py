"""From measurements to what is printed: the table, what was to be reached, the series of the memory run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import Any, Final, NamedTuple, Self

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from load import Measurement
from servers import Memory

NAMES: Final = {"put": "PUT lesson", "list": "GET list", "summary": "GET summary"}
ENOUGH_ROUNDS: Final = 5

_OF_THE_CEILING: Final = 0.6
_TIMES_STRAIGHTFORWARD: Final = 20
_SECONDS_TO_FIRST_ANSWER: Final = 1
_MEMORY_GROWTH: Final = 0.05
_BUSY_CLIENT: Final = 0.9
_BUSY_MACHINE: Final = 0.1


class Cell(NamedTuple):
    """One place of the table: an endpoint, asked over so many connections, of one server."""

    endpoint: str
    connections: int
    server: str

    @property
    def name(self) -> str:
        """What `--only` is matched with."""
        return f"{self.endpoint}/{self.connections}/{self.server}"


class Spread(NamedTuple):
    """What repeated measurements spread over."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        return cls(min(values), median(values), max(values))


class MemoryMark(NamedTuple):
    """What the server had in memory after so many writes."""

    writes: int
    memory: Memory


class Reach(NamedTuple):
    """Something the project set out to reach, and whether it did."""

    what: str
    wanted: str
    found: str
    reached: bool


@dataclass
class Findings:
    """Everything one run found."""

    machine: Mapping[str, str]
    cells: dict[Cell, list[Measurement]] = field(default_factory=dict)
    startup_seconds: list[float] = field(default_factory=list)
    memory_series: list[MemoryMark] = field(default_factory=list)
    memory_before: Memory | None = None
    memory_after: Memory | None = None

    @property
    def failed(self) -> bool:
        """Whether any request of any measurement failed."""
        return any(map(_errors, self.cells.values()))

    def reaches(self) -> list[Reach]:
        """What this run can say about what was to be reached."""
        return [*self._ratios(), *self._startup(), *self._memory()]

    def _ratios(self) -> Iterator[Reach]:
        for endpoint in NAMES:
            yield from self._ratios_to("ceiling", endpoint, _OF_THE_CEILING)
        yield from self._ratios_to("straightforward", "put", _TIMES_STRAIGHTFORWARD)

    def _ratios_to(self, other: str, endpoint: str, wanted: float) -> Iterator[Reach]:
        for cell, measurements in self.cells.items():
            compared = self.cells.get(cell._replace(server=other))
            if cell.server != "headway" or cell.endpoint != endpoint or compared is None:
                continue
            what = f"{NAMES[endpoint]}, {_count(cell.connections, 'connection')}: headway / {other}"
            if _errors(measurements) or _errors(compared):
                yield Reach(what, f">= {wanted:g}", "failed", reached=False)
                continue
            ratio = _rate(measurements).middle / _rate(compared).middle
            yield Reach(what, f">= {wanted:g}", f"{ratio:.2f}", ratio >= wanted)

    def _startup(self) -> Iterator[Reach]:
        if not self.startup_seconds:
            return
        low, middle, high = Spread.of(self.startup_seconds)
        yield Reach(
            "start to first answer, min / median / max",
            f"< {_SECONDS_TO_FIRST_ANSWER} s",
            f"{low:.2f} / {middle:.2f} / {high:.2f} s",
            middle < _SECONDS_TO_FIRST_ANSWER,
        )

    def _memory(self) -> Iterator[Reach]:
        """The growth from the first mark on: up to it, caches fill that are there for good."""
        if not self.memory_series:
            return
        _, first, *_, last = self.memory_series
        growth = last.memory.resident / first.memory.resident - 1
        yield Reach(
            f"memory after {last.writes:,} writes, against {first.writes:,}",
            f"<= {_MEMORY_GROWTH:+.0%}",
            f"{growth:+.1%}",
            growth <= _MEMORY_GROWTH,
        )

    def as_json(self) -> dict[str, Any]:
        """Everything found, round by round."""
        return {
            "machine": dict(self.machine),
            "cells": [
                {**cell._asdict(), "rounds": [measurement._asdict() for measurement in measurements]}
                for cell, measurements in self.cells.items()
            ],
            "startup_seconds": self.startup_seconds,
            "memory_mib": {
                "before": self.memory_before and self.memory_before._asdict(),
                "after": self.memory_after and self.memory_after._asdict(),
                "series": [{"writes": mark.writes, **mark.memory._asdict()} for mark in self.memory_series],
            },
            "reach": [reach._asdict() for reach in self.reaches()],
            "failed": self.failed,
        }


def print_findings(console: Console, findings: Findings) -> None:
    """The machine, the table, the memory, and what was reached."""
    console.print(Group(*_parts(findings)))


def _parts(findings: Findings) -> Iterator[Table | Text]:
    for name, value in findings.machine.items():
        yield Text(f"{name + ':':<10}{value}")
    yield Text()
    if findings.cells:
        yield _table_of_cells(findings)
        yield from _remarks(findings)
    if findings.memory_series:
        yield _table_of_memory(findings)
    reaches = findings.reaches()
    if reaches:
        yield _table_of_reaches(reaches)


def _table_of_cells(findings: Findings) -> Table:
    rounds = max(map(len, findings.cells.values()))
    title = f"Requests per second over {_count(rounds, 'round')}, latency as median of the rounds"
    table = Table(box=box.SIMPLE_HEAD, title=title)
    for heading in ("endpoint", "connections", "server"):
        table.add_column(heading, justify="right" if heading == "connections" else "left", no_wrap=True)
    for heading in ("min", "median", "max", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for _, group in groupby(findings.cells.items(), key=lambda item: item[0][:2]):
        for cell, measurements in group:
            table.add_row(*_row(cell, measurements))
        table.add_section()
    return table


def _row(cell: Cell, measurements: Sequence[Measurement]) -> tuple[str, ...]:
    errors = _errors(measurements)
    return (
        NAMES[cell.endpoint],
        str(cell.connections),
        cell.server,
        *(f"{value:,.0f}" for value in _rate(measurements)),
        f"{median(measurement.p50_ms for measurement in measurements):.2f}",
        f"{median(measurement.p99_ms for measurement in measurements):.2f}",
        f"[red]failed: {errors[0]}[/red]" if errors else "",
    )


def _remarks(findings: Findings) -> Iterator[Text]:
    """What a reader has to know before believing the table."""
    rounds = max(map(len, findings.cells.values()))
    if rounds < ENOUGH_ROUNDS:
        yield Text(f"Only {_count(rounds, 'round')}: a trial, not a measurement.", style="yellow")
    measurements = [measurement for cell in findings.cells.values() for measurement in cell]
    client = max(measurement.client_busy for measurement in measurements)
    yield Text(f"wrk took {client:.0%} of its core at most.")
    if client > _BUSY_CLIENT:
        yield Text("Where wrk has no time left, the server could have answered faster.", style="yellow")
    others = Spread.of([measurement.others_busy for measurement in measurements])
    yield Text(f"Other work took {others.middle:.0%} of the servers' cores (median; {others.high:.0%} at most).")
    if others.middle > _BUSY_MACHINE:
        yield Text("The machine had other things to do: the figures are lower than they need be.", style="yellow")
    if findings.memory_before and findings.memory_after:
        before, after = findings.memory_before.resident, findings.memory_after.resident
        yield Text(f"Headway's resident memory: {before:.1f} MiB before, {after:.1f} MiB after.")
    yield Text()


def _table_of_memory(findings: Findings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="Headway's memory over a run of writes")
    for heading in ("writes", "resident MiB", "of it anonymous MiB"):
        table.add_column(heading, justify="right")
    for writes, memory in findings.memory_series:
        table.add_row(f"{writes:,}", f"{memory.resident:.1f}", f"{memory.anonymous:.1f}")
    return table


def _table_of_reaches(reaches: Sequence[Reach]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="What was to be reached")
    for heading in ("what", "wanted", "found", "reached"):
        table.add_column(heading, no_wrap=True)
    for what, wanted, found, reached in reaches:
        table.add_row(what, wanted, found, "[green]yes[/green]" if reached else "[red]no[/red]")
    return table


def _count(number: int, noun: str) -> str:
    """`1 round`, `5 rounds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _rate(measurements: Sequence[Measurement]) -> Spread:
    return Spread.of([measurement.requests_per_second for measurement in measurements])


def _errors(measurements: Sequence[Measurement]) -> list[str]:
    return [measurement.errors for measurement in measurements if measurement.errors]
