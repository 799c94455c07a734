"""Numbered migrations, which of them a database lacks, and the recount of its counters after some of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from headway.domain.archive_ports import Archive
from headway.domain.counters import Counters
from headway.domain.errors import SchemaTooNewError


class SchemaMarks(NamedTuple):
    """The schema version of a database (0: empty), and the oldest schema version whose Headway can use it."""

    version: int
    compatible_from: int


class Migrations:
    """The files `0001_name.sql`, `0002_name.sql`, … of one folder. The number of files is the schema version.

    `compatible_from` is the oldest schema version whose Headway can use the schema that the files lead to.
    """

    def __init__(self, folder: Path, *, compatible_from: int) -> None:
        self._files = sorted(folder.glob("[0-9]*.sql"))
        self.marks = SchemaMarks(len(self._files), compatible_from)

    def missing(self, found: SchemaMarks) -> Sequence[Path]:
        """Return the files to apply, in order; none where the schema is newer, but usable.

        Raises `SchemaTooNewError` where the schema is too new for this Headway.
        """
        if found.compatible_from > self.marks.version:
            raise SchemaTooNewError(found.version, self.marks.version)
        return self._files[found.version :]


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
