"""Measure Headway against its ceiling and against a straightforward peer: `benchmarks/run.py --help`."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from time import sleep
from typing import Final

import answers
import filling
import machine
import options
import pocketbase
import servers
from constant_rate import run_at_rate
from load import Load, Measurement, run_wrk
from options import Options
from population import Population, make_population
from processor import Watch
from program import Steps, carry_out, shown_steps
from report import Findings, MemoryMark
from servers import Cores, Recipe, Server, running
from tables import NAMES, Spread

_STARTS: Final = 5
_SETTLE_SECONDS: Final = 0.1
_WARM_UP_CONNECTIONS: Final = 32
_MEMORY_CONNECTIONS: Final = 32
_MEMORY_MARKS: Final = 10
_LONGEST_SLICE_SECONDS: Final = 10


@dataclass
class Bench:
    """What the parts of one run share."""

    options: Options
    cores: Cores
    folder: Path
    population: Population
    findings: Findings
    steps: Steps
    heartbeats: Counter[str] = field(default_factory=Counter)

    def serving(self, recipe: Recipe) -> AbstractContextManager[Server]:
        """The server, pinned to its cores, for as long as it is needed."""
        return running(recipe, self.cores, self.folder)

    def measure(self, server: Server, load: Load) -> Measurement:
        """Run wrk once, the heartbeats going on from where the last ones to this server ended."""
        asked = load._replace(endpoint=pocketbase.ENDPOINT) if server.name == pocketbase.NAME else load
        first_beat = self.population.rows + self.heartbeats[server.name]
        watch = Watch(self.cores.server, {server.name: server.process_id}, with_client=self.cores.shared)
        with watch.watching() as busy:
            measurement = run_wrk(server.port, self.folder, asked, first_beat)._replace(busy=busy)
        if load.endpoint == "put":
            self.heartbeats[server.name] += measurement.requests + load.connections
        sleep(_SETTLE_SECONDS)
        return measurement


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered as it should be."""
    wanted = options.read(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, wanted.markdown)


def _run(wanted: Options) -> Findings:
    cores = servers.split_cores()
    os.sched_setaffinity(0, cores.client)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        population = make_population(range(1, wanted.learners + 1), wanted.lessons)
        population.write_files(folder)
        steps = stack.enter_context(shown_steps(_steps(wanted)))
        described = machine.describe(cores, folder, "sqlalchemy", "apsw") | _describe_pocketbase(wanted)
        findings = Findings(described, len(cores.server))
        bench = Bench(wanted, cores, folder, population, findings, steps)
        if wanted.memory:
            _measure_memory(bench, wanted.memory)
            return findings
        _measure_cells(bench)
        if wanted.startup:
            _measure_startup(bench)
    return findings


def _describe_pocketbase(wanted: Options) -> dict[str, str]:
    """What a report says about it: nothing where nobody asked for it."""
    if wanted.misses_pocketbase:
        return {pocketbase.NAME: pocketbase.MISSING}
    if wanted.pocketbase and pocketbase.NAME in wanted.servers:
        return {pocketbase.NAME: pocketbase.describe(wanted.pocketbase)}
    return {}


def _steps(wanted: Options) -> int:
    if wanted.memory:
        return 1 + _MEMORY_MARKS
    warm_ups = len({(cell.server, cell.endpoint) for cell in wanted.cells})
    starts = _STARTS if wanted.startup else 0
    return len(wanted.servers) + warm_ups + wanted.rounds * (len(wanted.cells) + len(wanted.paced)) + starts


def _measure_cells(bench: Bench) -> None:
    """Fill the servers, then measure round by round, so that a drifting machine favours none of them."""
    cells = bench.options.cells
    with ExitStack() as stack:
        serving: dict[str, Server] = {}
        for name in bench.options.servers:
            with bench.steps.step(f"filling {name}"):
                serving[name] = _start(bench, stack, name)
        for name, endpoint in dict.fromkeys((cell.server, cell.endpoint) for cell in cells):
            with bench.steps.step(f"warming up {name}"):
                bench.measure(serving[name], Load(endpoint, _WARM_UP_CONNECTIONS, seconds=1, seed=0))
        if "headway" in serving:
            bench.findings.memory_before = serving["headway"].memory()
        for number in range(1, bench.options.rounds + 1):
            for cell in cells:
                with bench.steps.step(f"round {number}: {NAMES[cell.endpoint]}, {cell.connections}, {cell.server}"):
                    load = Load(cell.endpoint, cell.connections, bench.options.seconds, seed=number)
                    measurement = bench.measure(serving[cell.server], load)
                    bench.findings.cells.setdefault(cell, []).append(measurement)
        if "headway" in serving:
            _measure_paced(bench, serving["headway"])
            bench.findings.memory_after = serving["headway"].memory()
        if pocketbase.NAME in serving:
            pocketbase.check_durable(serving[pocketbase.NAME].port)


def _measure_paced(bench: Bench, server: Server) -> None:
    """Measure the latency of writes at half of the rate that was found."""
    for number in range(1, bench.options.rounds + 1):
        for cell in bench.options.paced:
            rate = Spread.of([one.requests_per_second for one in bench.findings.cells[cell]]).middle / 2
            with bench.steps.step(f"round {number}: {rate:,.0f} writes a second, {cell.connections}, {cell.server}"):
                load = Load(cell.endpoint, cell.connections, bench.options.seconds, seed=number)
                first_beat = bench.population.rows + bench.heartbeats[server.name]
                paced = run_at_rate(server.port, bench.population, load, rate, first_beat)
                bench.heartbeats[server.name] += paced.requests
                measurement = paced.measurement._replace(busy={})  # nobody watched the processor
                bench.findings.paced.setdefault(cell, []).append(measurement)


def _start(bench: Bench, stack: ExitStack, name: str) -> Server:
    """Start one of them and see to it that it has the population's rows, or Headway's answers."""
    if name == "ceiling":
        return stack.enter_context(bench.serving(servers.ceiling(bench.folder)))
    if name == "straightforward":
        filling.fill_straightforward(servers.straightforward_url(bench.folder), bench.population)
        server = stack.enter_context(bench.serving(servers.straightforward(bench.folder)))
        filling.check_filled(server.port, bench.population)
        return server
    if name == pocketbase.NAME and bench.options.pocketbase:
        server = stack.enter_context(bench.serving(pocketbase.recipe(bench.options.pocketbase, bench.folder)))
        pocketbase.fill(bench.folder, bench.population)
        pocketbase.check_filled(server.port, bench.population)
        pocketbase.check_durable(server.port)
        return server
    server = stack.enter_context(bench.serving(servers.headway(servers.sqlite_url(bench.folder))))
    filling.fill_headway(server.port, bench.population)
    filling.check_filled(server.port, bench.population)
    answers.write(bench.folder, filling.record_answers(server.port, bench.population))
    return server


def _measure_startup(bench: Bench) -> None:
    """Start Headway on the database it has just left, time after time."""
    for _ in range(max(_STARTS, bench.options.rounds)):
        with (
            bench.steps.step("starting headway"),
            bench.serving(servers.headway(servers.sqlite_url(bench.folder))) as server,
        ):
            bench.findings.startup_seconds.append(server.seconds_to_first_answer)


def _measure_memory(bench: Bench, writes: int) -> None:
    """Write in slices of about a tenth, and look at Headway's memory after each of them."""
    series = bench.findings.memory_series
    with ExitStack() as stack:
        with bench.steps.step("filling headway"):
            server = _start(bench, stack, "headway")
        series.append(MemoryMark(0, server.memory()))
        written, rate = 0, 0.0
        for mark in range(1, _MEMORY_MARKS + 1):
            with bench.steps.step(f"writing: {written:,} of {writes:,}"):
                while (missing := writes * mark // _MEMORY_MARKS - written) > 0:
                    seconds = min(_LONGEST_SLICE_SECONDS, ceil(missing / rate)) if rate else 1
                    measurement = bench.measure(server, Load("put", _MEMORY_CONNECTIONS, seconds, seed=written))
                    if measurement.errors:
                        raise RuntimeError(f"After {written:,} writes: {measurement.errors}")
                    written, rate = written + measurement.requests, measurement.requests_per_second
                series.append(MemoryMark(written, server.memory()))


if __name__ == "__main__":
    sys.exit(main())
