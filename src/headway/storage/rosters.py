"""A roster's statements, one for each order and way, made of the one by progress so that no filter is written twice."""

import re
from collections.abc import Mapping
from typing import Final

from headway.domain.roster import RosterOrder

Statements = dict[tuple[RosterOrder, bool], str]
"""By order, and by whether it descends."""

_BY_PROGRESS: Final = "p.completed_lessons"
_COLUMNS: Final = {
    RosterOrder.PROGRESS: _BY_PROGRESS,
    RosterOrder.LAST_SEEN: "p.day",
    RosterOrder.COMPLETED: "p.completed_at",  # who has none is behind no place, and so on no page
}
_IDS_ONLY_SIFTED: Final = re.compile(r"CASE WHEN \S+ IS NULL THEN true ELSE (p\.user_id BETWEEN \S+ AND \S+) END")
_LESSON_ONLY_SIFTED: Final = re.compile(r"CASE WHEN \S+ IS NULL THEN true ELSE p\.at_lesson = (\S+) AND .* END")


def in_every_order(by_progress: str) -> Statements:
    """The statements that walk a roster in its order and sift the ids; `by_progress` ascends."""
    return {
        (order, descending): _descending(statement, column) if descending else statement
        for order, column in _COLUMNS.items()
        for statement in [by_progress.replace(_BY_PROGRESS, column)]
        for descending in (False, True)
    }


def among_few(walking: Mapping[tuple[RosterOrder, bool], str]) -> Statements:
    """The same, for a few ids: they find those by their ids, and then sort them.

    The columns of the orders are put where no index finds them, or a planner might still walk everybody.
    """
    return {key: _IDS_ONLY_SIFTED.sub(r"\1", _unordered(statement)) for key, statement in walking.items()}


def at_lesson_of_few(walking: Mapping[tuple[RosterOrder, bool], str]) -> Statements:
    """The same, for a lesson that few are at: they find those by the lesson, and then sort them."""
    return {key: found_by_lesson(_unordered(statement)) for key, statement in walking.items()}


def found_by_lesson(statement: str) -> str:
    """A statement that finds who is at a lesson by an index."""
    return _LESSON_ONLY_SIFTED.sub(r"p.at_lesson = \1 AND p.completed_at IS NULL", statement)


def _descending(statement: str, column: str) -> str:
    return statement.replace(f"({column}, p.user_id) >", f"({column}, p.user_id) <").replace(
        f"ORDER BY {column}, p.user_id", f"ORDER BY {column} DESC, p.user_id DESC"
    )


def _unordered(statement: str) -> str:
    for column in _COLUMNS.values():
        statement = statement.replace(column, f"coalesce({column}, {column})")
    return statement
