"""The ImportLedger protocol on SQLite."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import apsw

from headway.domain.identifiers import LearnerId
from headway.domain.imports import KEPT, LEASE, ImportKey, ImportState, Report
from headway.storage.imports import NOTHING_YET, from_report, to_report
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.rows import fetch, fetch_one, to_text


class SqliteImports:
    """How far imports are. `transaction` begins one that is on disk when its block is left."""

    def __init__(
        self, transaction: Callable[[], AbstractAsyncContextManager[apsw.Connection]], clock: Callable[[], datetime]
    ) -> None:
        self._transaction = transaction
        self._clock = clock

    async def take(self, key: ImportKey, digest: str, holder: str) -> ImportState:
        """Take an import, if it can be had."""
        now = self._clock()
        async with self._transaction() as connection:
            fetch(connection, sql.FORGET_OLD_IMPORTS, to_text(now - KEPT))
            taken = (*key, digest, holder, NOTHING_YET, to_text(now), to_text(now - LEASE))
            fetch(connection, sql.TAKE_IMPORT, *taken)
            [(digest, held_by, line, report, finished)] = fetch(connection, sql.FIND_IMPORT, *key)
        return ImportState(digest, held_by, line, to_report(report), finished == 1)

    async def note(self, key: ImportKey, holder: str, line: int, report: Report, *, finished: bool) -> bool:
        """Note how far it is."""
        noted = (line, from_report(report), finished, to_text(self._clock()), *key, holder)
        async with self._transaction() as connection:
            return fetch_one(connection, sql.NOTE_IMPORT, *noted) is not None

    async def release(self, key: ImportKey, holder: str) -> None:
        """Let others take it."""
        async with self._transaction() as connection:
            fetch(connection, sql.RELEASE_IMPORT, *key, holder)

    async def forget(self, key: ImportKey) -> None:
        """Forget one import."""
        async with self._transaction() as connection:
            fetch(connection, sql.FORGET_IMPORT, *key)

    async def forget_all(self, caller: LearnerId) -> None:
        """Forget a caller's imports."""
        async with self._transaction() as connection:
            fetch(connection, sql.FORGET_IMPORTS, caller)
