"""Measure Headway on PostgreSQL: `benchmarks/run_postgres.py --help`."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from time import sleep
from typing import Final

import filling
import machine
import postgres
import postgres_options
import servers
from contenders import Account, BareDatabase, Headway
from load import Load, Measurement
from pgbench import CLIENTS
from population import Population, make_population
from postgres import Database, Postgres, Rows
from postgres_options import Options
from postgres_report import HEADWAY, POSTGRES, Findings, Section
from processor import Watch
from program import Steps, carry_out, shown_steps
from servers import Cores, Server
from tables import NAMES, Cell, Cells, count, rate

Ask = Callable[[Load], Measurement]

_SETTLE_SECONDS: Final = 0.1
_WARM_UP_CONNECTIONS: Final = 32
# Learners who ask in turn where rows are many: less than the tokens that Headway remembers, with far more rows than it
# keeps in memory.
_MOST_IN_USE: Final = 20_000


@dataclass
class Bench:
    """What the parts of one run share."""

    options: Options
    cores: Cores
    folder: Path
    postgres: Postgres
    findings: Findings
    steps: Steps

    @contextmanager
    def serving(self, database: Database, workers: int = 1) -> Iterator[Server]:
        """Headway on a database, for as long as it is needed."""
        with servers.running(servers.headway(database.url, workers), self.cores, self.folder) as server:
            yield server

    def watch(self, server: Server | None = None) -> Watch:
        """Whose processor time is told apart."""
        processes = {POSTGRES: self.postgres.process_id} | ({HEADWAY: server.process_id} if server else {})
        return Watch(self.cores.server, processes, with_client=self.cores.shared)

    @contextmanager
    def asked(self, server: Server, account: Account, population: Population) -> Iterator[Headway]:
        """Headway, ready to be asked by the population."""
        filling.check_filled(server.port, population)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            population.write_files(Path(folder))
            yield Headway(server, account, population, Path(folder), self.watch(server))

    def filled(self, name: str, rows: Rows) -> Account:
        """A new database with Headway's tables, the courses and the rows."""
        with self.steps.step(f"filling a database with {count(rows.count, 'row')}"):
            database = self.postgres.create(name)
            with self.serving(database) as server:
                filling.put_courses(server.port, make_population(range(1, 2), rows.lessons, rows.courses))
            postgres.fill(database, rows)
        return Account(database, rows)

    def measure(self, section: Section, cells: Sequence[Cell], ask: Mapping[str, Ask]) -> dict[Cell, list[Measurement]]:
        """Measure round by round, so that a drifting machine favours nobody; `ask` has every server's cells' names."""
        for server, endpoint in dict.fromkeys((cell.server, cell.endpoint) for cell in cells):
            with self.steps.step(f"warming up {server}"):
                ask[server](Load(endpoint, _WARM_UP_CONNECTIONS, seconds=1, seed=0))
        found = self.findings.sections[section] = {cell: [] for cell in cells}
        self.postgres.checkpoint()
        for number in range(1, self.options.rounds + 1):
            for cell in cells:
                what = f"round {number}: {section.part}, {NAMES[cell.endpoint]}, {cell.connections}, {cell.server}"
                with self.steps.step(what):
                    load = Load(cell.endpoint, cell.connections, self.options.seconds, seed=number)
                    found[cell].append(ask[cell.server](load))
                sleep(_SETTLE_SECONDS)
        return found

    def check(self, accounts: Mapping[str, Account]) -> None:
        """Whether the databases hold what was acknowledged."""
        for name, account in accounts.items():
            with self.steps.step(f"checking {name}"):
                self.findings.checks += account.check(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered and every write kept."""
    wanted = postgres_options.read(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.all_cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        steps = stack.enter_context(shown_steps(_count_steps(wanted)))
        with steps.step("starting PostgreSQL"):
            server = stack.enter_context(postgres.running(wanted.directory, dict(wanted.settings)))
            described = machine.describe(cores, folder, "asyncpg") | server.describe()
        findings = Findings(described, len(cores.server), _titles(wanted))
        bench = Bench(wanted, cores, folder, server, findings, steps)
        if wanted.closed_loop_cells:
            _measure_against_bare(bench)
        if wanted.cells("courses"):
            _measure_courses(bench)
        if wanted.cells("rows"):
            _measure_rows(bench)
    return findings


def _count_steps(wanted: Options) -> int:
    sections = [wanted.closed_loop_cells, *(wanted.cells(part) for part in ("pace", "courses", "rows"))]
    measured = sum(
        len({(cell.server, cell.endpoint) for cell in cells}) + wanted.rounds * len(cells) for cells in sections
    )
    databases = sum(number for number, cells in zip((2, 0, 2, 2), sections, strict=True) if cells)
    return 1 + measured * len(wanted.workers) + 2 * databases


def _titles(wanted: Options) -> dict[str, str]:
    return {
        "bare": f"Against the bare database ({count(CLIENTS, 'client')} of pgbench)",
        "pace": "At half the top rate, at constant intervals",
        "courses": f"{wanted.learners:,} learners in one course, and in {wanted.courses:,}",
        "rows": f"{postgres_options.FEW_ROWS:,} rows, and {wanted.rows or 0:,}",
    }


def _measure_against_bare(bench: Bench) -> None:
    """Headway and pgbench in turns, then Headway alone at half the rate that it reached."""
    wanted = bench.options
    population = make_population(range(1, wanted.learners + 1), wanted.lessons)
    kept = bench.filled("kept", Rows(wanted.learners, wanted.lessons))
    written = bench.postgres.create("bare", like="kept")
    bare = BareDatabase(kept.database, written, population, bench.watch(), population.rows)
    for workers in wanted.workers:
        with bench.serving(kept.database, workers) as server, bench.asked(server, kept, population) as headway:
            ask: dict[str, Ask] = {"headway": headway.measure, "pgbench": bare.measure}
            found = bench.measure(Section("bare", workers), wanted.closed_loop_cells, ask)
            if wanted.cells("pace"):
                ask = {"headway": partial(_measure_paced, headway, _half_rates(found))}
                bench.measure(Section("pace", workers), wanted.cells("pace"), ask)
    bench.check({"bare, pace": kept})


def _half_rates(found: Cells) -> dict[str, float]:
    """Half of the highest rate that Headway answered at, for each endpoint."""
    rates: dict[str, float] = {}
    for cell, measurements in found.items():
        if cell.server == "headway":
            rates[cell.endpoint] = max(rates.get(cell.endpoint, 0), rate(measurements).middle / 2)
    return rates


def _measure_paced(headway: Headway, rates: Mapping[str, float], load: Load) -> Measurement:
    return headway.measure_at(max(1, rates[load.endpoint]), load)


def _measure_courses(bench: Bench) -> None:
    """Learners who are all in one course, against as many who are spread over many."""
    wanted = bench.options
    learners = range(1, wanted.learners + 1)
    accounts = {
        name: bench.filled(name, Rows(wanted.learners, wanted.lessons, courses))
        for name, courses in (("one_course", 1), ("many_courses", wanted.courses))
    }
    sides = {
        "one-course": ("one_course", make_population(learners, wanted.lessons)),
        "many-courses": ("many_courses", make_population(learners, wanted.lessons, wanted.courses)),
    }
    _compare(bench, "courses", accounts, sides)


def _measure_rows(bench: Bench) -> None:
    """Few rows, against many of which the same number is in use; and many, of which many are in use."""
    wanted = bench.options
    few, many = wanted.few_learners, wanted.many_learners
    accounts = {
        name: bench.filled(name, Rows(learners, wanted.lessons)) for name, learners in (("few", few), ("many", many))
    }
    sides = {
        "few-rows": ("few", make_population(range(1, few + 1), wanted.lessons)),
        "many-rows": ("many", make_population(range(1, many + 1, many // few), wanted.lessons)),
        "any-of-many": (
            "many",
            make_population(range(1, many + 1, ceil(many / _MOST_IN_USE)), wanted.lessons),
        ),
    }
    _compare(bench, "rows", accounts, sides)


def _compare(
    bench: Bench, part: str, accounts: Mapping[str, Account], sides: Mapping[str, tuple[str, Population]]
) -> None:
    """Measure Headway on several databases: each side is a database and the population that is asking."""
    for workers in bench.options.workers:
        with ExitStack() as stack:
            running = {
                name: stack.enter_context(bench.serving(account.database, workers))
                for name, account in accounts.items()
            }
            asked = {
                server: stack.enter_context(bench.asked(running[name], accounts[name], population)).measure
                for server, (name, population) in sides.items()
            }
            bench.measure(Section(part, workers), bench.options.cells(part), asked)
    bench.check({f"{part}, {name}": account for name, account in accounts.items()})


if __name__ == "__main__":
    sys.exit(main())
