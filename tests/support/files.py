"""Files of many learners' progress, as platforms send them."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}
IDS = ("user_id", "course_id", "lesson_id")

Fields = Mapping[str, Any]


def line(user_id: str, course_id: str, lesson_id: str, **fields: Any) -> dict[str, Any]:
    """Return the fields of one line."""
    return {"user_id": user_id, "course_id": course_id, "lesson_id": lesson_id} | fields


def ndjson(lines: Iterable[Fields]) -> bytes:
    """Return the lines as NDJSON."""
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def as_csv(lines: Sequence[Fields], *, end: str = "\n", mark: str = "") -> bytes:
    """Return the lines as CSV with every column that a line has. `mark` begins the file, `end` ends each line."""
    columns = list(dict.fromkeys([*IDS, *(name for one in lines for name in one)]))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerow(columns)
    # Python's writer quotes a line break only where it ends lines with the same.
    breaks = any(set("\r\n") & set(str(value)) for one in lines for value in one.values())
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if breaks else csv.QUOTE_MINIMAL)
    writer.writerows([[_cell(one.get(name)) for name in columns] for one in lines])
    return (mark + out.getvalue()).encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
