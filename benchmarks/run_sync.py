"""Measure writes of devices against the bare store: `benchmarks/run_sync.py --help`."""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any, Final, NamedTuple, Protocol

from rich import box
from rich.table import Table
from rich.text import Text

import filling
import machine
import postgres
import servers
from bare_store import Answer
from load import Load, run_wrk
from options import Between, add_places, is_wanted
from population import PROGRESS_PATH, Population, heartbeat_values, make_population
from postgres import Postgres
from program import Steps, carry_out, shown_steps
from servers import HOST, Cores, Server
from tables import ENOUGH_ROUNDS, Part, Reach, Spread, count, machine_lines, table_of_reaches

_STORES: Final = ("sqlite", "postgres")
_SERVERS: Final = ("headway", "bare")
_TARGET: Final = 0.5
_MOST_WRITES: Final = 500  # in a request, by the API
_FOLLOWED_LEARNERS: Final = 20
_SETTLE_SECONDS: Final = 0.1
_END_SECONDS: Final = 15
_PROGRAM: Final = str(Path(__file__).with_name("bare_store.py"))
_POSITIONS: Final = "SELECT user_id, lesson_id, video_position_seconds FROM lesson_progress WHERE user_id IN ({ids})"

_EXAMPLES: Final = """examples:
  python benchmarks/run_sync.py                                    both stores, two to three minutes
  python benchmarks/run_sync.py --only sqlite                      one store
  python benchmarks/run_sync.py --only postgres/headway            Headway alone on one store
  python benchmarks/run_sync.py --writes 500 --lessons 500 --learners 200   the longest requests
  python benchmarks/run_sync.py --rows 256                         the bare store with larger transactions
  python benchmarks/run_sync.py --rounds 1 --seconds 1 --learners 100       a trial

The parts of a run have names, store/server: sqlite/headway, sqlite/bare, postgres/headway, postgres/bare.

exit status: 0 measured, 1 a request failed, a write is missing or a server did not run, 2 wrk is missing or an option
is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    connections: int
    learners: int
    lessons: int
    writes: int
    rows: int
    only: str
    directory: Path
    json: Path | None
    markdown: Path | None

    def servers(self, store: str) -> list[str]:
        """What to measure on a store."""
        return [server for server in _SERVERS if is_wanted(f"{store}/{server}", self.only)]

    @property
    def stores(self) -> list[str]:
        """The stores to measure."""
        return [store for store in _STORES if self.servers(store)]

    @property
    def fault(self) -> str | None:
        """Why these options do not go together."""
        if not self.stores:
            return f"no part of the run has a name like {self.only!r}"
        if self.writes > self.lessons:
            return "--writes must not be more than --lessons: each write of a request is in another lesson"
        if self.learners < 2 * self.connections:
            return "--learners must be at least twice --connections: a learner sends one request at a time"
        if self.rows > self.learners * self.lessons:
            return "--rows must not be more than --learners times --lessons"
        return None


class Round(NamedTuple):
    """One measurement. The latencies are of a request, or of a transaction of the bare store."""

    rows_per_second: float
    p50_ms: float
    p99_ms: float
    errors: str = ""


@dataclass
class Findings:
    """All rounds by store and server, and whether what was acknowledged is stored."""

    machine: dict[str, str]
    options: Options
    rounds: dict[tuple[str, str], list[Round]] = field(default_factory=dict)
    checks: list[Reach] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a request failed or a write is missing."""
        any_error = any(one.errors for rounds in self.rounds.values() for one in rounds)
        return any_error or any(check.reached is False for check in self.checks)

    def parts(self) -> Iterator[Part]:
        """The machine, the table, what was reached, and what is stored."""
        yield from machine_lines(self.machine)
        yield Text()
        yield self._table()
        wanted = self.options
        requests = f"requests of {count(wanted.writes, 'write')} over {count(wanted.connections, 'connection')}"
        yield Text(f"headway: {requests}; bare: transactions of {count(wanted.rows, 'row')} over one connection.")
        if wanted.rounds < ENOUGH_ROUNDS:
            yield Text(f"Only {count(wanted.rounds, 'round')}: a trial, not a measurement.", style="yellow")
        if reaches := list(self._reaches()):
            yield table_of_reaches(reaches)
        yield table_of_reaches(self.checks, "Whether what was acknowledged is stored")

    def as_json(self) -> dict[str, Any]:
        """Everything found."""
        return {
            "machine": self.machine,
            "writes_in_a_request": self.options.writes,
            "rows_in_a_transaction_of_bare": self.options.rows,
            "rounds": [
                {"part": "/".join(part), **one._asdict()} for part, rounds in self.rounds.items() for one in rounds
            ],
            "checks": [check._asdict() for check in self.checks],
        }

    def _table(self) -> Table:
        title = f"Rows a second over {count(self.options.rounds, 'round')}, latency as median of the rounds"
        table = Table(box=box.SIMPLE_HEAD, title=title)
        for heading in ("store", "server", "min", "median", "max", "p50 ms", "p99 ms", "errors"):
            table.add_column(heading, justify="left" if heading in {"store", "server", "errors"} else "right")
        for part, rounds in self.rounds.items():
            table.add_row(
                *part,
                *(f"{value:,.0f}" for value in Spread.of([one.rows_per_second for one in rounds])),
                f"{median(one.p50_ms for one in rounds):.2f}",
                f"{median(one.p99_ms for one in rounds):.2f}",
                ", ".join(filter(None, (one.errors for one in rounds))),
            )
        return table

    def _reaches(self) -> Iterator[Reach]:
        for store in self.options.stores:
            found = [self.rounds.get((store, server)) for server in _SERVERS]
            if not all(found):
                continue
            headway, bare = (median(one.rows_per_second for one in rounds or ()) for rounds in found)
            any_error = any(one.errors for rounds in found for one in rounds or ())
            yield Reach(
                f"{store}: rows a second, headway / bare",
                f">= {_TARGET:g}",
                "failed" if any_error else f"{headway / bare:.2f}",
                reached=not any_error and headway / bare >= _TARGET,
            )


class Database(Protocol):
    """A database that can be asked what it holds."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    def ask(self, statement: str, /) -> str:
        """What a statement answers: a row a line, the columns separated by `|`."""
        ...


@dataclass(frozen=True)
class SqliteFile:
    """Headway's database in a folder."""

    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return servers.sqlite_url(self.folder)

    def ask(self, statement: str, /) -> str:
        """What a statement answers."""
        with closing(self.connect()) as connection:
            return "\n".join("|".join(map(str, columns)) for columns in connection.execute(statement))

    def connect(self) -> sqlite3.Connection:
        """A connection that commits each statement."""
        return sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)


@dataclass
class Contender:
    """Who writes to a database: `beats` heartbeats so far. `last` has last positions by learner and lesson."""

    name: str
    database: Database
    population: Population
    beats: int
    last: dict[tuple[str, str], float] = field(default_factory=dict)

    def measure(self, seconds: int, seed: int) -> Round:
        """As fast as it goes."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write what is followed into the database."""

    def check(self) -> Iterator[Reach]:
        """Whether the database holds what was acknowledged. Nothing must be writing to it any more."""
        rows = int(self.database.ask("SELECT count(*) FROM lesson_progress"))
        yield Reach(f"{self.name}: rows", f"{self.population.rows:,}", f"{rows:,}", rows == self.population.rows)
        ids = ", ".join(f"'{learner}'" for learner in {learner for learner, _ in self.last})
        lines = [line.split("|") for line in self.database.ask(_POSITIONS.format(ids=ids)).splitlines()]
        stored = {(learner, lesson): float(position) for learner, lesson, position in lines}
        right = sum(stored.get(row) == position for row, position in self.last.items())
        yield Reach(f"{self.name}: last positions", f"{len(self.last):,}", f"{right:,}", right == len(self.last))


@dataclass
class Headway(Contender):
    """The service, asked by wrk."""

    server: Server = field(kw_only=True)
    folder: Path = field(kw_only=True)
    options: Options = field(kw_only=True)
    sent: int = 0
    acknowledged: int = 0

    def measure(self, seconds: int, seed: int) -> Round:
        """As fast as it answers."""
        writes, connections = self.options.writes, self.options.connections
        found = run_wrk(self.server.port, self.folder, Load("sync", connections, seconds, seed, writes), self.beats)
        self.beats += (found.requests + connections) * writes
        self.sent += (found.requests + connections) * writes
        self.acknowledged += found.requests * writes
        return Round(found.requests_per_second * writes, found.p50_ms, found.p99_ms, found.errors)

    def finish(self) -> None:
        """Send a last request for some learners, who are spread over all of them."""
        learners = len(self.population.learners)
        for learner in range(0, learners, max(1, learners // _FOLLOWED_LEARNERS)):
            self._send_last(learner)

    def check(self) -> Iterator[Reach]:
        """Every write changes its row and so adds one to the version, which was filled with one."""
        stored = int(self.database.ask("SELECT sum(version) FROM lesson_progress")) - self.population.rows
        yield Reach(
            f"{self.name}: writes, all that were acknowledged",
            f"{self.acknowledged:,} to {self.sent:,}",
            f"{stored:,}",
            self.acknowledged <= stored <= self.sent,
        )
        yield from super().check()

    def _send_last(self, learner: int) -> None:
        now = datetime.now(UTC).isoformat()
        writes = []
        for at, lesson in enumerate(self.population.lessons[: self.options.writes]):
            progress = heartbeat_values(self.beats + at, self.population.rows)
            self.last[self.population.learners[learner], lesson] = progress["video_position_seconds"]
            course = self.population.courses[0]
            writes.append(
                {"key": str(at), "course_id": course, "lesson_id": lesson, "made_at": now, "progress": progress}
            )
        statuses = self._sync(learner, {"sent_at": now, "writes": writes})
        if statuses != [HTTPStatus.OK] * len(writes):
            raise RuntimeError(f"The last writes were refused: {statuses}")
        self.beats += len(writes)
        self.sent += len(writes)
        self.acknowledged += len(writes)

    def _sync(self, learner: int, document: Mapping[str, Any]) -> list[int]:
        headers = {
            "Authorization": f"Bearer {self.population.tokens[learner]}",
            "Content-Type": "application/json",
        }
        with closing(HTTPConnection(HOST, self.server.port, timeout=30)) as connection:
            connection.request("POST", f"{PROGRESS_PATH}sync", json.dumps(document), headers)
            response = connection.getresponse()
            body = response.read()
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"The last request: status {response.status}, {body[:300]!r}")
        return [result["status"] for result in json.loads(body)["results"]]


@dataclass
class Bare(Contender):
    """bare_store.py in its own process, on a copy of the database."""

    process: "subprocess.Popen[str]" = field(kw_only=True)
    log: Path = field(kw_only=True)

    def measure(self, seconds: int, seed: int) -> Round:
        """As fast as it stores."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended, and its log says why
            print(seconds, seed, self.beats, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text(errors='replace')[-2000:]}")
        answer: Answer = json.loads(line)
        self.beats += answer["rows"]
        self.last = {(learner, lesson): position for learner, lesson, position in answer["last"]}
        return Round(answer["rows"] / answer["seconds"], answer["p50_ms"], answer["p99_ms"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered and every write kept."""
    wanted = _options(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.split_cores()
    population = make_population(range(1, wanted.learners + 1), wanted.lessons)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        population.write_files(folder)
        measured = sum(len(wanted.servers(store)) for store in wanted.stores)
        steps = stack.enter_context(shown_steps(2 * len(wanted.stores) + measured * (1 + wanted.rounds)))
        findings = Findings(machine.describe(cores, folder, "apsw", "asyncpg"), wanted)
        bench = Bench(wanted, cores, folder, population, findings, steps)
        for store in wanted.stores:
            with ExitStack() as ending:
                os.sched_setaffinity(0, cores.server)  # which PostgreSQL keeps
                server = None if store == "sqlite" else ending.enter_context(postgres.running(wanted.directory, {}))
                os.sched_setaffinity(0, cores.client)
                if server:
                    findings.machine |= server.describe()
                _measure_store(bench, store, server)
    return findings


@dataclass
class Bench:
    """What the parts of one run share."""

    options: Options
    cores: Cores
    folder: Path
    population: Population
    findings: Findings
    steps: Steps


def _measure_store(bench: Bench, store: str, server: Postgres | None) -> None:
    """Fill a database, copy it, and measure on both of them by turns."""
    wanted = bench.options
    with ExitStack() as stack:
        with bench.steps.step(f"{store}: filling"):
            filled, copied = _filled(bench, store, server)
            contenders = [
                stack.enter_context(_headway(bench, filled) if name == "headway" else _bare(bench, copied))
                for name in wanted.servers(store)
            ]
        for one in contenders:
            with bench.steps.step(f"{store}: warming up {one.name}"):
                one.measure(1, seed=0)
        for number in range(1, wanted.rounds + 1):
            for one in contenders if number % 2 else reversed(contenders):
                with bench.steps.step(f"{store}: round {number}, {one.name}"):
                    found = bench.findings.rounds.setdefault((store, one.name), [])
                    found.append(one.measure(wanted.seconds, seed=number))
                    sleep(_SETTLE_SECONDS)
        for one in contenders:
            one.finish()
    with bench.steps.step(f"{store}: checking"):
        for one in contenders:
            bench.findings.checks += [check._replace(what=f"{store}, {check.what}") for check in one.check()]


def _filled(bench: Bench, store: str, server: Postgres | None) -> tuple[Database, Database]:
    """A database that Headway has made and filled, and its copy."""
    if server is None:
        folders = [bench.folder / store, bench.folder / f"{store}-bare"]
        for folder in folders:
            folder.mkdir()
        own, bare = map(SqliteFile, folders)
        _fill(bench, own)
        with closing(own.connect()) as source, closing(bare.connect()) as target:
            source.backup(target)
        os.sync()  # else the first writes wait for what was filled in
        return own, bare
    database = server.create("headway")
    _fill(bench, database)
    database.ask("VACUUM ANALYZE")
    copy = server.create("bare", like="headway")
    server.checkpoint()
    return database, copy


def _fill(bench: Bench, database: Database) -> None:
    with servers.running(servers.headway(database.url), bench.cores, bench.folder) as server:
        filling.fill_headway(server.port, bench.population)
        filling.check_filled(server.port, bench.population)


@contextmanager
def _headway(bench: Bench, database: Database) -> Iterator[Contender]:
    population = bench.population
    with servers.running(servers.headway(database.url), bench.cores, bench.folder) as server:
        yield Headway(
            "headway", database, population, population.rows, server=server, folder=bench.folder, options=bench.options
        )


@contextmanager
def _bare(bench: Bench, database: Database) -> Iterator[Contender]:
    wanted, population = bench.options, bench.population
    pinned = ("taskset", "--cpu-list", ",".join(map(str, bench.cores.server)), sys.executable, _PROGRAM)
    sizes = map(str, (wanted.learners, wanted.lessons, wanted.rows))
    log = bench.folder / "bare.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*pinned, database.url, *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
        )
    try:
        yield Bare("bare", database, population, population.rows, process=process, log=log)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """It ends when nothing is asked any more; in the middle of a round, it is ended."""
    try:
        process.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_sync.py",
        description="Measure writes of devices, many in a request, against the bare store, by turns in one run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=Between(1, 100), default=ENOUGH_ROUNDS, metavar="N", help="rounds (%(default)s)")
    add("--seconds", type=Between(1, 60), default=2, metavar="N", help="of each server in a round (%(default)s)")
    add("--connections", type=Between(1, 1024), default=32, metavar="N", help="how many (%(default)s)")
    add("--learners", type=Between(1, 100_000), default=2000, metavar="N", help="how many (%(default)s)")
    add("--lessons", type=Between(1, 1000), default=40, metavar="N", help="in the course (%(default)s)")
    add("--writes", type=Between(1, _MOST_WRITES), default=40, metavar="N", help="in a request (%(default)s)")
    add("--rows", type=Between(1, 4096), default=64, metavar="N", help="in a transaction of bare (%(default)s)")
    add_places(parser)
    options = Options(**vars(parser.parse_args(arguments)))
    if options.fault:
        parser.error(options.fault)
    return options


if __name__ == "__main__":
    sys.exit(main())
