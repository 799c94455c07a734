"""How the parts that the stores share ask their database, whichever it is."""

from collections.abc import Generator, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Row = Any


class Step:
    """One statement with the values of its parameters, in the order in which they first appear."""

    __slots__ = ("statement", "values")

    def __init__(self, statement: str, *values: object) -> None:
        self.statement = statement
        self.values = values


Reading = Generator[Step, Sequence[Row], T]
"""Several statements over one moment's rows: yields a step, is sent its rows, and returns what they say together.

Which statement comes next may depend on the rows of those before. Each store runs it in its own way: `run`.
"""


class Session(Protocol):
    """One database. Values are given and received as the domain has them, ids as text.

    Moments and dates come back as the database keeps them: `to_moment` and `to_date` take both forms. Every method may
    raise `StoreUnavailableError`.
    """

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that changes nothing and takes little time."""

    async def scan(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that changes nothing and may take long."""

    async def change(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that is on disk when this returns."""

    async def change_all(self, *steps: Step) -> Sequence[Sequence[Row]]:
        """The rows of each of several statements, in one transaction that is on disk when this returns."""


def to_moment(value: datetime | str) -> datetime:
    """A moment, from a column that keeps it as one or as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def to_date(value: date | str) -> date:
    """A date, from a column that keeps it as one or as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value
