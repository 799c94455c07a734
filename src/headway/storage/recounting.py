"""Recounts the counters of a whole database, in the same way for every store."""

from collections.abc import Callable, Sequence
from typing import Final

from headway.domain.counters import Counters
from headway.domain.ports import Archive

_FIRST: Final = "0001_initial"
_UNCOUNTED: Final = frozenset(
    {"0003_statistics", "0006_stopped", "0008_worked_at", "0009_enrolments", "0010_enrolments"}
)
"""The migrations that added counters, or changed what is counted.

Since the second and the third of them, scores are rounded down to whole points. Before, halves were rounded up. The
last two are one change, on SQLite and on PostgreSQL.
"""


def are_uncounted(applied: Sequence[str]) -> bool:
    """Whether a database must be recounted after these migrations. A database that they created is empty."""
    return _FIRST not in applied and not _UNCOUNTED.isdisjoint(applied)


async def count_anew(archive: Archive, progress: Callable[[int], None] = lambda _rows: None) -> None:
    """Replace the counters by a recount. `progress` is called with the number of rows counted since its last call.

    The difference is added to the counters. So writes during the recount stay counted, and nothing is locked.
    """
    difference = Counters()
    async with archive.recount(None) as recount:
        difference.add(await recount.stored(), sign=-1)
        async for stretch in recount.stretches():
            difference.add(stretch.counters)
            progress(stretch.lessons)
    if difference:
        await archive.add_counters(difference)
