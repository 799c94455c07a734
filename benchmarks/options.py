"""The command line."""

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pocketbase
from answers import ENDPOINTS
from tables import ENOUGH_ROUNDS, Cell

SERVERS: Final = ("headway", "ceiling", "straightforward", pocketbase.NAME)

_STARTUP: Final = "startup/headway"
_PACE: Final = "pace/headway"
_A_MILLION: Final = 1_000_000
_EXAMPLES: Final = """examples:
  python benchmarks/run.py                         the whole table, about six minutes
  python benchmarks/run.py --rounds 1 --seconds 1  a quick look at everything
  python benchmarks/run.py --only put/32           one endpoint over 32 connections, all servers
  python benchmarks/run.py --only '*/headway'      Headway alone
  python benchmarks/run.py --only put --pocketbase /opt/pocketbase/pocketbase
                                                   updates, also of PocketBase, which is not on PATH
  python benchmarks/run.py --only startup          the time to the first answer alone
  python benchmarks/run.py --only put/32/headway,pace   writes, and their latency at half of that rate
  python benchmarks/run.py --memory                a million writes to Headway, and its memory
  python benchmarks/run.py --json figures.json     every round's figures as JSON too

The parts of a run have names: endpoint/connections/server, as in put/32/headway, list/1/ceiling or
summary/128/straightforward; pace/headway for the latency of writes at half of the rate that put/N/headway found; and
startup/headway for the time from start to first answer.

exit status: 0 measured, 1 a request failed or a server did not run, 2 wrk is missing or an option is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    learners: int
    lessons: int
    only: str
    memory: int | None
    pocketbase: str | None
    directory: Path
    json: Path | None
    markdown: Path | None

    @property
    def cells(self) -> list[Cell]:
        """The cells to measure, in the order of a round: the servers take turns."""
        return [cell for cell in self._wanted_cells() if cell.server != pocketbase.NAME or self.pocketbase]

    @property
    def misses_pocketbase(self) -> bool:
        """Whether PocketBase would be measured if it were there."""
        return self.pocketbase is None and any(cell.server == pocketbase.NAME for cell in self._wanted_cells())

    def _wanted_cells(self) -> list[Cell]:
        cells = [
            Cell(endpoint, connections, server)
            for endpoint in ENDPOINTS
            for connections in self.connections
            for server in SERVERS
            if server != pocketbase.NAME or endpoint == "put"
        ]
        return [] if self.memory else [cell for cell in cells if self._wants(cell.name)]

    @property
    def startup(self) -> bool:
        """Whether the time from start to first answer is measured."""
        return not self.memory and self._wants(_STARTUP)

    @property
    def paced(self) -> list[Cell]:
        """The cells of Headway's writes that are measured again, at half of their rate."""
        wanted = [cell for cell in self.cells if cell.server == "headway" and cell.endpoint == "put"]
        return [cell for cell in wanted if cell.connections > 1] if self._wants(_PACE) else []

    @property
    def servers(self) -> list[str]:
        """The servers to start. The ceiling needs Headway's answers, so it needs Headway."""
        wanted = {cell.server for cell in self.cells}
        if self.startup or "ceiling" in wanted:
            wanted.add("headway")
        return [server for server in SERVERS if server in wanted]

    def _wants(self, name: str) -> bool:
        return is_wanted(name, self.only)


def is_wanted(name: str, only: str) -> bool:
    """Whether `--only` names a part of the run by one of its patterns, which commas part."""
    return any(fnmatchcase(name, f"*{pattern}*") for pattern in only.split(","))


def read(arguments: Sequence[str] | None) -> Options:
    """The options; ends the program where they are wrong."""
    parser = _parser()
    options = Options(**vars(parser.parse_args(arguments)))
    if options.misses_pocketbase and not options.servers:
        parser.error(f"{pocketbase.NAME} is {pocketbase.MISSING}")
    if not (options.memory or options.servers):
        parser.error(f"no part of the run has a name like {options.only!r}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run.py",
        description="Measure Headway against its ceiling and against a straightforward peer, as whole processes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = add_common(parser, seconds=2, connections=(1, 32, 128))
    add(
        "--memory",
        type=Between(10, 100_000_000),
        nargs="?",
        const=_A_MILLION,
        metavar="WRITES",
        help="instead of all else: Headway's memory over a run of writes (1000000)",
    )
    add(
        "--pocketbase",
        type=program,
        default=shutil.which(pocketbase.NAME),
        metavar="PATH",
        help="the program of PocketBase (that on PATH; without it the others are measured)",
    )
    return parser


def add_common(parser: argparse.ArgumentParser, *, seconds: int, connections: tuple[int, ...]) -> Callable[..., object]:
    """Add what every benchmark has, with these defaults; how to add more."""
    add = parser.add_argument
    listed = ",".join(map(str, connections))
    add("--rounds", type=Between(1, 100), default=ENOUGH_ROUNDS, metavar="N", help="rounds (%(default)s)")
    add("--seconds", type=Between(1, 60), default=seconds, metavar="N", help="seconds for a cell (%(default)s)")
    add("--connections", type=numbers, default=connections, metavar="N,N", help=f"how many ({listed})")
    add("--learners", type=Between(1, 100_000), default=2000, metavar="N", help="how many (%(default)s)")
    add("--lessons", type=Between(1, 1000), default=40, metavar="N", help="in the course (%(default)s)")
    add_places(parser)
    return add


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add which parts of a run are measured, where its databases are, and where its figures go."""
    add = parser.add_argument
    add("--only", default="", metavar="PATTERN", help="the parts named like PATTERN[,PATTERN]; * and ? work")
    add(
        "--directory",
        type=Path,
        default=Path("/var/tmp"),
        metavar="PATH",
        help="where the databases are while it runs; on a real disk, or commits cost nothing (%(default)s)",
    )
    add("--json", type=Path, metavar="FILE", help="write every round's figures to FILE")
    add("--markdown", type=Path, metavar="FILE", help="write what is printed to FILE, as Markdown")


class Between:
    """An argument type: whole numbers from `low` to `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, text: str) -> int:
        """The number in `text`."""
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {self.low} to {self.high}")
        return int(text)


def program(text: str) -> str:
    """An argument type: a program that can be started."""
    found = shutil.which(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no program")
    return found


def numbers(text: str) -> tuple[int, ...]:
    """An argument type: numbers with commas between them."""
    return tuple(map(Between(1, 1024), text.split(",")))
