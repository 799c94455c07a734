"""The command line of run_statistics.py."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from options import Between, is_wanted
from tables import ENOUGH_ROUNDS

STORES: Final = ("sqlite", "postgres")
READ, ROSTER, PUT, VERIFY, PEOPLE = PARTS = ("read", "roster", "put", "verify", "people")

_EXAMPLES: Final = """examples:
  python benchmarks/run_statistics.py                              everything, on both stores, half an hour
  python benchmarks/run_statistics.py --learners 20000             a smaller school, two minutes
  python benchmarks/run_statistics.py --only put                   what the counters cost a write, on both stores
  python benchmarks/run_statistics.py --only postgres/roster       one part on one store

The parts of a run have names: store/part, the parts being
  read      GET /statistics/{course_id} with few and with many learners, and the same answer by GROUP BY
  roster    a page of the learners, in every order, at every depth
  put       heartbeats over 32 connections, with and without the keeping of figures
  verify    headway verify over all rows
  people    headway people import; then pages by name, searches, and the figures of groups

exit status: 0 measured, 1 a request failed, a figure was wrong or a server did not run, 2 wrk is missing or an
option is wrong
"""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    learners: int
    few: int
    lessons: int
    people: int
    only: str
    directory: Path
    json: Path | None
    markdown: Path | None

    def parts(self, store: str) -> list[str]:
        """The parts to measure on a store."""
        return [part for part in PARTS if is_wanted(f"{store}/{part}", self.only)]

    @property
    def stores(self) -> list[str]:
        """The stores to measure."""
        return [store for store in STORES if self.parts(store)]


def read(arguments: Sequence[str] | None) -> Options:
    """The options; ends the program where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_statistics.py",
        description="Measure what courses' figures cost: to read, to keep, to page through and to recount.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=Between(1, 100), default=ENOUGH_ROUNDS, metavar="N", help="rounds (%(default)s)")
    add("--seconds", type=Between(1, 60), default=3, metavar="N", help="seconds of heartbeats a round (%(default)s)")
    add("--learners", type=Between(1_000, 10_000_000), default=1_000_000, metavar="N", help="many (%(default)s)")
    add("--few", type=Between(100, 100_000), default=1_000, metavar="N", help="few learners (%(default)s)")
    add("--lessons", type=Between(1, 1000), default=40, metavar="N", help="in the course (%(default)s)")
    add("--people", type=Between(2_000, 1_000_000), default=100_000, metavar="N", help="with names (%(default)s)")
    add("--only", default="", metavar="PATTERN", help="the parts named like PATTERN[,PATTERN]; * and ? work")
    add(
        "--directory",
        type=Path,
        default=Path("/var/tmp"),
        metavar="PATH",
        help="where the databases are while it runs: 30 GiB for a million learners (%(default)s)",
    )
    add("--json", type=Path, metavar="FILE", help="write every round's figures to FILE")
    add("--markdown", type=Path, metavar="FILE", help="write what is printed to FILE, as Markdown")
    options = Options(**vars(parser.parse_args(arguments)))
    if not options.stores:
        parser.error(f"no part of the run has a name like {options.only!r}")
    return options
