"""Measure how long a PUT waits while something long goes on beside it: `benchmarks/run_beside.py --help`."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

import filling
import machine
import postgres
import servers
from constant_rate import run_at_rate
from load import Load, Measurement
from options import Between, add_places, is_wanted
from population import PROGRESS_PATH, Population, learners_admin, make_population, numbered_id, statistics_reader
from program import carry_out, shown_steps
from schools import Schools
from servers import HOST, Server
from tables import Part, Reach, machine_lines, table_of_reaches

_STORES: Final = ("sqlite", "postgres")
_BESIDE: Final = ("nothing", "roster", "atomic", "lines")
_WRITING_LEARNERS: Final = 1_000
_CONNECTIONS: Final = 32
_MS: Final = 20
_MARK: Final = b"@"
_MOST_IMPORTS: Final = 10_000

_EXAMPLES: Final = """examples:
  python benchmarks/run_beside.py                              both stores, about three minutes
  python benchmarks/run_beside.py --only sqlite/atomic         one of the parts
  python benchmarks/run_beside.py --learners 10000 --seconds 3 a trial

What goes on beside the PUTs, again and again, in one more connection:
  nothing   to compare with
  roster    a page of the course's learners by a filter that nobody matches
  atomic    an import of which all lines are stored or none; half of the PUTs are of learners that are in it
  lines     the same import line by line

exit status: 0 measured, 1 a request failed or a server did not run, 2 an option is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    learners: int
    lines: int
    lessons: int
    rate: int
    seconds: int
    only: str
    directory: Path
    json: Path | None
    markdown: Path | None

    def beside(self, store: str) -> list[str]:
        """What is to go on beside the PUTs, on a store."""
        return [beside for beside in _BESIDE if is_wanted(f"{store}/{beside}", self.only)]

    @property
    def stores(self) -> list[str]:
        """The stores to measure."""
        return [store for store in _STORES if self.beside(store)]


@dataclass
class Findings:
    """The PUTs, and how long each of what went on beside them took, by store and what that was."""

    machine: Mapping[str, str]
    puts: dict[tuple[str, str], Measurement] = field(default_factory=dict)
    seconds: dict[tuple[str, str], Sequence[float]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a PUT failed."""
        return any(put.errors for put in self.puts.values())

    def parts(self) -> Iterator[Part]:
        """The machine, the table, and what was reached."""
        yield from machine_lines(self.machine)
        yield Text()
        yield self._table()
        yield table_of_reaches(self._reaches())

    def as_json(self) -> dict[str, Any]:
        """Everything found."""
        return {
            "machine": dict(self.machine),
            "puts": [
                {
                    "store": store,
                    "beside": beside,
                    **put._asdict(),
                    "busy": None,
                    "seconds": self.seconds[store, beside],
                }
                for (store, beside), put in self.puts.items()
            ],
        }

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD)
        for heading in ("store", "beside", "times", "s each", "PUTs", "p50 ms", "p99 ms", "late ms", "errors"):
            table.add_column(heading, justify="left" if heading in {"store", "beside", "errors"} else "right")
        for (store, beside), put in self.puts.items():
            seconds = self.seconds[store, beside]
            each = f"{median(seconds):.2f}" if seconds else ""
            figures = (f"{put.requests:,}", f"{put.p50_ms:.1f}", f"{put.p99_ms:.1f}", f"{put.client_late_ms:.1f}")
            table.add_row(store, beside, str(len(seconds)), each, *figures, put.errors)
        return table

    def _reaches(self) -> list[Reach]:
        return [
            Reach(f"{store}: PUT beside {beside}, p99 ms", f"< {_MS}", f"{put.p99_ms:.1f}", put.p99_ms < _MS)
            for (store, beside), put in self.puts.items()
        ]


class Caller:
    """Asks one thing again and again over one connection."""

    def __init__(self, server: Server, population: Population, wanted: Options, number: int) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=120)
        self._population = population
        self._wanted = wanted
        self._file = _import_file(population, wanted)
        self._number = number * _MOST_IMPORTS

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def roster(self) -> None:
        """A page of learners that nobody is on."""
        course, lesson = self._population.courses[0], self._population.lessons[0]
        path = f"/api/v1/education/statistics/{course}/learners?incomplete_lesson={lesson}&failed_at_least=1000"
        self._ask("GET", path, statistics_reader(self._population))

    def atomic(self) -> None:
        """All lines or none."""
        self._import("?atomic=true")

    def lines(self) -> None:
        """Line by line."""
        self._import("")

    def _import(self, query: str) -> None:
        self._number += 1
        content = self._file.replace(_MARK, b"%d" % self._number)
        report = self._ask("POST", f"{PROGRESS_PATH}import{query}", learners_admin(self._population), content)
        if report["written"] != self._wanted.lines:
            raise RuntimeError(f"The import wrote {report['written']} lines of {self._wanted.lines}.")

    def _ask(self, method: str, path: str, token: str, content: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"{method} {path}: status {response.status}, {body[:300]!r}")
        return json.loads(body)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered."""
    wanted = _options(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.all_cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        steps = stack.enter_context(shown_steps(sum(1 + len(wanted.beside(store)) for store in wanted.stores)))
        findings = Findings(machine.describe(cores, folder, "apsw", "asyncpg"))
        population = make_population(range(1, _WRITING_LEARNERS + 1), wanted.lessons)
        for store in wanted.stores:
            with ExitStack() as ending:
                server = None if store == "sqlite" else ending.enter_context(postgres.running(wanted.directory, {}))
                schools = Schools(cores, folder, server)
                with steps.step(f"{store}: {wanted.learners:,} learners"):
                    school = schools.filled("beside", wanted.learners, wanted.lessons)
                serving = ending.enter_context(schools.serving(school))
                filling.fill_headway(serving.port, population)
                os.sync()  # else the PUTs that are measured first wait for what was filled in
                for number, beside in enumerate(wanted.beside(store)):
                    with steps.step(f"{store}: PUTs beside {beside}"):
                        _measure(findings, (store, beside), serving, population, wanted, number)
    return findings


def _measure(
    findings: Findings,
    position: tuple[str, str],
    server: Server,
    population: Population,
    wanted: Options,
    number: int,
) -> None:
    load = Load("put", _CONNECTIONS, wanted.seconds, seed=number)
    first_beat = population.rows + number * wanted.seconds * wanted.rate
    with closing(Caller(server, population, wanted, number)) as caller:
        action = getattr(caller, position[1], None)
        with _again_and_again(action) as seconds:
            findings.puts[position] = run_at_rate(server.port, population, load, wanted.rate, first_beat).measurement
        findings.seconds[position] = seconds


@contextmanager
def _again_and_again(action: Callable[[], None] | None) -> Iterator[list[float]]:
    """Do something again and again in a thread until the block is left; how long it took each time."""
    seconds: list[float] = []
    failures: list[Exception] = []
    ended = Event()

    def work() -> None:
        try:
            while action is not None and not ended.is_set():
                began = time.perf_counter()
                action()
                seconds.append(time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001 - told to whoever measures
            failures.append(error)

    thread = Thread(target=work)
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()
    if failures:
        raise RuntimeError(str(failures[0])) from failures[0]


def _import_file(population: Population, wanted: Options) -> bytes:
    """A line for each of so many learners, half of those who send PUTs among them; `_MARK` grows with each import."""
    own = population.learners[: len(population.learners) // 2]
    others = (numbered_id("imported", number) for number in range(wanted.lines))
    course, lessons = population.courses[0], population.lessons
    return b"".join(
        b'{"user_id":"%s","course_id":"%s","lesson_id":"%s","quiz_attempts":%s,"video_position_seconds":%s}\n'
        % (learner.encode(), course.encode(), lessons[position % len(lessons)].encode(), _MARK, _MARK)
        for position, learner in zip(range(wanted.lines), (*own, *others), strict=False)
    )


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_beside.py",
        description="Measure how long a PUT waits while a long read or an import goes on beside it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--learners", type=Between(1_000, 10_000_000), default=100_000, metavar="N", help="in the course (%(default)s)")
    add("--lines", type=Between(10, 10_000), default=10_000, metavar="N", help="of each import (%(default)s)")
    add("--lessons", type=Between(1, 1000), default=4, metavar="N", help="in the course (%(default)s)")
    add("--rate", type=Between(1, 10_000), default=100, metavar="N", help="PUTs a second (%(default)s)")
    add("--seconds", type=Between(1, 60), default=15, metavar="N", help="of each part (%(default)s)")
    add_places(parser)
    options = Options(**vars(parser.parse_args(arguments)))
    if not options.stores:
        parser.error(f"no part of the run has a name like {options.only!r}")
    return options


if __name__ == "__main__":
    sys.exit(main())
