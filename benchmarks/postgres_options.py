"""The command line of run_postgres.py."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages import BELOW_THE_COURSE
from options import Between, add_common, is_wanted, numbers
from pgbench import CLIENTS
from tables import Cell

ENDPOINTS: Final = tuple(BELOW_THE_COURSE)
PARTS: Final = ("bare", "pace", "courses", "rows")
FEW_ROWS: Final = 10_000

_MANY_COURSES: Final = 1000
_EXAMPLES: Final = """examples:
  python benchmarks/run_postgres.py                                all but the millions of rows, about nine minutes
  python benchmarks/run_postgres.py --only bare/put --rounds 3     writes against the bare database, half a minute
  python benchmarks/run_postgres.py --only pace --rounds 1         the latencies at half the top rate
  python benchmarks/run_postgres.py --workers 1,2                  with one server process, then with two
  python benchmarks/run_postgres.py --rows 10000000 --only rows    ten million rows against ten thousand
  python benchmarks/run_postgres.py --set wal_compression=lz4      another setting of PostgreSQL

The parts of a run have names: part/endpoint/connections/server, as in
  bare/put/32/headway       writes over 32 connections; beside it bare/put/32/pgbench, the bare database
  bare/mixed/32/headway     a write and a list in turns, of learners whose list has changed since they last asked
  pace/list/128/headway     the list at half the rate that bare/list found, over at most 128 connections
  courses/put/32/one-course, courses/put/32/many-courses
  rows/put/32/few-rows, rows/put/32/many-rows, rows/put/32/any-of-many

exit status: 0 measured, 1 a request failed, a write was lost or a server did not run, 2 wrk is missing or an option
is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    learners: int
    lessons: int
    courses: int
    rows: int | None
    workers: tuple[int, ...]
    only: str
    settings: list[tuple[str, str]]
    directory: Path
    json: Path | None
    markdown: Path | None

    @property
    def few_learners(self) -> int:
        """How many learners have few rows between them."""
        return max(1, FEW_ROWS // self.lessons)

    @property
    def many_learners(self) -> int:
        """How many learners have `rows` between them: a multiple of the few, so that every so many of them is one."""
        return max(1, (self.rows or 0) // self.lessons // self.few_learners) * self.few_learners

    @property
    def parts(self) -> list[str]:
        """The parts to run."""
        return [part for part in PARTS if self.cells(part)]

    def cells(self, part: str) -> list[Cell]:
        """The cells of a part to measure, in the order of a round: what is compared takes turns."""
        return [cell for cell in self._all_cells(part) if is_wanted(f"{part}/{cell.name}", self.only)]

    @property
    def closed_loop_cells(self) -> list[Cell]:
        """The cells of `bare` to measure, and those that the cells of `pace` need to know the top rate from."""
        paced = {cell.endpoint for cell in self.cells("pace")}
        wanted = set(self.cells("bare"))
        return [
            cell
            for cell in self._all_cells("bare")
            if cell in wanted or (cell.endpoint in paced and cell.server == "headway")
        ]

    def _all_cells(self, part: str) -> list[Cell]:
        match part:
            case "bare":
                return [cell for endpoint in (*ENDPOINTS, "mixed") for cell in self._against_pgbench(endpoint)]
            case "pace":
                return [Cell(endpoint, max(self.connections), "headway") for endpoint in ENDPOINTS]
            case "courses":
                return self._compared("one-course", "many-courses")
            case _:
                return self._compared("few-rows", "many-rows", "any-of-many") if self.rows else []

    def _against_pgbench(self, endpoint: str) -> list[Cell]:
        first, *others = (Cell(endpoint, connections, "headway") for connections in self.connections)
        return [first, Cell(endpoint, CLIENTS, "pgbench"), *others]

    def _compared(self, *servers: str) -> list[Cell]:
        return [
            Cell(endpoint, connections, server)
            for endpoint in ENDPOINTS
            for connections in self.connections
            for server in servers
        ]


def read(arguments: Sequence[str] | None) -> Options:
    """The options; ends the program where they are wrong."""
    parser = _parser()
    options = Options(**vars(parser.parse_args(arguments)))
    if not options.parts:
        parser.error(f"no part of the run has a name like {options.only!r}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_postgres.py",
        description="Measure Headway on PostgreSQL against PostgreSQL alone, and against itself with more to keep.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = add_common(parser, seconds=3, connections=(32, 128))
    add("--courses", type=Between(2, 10_000), default=_MANY_COURSES, metavar="N", help="many courses (%(default)s)")
    add("--rows", type=Between(FEW_ROWS, 100_000_000), metavar="N", help="measure with so many rows, too (not at all)")
    add("--workers", type=numbers, default=(1,), metavar="N,N", help="server processes, one figure after the other (1)")
    add(
        "--set",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of PostgreSQL; can be repeated",
    )
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or "'" in value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
