"""The session of the shared parts on PostgreSQL."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import asyncpg

from headway.storage.postgres.database import Database
from headway.storage.shared.session import Reading, Row, Step

T = TypeVar("T")


class PostgresSession:
    """One database. Every statement runs within `around`, which may turn errors into others."""

    def __init__(
        self, database: Database, around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    ) -> None:
        self._database = database
        self._around = around

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that takes little time."""
        with self._around():
            return await self._database.fetch(statement, *values)

    async def scan(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that may take long, as any other: the server works on it."""
        return await self.fetch(statement, *values)

    async def change(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that is on disk when this returns."""
        with self._around():
            return await self._database.change(statement, *values)

    async def change_all(self, *steps: Step) -> Sequence[Sequence[Row]]:
        """The rows of each of several statements, in one transaction."""

        async def change(connection: asyncpg.Connection) -> Sequence[Sequence[Row]]:
            return [await connection.fetch(step.statement, *step.values) for step in steps]

        with self._around():
            return await self._database.transact(change)


async def run(connection: asyncpg.Connection, reading: Reading[T]) -> T:
    """Do what a reading asks for, in the transaction of the connection; answers what it returns."""
    try:
        step = next(reading)
        while True:
            step = reading.send(await connection.fetch(step.statement, *step.values))
    except StopIteration as end:
        found: T = end.value
        return found
