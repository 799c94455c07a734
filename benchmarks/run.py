"""Measure Headway against its ceiling and against a straightforward peer: `benchmarks/run.py --help`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from time import sleep
from typing import Final, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import answers
import filling
import machine
import options
import servers
from load import Load, Measurement, measure
from options import Options
from population import Population, make_population
from report import NAMES, Findings, MemoryMark, print_findings
from servers import Cores, Recipe, Server, running

_NO_WRK: Final = "The benchmark needs wrk. On Debian and Ubuntu: apt-get install wrk"
_STARTS: Final = 5
_SETTLE_SECONDS: Final = 0.1
_WARM_UP_CONNECTIONS: Final = 32
_MEMORY_CONNECTIONS: Final = 32
_MEMORY_MARKS: Final = 10
_LONGEST_SLICE_SECONDS: Final = 10
_WIDTH_WITHOUT_TERMINAL: Final = 120


@dataclass
class Bench:
    """What the parts of one run share."""

    options: Options
    cores: Cores
    folder: Path
    population: Population
    findings: Findings
    progress: Progress
    task: TaskID
    heartbeats: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show what is being done, and one step more once it is."""
        self.progress.update(self.task, description=what)
        yield
        self.progress.advance(self.task)

    def serving(self, recipe: Recipe) -> AbstractContextManager[Server]:
        """The server, pinned to its cores, for as long as it is needed."""
        return running(recipe, self.cores, self.folder)

    def measure(self, server: Server, load: Load) -> Measurement:
        """Run wrk once, the heartbeats going on from where the last ones to this server ended."""
        first_beat = self.population.rows + self.heartbeats[server.name]
        measurement = measure(server, self.population, self.folder, load, first_beat)
        if load.endpoint == "put":
            self.heartbeats[server.name] += measurement.requests + load.connections
        sleep(_SETTLE_SECONDS)
        return measurement


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered as it should be."""
    wanted = options.read(arguments)
    if shutil.which("wrk") is None:
        print(_NO_WRK, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    try:
        findings = _run(wanted)
    except (RuntimeError, OSError, EOFError, subprocess.SubprocessError) as error:
        print(f"The run ended early: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Every server has been ended.", file=sys.stderr)
        return 130
    print_findings(Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL), findings)
    if wanted.json:
        wanted.json.write_text(json.dumps(findings.as_json(), indent=2) + "\n")
    return 1 if findings.failed else 0


def _stop(_signal: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, so that the servers are ended too."""
    raise KeyboardInterrupt


def _run(wanted: Options) -> Findings:
    cores = servers.split_cores()
    os.sched_setaffinity(0, cores.client)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-", wanted.directory)))
        population = make_population(wanted.learners, wanted.lessons)
        population.write_files(folder)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        task = progress.add_task("looking at the machine", total=_steps(wanted))
        findings = Findings(machine.describe(cores, folder))
        bench = Bench(wanted, cores, folder, population, findings, progress, task)
        if wanted.memory:
            _measure_memory(bench, wanted.memory)
            return findings
        _measure_cells(bench)
        if wanted.startup:
            _measure_startup(bench)
    return findings


def _steps(wanted: Options) -> int:
    if wanted.memory:
        return 1 + _MEMORY_MARKS
    warm_ups = len({(cell.server, cell.endpoint) for cell in wanted.cells})
    starts = _STARTS if wanted.startup else 0
    return len(wanted.servers) + warm_ups + wanted.rounds * len(wanted.cells) + starts


def _measure_cells(bench: Bench) -> None:
    """Fill the servers, then measure round by round, so that a drifting machine favours none of them."""
    cells = bench.options.cells
    with ExitStack() as stack:
        serving: dict[str, Server] = {}
        for name in bench.options.servers:
            with bench.step(f"filling {name}"):
                serving[name] = _start(bench, stack, name)
        for name, endpoint in dict.fromkeys((cell.server, cell.endpoint) for cell in cells):
            with bench.step(f"warming up {name}"):
                bench.measure(serving[name], Load(endpoint, _WARM_UP_CONNECTIONS, seconds=1, seed=0))
        if "headway" in serving:
            bench.findings.memory_before = serving["headway"].memory()
        for number in range(1, bench.options.rounds + 1):
            for cell in cells:
                with bench.step(f"round {number}: {NAMES[cell.endpoint]}, {cell.connections}, {cell.server}"):
                    load = Load(cell.endpoint, cell.connections, bench.options.seconds, seed=number)
                    measurement = bench.measure(serving[cell.server], load)
                    bench.findings.cells.setdefault(cell, []).append(measurement)
        if "headway" in serving:
            bench.findings.memory_after = serving["headway"].memory()


def _start(bench: Bench, stack: ExitStack, name: str) -> Server:
    """Start one of the three and see to it that it has the population's rows, or Headway's answers."""
    if name == "ceiling":
        return stack.enter_context(bench.serving(servers.ceiling(bench.folder)))
    if name == "straightforward":
        filling.fill_straightforward(servers.straightforward_url(bench.folder), bench.population)
        server = stack.enter_context(bench.serving(servers.straightforward(bench.folder)))
        filling.check_filled(server.port, bench.population)
        return server
    server = stack.enter_context(bench.serving(servers.headway(bench.folder)))
    filling.fill_headway(server.port, bench.population)
    filling.check_filled(server.port, bench.population)
    answers.write(bench.folder, filling.record_answers(server.port, bench.population))
    return server


def _measure_startup(bench: Bench) -> None:
    """Start Headway on the database it has just left, time after time."""
    for _ in range(max(_STARTS, bench.options.rounds)):
        with bench.step("starting headway"), bench.serving(servers.headway(bench.folder)) as server:
            bench.findings.startup_seconds.append(server.seconds_to_first_answer)


def _measure_memory(bench: Bench, writes: int) -> None:
    """Write in slices of about a tenth, and look at Headway's memory after each of them."""
    series = bench.findings.memory_series
    with ExitStack() as stack:
        with bench.step("filling headway"):
            server = _start(bench, stack, "headway")
        series.append(MemoryMark(0, server.memory()))
        written, rate = 0, 0.0
        for mark in range(1, _MEMORY_MARKS + 1):
            with bench.step(f"writing: {written:,} of {writes:,}"):
                while (missing := writes * mark // _MEMORY_MARKS - written) > 0:
                    seconds = min(_LONGEST_SLICE_SECONDS, ceil(missing / rate)) if rate else 1
                    measurement = bench.measure(server, Load("put", _MEMORY_CONNECTIONS, seconds, seed=written))
                    if measurement.errors:
                        raise RuntimeError(f"After {written:,} writes: {measurement.errors}")
                    written, rate = written + measurement.requests, measurement.requests_per_second
                series.append(MemoryMark(written, server.memory()))


if __name__ == "__main__":
    sys.exit(main())
