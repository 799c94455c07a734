"""Builds the statements of rosters from named pieces: one for each order, way to find learners, and database."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

from aiosql.adapters.asyncpg import AsyncPGAdapter

from headway.domain.people import MOST_QUERY_WORDS
from headway.domain.roster import RosterOrder
from headway.storage.shared.columns import COURSE_PROGRESS, IdLists


class Dialect(NamedTuple):
    """The differences between the databases.

    They are a parameter with its type, a day after all others, lists of ids, the position of a parameter in a text (0:
    it is not there), the sort key of a profile without a name, and each word of the parameter `words`: as a column, and
    what is joined for it.
    """

    typed: Callable[[str, str], str]
    after_all_days: str
    ids: IdLists
    position: Callable[[str, str], str]
    unnamed: str
    each_word: tuple[str, str]


class Way(Enum):
    """How a page finds its learners.

    It reads all learners in the order and filters them. Or it finds few learners by the range of their ids or by their
    lesson, or it was told few ids, and sorts them.
    """

    WALKING = "walking"
    BY_IDS = "by_ids"
    BY_LESSON = "by_lesson"
    AMONG = "among"


class RosterStatements(NamedTuple):
    """The statements of one database, for a search by words or without one.

    They are by order and whether it descends; and, by id and whether that descends, for learners without completion and
    for those without a name. `counts` count the learners whom the filters leave, up to a limit.
    `names` are the learners of all courses with a name, by name; parameters sort_key, after, words (only of a search),
    limit.
    """

    sorted: Mapping[Way, Mapping[tuple[RosterOrder, bool], str]]
    incomplete: Mapping[tuple[Way, bool], str]
    unnamed: Mapping[tuple[Way, bool], str]
    counts: Mapping[Way, str]
    names: Mapping[bool, str]


class Rosters(NamedTuple):
    """All statements of one database: without a search and with one, and for the lesson progress of some learners.

    A condition on words reads a profile for each learner. A planner would reckon with that cost, and choose another
    plan, also where no words are asked for. `results` has the parameters course_id, ids.
    """

    plain: RosterStatements
    searched: RosterStatements
    results: str


_SORTED_BY: Final = {
    RosterOrder.PROGRESS: "p.completed_lessons",
    RosterOrder.LAST_SEEN: "p.day",
    RosterOrder.COMPLETED: "p.completed_at",  # a learner without it is on no page of these statements
    RosterOrder.NAME: "q.sort_key",  # neither is a learner without a name
}
_WAYS_BY_ID: Final = (Way.WALKING, Way.BY_LESSON, Way.AMONG)
_WORDS: Final = tuple(f"word_{number}" for number in range(1, MOST_QUERY_WORDS + 1))
_DIRECTIONS: Final = {False: (">", ""), True: ("<", " DESC")}


def roster_statements(dialect: Dialect) -> Rosters:
    """Return all statements of rosters in the dialect of a database."""
    return Rosters(
        _statements(dialect, searched=False), _statements(dialect, searched=True), numbered(_results(dialect))
    )


def _statements(dialect: Dialect, *, searched: bool) -> RosterStatements:
    of_words = _of_words(dialect) if searched else "true"
    of_named = with_words(dialect, "q.words") if searched else "true"
    return RosterStatements(
        {
            way: {
                (order, descending): numbered(
                    _sorted(
                        dialect, way, order, of_named if order is RosterOrder.NAME else of_words, descending=descending
                    )
                )
                for order in RosterOrder
                for descending in (False, True)
                if (way, order) != (Way.WALKING, RosterOrder.NAME)
            }
            for way in Way
        },
        _both_ways(dialect, "p.completed_at IS NULL", of_words),
        _both_ways(dialect, _without_name(dialect), of_words),
        {way: numbered(_count(dialect, way, of_words)) for way in _WAYS_BY_ID},
        {descending: numbered(_names(dialect, of_named, descending=descending)) for descending in (False, True)},
    )


def _sorted(dialect: Dialect, way: Way, order: RosterOrder, of_words: str, *, descending: bool) -> str:
    """Return the statement for a page in an order.

    Parameters: course_id, at_lesson, value, after, first_id, last_id, those of the other filters, words (only of a
    search), ids, limit.
    """
    learner = "q.user_id" if order is RosterOrder.NAME else "p.user_id"
    sorted_by, day, completed_at = (_hidden(one, way) for one in (_SORTED_BY[order], "p.day", "p.completed_at"))
    sign, direction = _DIRECTIONS[descending]
    before = dialect.typed("last_seen_before", "date")
    return f"""
        {_SELECT} {_named(dialect) if order is RosterOrder.NAME else "FROM course_progress AS p WHERE"}
            p.course_id = :course_id AND {_enrolled(way)} IS NOT NULL
            AND {_of_lesson(dialect, way, completed_at)}
            AND ({sorted_by}, {learner}) {sign} (:value, :after)
            AND {_of_ids(dialect, way)}
            AND {_of_completion(dialect, completed_at)}
            AND {day} < coalesce({before}, {dialect.after_all_days})
            AND (:last_seen_before IS NULL OR {completed_at} IS NULL)
            AND {_of_incomplete_lesson(dialect)}
            AND {_of_enrolment(dialect)}
            AND {of_words}
            AND {_among(dialect, way)}
        ORDER BY {sorted_by}{direction}, {learner}{direction}
        LIMIT :limit
    """


def _named(dialect: Dialect) -> str:
    """Return the tables from which learners with a name are read, and the beginning of the condition.

    SQLite begins with the table on the left: with the few learners.
    """
    return (
        "FROM course_progress AS p CROSS JOIN profiles AS q "
        f"WHERE q.user_id = p.user_id AND q.sort_key < {dialect.unnamed} AND"
    )


def _names(dialect: Dialect, of_words: str, *, descending: bool) -> str:
    """Return the statement for learners with a name, by name. No learner without a name comes before a name."""
    sign, direction = _DIRECTIONS[descending]
    until = "" if descending else f"AND q.sort_key < {dialect.unnamed}"
    return f"""
        SELECT q.sort_key, q.user_id
        FROM profiles AS q
        WHERE (q.sort_key, q.user_id) {sign} (:sort_key, :after) {until}
            AND {of_words}
        ORDER BY q.sort_key{direction}, q.user_id{direction}
        LIMIT :limit
    """  # noqa: S608 - this module's own text


def _both_ways(dialect: Dialect, condition: str, of_words: str) -> dict[tuple[Way, bool], str]:
    """Return the statements for pages of the learners who meet a condition, by id, upwards and downwards."""
    return {
        (way, descending): numbered(
            f"{_SELECT} {_by_id(dialect, way, condition, of_words)} "
            f"ORDER BY p.user_id{_DIRECTIONS[descending][1]} LIMIT :limit"
        )
        for way in _WAYS_BY_ID
        for descending in (False, True)
    }


def _count(dialect: Dialect, way: Way, of_words: str) -> str:
    """Return the statement that counts learners up to a limit. It has the parameters of a page by id."""
    found = f"SELECT p.user_id {_by_id(dialect, way, 'true', of_words)} LIMIT :limit"
    return f"SELECT count(*) FROM ({found}) AS found"  # noqa: S608 - this module's own text


def _results(dialect: Dialect) -> str:
    """Return the statement for the lesson progress of some learners in one course."""
    return f"""
        SELECT r.user_id, r.lesson_id, r.status, r.quiz_score, r.quiz_attempts, r.quiz_passed, r.worked_at
        FROM lesson_progress AS r
        WHERE r.course_id = :course_id AND {dialect.ids.condition("r.user_id", "ids")}
    """  # noqa: S608 - this module's own text


def _by_id(dialect: Dialect, way: Way, condition: str, of_words: str) -> str:
    """Return the part of a statement that finds the learners who meet a condition, in a range of ids.

    Parameters: course_id, at_lesson, first, last_id, those of the other filters, words (only of a search), ids. By
    lesson, the last id is compared together with the lesson. Otherwise SQLite would use the index by learner instead of
    the one by lesson.
    """
    before = dialect.typed("last_seen_before", "date")
    until = "(p.at_lesson, p.user_id) <= (:at_lesson, :last_id)" if way is Way.BY_LESSON else "p.user_id <= :last_id"
    return f"""
        FROM course_progress AS p
        WHERE p.course_id = :course_id AND {_enrolled(way)} IS NOT NULL AND {condition}
            AND {_of_lesson(dialect, way, "p.completed_at")}
            AND p.user_id >= :first
            AND {until}
            AND {_of_completion(dialect, "p.completed_at")}
            AND ({before} IS NULL OR (p.completed_at IS NULL AND p.day < :last_seen_before))
            AND {_of_incomplete_lesson(dialect)}
            AND {_of_enrolment(dialect)}
            AND {of_words}
            AND {_among(dialect, way)}
    """


_SELECT: Final = f"SELECT {COURSE_PROGRESS:p}"


def _without_name(dialect: Dialect) -> str:
    """Return the condition for learners without a name.

    The profile is read by its key. With NOT EXISTS, a planner might first collect the names of everybody.
    """
    named = f"SELECT count(*) FROM profiles AS n WHERE n.user_id = p.user_id AND n.sort_key < {dialect.unnamed}"  # noqa: S608 - this module's own text
    return f"({named}) = 0"


def _among(dialect: Dialect, way: Way) -> str:
    """Return the condition for some learners. Only this way has the parameter `ids`."""
    return dialect.ids.condition("p.user_id", "ids") if way is Way.AMONG else "true"


def _hidden(column: str, way: Way) -> str:
    """Return a column, hidden from the indexes where learners are found in another way.

    Otherwise a planner might use an index on it and read all learners.
    """
    return column if way is Way.WALKING else f"coalesce({column}, {column})"


def _enrolled(way: Way) -> str:
    """Return the time of the enrolment, hidden from the indexes where few ids are told.

    Otherwise SQLite might use the index by enrolment and read all learners.
    """
    return "coalesce(p.enrolled_at, p.enrolled_at)" if way is Way.AMONG else "p.enrolled_at"


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
    """Return the condition for learners who have not completed a lesson, and for those who failed a lesson.

    The learner's lesson progress is read by its key. With EXISTS, a planner might first collect that of everybody.
    """
    failed_at_least = dialect.typed("failed_at_least", "integer")
    return f"""CASE
                WHEN {dialect.typed("incomplete_lesson", "uuid")} IS NOT NULL THEN (
                    SELECT
                        r.status = 'in_progress'
                        AND ({failed_at_least} IS NULL OR (r.quiz_attempts >= :failed_at_least AND NOT r.quiz_passed))
                    FROM lesson_progress AS r
                    WHERE r.user_id = p.user_id AND r.course_id = p.course_id AND r.lesson_id = :incomplete_lesson
                )
                WHEN :failed_at_least IS NOT NULL THEN (
                    SELECT count(*)
                    FROM lesson_progress AS r
                    JOIN lessons AS l ON l.course_id = r.course_id AND l.lesson_id = r.lesson_id
                    WHERE r.user_id = p.user_id AND r.course_id = p.course_id AND r.status = 'in_progress'
                        AND r.quiz_attempts >= :failed_at_least AND NOT r.quiz_passed
                ) > 0
                ELSE true
            END"""  # noqa: S608 - this module's own text


def _of_enrolment(dialect: Dialect) -> str:
    """Return the condition for learners who have or have not started, who are due, and who are or are not late.

    It is one CASE, because a planner would take the comparisons for conditions that few learners meet.
    """
    started, late = dialect.typed("started", "boolean"), dialect.typed("late", "boolean")
    names = ("due_before", "completed_before", "now")
    due_before, completed_before, now = (dialect.typed(name, "timestamptz") for name in names)
    is_late = f"(p.due_at IS NOT NULL AND p.due_at < {now} AND p.completed_at IS NULL AND p.ended_at IS NULL)"
    return f"""CASE
                WHEN {started} IS NULL AND {due_before} IS NULL AND {completed_before} IS NULL AND {late} IS NULL
                    THEN true
                ELSE
                    (:started IS NULL OR (p.started_at IS NOT NULL) = :started)
                    AND (:due_before IS NULL OR p.due_at < :due_before)
                    AND (:completed_before IS NULL OR p.completed_at < :completed_before)
                    AND (:late IS NULL OR {is_late} = :late)
            END"""


def with_words(dialect: Dialect, words: str) -> str:
    """Return the condition that the column `words` of a profile has words with all the given beginnings.

    Parameters: word_1 and so on, each with a space before it, or empty, which every column has.
    """
    return " AND ".join(f"{dialect.position(words, slot)} > 0" for slot in _WORDS)


def _of_words(dialect: Dialect) -> str:
    """Return the same condition for the learner's profile."""
    return f"(SELECT {with_words(dialect, 'n.words')} FROM profiles AS n WHERE n.user_id = p.user_id)"  # noqa: S608 - this module's own text


def numbered(statement: str) -> str:
    """Return the statement with numbered parameters, in the order in which they first appear.

    It has no comments, for which aiosql looks in a file. That takes most of the time of reading one.
    """
    text: str = AsyncPGAdapter().process_sql("built", None, statement)  # type: ignore[no-untyped-call]
    return text
