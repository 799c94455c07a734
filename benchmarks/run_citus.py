"""Measure Headway on a Citus cluster against Headway on one PostgreSQL server: `benchmarks/run_citus.py --help`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from rich.table import Table

import filling
import machine
import servers
from load import Load, Measurement, run_wrk
from population import Population, make_population
from postgres import Database
from processor import tree_seconds
from program import Steps, carry_out, shown_steps
from tables import NAMES, Part

_EXAMPLES: Final = """Both databases must be empty, and that of the cluster distributed (headway migrate --citus). The
other one may be on the coordinator, too. All nodes run on this machine, so the processor time of each is known.

example:
  python benchmarks/run_citus.py --cluster postgresql://headway@127.0.0.1:6000/spread \\
      --server postgresql://headway@127.0.0.1:6000/alone

exit status: 0 measured, 1 a request failed or a server did not run, 2 wrk is missing or an option is wrong
"""
_NODES: Final = "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
_TRANSACTIONS: Final = "SELECT sum(xact_commit) FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Place:
    """Where Headway stores: a name, the database, and the databases of all servers behind it."""

    name: str
    database: Database
    nodes: Mapping[str, Database]


class Work(dict[str, tuple[int, float]]):
    """The transactions and the seconds of processor time of each server so far."""

    def since(self, before: "Work") -> "Work":
        """What came after another count."""
        return Work({name: (self[name][0] - before[name][0], self[name][1] - before[name][1]) for name in self})


@dataclass
class Findings:
    """What a run found."""

    described: Mapping[str, str]
    first_writes: dict[str, float] = field(default_factory=dict)
    cells: dict[tuple[str, int, str], list[Measurement]] = field(default_factory=dict)
    work: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a request failed."""
        return any(one.errors for found in self.cells.values() for one in found)

    def parts(self) -> Iterator[Part]:
        """What is printed."""
        rates = Table("requests", "connections", "one server", "cluster", "cluster / server", title="Requests a second")
        first = self.first_writes
        rates.add_row(
            "first PUT", "32", f"{first['server']:,.0f}", f"{first['cluster']:,.0f}",
            f"{first['cluster'] / first['server']:.2f}",
        )  # fmt: skip
        for endpoint, connections, _ in [cell for cell in self.cells if cell[2] == "server"]:
            alone, spread = (self._rate(endpoint, connections, name) for name in ("server", "cluster"))
            rates.add_row(NAMES[endpoint], str(connections), f"{alone:,.0f}", f"{spread:,.0f}", f"{spread / alone:.2f}")
        yield rates
        work = Table("store", "server", "transactions", "processor time, µs", title="Work for one PUT")
        for (store, server), (transactions, seconds) in self.work.items():
            work.add_row(store, server, f"{transactions:.2f}", f"{seconds * 1e6:,.0f}")
        yield work

    def as_json(self) -> dict[str, Any]:
        """Every round's figures."""
        cells = {
            "/".join(map(str, cell)): [one._asdict() | {"busy": {}} for one in found]
            for cell, found in self.cells.items()
        }
        work = {"/".join(cell): figures for cell, figures in self.work.items()}
        described = dict(self.described)
        return {"machine": described, "first_writes": self.first_writes, "cells": cells, "work": work}

    def _rate(self, endpoint: str, connections: int, name: str) -> float:
        return median(one.requests_per_second for one in self.cells[endpoint, connections, name])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether every request was answered."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cluster", required=True, help="the address of the database on the coordinator")
    parser.add_argument("--server", required=True, help="the address of a database on one server")
    parser.add_argument("--learners", type=int, default=1000)
    parser.add_argument("--lessons", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--endpoints", nargs="+", default=["put", "list", "summary"])
    parser.add_argument("--json", type=Path, help="write every round's figures there")
    wanted = parser.parse_args(arguments)
    return carry_out(lambda: _run(wanted), wanted.json, None)


def _run(wanted: argparse.Namespace) -> Findings:
    places = [_place("server", wanted.server), _place("cluster", wanted.cluster)]
    population = make_population(range(1, wanted.learners + 1), wanted.lessons)
    measured = len(wanted.endpoints) * len(wanted.connections) * wanted.rounds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory("", "headway-bench-")))
        cores = servers.all_cores()
        findings = Findings(machine.describe(cores, folder, "asyncpg"))
        steps = stack.enter_context(shown_steps(len(places) * (measured + 1)))
        population.write_files(folder)
        running = {
            place.name: stack.enter_context(servers.running(servers.headway(place.database.url), cores, folder))
            for place in places
        }
        for place in places:
            with steps.step(f"first writes: {place.name}"):
                began = perf_counter()
                filling.fill_headway(running[place.name].port, population)
                findings.first_writes[place.name] = population.rows / (perf_counter() - began)
        _measure(wanted, places, running, population, folder, findings, steps)
    return findings


def _measure(
    wanted: argparse.Namespace,
    places: Sequence[Place],
    running: Mapping[str, servers.Server],
    population: Population,
    folder: Path,
    findings: Findings,
    steps: Steps,
) -> None:
    """Measure in turns, so that a drifting machine favours nobody."""
    beat = population.rows
    written: dict[str, int] = dict.fromkeys(running, 0)
    totals = {(place.name, node): (0, 0.0) for place in places for node in place.nodes}
    for number in range(1, wanted.rounds + 1):
        for endpoint in wanted.endpoints:
            for connections in wanted.connections:
                for place in places:
                    load = Load(endpoint, connections, wanted.seconds, seed=number)
                    with steps.step(f"round {number}: {NAMES[endpoint]}, {connections}, {place.name}"):
                        before = _work(place)
                        found = run_wrk(running[place.name].port, folder, load, beat)
                    findings.cells.setdefault((endpoint, connections, place.name), []).append(found)
                    if endpoint != "put":
                        continue
                    beat += found.requests + connections
                    written[place.name] += found.requests
                    for node, (transactions, seconds) in _work(place).since(before).items():
                        sofar = totals[place.name, node]
                        totals[place.name, node] = (sofar[0] + transactions, sofar[1] + seconds)
    for (store, node), (transactions, seconds) in totals.items():
        if written[store]:
            findings.work[store, node] = transactions / written[store], seconds / written[store]


def _place(name: str, url: str) -> Place:
    """A database with the servers behind it: its own, or all nodes of its cluster."""
    database = Database(url)
    if not database.ask("SELECT to_regclass('pg_dist_node')"):
        return Place(name, database, {"server": database})
    if int(database.ask("SELECT count(*) FROM pg_dist_partition")) == 0:
        return Place(name, database, {"server": database})
    nodes = [line.split("|") for line in database.ask(_NODES).splitlines()]
    user, _, rest = url.rpartition("@")
    path = rest.partition("/")[2]
    names = ["coordinator", *(f"worker {number}" for number in range(1, len(nodes)))]
    return Place(
        name,
        database,
        {node: Database(f"{user}@{host}:{port}/{path}") for node, (host, port) in zip(names, nodes, strict=True)},
    )


def _work(place: Place) -> Work:
    return Work({name: (int(node.ask(_TRANSACTIONS)), _seconds(node)) for name, node in place.nodes.items()})


def _seconds(node: Database) -> float:
    folder = Path(node.ask("SHOW data_directory"))
    return tree_seconds(int((folder / "postmaster.pid").read_text().split()[0]))


if __name__ == "__main__":
    sys.exit(main())
