"""One measurement: wrk against one endpoint of one server, and what it says."""

import json
import os
import resource
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from population import Population
from servers import HOST, Server

_FOLDER: Final = Path(__file__).resolve().parent
_MARK: Final = "figures "
_WAYS_TO_FAIL: Final = ("connect", "read", "write", "status", "timeout")
_BELOW_THE_COURSE: Final = {"put": "/lessons/", "list": "", "summary": "/summary"}
_TIMEOUT_SECONDS: Final = 10
_SPARE_SECONDS: Final = 30


class Measurement(NamedTuple):
    """What one run of wrk found.

    `client_busy` is the share of its core that wrk took, `others_busy` the share of the server's cores that neither
    the server nor idleness took: other programs, the kernel's work on the disk, other machines on the same host.
    """

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: str
    client_busy: float
    others_busy: float


class _Clocks(NamedTuple):
    """Processor time so far, in seconds."""

    client: float
    others: float


class Load(NamedTuple):
    """What is asked of a server: an endpoint, over so many connections, for so long."""

    endpoint: str
    connections: int
    seconds: int
    seed: int


def measure(server: Server, population: Population, folder: Path, load: Load, first_beat: int) -> Measurement:
    """Run wrk once. Heartbeats go on from number `first_beat`, so that each one changes its row."""
    before = _read_clocks(server)
    figures = _run_wrk(_command(server, population, folder, load, first_beat), load.seconds)
    after = _read_clocks(server)
    failures = [f"{figures[way]} {way}" for way in _WAYS_TO_FAIL if figures[way]]
    if not figures["requests"]:
        failures.append("no answer at all")
    return Measurement(
        requests=figures["requests"],
        requests_per_second=figures["requests"] * 1_000_000 / figures["microseconds"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        errors=", ".join(failures),
        client_busy=(after.client - before.client) / load.seconds,
        others_busy=max(0.0, after.others - before.others) / load.seconds / len(server.cores),
    )


def _command(server: Server, population: Population, folder: Path, load: Load, first_beat: int) -> list[str]:
    return [
        "wrk", "--threads", "1",
        "--connections", str(load.connections),
        "--duration", f"{load.seconds}s",
        "--timeout", f"{_TIMEOUT_SECONDS}s",
        "--script", str(_FOLDER / ("heartbeat.lua" if load.endpoint == "put" else "read.lua")),
        f"http://{HOST}:{server.port}",
        "--", str(folder), population.course_path + _BELOW_THE_COURSE[load.endpoint], str(load.seed), str(first_beat),
    ]  # fmt: skip


def _run_wrk(command: Sequence[str], seconds: int) -> dict[str, Any]:
    """Run wrk; the figures in the line that common.lua prints."""
    finished = subprocess.run(
        command,
        env={**os.environ, "LUA_PATH": f"{_FOLDER}/?.lua"},
        capture_output=True,
        text=True,
        timeout=seconds + _SPARE_SECONDS,
        check=False,
    )
    for line in finished.stdout.splitlines():
        if line.startswith(_MARK):
            figures: dict[str, Any] = json.loads(line.removeprefix(_MARK))
            return figures
    raise RuntimeError(f"wrk printed no figures:\n{finished.stdout}{finished.stderr}")


def _read_clocks(server: Server) -> _Clocks:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Clocks(children.ru_utime + children.ru_stime, server.busy_seconds() - server.own_seconds())
