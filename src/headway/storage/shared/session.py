"""The interface through which the shared parts of the stores use a database."""

from collections.abc import Callable, Generator, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Row = Any


class Step:
    """A statement with the values of its parameters, in the order in which they first appear."""

    __slots__ = ("statement", "values")

    def __init__(self, statement: str, *values: object) -> None:
        self.statement = statement
        self.values = values


class Each:
    """A statement that is run once for each of `rows`, which are the values of its parameters.

    The rows that it returns are left out.
    """

    __slots__ = ("rows", "statement")

    def __init__(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self.statement = statement
        self.rows = rows


Reading = Generator[Step, Sequence[Row], T]
"""A read with several statements over one snapshot. It yields each step, receives its rows, and returns a result.

The next statement may depend on the rows of those before. Each store has its own `run` for it.
"""
Changing = Generator[Step | Each, Sequence[Row], T]
"""The same in a transaction that changes something. An `Each` returns no rows."""


class Session(Protocol):
    """A database. Values are passed as the domain has them; ids are text, and several ids a list.

    Moments and dates are returned in the form of the database, which `to_moment` and `to_date` convert. Every method
    may raise `StoreUnavailableError`.
    """

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a short statement that changes nothing."""

    async def scan(self, statement: str, *values: object) -> Sequence[Row]:
        """Return the rows of a statement that changes nothing and may take long."""

    async def change(self, statement: str, *values: object) -> Sequence[Row]:
        """Run a statement in its own transaction, and return its rows when it is on disk."""

    async def change_all(self, *steps: Step | Each) -> Sequence[Sequence[Row]]:
        """Run statements in one transaction, and return the rows of each when all are on disk."""

    async def transact(self, changing: "Callable[[], Changing[T]]") -> T:
        """Run steps that change something in one transaction, and return their result when all is on disk.

        The next statement may depend on the rows of those before. The steps may run again from their beginning, so
        `changing` makes them anew each time. Where they raise, nothing is changed.
        """


def to_moment(value: datetime | str) -> datetime:
    """Return a moment from a column that has it as a moment or as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def to_date(value: date | str) -> date:
    """Return a date from a column that has it as a date or as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value
