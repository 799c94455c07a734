"""Counting all that a database holds: the same for every store."""

from collections.abc import Callable, Sequence
from typing import Final

from headway.domain.counters import Counters
from headway.storage.port import Archive

_FIRST: Final = "0001_initial"
_COUNTED_FROM: Final = "0003_statistics"
"""The migration from which on figures are kept."""


def are_uncounted(applied: Sequence[str]) -> bool:
    """Whether these migrations, just applied, found rows that were never counted: a database they made has none."""
    return _COUNTED_FROM in applied and _FIRST not in applied


async def count_anew(archive: Archive, progress: Callable[[int], None] = lambda _rows: None) -> None:
    """Make the courses' figures what a recount finds; `progress` is told how many more rows were counted.

    The difference is added: what is written meanwhile adds its own, so nobody has to wait.
    """
    difference = Counters()
    async with archive.recount(None) as recount:
        difference.add(await recount.stored(), sign=-1)
        async for stretch in recount.stretches():
            difference.add(stretch.counters)
            progress(stretch.rows)
    if difference:
        await archive.add_counters(difference)
