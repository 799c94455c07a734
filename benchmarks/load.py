"""One measurement: wrk against one endpoint of one server, and what it says."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from messages import BELOW_THE_COURSE
from servers import HOST

_FOLDER: Final = Path(__file__).resolve().parent
_MARK: Final = "figures "
_WAYS_TO_FAIL: Final = ("connect", "read", "write", "status", "timeout")
_SCRIPTS: Final = {
    "put": "heartbeat.lua",
    "patch": "record.lua",
    "mixed": "mixed.lua",
    "transitions": "transitions.lua",
    "sync": "sync.lua",
}
_TIMEOUT_SECONDS: Final = 10
_SPARE_SECONDS: Final = 30


class Measurement(NamedTuple):
    """What one run of a client found, and how many cores everybody took meanwhile (see processor.py).

    `client_late_ms` is the p99 of what a client that sends at given times was late by.
    """

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: str
    client_late_ms: float = 0
    busy: Mapping[str, float] = MappingProxyType({})


class Load(NamedTuple):
    """What is asked of a server: an endpoint, over so many connections, for so long. `writes`: in a request of sync."""

    endpoint: str
    connections: int
    seconds: int
    seed: int
    writes: int = 1


def run_wrk(port: int, folder: Path, load: Load, first_beat: int) -> Measurement:
    """Run wrk once. Heartbeats go on from number `first_beat`, so that each one changes its row."""
    figures = _figures(_command(port, folder, load, first_beat), load.seconds)
    failures = [f"{figures[way]} {way}" for way in _WAYS_TO_FAIL if figures[way]]
    if not figures["requests"]:
        failures.append("no answer at all")
    return Measurement(
        requests=figures["requests"],
        requests_per_second=figures["requests"] * 1_000_000 / figures["microseconds"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        errors=", ".join(failures),
    )


def _command(port: int, folder: Path, load: Load, first_beat: int) -> list[str]:
    return [
        "wrk", "--threads", "1",
        "--connections", str(load.connections),
        "--duration", f"{load.seconds}s",
        "--timeout", f"{_TIMEOUT_SECONDS}s",
        "--script", str(_FOLDER / _SCRIPTS.get(load.endpoint, "read.lua")),
        f"http://{HOST}:{port}",
        "--", str(folder), BELOW_THE_COURSE.get(load.endpoint, ""), str(load.seed), str(first_beat),
        str(load.writes),
    ]  # fmt: skip


def _figures(command: Sequence[str], seconds: int) -> dict[str, Any]:
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
