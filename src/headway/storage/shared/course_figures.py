"""Reads few figures of many courses: of all learners, or of the members of groups."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from headway.domain.attention import Counted, counted
from headway.domain.course_list import NOBODY_SEEN, CourseFigures, CourseFiguresQuery, SeenOnDay
from headway.domain.course_progress import NEVER
from headway.domain.identifiers import CourseId, LearnerId
from headway.storage.shared.attention_statements import AttentionStatements, AttentionWay
from headway.storage.shared.columns import IdLists
from headway.storage.shared.groups import GroupStatements
from headway.storage.shared.queries import read_queries, text_of
from headway.storage.shared.session import Reading, Step, to_date


class CourseFigureStatements(NamedTuple):
    """The statements of course_figures.sql for one database."""

    outlines: str
    outlines_among: str
    counts: str
    days: str


def course_figure_statements(ids: IdLists) -> CourseFigureStatements:
    """Return the statements for a database that reads lists of ids in this way."""
    queries = read_queries("asyncpg", Path(__file__).with_name("course_figures.sql"), ids=ids)
    return CourseFigureStatements._make(text_of(queries, name) for name in CourseFigureStatements._fields)


class _Seen(NamedTuple):
    """What is counted of courses: learners and completed, and the learners of each day."""

    learners: dict[CourseId, tuple[int, int]]
    days: dict[CourseId, dict[date, SeenOnDay]]


def course_figures(
    statements: CourseFigureStatements,
    groups: GroupStatements,
    attention: AttentionStatements,
    everybody: AttentionWay,
    query: CourseFiguresQuery,
) -> Reading[list[CourseFigures]]:
    """Return the figures of courses, in no order. Of groups, only the courses in which a member is."""
    if query.courses is None:
        outlines = yield Step(statements.outlines)
    else:
        outlines = yield Step(statements.outlines_among, sorted(query.courses))
    ids = [CourseId(course_id) for course_id, _, _ in outlines]
    if query.groups is None:
        seen = yield from _of_everybody(statements, ids, query)
        count = Step(attention.late[everybody], query.now, ids)
    else:
        rows = yield Step(groups.members_of_groups, sorted(query.groups))
        members = [LearnerId(member) for member in sorted({member for _, member in rows})]
        seen = yield from _of_members(groups, members, ids, query)
        count = Step(attention.late[AttentionWay.MEMBERS], query.now, ids, members)
    late = {course_id: counted(number) for course_id, number in (yield count)} if query.counts_late else {}
    return [
        CourseFigures(
            CourseId(course_id),
            title,
            zone,
            *seen.learners.get(course_id, (0, 0)),
            late.get(course_id, Counted(0, has_more=False)),
            seen.days.get(course_id, {}),
        )
        for course_id, title, zone in outlines
        if query.groups is None or course_id in seen.learners
    ]


def _of_everybody(
    statements: CourseFigureStatements, ids: Sequence[CourseId], query: CourseFiguresQuery
) -> Reading[_Seen]:
    seen = _Seen({}, defaultdict(dict))
    for course_id, started, completed, enrolled, both in (yield Step(statements.counts, ids)):
        seen.learners[course_id] = started + enrolled - both, completed
    for course_id, day, active, last_seen in (yield Step(statements.days, ids, *query.period)):
        seen.days[course_id][to_date(day)] = SeenOnDay(active, last_seen)
    return seen


def _of_members(
    groups: GroupStatements, members: Sequence[LearnerId], ids: Sequence[CourseId], query: CourseFiguresQuery
) -> Reading[_Seen]:
    seen = _Seen({}, defaultdict(dict))
    first, last = query.period
    for course_id, started, completed, enrolled, _, number, day, *_ in (yield Step(groups.course_shapes, members, ids)):
        if started or enrolled:
            learners, done = seen.learners.get(course_id, (0, 0))
            seen.learners[course_id] = learners + number, done + (number if completed else 0)
        if to_date(day) != NEVER and first <= to_date(day) <= last:
            _add(seen.days[course_id], to_date(day), number, number)
    for course_id, number, day, *_ in (yield Step(groups.finished_days, members, ids, first, last)):
        _add(seen.days[course_id], to_date(day), number, 0)
    return seen


def _add(days: dict[date, SeenOnDay], day: date, active: int, last_seen: int) -> None:
    before = days.get(day, NOBODY_SEEN)
    days[day] = SeenOnDay(before.active + active, before.last_seen + last_seen)
