"""Reads files to import: CSV and NDJSON with many learners' progress, and the export of one learner.

A wrong line is reported as that line's fault. A file with a wrong header is refused as a whole.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, BinaryIO, Final, Protocol, Required
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.imports import Line
from headway.domain.writes import LessonWrite
from headway.formats.fields import Run
from headway.formats.learner_export import read_document
from headway.formats.progress import DatedProgressUpdate, apart
from headway.formats.spreadsheets import NO_TABLE, Table, TextForm, cells_of, form_of, table_of

IMPORT_BODY_BYTES: Final = 10 * 1024 * 1024


class FileFormat(StrEnum):
    """The format of a file."""

    CSV = "csv"
    NDJSON = "ndjson"
    EXPORT = "export"


FORMATS: Final[Mapping[str, FileFormat]] = {
    "text/csv": FileFormat.CSV,
    "application/x-ndjson": FileFormat.NDJSON,
    "application/json": FileFormat.EXPORT,
}


class Digest(Protocol):
    """A hash to which content can be added, as those of hashlib."""

    def update(self, content: bytes, /) -> None:
        """Add content."""

    def hexdigest(self) -> str:
        """Return the hash of everything that was added."""


class ImportLine(DatedProgressUpdate, total=False):
    """What to write for a learner in a lesson. Fields that are not listed here are ignored, and reported."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow", title="ImportLine")  # type: ignore[misc]

    user_id: Required[UUID]
    course_id: Required[UUID]
    lesson_id: Required[UUID]
    run: Annotated[Run | None, Field(description="The run of the course that the line is for.")]


_LINE: Final[TypeAdapter[ImportLine]] = TypeAdapter(ImportLine)
_IDS: Final = ("user_id", "course_id", "lesson_id")
_COLUMNS: Final = (*_IDS, *DatedProgressUpdate.__annotations__, "run")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_DECIMAL_COMMA: Final = re.compile(r"[^,.]*,[^,.]*")
_Readers = Mapping[str, Callable[[str], object]]
_BOM: Final = b"\xef\xbb\xbf"
_MOST_NAMED: Final = 100  # characters
_MOST_DIGITS: Final = 1_000


def digest_of(content: Digest, file_format: FileFormat, *, atomic: bool, learner_id: LearnerId | None = None) -> str:
    """Return a digest of a file and of how it is read."""
    content.update(f"\n{file_format} {atomic} {learner_id or ''}".rstrip().encode())
    return content.hexdigest()


def text_form(file: BinaryIO, file_format: FileFormat) -> TextForm:
    """Find the form of a file's text. Leaves the file at its start."""
    return form_of(file, _COLUMNS) if file_format is FileFormat.CSV else NO_TABLE


def read_lines(file: BinaryIO, file_format: FileFormat, learner_id: LearnerId | None = None) -> Iterator[Line]:
    """Return the lines of a file, without empty lines. Each is read when it is needed.

    The lines of an export are for `learner_id`, or for the learner of the export where it is `None`. Raises
    `InvalidValueError` for a wrong CSV header, for a JSON file that is not an export, and for a `learner_id` with a
    file that is not an export.
    """
    if file_format is FileFormat.EXPORT:
        return read_document(file.read(), learner_id)
    if learner_id is not None:
        reason = "Each line of this file names its learner. The parameter user_id is only for an export."
        raise InvalidValueError([Problem(("user_id",), reason, "not_an_export")])
    if file_format is FileFormat.NDJSON:
        return _ndjson_lines(file)
    form = text_form(file, file_format)
    table = table_of(file, form, _COLUMNS, _IDS)
    return _csv_lines(table, _NUMBERS_WITH_COMMAS if form.separator == ";" else _READERS)


def _ndjson_lines(file: BinaryIO) -> Iterator[Line]:
    for number, content in enumerate(file, 1):
        text = content.removeprefix(_BOM) if number == 1 else content
        if text and not text.isspace():
            yield _to_line(number, text)


def _to_line(number: int, text: bytes | str) -> Line:
    try:
        fields = _LINE.validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return Line(number, None, [Problem(fault["loc"], fault["msg"], fault["type"]) for fault in faults])
    learner_id, course_id, lesson_id = (str(fields[name]) for name in _IDS)
    update, times, others = apart(fields)
    ids = LearnerId(learner_id), CourseId(course_id), LessonId(lesson_id)
    ignored = tuple(name[:_MOST_NAMED] for name in others if name not in {*_IDS, "run"})
    return Line(number, LessonWrite(*ids, update, times=times, run=fields.get("run")), ignored=ignored)


def _csv_lines(table: Table, readers: _Readers) -> Iterator[Line]:
    for number, row in table.rows:
        cells = cells_of(row, table.header)
        if isinstance(cells, Problem):
            yield Line(number, None, [cells])
        else:
            fields = {name: readers.get(name, str)(cell) for name, cell in cells.items()}
            yield _to_line(number, json.dumps(fields))


def _number(cell: str) -> object:
    """Return a cell as a number, or unchanged where it is not one; the check of the bounds then refuses it."""
    found = _NUMBER.fullmatch(cell)
    if not found or len(cell) > _MOST_DIGITS:
        return cell
    return float(cell) if found[2] or found[3] else int(cell)


def _boolean(cell: str) -> object:
    return _BOOLEANS.get(cell.lower(), cell)


def _json(cell: str) -> object:
    try:
        return from_json(cell)
    except ValueError:
        return cell


def _number_with_comma(cell: str) -> object:
    """Return a cell as a number with a comma or a point before its decimals, for files with `;` between cells."""
    return _number(cell.replace(",", ".", 1)) if _DECIMAL_COMMA.fullmatch(cell) else _number(cell)


_NUMBERS: Final = ("progress_percentage", "video_position_seconds", "quiz_score", "quiz_attempts", "time_spent_minutes")
_READERS: Final[_Readers] = {
    **dict.fromkeys((*_NUMBERS, "run"), _number),
    "quiz_passed": _boolean,
    "is_bookmarked": _boolean,
    "metadata": _json,
}
_NUMBERS_WITH_COMMAS: Final[_Readers] = {**_READERS, **dict.fromkeys(_NUMBERS, _number_with_comma)}
