"""Builds the statements of rosters from named pieces: one for each order, way to find learners, and database."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

import aiosql

from headway.domain.roster import RosterOrder
from headway.storage.shared.columns import COURSE_PROGRESS, IdLists


class Dialect(NamedTuple):
    """The differences between the databases: a parameter with its type, a day after all others, and lists of ids."""

    typed: Callable[[str, str], str]
    after_all_days: str
    ids: IdLists


class Way(Enum):
    """How a page finds its learners.

    It reads all learners in the order and filters them, or it finds few learners and sorts them: by a range of their
    ids, by their lesson, or by a list of their ids, which are the members of a group.
    """

    WALKING = "walking"
    BY_IDS = "by_ids"
    BY_LESSON = "by_lesson"
    BY_MEMBERS = "by_members"


class RosterStatements(NamedTuple):
    """The statements of one database: by order and whether it descends, and for learners without completion."""

    sorted: Mapping[Way, Mapping[tuple[RosterOrder, bool], str]]
    incomplete: Mapping[Way, str]


_SORTED_BY: Final = {
    RosterOrder.PROGRESS: "p.completed_lessons",
    RosterOrder.LAST_SEEN: "p.day",
    RosterOrder.COMPLETED: "p.completed_at",  # a learner without it is on no page of these statements
}
_DIRECTIONS: Final = {False: (">", ""), True: ("<", " DESC")}


def roster_statements(dialect: Dialect) -> RosterStatements:
    """Return all statements of rosters in the dialect of a database."""
    return RosterStatements(
        {
            way: {
                (order, descending): _numbered(_sorted(dialect, way, order, descending=descending))
                for order in RosterOrder
                for descending in (False, True)
            }
            for way in Way
        },
        {way: _numbered(_incomplete(dialect, way)) for way in (Way.WALKING, Way.BY_LESSON, Way.BY_MEMBERS)},
    )


def _sorted(dialect: Dialect, way: Way, order: RosterOrder, *, descending: bool) -> str:
    """Return the statement for a page in an order.

    Parameters: course_id, members (only by members), at_lesson, value, after, first_id, last_id, those of the other
    filters, limit.
    """
    sorted_by, day, completed_at = (_hidden(one, way) for one in (_SORTED_BY[order], "p.day", "p.completed_at"))
    sign, direction = _DIRECTIONS[descending]
    before = dialect.typed("last_seen_before", "date")
    return f"""
        {_SELECT}
        WHERE p.course_id = :course_id AND p.enrolled_at IS NOT NULL
            AND {_of_members(dialect, way)}
            AND {_of_lesson(dialect, way, completed_at)}
            AND ({sorted_by}, p.user_id) {sign} (:value, :after)
            AND {_of_ids(dialect, way)}
            AND {_of_completion(dialect, completed_at)}
            AND {day} < coalesce({before}, {dialect.after_all_days})
            AND (:last_seen_before IS NULL OR {completed_at} IS NULL)
            AND {_of_incomplete_lesson(dialect)}
            AND {_of_enrolment(dialect)}
        ORDER BY {sorted_by}{direction}, p.user_id{direction}
        LIMIT :limit
    """


def _incomplete(dialect: Dialect, way: Way) -> str:
    """Return the statement for a page of the learners who have not completed the course, by id.

    Parameters: course_id, members (only by members), at_lesson, first, last_id, those of the other filters, limit. By
    lesson, the last id is compared together with the lesson. Otherwise SQLite would use the index by learner instead of
    the one by lesson.
    """
    before = dialect.typed("last_seen_before", "date")
    until = "(p.at_lesson, p.user_id) <= (:at_lesson, :last_id)" if way is Way.BY_LESSON else "p.user_id <= :last_id"
    return f"""
        {_SELECT}
        WHERE p.course_id = :course_id AND p.enrolled_at IS NOT NULL AND p.completed_at IS NULL
            AND {_of_members(dialect, way)}
            AND {_of_lesson(dialect, way, "p.completed_at")}
            AND p.user_id >= :first
            AND {until}
            AND {_of_completion(dialect, "p.completed_at")}
            AND ({before} IS NULL OR (p.completed_at IS NULL AND p.day < :last_seen_before))
            AND {_of_incomplete_lesson(dialect)}
            AND {_of_enrolment(dialect)}
        ORDER BY p.user_id
        LIMIT :limit
    """


_SELECT: Final = f"SELECT {COURSE_PROGRESS} FROM course_progress AS p"  # noqa: S608 - this module's own text


def _hidden(column: str, way: Way) -> str:
    """Return a column, hidden from the indexes where learners are found in another way.

    Otherwise a planner might use an index on it and read all learners.
    """
    return column if way is Way.WALKING else f"coalesce({column}, {column})"


def _of_members(dialect: Dialect, way: Way) -> str:
    return dialect.ids.condition("p.user_id", "members") if way is Way.BY_MEMBERS else "true"


def _of_ids(dialect: Dialect, way: Way) -> str:
    between = "p.user_id BETWEEN :first_id AND :last_id"
    if way is Way.BY_IDS:
        return between
    return f"CASE WHEN {dialect.typed('first_id', 'uuid')} IS NULL THEN true ELSE {between} END"


def _of_completion(dialect: Dialect, completed_at: str) -> str:
    return f"({dialect.typed('completed', 'boolean')} IS NULL OR ({completed_at} IS NOT NULL) = :completed)"


def _of_lesson(dialect: Dialect, way: Way, completed_at: str) -> str:
    """Return the condition for learners at a lesson. The index by lesson has only learners without completion."""
    if way is Way.BY_LESSON:
        return "p.at_lesson = :at_lesson AND p.completed_at IS NULL"
    at_lesson = f"p.at_lesson = :at_lesson AND {completed_at} IS NULL"
    return f"CASE WHEN {dialect.typed('at_lesson', 'uuid')} IS NULL THEN true ELSE {at_lesson} END"


def _of_incomplete_lesson(dialect: Dialect) -> str:
    """Return the condition for learners who have not completed a lesson.

    The learner's lesson progress is read by its key. With NOT EXISTS, a planner might first collect that of everybody.
    """
    failed_at_least = dialect.typed("failed_at_least", "integer")
    return f"""(
                {dialect.typed("incomplete_lesson", "uuid")} IS NULL
                OR (
                    SELECT
                        r.status = 'in_progress'
                        AND ({failed_at_least} IS NULL OR (r.quiz_attempts >= :failed_at_least AND NOT r.quiz_passed))
                    FROM lesson_progress AS r
                    WHERE r.user_id = p.user_id AND r.course_id = p.course_id AND r.lesson_id = :incomplete_lesson
                )
            )"""  # noqa: S608 - made of this module's own text


def _of_enrolment(dialect: Dialect) -> str:
    """Return the condition for learners who have or have not started, who are due, and who are or are not late."""
    due_before, now = dialect.typed("due_before", "timestamptz"), dialect.typed("now", "timestamptz")
    completed_before = dialect.typed("completed_before", "timestamptz")
    late = f"(p.due_at IS NOT NULL AND p.due_at < {now} AND p.completed_at IS NULL AND p.ended_at IS NULL)"
    return f"""(
                ({dialect.typed("started", "boolean")} IS NULL OR (p.started_at IS NOT NULL) = :started)
                AND ({due_before} IS NULL OR p.due_at < :due_before)
                AND ({completed_before} IS NULL OR p.completed_at < :completed_before)
                AND ({dialect.typed("late", "boolean")} IS NULL OR {late} = :late)
            )"""


def _numbered(statement: str) -> str:
    """Return the statement with numbered parameters, in the order in which they first appear."""
    queries = aiosql.from_str(f"-- name: roster\n{statement};", "asyncpg", mandatory_parameters=False)
    text: str = queries.roster.sql
    return text
