"""The ImportLedger protocol on PostgreSQL."""

from collections.abc import Callable
from datetime import datetime

from headway.domain.errors import StoreUnavailableError
from headway.domain.identifiers import LearnerId
from headway.domain.imports import KEPT, LEASE, ImportKey, ImportState, Report
from headway.storage.imports import NOTHING_YET, from_report, to_report
from headway.storage.postgres import statements as sql
from headway.storage.postgres.database import Database


class PostgresImports:
    """How far imports are."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def take(self, key: ImportKey, digest: str, holder: str) -> ImportState:
        """Take an import, if it can be had."""
        now = self._clock()
        await self._database.change(sql.FORGET_OLD_IMPORTS, now - KEPT)
        await self._database.change(sql.TAKE_IMPORT, *key, digest, holder, NOTHING_YET, now, now - LEASE)
        found = await self._database.fetch(sql.FIND_IMPORT, *key)
        if not found:  # somebody has forgotten it in between
            raise StoreUnavailableError
        digest, held_by, line, report, finished = found[0]
        return ImportState(digest, held_by, line, to_report(report), finished)

    async def note(self, key: ImportKey, holder: str, line: int, report: Report, *, finished: bool) -> bool:
        """Note how far it is."""
        noted = (line, from_report(report), finished, self._clock(), *key, holder)
        return bool(await self._database.change(sql.NOTE_IMPORT, *noted))

    async def release(self, key: ImportKey, holder: str) -> None:
        """Let others take it."""
        await self._database.change(sql.RELEASE_IMPORT, *key, holder)

    async def forget(self, key: ImportKey) -> None:
        """Forget one import."""
        await self._database.change(sql.FORGET_IMPORT, *key)

    async def forget_all(self, caller: LearnerId) -> None:
        """Forget a caller's imports."""
        await self._database.change(sql.FORGET_IMPORTS, caller)
