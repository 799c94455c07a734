"""The session of the shared parts on SQLite."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import apsw

from headway.storage.shared.session import Changing, Each, Row, Step
from headway.storage.sqlite.reader import LongReader, Reader
from headway.storage.sqlite.rows import Columns, bound, fetch

T = TypeVar("T")


class SqliteSession:
    """One database file. `transaction` begins a transaction that is on disk when its block is left."""

    def __init__(
        self,
        reader: Reader,
        long_reader: LongReader,
        transaction: Callable[[], AbstractAsyncContextManager[apsw.Connection]],
    ) -> None:
        self._reader = reader
        self._long_reader = long_reader
        self._transaction = transaction

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a short statement."""
        return self._reader.read(_fetch, Step(statement, *values))

    async def scan(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a statement that may take long. Runs it in a thread."""
        return await self._long_reader.read(_fetch, Step(statement, *values))

    async def change(self, statement: str, *values: object) -> Sequence[Row]:
        """Run a statement in its own transaction, and return its rows when it is on disk."""
        [rows] = await self.change_all(Step(statement, *values))
        return rows

    async def change_all(self, *steps: Step | Each) -> Sequence[Sequence[Row]]:
        """Run statements in one transaction, and return the rows of each."""
        ready = list(map(_bound, steps))  # before the transaction, so that others wait for it less long
        async with self._transaction() as connection:
            return [_run(connection, step) for step in ready]

    async def transact(self, changing: Callable[[], Changing[T]]) -> T:
        """Run steps that change something in one transaction, and return their result when all is on disk."""
        async with self._transaction() as connection:
            return run(connection, changing())


def run(connection: apsw.Connection, reading: Changing[T]) -> T:
    """Run the steps of a reading or a change on a connection, and return its result."""
    try:
        step = next(reading)
        while True:
            step = reading.send(_run(connection, _bound(step)))
    except StopIteration as end:
        found: T = end.value
        return found


def _bound(step: Step | Each) -> Step | Each:
    """Return the step with its values as SQLite stores them."""
    if isinstance(step, Step):
        return Step(step.statement, *map(bound, step.values))
    return Each(step.statement, [tuple(map(bound, row)) for row in step.rows])


def _run(connection: apsw.Connection, step: Step | Each) -> list[Columns]:
    """Run a step whose values are bound."""
    if isinstance(step, Step):
        return fetch(connection, step.statement, *step.values)
    for _ in connection.executemany(step.statement, step.rows):
        pass  # a statement that returns rows runs only as far as they are read
    return []


def _fetch(connection: apsw.Connection, step: Step) -> list[Columns]:
    return fetch(connection, step.statement, *map(bound, step.values))
