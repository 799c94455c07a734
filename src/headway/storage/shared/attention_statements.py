"""Builds the statements of learners who need attention: for each reason and way to find them, for each database.

Each reason has an index for one course in the order of its list. So a page of a list reads from each course only as
many rows as a page has, however many learners the course has.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

from headway.domain.attention import MOST_COUNTED, Reason
from headway.storage.shared.columns import IdLists
from headway.storage.shared.roster_statements import numbered


class AttentionWay(Enum):
    """How learners are found.

    - `IN_COURSE`: in one course. SQLite has a statement for each course: they cost no round trip.
    - `IN_EACH`: a page in each of some courses, by one statement, which a Citus cluster refuses.
    - `TOGETHER`: in all of some courses, which are sorted then. That is for a cluster: each statement asks all nodes.
    - `MEMBERS`: in all of some courses, among the members of groups.
    """

    IN_COURSE = "in_course"
    IN_EACH = "in_each"
    TOGETHER = "together"
    MEMBERS = "members"


class AttentionDialect(NamedTuple):
    """The differences between the databases: the ways to find learners, lists of ids, and how an index is named."""

    ways: tuple[AttentionWay, ...]
    ids: IdLists
    indexed: Callable[[str], str]


class AttentionStatements(NamedTuple):
    """The statements of one database. `pages` and `counts` are by reason and by way.

    Parameters: `course_id` or `courses`, and `members`; then the position (value, learner_id, after_course, and
    after_lesson of lessons), and limit. `pages_before` are those of the lines before a position, the nearest first;
    behind the position they have the bound at which the list begins, where it begins with time. `late` counts those
    who are late, by course; parameters: now, courses, members. `zones` are the time zones of all courses,
    `zones_among` of some.
    """

    zones: str
    zones_among: str
    pages: Mapping[AttentionWay, Mapping[Reason, str]]
    pages_before: Mapping[AttentionWay, Mapping[Reason, str]]
    counts: Mapping[AttentionWay, Mapping[Reason, str]]
    late: Mapping[AttentionWay, str]


class _List(NamedTuple):
    """The list of a reason: its table (alias `a`), the indexes by course and by member, its columns and condition.

    `order` has the columns that it is sorted by after the value. `joined` are other tables.
    """

    table: str
    course_index: str
    member_index: str
    value: str
    since: str
    lesson: str
    condition: str
    joined: str = ""
    attempts: str = "0"
    order: tuple[str, ...] = ("user_id", "course_id")


_OPEN: Final = "a.completed_at IS NULL AND a.ended_at IS NULL"
_LISTS: Final = {
    Reason.INACTIVE: _List(
        table="course_progress",
        course_index="course_progress_inactive",
        member_index="",
        value="day",
        since="a.last_accessed",
        lesson="a.at_lesson",
        condition=f"a.started_at IS NOT NULL AND {_OPEN}",
    ),
    Reason.LATE: _List(
        table="course_progress",
        course_index="course_progress_by_due_date",
        member_index="",
        value="due_at",
        since="a.due_at",
        lesson="a.at_lesson",
        condition=f"a.due_at IS NOT NULL AND {_OPEN}",
    ),
    Reason.NOT_STARTED: _List(
        table="course_progress",
        course_index="course_progress_not_started",
        member_index="",
        value="enrolled_at",
        since="a.enrolled_at",
        lesson="a.at_lesson",
        condition="a.enrolled_at IS NOT NULL AND a.started_at IS NULL AND a.ended_at IS NULL",
    ),
    Reason.FAILING: _List(
        table="lesson_progress",
        course_index="lesson_progress_failing",
        member_index="lesson_progress_failing_by_learner",
        value="quiz_attempts",
        since="coalesce(a.worked_at, a.updated_at)",
        lesson="a.lesson_id",
        # An index has the first three conditions: its rows are those of no other lesson progress.
        condition="a.quiz_attempts >= 2 AND NOT a.quiz_passed AND a.status = 'in_progress' "
        "AND p.user_id = a.user_id AND p.course_id = a.course_id "
        "AND p.enrolled_at IS NOT NULL AND p.completed_at IS NULL AND p.ended_at IS NULL "
        "AND l.course_id = a.course_id AND l.lesson_id = a.lesson_id",
        joined=" CROSS JOIN course_progress AS p CROSS JOIN lessons AS l",
        attempts="a.quiz_attempts",
        order=("user_id", "course_id", "lesson_id"),
    ),
}
_PARAMETERS: Final = {"user_id": ":learner_id", "course_id": ":after_course", "lesson_id": ":after_lesson"}
_ZONES: Final = "SELECT CAST(course_id AS text), time_zone FROM courses"


def attention_statements(dialect: AttentionDialect) -> AttentionStatements:
    """Return all statements in the dialect of a database."""
    return AttentionStatements(
        numbered(_ZONES),
        numbered(f"{_ZONES} WHERE {dialect.ids.condition('course_id', 'courses')}"),
        _pages(dialect, backwards=False),
        _pages(dialect, backwards=True),
        {way: {reason: numbered(_count(dialect, way, reason)) for reason in Reason} for way in dialect.ways},
        {way: numbered(_late(dialect, way)) for way in dialect.ways},
    )


def _pages(dialect: AttentionDialect, *, backwards: bool) -> Mapping[AttentionWay, Mapping[Reason, str]]:
    return {
        way: {reason: numbered(_page(dialect, way, reason, backwards=backwards)) for reason in Reason}
        for way in dialect.ways
    }


def _page(dialect: AttentionDialect, way: AttentionWay, reason: Reason, *, backwards: bool) -> str:
    """Return the statement for a page: learner, course, value, lesson, since, attempts."""
    of = _LISTS[reason]
    rows = _rows(dialect, way, reason, backwards=backwards)
    descending = reason.is_descending is not backwards
    columns = (
        f"CAST(a.user_id AS text), CAST(a.course_id AS text), a.{of.value}, CAST({of.lesson} AS text), {of.since}, "
        f"{of.attempts}"
    )
    if way is not AttentionWay.IN_EACH:
        return f"SELECT {columns} {rows} ORDER BY {_order(of, 'a', descending)} LIMIT :limit"
    names = (
        f"a.user_id, a.course_id, a.{of.value}, {of.lesson} AS lesson_id, {of.since} AS since, "
        f"{of.attempts} AS attempts"
    )
    return f"""
        SELECT
            CAST(found.user_id AS text), CAST(found.course_id AS text), found.{of.value},
            CAST(found.lesson_id AS text), found.since, found.attempts
        FROM {format(dialect.ids, "courses")}
        CROSS JOIN LATERAL (
            SELECT {names} {rows} ORDER BY {_order(of, "a", descending)} LIMIT :limit
        ) AS found
        ORDER BY {_order(of, "found", descending)}
        LIMIT :limit
    """  # noqa: S608 - this module's own text


def _count(dialect: AttentionDialect, way: AttentionWay, reason: Reason) -> str:
    """Return the statement that counts the rows of a list, up to a limit."""
    rows = f"SELECT 1 {_rows(dialect, way, reason, backwards=False)} LIMIT :limit"
    if way is AttentionWay.IN_EACH:
        listed = format(dialect.ids, "courses")
        rows = f"SELECT 1 FROM {listed} CROSS JOIN LATERAL ({rows}) AS found LIMIT :limit"  # noqa: S608 - as above
    return f"SELECT count(*) FROM ({rows}) AS few"  # noqa: S608 - as above


def _late(dialect: AttentionDialect, way: AttentionWay) -> str:
    """Return the statement that counts the learners who are late, by course."""
    of = _LISTS[Reason.LATE]
    late = f"a.due_at < :now AND {of.condition}"
    if way in {AttentionWay.TOGETHER, AttentionWay.MEMBERS}:
        return f"""
            SELECT CAST(a.course_id AS text), count(*)
            FROM {of.table} AS a
            WHERE {late} AND {_where(dialect, way)}
            GROUP BY a.course_id
        """  # noqa: S608 - as above
    used = dialect.indexed(of.course_index)
    return f"""
        SELECT CAST(listed.id AS text), (
            SELECT count(*)
            FROM (
                SELECT 1 FROM {of.table} AS a {used} WHERE a.course_id = listed.id AND {late} LIMIT {MOST_COUNTED + 1}
            ) AS few
        )
        FROM {format(dialect.ids, "courses")}
    """  # noqa: S608 - as above


def _rows(dialect: AttentionDialect, way: AttentionWay, reason: Reason, *, backwards: bool) -> str:
    of = _LISTS[reason]
    index = of.member_index if way is AttentionWay.MEMBERS else of.course_index
    used = dialect.indexed(index) if index else ""
    # The position comes before the condition: SQLite takes the first of two lower bounds of an index.
    return f"""
        FROM {of.table} AS a {used} {of.joined}
        WHERE {_where(dialect, way)} AND {_among(reason, backwards)} AND {of.condition}
    """


def _where(dialect: AttentionDialect, way: AttentionWay) -> str:
    match way:
        case AttentionWay.IN_COURSE:
            return "a.course_id = :course_id"
        case AttentionWay.IN_EACH:
            return "a.course_id = listed.id"
        case AttentionWay.TOGETHER:
            return dialect.ids.condition("a.course_id", "courses")
        case AttentionWay.MEMBERS:
            # The course is hidden from the indexes: there may be more courses than a member is in.
            of_courses = dialect.ids.condition("coalesce(a.course_id, a.course_id)", "courses")
            return f"{of_courses} AND {dialect.ids.condition('a.user_id', 'members')}"


def _among(reason: Reason, backwards: bool) -> str:
    """Return the condition for what is behind a position; backwards: from the beginning of the list to a position."""
    of = _LISTS[reason]
    behind, before = ("<", ">") if reason.is_descending else (">", "<")
    columns = ", ".join(f"a.{name}" for name in (of.value, *of.order))
    position = ", ".join([":value", *(_PARAMETERS[name] for name in of.order)])
    if not backwards:
        return f"({columns}) {behind} ({position})"
    bound = f" AND a.{of.value} {behind} :bound" if reason.begins_with_time else ""
    return f"({columns}) {before} ({position}){bound}"


def _order(of: _List, alias: str, descending: bool) -> str:
    direction = " DESC" if descending else ""
    return ", ".join(f"{alias}.{name}{direction}" for name in (of.value, *of.order))
