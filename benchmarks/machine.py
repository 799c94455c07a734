"""What the figures were measured on: without it they say little."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from servers import ROOT, Cores

_SYNCS: Final = 50
_SYNC_BYTES: Final = 4096
_NAMED_PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "fastapi")


def describe(cores: Cores, folder: Path, *more_packages: str) -> dict[str, str]:
    """The machine, the software and the pinning, a line each."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in (*_NAMED_PACKAGES, *more_packages)),
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "pinned": _pinning(cores),
        "disk": f"{_filesystem(folder)}, a 4 KiB write and fsync takes {_sync_milliseconds(folder):.2f} ms (median)",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    if not commit:
        return "not in a git repository"
    return f"{commit}, with uncommitted changes" if _git("status", "--porcelain") else commit


def _git(*arguments: str) -> str:
    finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return finished.stdout.strip()


def _pinning(cores: Cores) -> str:
    if cores.shared:
        return (
            f"nothing; everything shares core {_listed(cores.server)}, so that the client takes time from the servers"
        )
    return f"servers on core {_listed(cores.server)}; wrk and this program on core {_listed(cores.client)}"


def _listed(cores: tuple[int, ...]) -> str:
    return ", ".join(map(str, cores))


def _filesystem(folder: Path) -> str:
    """The type of the file system that the databases are on, tmpfs marked as what it is."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    kinds = {mount[1]: mount[2] for mount in mounts}
    position = next(str(parent) for parent in (folder, *folder.parents) if str(parent) in kinds)
    return "tmpfs (memory: nothing here is durable)" if kinds[position] == "tmpfs" else kinds[position]


def _sync_milliseconds(folder: Path) -> float:
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(bytes(_SYNC_BYTES))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return median(took) * 1000
