"""A roster's statements, one for each order and way, made of the one by progress so that no filter is written twice."""

from typing import Final

from headway.domain.roster import RosterOrder

_BY_PROGRESS: Final = "p.completed_lessons"
_COLUMNS: Final = {
    RosterOrder.PROGRESS: _BY_PROGRESS,
    RosterOrder.LAST_SEEN: "p.day",
    RosterOrder.COMPLETED: "p.completed_at",  # who has none is behind no place, and so on no page
}


def in_every_order(by_progress: str) -> dict[tuple[RosterOrder, bool], str]:
    """The statements by order and by whether it descends; `by_progress` ascends."""
    return {
        (order, descending): _descending(statement, column) if descending else statement
        for order, column in _COLUMNS.items()
        for statement in [by_progress.replace(_BY_PROGRESS, column)]
        for descending in (False, True)
    }


def _descending(statement: str, column: str) -> str:
    return statement.replace(f"({column}, p.user_id) >", f"({column}, p.user_id) <").replace(
        f"ORDER BY {column}, p.user_id", f"ORDER BY {column} DESC, p.user_id DESC"
    )
