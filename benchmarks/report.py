"""From measurements to what is printed: the table, what was to be reached, the series of the memory run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

import pocketbase
from load import Measurement
from processor import CLIENT, OTHERS
from servers import Memory
from tables import (
    NAMES,
    Cell,
    Part,
    Reach,
    Spread,
    errors,
    machine_lines,
    ratio_reach,
    rounds_remark,
    table_of_cells,
    table_of_reaches,
)

_OF_THE_CEILING: Final = 0.6
_TIMES_STRAIGHTFORWARD: Final = 20
_SECONDS_TO_FIRST_ANSWER: Final = 1
_PACED_MS: Final = 10
_MEMORY_GROWTH: Final = 0.05
_BUSY_CLIENT: Final = 0.9
_BUSY_MACHINE: Final = 0.1


class MemoryMark(NamedTuple):
    """What the server had in memory after so many writes."""

    writes: int
    memory: Memory


@dataclass
class Findings:
    """Everything one run found."""

    machine: Mapping[str, str]
    server_cores: int
    cells: dict[Cell, list[Measurement]] = field(default_factory=dict)
    paced: dict[Cell, list[Measurement]] = field(default_factory=dict)
    startup_seconds: list[float] = field(default_factory=list)
    memory_series: list[MemoryMark] = field(default_factory=list)
    memory_before: Memory | None = None
    memory_after: Memory | None = None

    @property
    def failed(self) -> bool:
        """Whether any request of any measurement failed."""
        return any(map(errors, (*self.cells.values(), *self.paced.values())))

    def reaches(self) -> list[Reach]:
        """What this run can say about what was to be reached."""
        return [*self._ratios(), *self._paced(), *self._startup(), *self._memory()]

    def _ratios(self) -> Iterator[Reach]:
        for endpoint in NAMES:
            yield from self._ratios_to("ceiling", endpoint, _OF_THE_CEILING)
        yield from self._ratios_to("straightforward", "put", _TIMES_STRAIGHTFORWARD)
        yield from self._ratios_to(pocketbase.NAME, "put", None)

    def _ratios_to(self, other: str, endpoint: str, wanted: float | None) -> Iterator[Reach]:
        for cell in self.cells:
            if cell.server == "headway" and cell.endpoint == endpoint:
                yield from ratio_reach(self.cells, cell, cell._replace(server=other), wanted)

    def _paced(self) -> Iterator[Reach]:
        for cell, measurements in self.paced.items():
            late, p99, rate = (
                Spread.of([getattr(one, name) for one in measurements]).middle
                for name in ("client_late_ms", "p99_ms", "requests_per_second")
            )
            yield Reach(
                f"{NAMES[cell.endpoint]}, {cell.connections} connections, {rate:,.0f}/s, half the top rate: p99",
                f"<= {_PACED_MS} ms",
                f"{p99:.1f} ms, of it late {late:.1f}",
                p99 <= _PACED_MS,
            )

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

    def parts(self) -> Iterator[Part]:
        """The machine, the table, the memory, and what was reached."""
        yield from machine_lines(self.machine)
        yield Text()
        if self.cells:
            yield table_of_cells(self.cells)
            yield from rounds_remark(self.cells)
            yield from _remarks(self)
        if self.memory_series:
            yield _table_of_memory(self)
        if reaches := self.reaches():
            yield table_of_reaches(reaches)

    def as_json(self) -> dict[str, Any]:
        """Everything found, round by round."""
        return {
            "machine": dict(self.machine),
            "cells": [
                {**cell._asdict(), "rounds": [measurement._asdict() for measurement in measurements]}
                for cell, measurements in self.cells.items()
            ],
            "paced": [
                {**cell._asdict(), "rounds": [measurement._asdict() for measurement in measurements]}
                for cell, measurements in self.paced.items()
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


def _remarks(findings: Findings) -> Iterator[Text]:
    """What a reader has to know before believing the table."""
    measurements = [measurement for cell in findings.cells.values() for measurement in cell]
    client = max(measurement.busy[CLIENT] for measurement in measurements)
    yield Text(f"wrk and this program took {client:.0%} of their core at most.")
    if client > _BUSY_CLIENT:
        yield Text("Where wrk has no time left, the server could have answered faster.", style="yellow")
    others = Spread.of([measurement.busy[OTHERS] / findings.server_cores for measurement in measurements])
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
