"""Reads tables that spreadsheets write: finds the encoding and the separator, and skips empty rows."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import BinaryIO, Final, NamedTuple

UNREADABLE: Final = re.compile("[\ud800-\udfff]")
"""Matches the characters that replace bytes which are not text in the file's encoding."""

_SEPARATORS: Final = ",;\t"
_HEAD: Final = 64 * 1024  # where the header is
_MARKED: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))
_NAMES: Final = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}
_ERRORS: Final = "headway-unreadable"

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
