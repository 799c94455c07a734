"""What run_statistics.py found, and what is printed of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from load import Measurement
from processor import OTHERS
from statistics_options import PEOPLE, PUT, READ, ROSTER, VERIFY
from tables import Part, Reach, Spread, machine_lines, rate, table_of_reaches

FEW, MANY, GROUPED = "few", "many", "grouped"
COUNTED, UNCOUNTED = "headway", "uncounted"
IMPORT, BY_NAME, SEARCH, GROUP = "import", "by name", "search", "large group"

_OF_FEW_LEARNERS: Final = 1.5
_TIMES_FASTER_THAN_GROUPED: Final = 100
_PAGE_MS: Final = 20
_COST_OF_COUNTERS: Final = 0.25
_VERIFIED_A_SECOND: Final = 300_000
_IMPORT_SECONDS: Final = 60
_SEARCH_MS: Final = 30
_GROUP_MS: Final = 50
_BUSY_MACHINE: Final = 0.1


class Timing(NamedTuple):
    """What was timed, on a store."""

    store: str
    part: str
    what: str


@dataclass
class Findings:
    """Everything one run found. Seconds of each request, round or page, in the order they were measured."""

    machine: Mapping[str, str]
    cores: int
    rows: int
    rounds: int
    seconds: dict[Timing, list[float]] = field(default_factory=dict)
    heartbeats: dict[Timing, list[Measurement]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a heartbeat failed. Whatever else fails ends the run."""
        return any(one.errors for measurements in self.heartbeats.values() for one in measurements)

    def reaches(self) -> list[Reach]:
        """What this run can say about what was to be reached."""
        stores = dict.fromkeys(timing.store for timing in (*self.seconds, *self.heartbeats))
        return [reach for store in stores for reach in self._reaches(store)]

    def _reaches(self, store: str) -> Iterator[Reach]:
        few, many, grouped = (self.seconds.get(Timing(store, READ, what)) for what in (FEW, MANY, GROUPED))
        if few and many and grouped:
            yield _at_most(f"{store}: statistics, many learners / few", _OF_FEW_LEARNERS, median(many) / median(few))
            faster = median(grouped) / median(many)
            wanted, found = f">= {_TIMES_FASTER_THAN_GROUPED}", f"{faster:,.0f}"
            yield Reach(f"{store}: GROUP BY / statistics", wanted, found, faster >= _TIMES_FASTER_THAN_GROUPED)
        if group := self.seconds.get(Timing(store, READ, GROUP)):
            yield _at_most(f"{store}: statistics of a group, ms", _GROUP_MS, 1000 * median(group))
        for timing, pages in self.seconds.items():
            if timing.store == store and timing.part == ROSTER:
                # Within a page's limit at every depth: the slowest of ten pages' medians stands for its depth.
                slowest = 1000 * max(map(median, _tens(pages)))
                yield _at_most(f"{store}: roster {timing.what}, slowest depth, ms", _PAGE_MS, slowest)
        counted, uncounted = (self.heartbeats.get(Timing(store, PUT, what)) for what in (COUNTED, UNCOUNTED))
        if counted and uncounted:
            cost = rate(uncounted).middle / rate(counted).middle - 1
            yield _at_most(f"{store}: what counting adds to a PUT", _COST_OF_COUNTERS, cost)
        yield from self._reaches_of_people(store)
        for seconds in self.seconds.get(Timing(store, VERIFY, VERIFY), ()):
            verified = self.rows / seconds
            wanted = f">= {_VERIFIED_A_SECOND:,}" if store == "postgres" else ""
            reached = verified >= _VERIFIED_A_SECOND if wanted else None
            yield Reach(f"{store}: verify, rows a second", wanted, f"{verified:,.0f}", reached)

    def _reaches_of_people(self, store: str) -> Iterator[Reach]:
        for seconds in self.seconds.get(Timing(store, PEOPLE, IMPORT), ()):
            yield _at_most(f"{store}: import of people, s", _IMPORT_SECONDS, seconds)
        for what, most in ((BY_NAME, _PAGE_MS), (SEARCH, _SEARCH_MS), (GROUP, _GROUP_MS)):
            if asked := self.seconds.get(Timing(store, PEOPLE, what)):
                yield _at_most(f"{store}: {what}, slowest, ms", most, 1000 * max(map(median, _tens(asked))))

    def parts(self) -> Iterator[Part]:
        """The machine, the tables, and what was reached."""
        yield from machine_lines(self.machine)
        yield Text()
        if self.seconds:
            yield self._table_of_seconds()
        if self.heartbeats:
            yield self._table_of_heartbeats()
            busy = [one.busy[OTHERS] / self.cores for some in self.heartbeats.values() for one in some]
            yield Text(f"Other work took {median(busy):.0%} of the cores (median; {max(busy):.0%} at most).")
            if median(busy) > _BUSY_MACHINE:
                yield Text(
                    "The machine had other things to do: the figures are lower than they need be.", style="yellow"
                )
            yield Text()
        if reaches := self.reaches():
            yield table_of_reaches(reaches)

    def as_json(self) -> dict[str, Any]:
        """Everything found, one by one."""
        return {
            "machine": dict(self.machine),
            "rows": self.rows,
            "seconds": [{**timing._asdict(), "seconds": seconds} for timing, seconds in self.seconds.items()],
            "heartbeats": [
                {**timing._asdict(), "rounds": [one._asdict() | {"busy": dict(one.busy)} for one in measurements]}
                for timing, measurements in self.heartbeats.items()
            ],
            "reach": [reach._asdict() for reach in self.reaches()],
            "failed": self.failed,
        }

    def _table_of_seconds(self) -> Table:
        table = _table(f"Milliseconds, {self.rows:,} rows where there are many", "min", "median", "max", "how many")
        for timing, seconds in self.seconds.items():
            spread = Spread.of(seconds)
            table.add_row(*timing, *(f"{1000 * value:,.2f}" for value in spread), f"{len(seconds):,}")
        return table

    def _table_of_heartbeats(self) -> Table:
        table = _table(f"Heartbeats a second over {self.rounds} rounds", "min", "median", "max", "p99 ms")
        for timing, measurements in self.heartbeats.items():
            late = median(one.p99_ms for one in measurements)
            table.add_row(*timing, *(f"{value:,.0f}" for value in rate(measurements)), f"{late:.2f}")
        return table


def _table(title: str, *numbers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title)
    for heading in ("store", "part", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _at_most(what: str, most: float, found: float) -> Reach:
    return Reach(what, f"<= {most:g}", f"{found:.2f}", found <= most)


def _tens(pages: list[float]) -> Iterator[list[float]]:
    return (pages[start : start + 10] for start in range(0, len(pages), 10))
