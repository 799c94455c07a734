"""Numbered migrations, and which of them a database lacks: the same rule for every store."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from headway.domain.errors import SchemaTooNewError


class SchemaMarks(NamedTuple):
    """What a database says of its schema: its version (0: empty) and the oldest version whose Headway may use it."""

    version: int
    compatible_from: int


class Migrations:
    """The files `0001_name.sql`, `0002_name.sql`, … of one folder; the last one's number is the schema's version.

    `compatible_from` is the oldest schema version whose Headway can work on the schema that they lead to.
    """

    def __init__(self, folder: Path, *, compatible_from: int) -> None:
        self._files = sorted(folder.glob("[0-9]*.sql"))
        self.marks = SchemaMarks(len(self._files), compatible_from)

    def missing(self, found: SchemaMarks) -> Sequence[Path]:
        """The files to apply, in order. None to a newer schema that this Headway can work on.

        Raises `SchemaTooNewError` for one that it can not.
        """
        if found.compatible_from > self.marks.version:
            raise SchemaTooNewError(found.version, self.marks.version)
        return self._files[found.version :]
