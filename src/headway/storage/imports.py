"""Between an import's report and the JSON that it is kept as."""

from typing import Any

import orjson

from headway.domain.imports import Fault, Report


def to_report(text: str) -> Report:
    """The report that is kept as this."""
    lines, written, unchanged, refused, faults, *ignored = orjson.loads(text)  # kept without `ignored` until 0.5
    faults = tuple(_to_fault(*fault) for fault in faults)
    return Report(lines, written, unchanged, refused, faults, tuple(ignored[0]) if ignored else ())


def from_report(report: Report) -> str:
    """What a report is kept as."""
    *counts, faults, ignored = report
    return orjson.dumps([*counts, [list(fault) for fault in faults], ignored]).decode()


def _to_fault(line: int, place: list[Any], reason: str, kind: str) -> Fault:
    return Fault(line, tuple(place), reason, kind)


NOTHING_YET = from_report(Report())
