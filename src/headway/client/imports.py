"""Imports of progress: lines as files of a size that the service takes, and the sum of their reports."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from headway.client.calls import Call, parts_of, post_file, to_json
from headway.client.lessons import ProgressLine
from headway.client.shapes import ImportReport

_MOST_BYTES: Final = 10 * 1024 * 1024
NOTHING: Final = ImportReport(
    lines=0, written=0, unchanged=0, refused=0, held_back=0, errors=[], ignored=[], encoding="utf-8", separator=None
)


def parts_of_lines(lines: Iterable[ProgressLine], *, atomic: bool) -> Iterator[list[bytes]]:
    """Divide lines into files. An atomic import is one file, whatever its size."""
    items = map(to_json, lines)
    if not atomic:
        yield from parts_of(items, _MOST_BYTES, _MOST_BYTES)
    elif part := list(items):
        yield part


def import_call(part: list[bytes], key: str, *, atomic: bool, dry_run: bool) -> Call[ImportReport]:
    """Return the call that imports lines under a key."""
    call = post_file(
        ImportReport, b"\n".join(part), "application/x-ndjson", "progress", "import", atomic=atomic, dry_run=dry_run
    )
    return replace(call, headers={**call.headers, "Idempotency-Key": key})


def merged(before: ImportReport | None, other: ImportReport) -> ImportReport:
    """Return the report of two imports as that of one. The numbers of the second one's lines go on from the first."""
    one = before or NOTHING
    return ImportReport(
        lines=one["lines"] + other["lines"],
        written=one["written"] + other["written"],
        unchanged=one["unchanged"] + other["unchanged"],
        refused=one["refused"] + other["refused"],
        held_back=one["held_back"] + other["held_back"],
        errors=one["errors"] + [{**fault, "line": fault["line"] + one["lines"]} for fault in other["errors"]],
        ignored=list(dict.fromkeys([*one["ignored"], *other["ignored"]])),
        encoding=other["encoding"],
        separator=other["separator"],
    )
