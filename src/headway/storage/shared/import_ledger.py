"""The state of imports: the ImportLedger protocol."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson

from headway.domain.identifiers import LearnerId
from headway.domain.imports import KEPT, LEASE, Fault, ImportKey, ImportState, Report
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Session, Step


class StoredImports:
    """The records of imports in a database."""

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    async def take(self, key: ImportKey, digest: str, holder: str) -> ImportState:
        """Lease an import to `holder` where that is possible, and return its state."""
        now = self._clock()
        _, [found] = await self._session.change_all(
            Step(sql.TAKE_IMPORT, *key, digest, holder, _NOTHING_YET, now, now - LEASE),
            Step(sql.FIND_IMPORT, *key),
        )
        found_digest, held_by, line, report, finished = found
        return ImportState(found_digest, held_by, line, to_report(report), bool(finished))

    async def note(self, key: ImportKey, holder: str, line: int, report: Report, *, finished: bool) -> bool:
        """Record the last finished line and the report, and extend the lease."""
        noted = (line, from_report(report), finished, self._clock(), *key, holder)
        return bool(await self._session.change(sql.NOTE_IMPORT, *noted))

    async def release(self, key: ImportKey, holder: str) -> None:
        """End the lease."""
        await self._session.change(sql.RELEASE_IMPORT, *key, holder)

    async def forget(self, key: ImportKey) -> None:
        """Remove the record of one import."""
        await self._session.change(sql.FORGET_IMPORT, *key)

    async def forget_all(self, caller: LearnerId) -> None:
        """Remove the records of a caller's imports."""
        await self._session.change(sql.FORGET_IMPORTS, caller)

    async def sweep(self) -> None:
        """Remove the records of imports that are unchanged for the time `KEPT`. Writes nothing where there are none."""
        before = self._clock() - KEPT
        if await self._session.fetch(sql.FIND_OLD_IMPORT, before):
            await self._session.change(sql.FORGET_OLD_IMPORTS, before)


def to_report(text: str) -> Report:
    """Return a report from its JSON."""
    lines, written, unchanged, refused, faults, *later = orjson.loads(text)
    ignored, held_back = later + [[], 0][len(later) :]  # earlier versions stored fewer fields
    faults = tuple(_to_fault(*fault) for fault in faults)
    return Report(lines, written, unchanged, refused, faults, tuple(ignored), held_back)


def from_report(report: Report) -> str:
    """Return a report as JSON."""
    *counts, faults, ignored, held_back = report
    return orjson.dumps([*counts, [list(fault) for fault in faults], ignored, held_back]).decode()


def _to_fault(line: int, location: list[Any], reason: str, kind: str) -> Fault:
    return Fault(line, tuple(location), reason, kind)


_NOTHING_YET: Final = from_report(Report())
