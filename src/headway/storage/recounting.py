"""Counting all that a database holds: the same for every store."""

from collections.abc import Callable, Sequence
from typing import Final

from headway.domain.counters import Counters
from headway.domain.ports import Archive

_FIRST: Final = "0001_initial"
_UNCOUNTED: Final = frozenset({"0003_statistics", "0006_stopped", "0008_worked_at"})
"""The migrations from which on figures are kept that were not kept before, or were kept otherwise.

With the second and third of these scores are counted at whole points rounded down; before, halves went upwards.
"""


def are_uncounted(applied: Sequence[str]) -> bool:
    """Whether these migrations, just applied, found what was never counted so: a database they made has nothing."""
    return _FIRST not in applied and not _UNCOUNTED.isdisjoint(applied)


async def count_anew(archive: Archive, progress: Callable[[int], None] = lambda _rows: None) -> None:
    """Make the courses' figures what a recount finds; `progress` is told how many more rows were counted.

    The difference is added: what is written meanwhile adds its own, so nobody has to wait.
    """
    difference = Counters()
    async with archive.recount(None) as recount:
        difference.add(await recount.stored(), sign=-1)
        async for stretch in recount.stretches():
            difference.add(stretch.counters)
            progress(stretch.lessons)
    if difference:
        await archive.add_counters(difference)
