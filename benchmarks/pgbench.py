"""The bare database: pgbench with one statement a request, no service in between."""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final

from load import Load, Measurement
from population import Population
from postgres import Database, program

CLIENTS: Final = 32

_FOLDER: Final = Path(__file__).resolve().parent
_THREADS: Final = 2
_LOGGED_SHARE: Final = 0.1
_MIXED: Final = {"mixed": ["put", "list"]}  # pgbench throws a coin for each
_SPARE_SECONDS: Final = 30
_FIRST_SECOND: Final = re.compile(r"^progress: ([0-9.]+) s, ([0-9.]+) tps", re.MULTILINE)
_ALL: Final = re.compile(
    r"^number of transactions actually processed: (\d+).*^number of failed transactions: (\d+).*^tps = ([0-9.]+)",
    re.MULTILINE | re.DOTALL,
)


def run_pgbench(database: Database, population: Population, load: Load, first_beat: int) -> Measurement:
    """Run pgbench once. The first second does not count: in it every new connection reads the catalogue and plans."""
    with tempfile.TemporaryDirectory(prefix="headway-pgbench-") as folder:
        finished = subprocess.run(
            _command(database, population, load, first_beat),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=load.seconds + _SPARE_SECONDS,
            check=False,
        )
        first, whole = _FIRST_SECOND.search(finished.stderr), _ALL.search(finished.stdout)
        if finished.returncode or not first or not whole:
            raise RuntimeError(f"pgbench:\n{finished.stdout}{finished.stderr}")
        percentiles = quantiles(_latencies(Path(folder)), n=100)
    processed, failed, overall_rate = int(whole[1]), int(whole[2]), float(whole[3])
    first_seconds, first_rate = float(first[1]), float(first[2])
    later = processed - first_rate * first_seconds
    return Measurement(
        requests=processed,
        requests_per_second=later / (processed / overall_rate - first_seconds),
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        errors=f"{failed} transactions" if failed else "",
    )


def _command(database: Database, population: Population, load: Load, first_beat: int) -> Sequence[str]:
    [course_id] = population.courses
    return [
        program("pgbench"), "--no-vacuum", "--protocol=prepared",
        f"--client={load.connections}", f"--jobs={_THREADS}", f"--time={load.seconds + 1}", "--progress=1",
        "--log", f"--sampling-rate={_LOGGED_SHARE}", f"--random-seed={load.seed}",
        f"--define=learners={len(population.learners)}", f"--define=lessons={len(population.lessons)}",
        f"--define=course_id={course_id}", f"--define=beat={first_beat}",
        *(f"--file={_FOLDER / f'bare_{endpoint}.sql'}" for endpoint in _MIXED.get(load.endpoint, [load.endpoint])),
        database.url,
    ]  # fmt: skip


def _latencies(folder: Path) -> Iterator[float]:
    """The transactions that were logged, in milliseconds: the third figure of a line, in microseconds."""
    for file in folder.glob("pgbench_log.*"):
        for line in file.read_text().splitlines():
            yield int(line.split()[2]) / 1000
