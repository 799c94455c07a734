"""Processor time: who took how much of it on some cores while something was measured."""

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLIENT: Final = "client"
OTHERS: Final = "others"

_TICKS_IN_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Watch:
    """Whose processor time is told apart: that of servers, by the ids of their first processes, and the client's.

    The others are whatever else keeps `cores` busy: other programs, the kernel's work on the disk, other machines on
    the same host. `with_client`: the client is on these cores, too.
    """

    cores: tuple[int, ...]
    servers: Mapping[str, int]
    with_client: bool

    @contextmanager
    def watching(self) -> Iterator[dict[str, float]]:
        """Fills the dictionary when the block is left: how many cores each took, on the average."""
        taken: dict[str, float] = {}
        began, before = time.perf_counter(), self._read()
        yield taken
        after, seconds = self._read(), time.perf_counter() - began
        taken |= {name: max(0.0, after[name] - before[name]) / seconds for name in after}

    def _read(self) -> dict[str, float]:
        """Processor time so far, in seconds."""
        known = {name: tree_seconds(process_id) for name, process_id in self.servers.items()}
        client = client_seconds()
        others = _busy_seconds(self.cores) - sum(known.values()) - (client if self.with_client else 0)
        return known | {CLIENT: client, OTHERS: others}


def tree_seconds(process_id: int) -> float:
    """The time that a process, those that it started, and so on have taken so far."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        children = [path.read_text() for path in Path(f"/proc/{process_id}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has just ended, and is in the figures of the one that started it
    own = sum(map(int, fields[11:15])) / _TICKS_IN_A_SECOND  # itself, and those that ended
    return own + sum(tree_seconds(int(child)) for line in children for child in line.split())


def client_seconds() -> float:
    """The time that this program and the clients it started have taken so far."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _busy_seconds(cores: tuple[int, ...]) -> float:
    """The time that the cores have been busy so far, whoever with."""
    names = {f"cpu{core}" for core in cores}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    user, nice, system, _idle, _waiting, *interrupted = zip(
        *(map(int, line[1:9]) for line in lines if line[0] in names), strict=True
    )
    return sum(map(sum, (user, nice, system, *interrupted))) / _TICKS_IN_A_SECOND
