"""Numbered migrations, and which of them a database lacks. Every store uses the same rule."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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
