"""The session of the shared parts on PostgreSQL."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import asyncpg

from headway.storage.postgres.database import Database
from headway.storage.shared.session import Changing, Each, Row, Step

T = TypeVar("T")


class PostgresSession:
    """One database. Every statement runs in the context `around`, which may translate errors."""

    def __init__(
        self, database: Database, around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    ) -> None:
        self._database = database
        self._around = around

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a short statement."""
        with self._around():
            return await self._database.fetch(statement, *values)

    async def scan(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a statement that may take long. It needs no thread, because the server does the work."""
        return await self.fetch(statement, *values)

    async def change(self, statement: str, *values: object) -> Sequence[Row]:
        """Run a statement in its own transaction, and return its rows when it is on disk."""
        with self._around():
            return await self._database.change(statement, *values)

    async def change_all(self, *steps: Step | Each) -> Sequence[Sequence[Row]]:
        """Run statements in one transaction, and return the rows of each."""

        async def change(connection: asyncpg.Connection) -> Sequence[Sequence[Row]]:
            return [await _run(connection, step) for step in steps]

        with self._around():
            return await self._database.transact(change)

    async def transact(self, changing: Callable[[], Changing[T]]) -> T:
        """Run steps that change something in one transaction, and return their result when all is on disk."""
        with self._around():
            return await self._database.transact(lambda connection: run(connection, changing()))


async def _run(connection: asyncpg.Connection, step: Step | Each) -> Sequence[Row]:
    if isinstance(step, Step):
        rows: Sequence[Row] = await connection.fetch(step.statement, *step.values)
        return rows
    await connection.executemany(step.statement, step.rows)
    return ()


async def run(connection: asyncpg.Connection, reading: Changing[T]) -> T:
    """Run the steps of a reading or a change in the connection's transaction, and return its result."""
    try:
        step = next(reading)
        while True:
            step = reading.send(await _run(connection, step))
    except StopIteration as end:
        found: T = end.value
        return found
