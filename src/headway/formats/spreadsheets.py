"""Reads tables that spreadsheets write: finds encoding and separator, skips empty rows, checks header and cells.

A wrong header is refused as a whole. A wrong row is reported as the problem of its line.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import TextIOWrapper
from typing import BinaryIO, Final, NamedTuple

from headway.domain.errors import InvalidValueError, Problem

UNREADABLE: Final = re.compile("[\ud800-\udfff]")
"""Matches the characters that replace bytes which are not text in the file's encoding."""

_SEPARATORS: Final = ",;\t"
_HEAD: Final = 64 * 1024  # where the header is
_MARKED: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))
_NAMES: Final = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}
_ERRORS: Final = "headway-unreadable"

_MOST_CELLS: Final = 100  # of a header; a wider one is not checked column by column
_MOST_NAMED: Final = 100  # characters
_NO_TEXT: Final = (
    "The text is neither UTF-8 nor UTF-16, and other encodings cannot be recognised. Save the file as UTF-8."
)

Row = list[str] | csv.Error


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(_ERRORS, _stand_in)


class TextForm(NamedTuple):
    """The encoding and the separator of a file. `separator` is `None` where it is not a table."""

    encoding: str
    separator: str | None

    @property
    def name(self) -> str:
        """The encoding's name, the same with and without a byte order mark."""
        return _NAMES.get(self.encoding, self.encoding)


NO_TABLE: Final = TextForm("utf-8-sig", None)


def form_of(file: BinaryIO, columns: Iterable[str]) -> TextForm:
    """Find the form of a table from its header, which has some of these columns. Leaves the file at its start.

    UTF-8 and UTF-16 are told apart by a byte order mark, or by the zero in one of the first two bytes.
    """
    head = file.read(_HEAD)
    file.seek(0)
    encoding = _encoding(head)
    lines = head.decode(encoding, "replace").splitlines()
    header = next((line for line in lines if line.strip(f'{_SEPARATORS} "')), "")
    return TextForm(encoding, max(_SEPARATORS, key=lambda separator: _known(header, separator, frozenset(columns))))


def rows_of(file: BinaryIO, form: TextForm) -> Iterator[tuple[int, Row]]:
    """Yield the number of the first line of each row that is not empty, and the row or its error."""
    text = TextIOWrapper(file, encoding=form.encoding, errors=_ERRORS, newline="")
    reader = csv.reader(text, delimiter=form.separator or ",", strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row: Row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = error
        if isinstance(row, csv.Error) or any(cell.strip() for cell in row):
            yield number, row


class Table(NamedTuple):
    """A table with a header that was checked: the names of its columns, and its other rows with their lines."""

    header: Sequence[str]
    rows: Iterator[tuple[int, Row]]


def table_of(
    file: BinaryIO, form: TextForm, columns: Sequence[str], required: Iterable[str], *, may_have_others: bool = False
) -> Table:
    """Return a table whose header names some of `columns`, and all of `required`.

    With `may_have_others`, other columns may be there too. Raises `InvalidValueError` for a wrong header.
    """
    rows = rows_of(file, form)
    number, found = next(rows, (1, []))
    header = found if isinstance(found, csv.Error) else [name.strip() for name in without_empty_end(found, _MOST_CELLS)]
    problems = list(_header_problems(header, columns, required, may_have_others))
    if problems or isinstance(header, csv.Error):
        raise InvalidValueError([problem._replace(location=(number, *problem.location)) for problem in problems])
    return Table(header, rows)


def cells_of(row: Row, header: Sequence[str]) -> Mapping[str, str] | Problem:
    """Return the cells of a row by the names of their columns, without empty cells, or the row's problem."""
    if isinstance(row, csv.Error):
        return Problem((), f"The line is not CSV: {row}.", "csv_invalid")
    shown = without_empty_end(row, len(header))
    if not len(without_empty_end(header)) <= len(shown) <= len(header):
        return Problem((), f"The line has {len(shown)} cells, the header {len(header)}.", "cell_count")
    for position, (name, cell) in enumerate(zip(header, shown, strict=False), 1):
        if UNREADABLE.search(cell):
            return Problem((name or f"column {position}",), _NO_TEXT, "utf8_invalid")
        if cell.strip() and not name:
            return Problem((f"column {position}",), f"Column {position} has a value, but no name.", "unnamed_column")
    return {name: cell for name, cell in zip(header, shown, strict=False) if name and cell}


def _header_problems(
    header: Row, columns: Sequence[str], required: Iterable[str], may_have_others: bool
) -> Iterator[Problem]:
    """Yield a problem for each wrong or missing column."""
    if isinstance(header, csv.Error):
        yield Problem((), f"The header is not CSV: {header}.", "csv_invalid")
    elif len(header) > _MOST_CELLS or any(UNREADABLE.search(name) or len(name) > _MOST_NAMED for name in header):
        yield Problem((), f"This is not a header. A header names some of {', '.join(columns)}.", "unknown_column")
    else:
        for name, times in Counter(header).items():
            if not name:
                continue  # a column without a name may be empty
            if name not in columns and not may_have_others:
                yield Problem(
                    (name,), f"There is no column {name!r}; there are {', '.join(columns)}.", "unknown_column"
                )
            elif times > 1:
                yield Problem((name,), f"The header names the column {name} {times} times.", "duplicate_column")
        for name in required:
            if name not in header:
                yield Problem((name,), f"The column {name} is missing.", "missing")


def without_empty_end(row: Sequence[str], length: int = 0) -> Sequence[str]:
    """Return the row without the empty cells at its end, but keep at least `length` cells."""
    end = len(row)
    while end > length and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKED:
        if head.startswith(mark):
            return encoding
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8-sig"


def _known(header: str, separator: str, columns: frozenset[str]) -> int:
    return sum(cell.strip(' "') in columns for cell in header.split(separator))


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet reads a cell that begins so as a formula


def harmless(value: object) -> object:
    """Return a value for a cell of a CSV file: a text that looks like a formula gets a ' before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
