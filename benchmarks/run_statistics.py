"""Measure what courses' figures cost, on both stores: `benchmarks/run_statistics.py --help`."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import filling
import machine
import postgres
import servers
import statistics_options
from load import Load, Measurement, run_wrk
from population import LARGE_GROUP, LARGE_GROUP_MEMBERS, Population, make_population, statistics_reader
from processor import Watch
from program import Steps, carry_out, shown_steps
from schools import School, Schools
from servers import HOST, Cores, Server
from statistics_options import PEOPLE, PUT, READ, ROSTER, VERIFY, Options
from statistics_report import (
    BY_NAME,
    COUNTED,
    FEW,
    GROUP,
    GROUPED,
    IMPORT,
    MANY,
    SEARCH,
    UNCOUNTED,
    Findings,
    Timing,
)

_BASE: Final = "/api/v1/education"
_PATH: Final = f"{_BASE}/statistics/"
_ANSWERS_A_ROUND: Final = 100
_WARM_UP: Final = 20
_LONGEST_PAGE: Final = 1000
_DEPTHS: Final = 50
_PAGES_AT_A_DEPTH: Final = 10
_COURSES_OF_PEOPLE: Final = 200
_PEOPLE_OF_A_GROUP: Final = 50
_QUERIES: Final = ("a", "ada", "zoe han", "bjorn abaco-3", "s-99", "p1234@school.example", "nobody")
_ORDERS: Final = ("progress", "last_seen", "completed")
_WRITING_LEARNERS: Final = 1_000
_CONNECTIONS: Final = 32
_SETTLE_SECONDS: Final = 0.1
# While a million learners are filled in, and no other limit than those that PostgreSQL comes with else.
_POSTGRES_SETTINGS: Final = {"max_wal_size": "16GB", "shared_buffers": "1GB"}


@dataclass
class Bench:
    """What the parts of one run share, on one store."""

    options: Options
    schools: Schools
    findings: Findings
    steps: Steps

    def timing(self, part: str, what: str) -> Timing:
        """What is timed."""
        return Timing(self.schools.store, part, what)

    def note(self, part: str, what: str, seconds: float) -> None:
        """Note how long something took."""
        self.findings.seconds.setdefault(self.timing(part, what), []).append(seconds)


class Reader:
    """A teacher with one connection to a server."""

    def __init__(self, server: Server, population: Population) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {statistics_reader(population)}"}
        self._path = _PATH + population.courses[0]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def ask(self, below: str = "") -> tuple[float, Any]:
        """How long an answer about the course took, and what it is."""
        return self.get(self._path + below)

    def get(self, path: str) -> tuple[float, Any]:
        """How long an answer took, and what it is."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        took = time.perf_counter() - began
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"GET {path}: status {response.status}, {body[:300]!r}")
        return took, json.loads(body)

    def page(self, order: str, cursor: str | None, limit: int) -> tuple[float, Any]:
        """A page of the roster behind a cursor."""
        asked = {"sort": order, "limit": limit} | ({} if cursor is None else {"cursor": cursor})
        return self.ask(f"/learners?{urlencode(asked)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered and every figure right."""
    wanted = statistics_options.read(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.all_cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        steps = stack.enter_context(shown_steps(sum(map(len, map(wanted.parts, wanted.stores)))))
        described = machine.describe(cores, folder, "apsw", "asyncpg")
        findings = Findings(described, len(cores.server), wanted.learners * wanted.lessons, wanted.rounds)
        for store in wanted.stores:
            with _schools(store, cores, folder, wanted) as schools:
                if schools.server is not None:
                    findings.machine = described | schools.server.describe()
                _measure(Bench(wanted, schools, findings, steps))
    return findings


@contextmanager
def _schools(store: str, cores: Cores, folder: Path, wanted: Options) -> Iterator[Schools]:
    with ExitStack() as stack:
        own = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        server = None
        if store == "postgres":
            server = stack.enter_context(postgres.running(wanted.directory, _POSTGRES_SETTINGS))
        yield Schools(cores, own, server)


def _measure(bench: Bench) -> None:
    """The parts that are wanted. Writes go to schools of their own, so that what is read is what was filled in."""
    wanted, schools = bench.options, bench.schools
    parts = wanted.parts(schools.store)
    if PUT in parts:
        with bench.steps.step(f"{schools.store}: heartbeats"):
            _measure_heartbeats(bench)
    if PEOPLE in parts:
        with bench.steps.step(f"{schools.store}: people"):
            _measure_people(bench)
    if not {READ, ROSTER, VERIFY} & set(parts):
        return
    many = schools.filled("many", wanted.learners, wanted.lessons)
    if READ in parts:
        with bench.steps.step(f"{schools.store}: statistics"):
            _measure_reading(bench, schools.filled("few", wanted.few, wanted.lessons), many)
    if ROSTER in parts:
        with bench.steps.step(f"{schools.store}: the roster"):
            _measure_roster(bench, many)
    if VERIFY in parts:
        with bench.steps.step(f"{schools.store}: verify"):
            bench.note(VERIFY, VERIFY, many.verified_seconds())


def _measure_reading(bench: Bench, few: School, many: School) -> None:
    """Few, many and a group of the many in turns; GROUP BY over the many after each round, while nobody else reads."""
    population = make_population(range(1, 2), bench.options.lessons)
    with bench.schools.serving(many) as server:
        members = many.learners_of_a_group(LARGE_GROUP_MEMBERS)
        of_group = f"?group={filling.put_group(server.port, population, members)}"
    for _ in range(bench.options.rounds):
        with ExitStack() as stack:
            readers = {
                name: stack.enter_context(
                    closing(Reader(stack.enter_context(bench.schools.serving(school)), population))
                )
                for name, school in ((FEW, few), (MANY, many))
            }
            for reader in readers.values():
                for _ in range(_WARM_UP):
                    reader.ask()
            for _ in range(_ANSWERS_A_ROUND):
                for name, reader in readers.items():
                    bench.note(READ, name, reader.ask()[0])
                took, figures = readers[MANY].ask(of_group)
                if figures["learners"] != LARGE_GROUP_MEMBERS:
                    raise RuntimeError(f"The group has {figures['learners']:,} learners.")
                bench.note(READ, GROUP, took)
        bench.note(READ, GROUPED, many.grouped_seconds())


def _measure_people(bench: Bench) -> None:
    """Import people, then look at pages by name at many depths, search, and ask for the figures of a large group."""
    wanted, schools = bench.options, bench.schools
    population = make_population(range(1, wanted.people + 1), wanted.lessons, _COURSES_OF_PEOPLE)
    school, seconds = schools.populated("people", population, wanted.people // _PEOPLE_OF_A_GROUP)
    bench.note(PEOPLE, IMPORT, seconds)
    with schools.serving(school) as server, closing(Reader(server, population)) as reader:
        _walk(bench, reader, Walk(PEOPLE, BY_NAME, "name", school.learners))
        for query in _QUERIES:
            for path in (f"{_BASE}/learners?", f"{_PATH}{population.courses[0]}/learners?"):
                for _ in range(_PAGES_AT_A_DEPTH):
                    bench.note(PEOPLE, SEARCH, reader.get(path + urlencode({"query": query}))[0])
        [group] = [one["id"] for one in reader.get(f"{_BASE}/groups")[1] if one["title"] == LARGE_GROUP]
        for _ in range(_PAGES_AT_A_DEPTH):
            took, figures = reader.ask(f"?group={group}")
            if figures["enrolled"] != LARGE_GROUP_MEMBERS:
                raise RuntimeError(f"The group has {figures['enrolled']:,} enrolled learners.")
            bench.note(PEOPLE, GROUP, took)


def _measure_roster(bench: Bench, many: School) -> None:
    """Walk through all learners in each order."""
    population = make_population(range(1, 2), bench.options.lessons)
    with bench.schools.serving(many) as server, closing(Reader(server, population)) as reader:
        for order in _ORDERS:
            _walk(bench, reader, Walk(ROSTER, order, order, many.learners))


class Walk(NamedTuple):
    """All learners of a course in an order, and as what the pages are noted."""

    part: str
    what: str
    order: str
    learners: int


def _walk(bench: Bench, reader: Reader, walk: Walk) -> None:
    """Walk through all learners in the longest pages, and look at usual ones on the way."""
    walked = range(0, walk.learners, _LONGEST_PAGE)
    looked_at = set(walked[:: max(1, len(walked) // _DEPTHS)]) | {walked[-1]}
    cursor = None
    met = 0
    for position in walked:
        if position in looked_at:
            for _ in range(_PAGES_AT_A_DEPTH):
                bench.note(walk.part, walk.what, reader.page(walk.order, cursor, 50)[0])
        _, page = reader.page(walk.order, cursor, _LONGEST_PAGE)
        met += len(page["learners"])
        cursor = page["next"]
    if met != walk.learners or cursor is not None:
        raise RuntimeError(f"The roster by {walk.order} has {met:,} learners of {walk.learners:,}.")


def _measure_heartbeats(bench: Bench) -> None:
    """Heartbeats to Headway, and to Headway without figures, in turns."""
    wanted, schools = bench.options, bench.schools
    population = make_population(range(1, _WRITING_LEARNERS + 1), wanted.lessons)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=schools.folder)))
        population.write_files(folder)
        serving = {}
        for name in (COUNTED, UNCOUNTED):
            school = schools.empty(name, wanted.lessons)
            server = stack.enter_context(schools.serving(school, counted=name == COUNTED))
            filling.fill_headway(server.port, population)
            serving[name] = server
        beat = population.rows
        for number in range(wanted.rounds + 1):
            for name, server in serving.items():
                load = Load("put", _CONNECTIONS, wanted.seconds if number else 1, seed=number)
                measurement = _beat(bench, server, load, folder, beat)
                beat += measurement.requests + load.connections
                if number:  # else it was to warm up
                    bench.findings.heartbeats.setdefault(bench.timing(PUT, name), []).append(measurement)
                time.sleep(_SETTLE_SECONDS)


def _beat(bench: Bench, server: Server, load: Load, folder: Path, beat: int) -> Measurement:
    processes = {server.name: server.process_id}
    if bench.schools.server is not None:
        processes["postgres"] = bench.schools.server.process_id
    with Watch(bench.schools.cores.server, processes, with_client=True).watching() as busy:
        return run_wrk(server.port, folder, load, beat)._replace(busy=busy)


if __name__ == "__main__":
    sys.exit(main())
