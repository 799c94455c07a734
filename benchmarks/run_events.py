"""Measure what events cost a PUT, with the service in several states by turns: `benchmarks/run_events.py --help`."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

import filling
import machine
import postgres
import servers
from load import Load, Measurement, run_wrk
from options import Between, add_places, is_wanted
from population import Population, make_population
from postgres import Postgres
from processor import tree_seconds
from program import carry_out, shown_steps
from servers import Cores, Recipe, Server
from tables import Part, Reach, machine_lines, table_of_reaches

_STORES: Final = ("sqlite", "postgres")
_LOADS: Final = {"heartbeats": "put", "transitions": "transitions"}
_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "before": {},
    "off": {"HEADWAY_EVENTS_DAYS": "0"},
    "on": {"HEADWAY_EVENTS_DAYS": "30"},
    "progress": {"HEADWAY_EVENTS_DAYS": "30", "HEADWAY_EVENTS_PROGRESS": "true"},
}
_UPDATES_SECONDS: Final = 11
_IDLE: Final = 0.05  # of a core
_MILLIONTHS: Final = 1_000_000
_MOST: Final = 1.10  # of the processor time without events

_EXAMPLES: Final = """examples:
  python benchmarks/run_events.py                              both stores, ten minutes or more
  python benchmarks/run_events.py --only sqlite/heartbeats     one store and load
  python benchmarks/run_events.py --before ../main/src         and the code of another checkout

The parts of a run have names: store/load/state, as in sqlite/transitions/progress. The states:
  before    the code of another checkout (with --before)
  off       HEADWAY_EVENTS_DAYS=0
  on        events are recorded and published
  progress  progress.updated, too

The loads: heartbeats, of which hardly any is an event; transitions, where each PUT starts or completes a lesson.

exit status: 0 measured, 1 a request failed or a server did not run, 2 an option is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    connections: int
    learners: int
    lessons: int
    before: Path | None
    only: str
    directory: Path
    json: Path | None
    markdown: Path | None

    def states(self, store: str, load: str) -> list[str]:
        """The states to measure of a store under a load."""
        states = [state for state in _STATES if state != "before" or self.before]
        return [state for state in states if is_wanted(f"{store}/{load}/{state}", self.only)]

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The stores and loads to measure."""
        return [(store, load) for store in _STORES for load in _LOADS if self.states(store, load)]


class Round(NamedTuple):
    """One measurement, and the processor time of one PUT in microseconds: the service's, and the database server's."""

    put: Measurement
    service: float
    database: float


@dataclass
class Findings:
    """All rounds by store, load and state."""

    machine: Mapping[str, str]
    rounds: dict[tuple[str, str, str], list[Round]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a PUT failed."""
        return any(one.put.errors for rounds in self.rounds.values() for one in rounds)

    def parts(self) -> Iterator[Part]:
        """The machine, the table, and what was reached."""
        yield from machine_lines(self.machine)
        yield Text()
        yield self._table()
        yield table_of_reaches(list(self._reaches()))

    def as_json(self) -> dict[str, Any]:
        """Everything found."""
        return {
            "machine": dict(self.machine),
            "rounds": [
                {"part": "/".join(part), "requests_per_second": one.put.requests_per_second, "p99_ms": one.put.p99_ms}
                | {"service_us": one.service, "database_us": one.database}
                for part, rounds in self.rounds.items()
                for one in rounds
            ],
        }

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD)
        for heading in ("store", "load", "state", "PUT/s", "p50 ms", "p99 ms", "service µs", "database µs", "errors"):
            table.add_column(heading, justify="left" if heading in {"store", "load", "state", "errors"} else "right")
        for part, rounds in self.rounds.items():
            puts = [one.put for one in rounds]
            figures = (
                f"{median(put.requests_per_second for put in puts):,.0f}",
                f"{median(put.p50_ms for put in puts):.1f}",
                f"{median(put.p99_ms for put in puts):.1f}",
                f"{median(one.service for one in rounds):.0f}",
                f"{median(one.database for one in rounds):.0f}",
            )
            table.add_row(*part, *figures, ", ".join(filter(None, (put.errors for put in puts))))
        return table

    def _reaches(self) -> Iterator[Reach]:
        for (store, load, state), rounds in self.rounds.items():
            without = self.rounds.get((store, load, "off"))
            if state == "off" or not without:
                continue
            # Each round with the one beside it: what else the machine does changes from round to round.
            pairs = list(zip(rounds, without, strict=True))
            ratio = median((one.service + one.database) / (off.service + off.database) for one, off in pairs)
            rate = median(one.put.requests_per_second / off.put.requests_per_second for one, off in pairs)
            is_bound = state == "on"
            yield Reach(
                f"{store}, {load}: {state} / off, processor time of a PUT (PUT/s: {rate:.2f})",
                f"<= {_MOST:.2f}" if is_bound else "",
                f"{ratio:.2f}",
                reached=ratio <= _MOST if is_bound else None,
            )


@dataclass
class Contender:
    """The service in one state. `sent` is how many PUTs it got."""

    state: str
    server: Server
    sent: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered."""
    wanted = _options(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.split_cores()
    population = make_population(range(1, wanted.learners + 1), wanted.lessons)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        population.write_files(folder)
        steps = stack.enter_context(shown_steps(len(wanted.parts) * (1 + wanted.rounds)))
        findings = Findings(machine.describe(cores, folder, "apsw", "asyncpg"))
        for store, load in wanted.parts:
            with ExitStack() as ending:
                database = None if store == "sqlite" else ending.enter_context(postgres.running(wanted.directory, {}))
                below = folder / f"{store}-{load}"
                with steps.step(f"{store}: filling for {load}"):
                    contenders = [
                        ending.enter_context(_started(wanted, state, cores, below, database))
                        for state in wanted.states(store, load)
                    ]
                    for one in contenders:
                        _fill(one, load, population)
                    for one in contenders:
                        _wait_until_idle(one)
                for number in range(wanted.rounds):
                    with steps.step(f"{store}: {load}, round {number + 1}"):
                        for one in contenders if number % 2 == 0 else reversed(contenders):
                            asked = Load(_LOADS[load], wanted.connections, wanted.seconds, seed=number)
                            rounds = findings.rounds.setdefault((store, load, one.state), [])
                            rounds.append(_measure(one, folder, asked, database))
    return findings


@contextmanager
def _started(wanted: Options, state: str, cores: Cores, folder: Path, database: Postgres | None) -> Iterator[Contender]:
    below = folder / state
    below.mkdir(parents=True)
    name = f"{folder.name}_{state}".replace("-", "_")
    recipe = servers.headway(database.create(name).url if database else servers.sqlite_url(below))
    environment = {**recipe.environment, **_STATES[state]}
    if state == "before":
        environment["PYTHONPATH"] = str(wanted.before)
    with servers.running(Recipe(state, recipe.command, environment), cores, below) as server:
        yield Contender(state, server, 0)


def _fill(one: Contender, load: str, population: Population) -> None:
    if load == "heartbeats":
        filling.fill_headway(one.server.port, population)
        one.sent = population.rows
    else:
        filling.put_courses(one.server.port, population)
    os.sync()  # else the first PUTs wait for what was filled in


def _wait_until_idle(one: Contender) -> None:
    """Wait until the events of the filling are published: updates wait for some seconds."""
    if one.state == "progress":
        time.sleep(_UPDATES_SECONDS)
    before, now = 0.0, tree_seconds(one.server.process_id)
    while now - before > _IDLE:
        time.sleep(1)
        before, now = now, tree_seconds(one.server.process_id)


def _measure(one: Contender, folder: Path, load: Load, database: Postgres | None) -> Round:
    def taken() -> tuple[float, float]:
        return tree_seconds(one.server.process_id), tree_seconds(database.process_id) if database else 0

    before = taken()
    put = run_wrk(one.server.port, folder, load, one.sent)
    one.sent += put.requests
    seconds = (after - earlier for earlier, after in zip(before, taken(), strict=True))
    return Round(put, *(_MILLIONTHS * each / max(1, put.requests) for each in seconds))


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_events.py",
        description="Measure what events cost a PUT: the service in several states, by turns in one run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=Between(1, 100), default=7, metavar="N", help="rounds (%(default)s)")
    add("--seconds", type=Between(1, 60), default=3, metavar="N", help="of each state in a round (%(default)s)")
    add("--connections", type=Between(1, 1024), default=32, metavar="N", help="how many (%(default)s)")
    add("--learners", type=Between(1, 100_000), default=2000, metavar="N", help="how many (%(default)s)")
    add("--lessons", type=Between(1, 1000), default=40, metavar="N", help="in the course (%(default)s)")
    add("--before", type=Path, metavar="PATH", help="the folder `src` of another checkout, to compare with")
    add_places(parser)
    options = Options(**vars(parser.parse_args(arguments)))
    if not options.parts:
        parser.error(f"no part of the run has a name like {options.only!r}")
    if options.before and not (options.before / "headway").is_dir():
        parser.error(f"{options.before} has no headway in it")
    return options


if __name__ == "__main__":
    sys.exit(main())
