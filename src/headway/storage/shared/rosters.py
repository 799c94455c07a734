"""Reads a page of a roster: chooses the statements and their values."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.roster import FEW, RosterOrder, RosterQuery
from headway.storage.shared import statements as sql
from headway.storage.shared.groups import GroupStatements, members_of
from headway.storage.shared.ids import FIRST_ID, LAST_ID, next_learner
from headway.storage.shared.roster_statements import RosterStatements, Way
from headway.storage.shared.session import Reading, Row, Step

_FIRST: Final = {
    RosterOrder.PROGRESS: -1,
    RosterOrder.LAST_SEEN: date.min,
    RosterOrder.COMPLETED: datetime.min.replace(tzinfo=UTC),
}
_LAST: Final = {
    RosterOrder.PROGRESS: 2**31 - 1,
    RosterOrder.LAST_SEEN: date.max,
    RosterOrder.COMPLETED: datetime.max.replace(tzinfo=UTC),
}


Members = Sequence[list[LearnerId]]
"""The parameter for the members of a group; empty where the roster is of no group."""


def roster_page(
    statements: RosterStatements, groups: GroupStatements, course_id: CourseId, query: RosterQuery
) -> Reading[Sequence[Row]]:
    """Return a page of a course's learners, as rows of `course_progress`. Raises `GroupNotFoundError`."""
    members: Members = () if query.group is None else [(yield from members_of(groups, query.group))]
    found = yield from _sorted_page(statements, course_id, query, members)
    missing = query.limit - len(found)
    if missing and query.order is RosterOrder.COMPLETED and query.completed is not True:
        return [*found, *(yield from _incomplete_page(statements, course_id, query, members, missing))]
    return found


def _sorted_page(
    statements: RosterStatements, course_id: CourseId, query: RosterQuery, members: Members
) -> Reading[Sequence[Row]]:
    """Return the learners who have the value by which the roster is sorted."""
    if query.order is RosterOrder.COMPLETED and query.of_incomplete:
        return ()
    if query.after is not None and query.after.value is None:
        return ()
    ends = (_LAST[query.order], LAST_ID) if query.descending else (_FIRST[query.order], FIRST_ID)
    way = yield from _way(course_id, query)
    statement = statements.sorted[way][query.order, query.descending]
    ids = query.learners or (None, None)
    asked = (course_id, *members, query.at_lesson, *(query.after or ends), *ids, *_filters(query), query.limit)
    return (yield Step(statement, *asked))


def _way(course_id: CourseId, query: RosterQuery) -> Reading[Way]:
    """Return how to find the learners: by their group, or by their ids or lesson where at most `FEW` have them."""
    if query.group is not None:
        return Way.BY_MEMBERS
    if query.learners is not None and (yield from _are_few(Step(sql.COUNT_AMONG, course_id, *query.learners, FEW + 1))):
        return Way.BY_IDS
    if query.at_lesson is not None and (yield from _are_few(Step(sql.COUNT_AT, course_id, query.at_lesson, FEW + 1))):
        return Way.BY_LESSON
    return Way.WALKING


def _are_few(count: Step) -> Reading[bool]:
    [(found,)] = yield count
    return int(found) <= FEW


def _incomplete_page(
    statements: RosterStatements, course_id: CourseId, query: RosterQuery, members: Members, limit: int
) -> Reading[Sequence[Row]]:
    """Return the learners who have not completed the course; they come after those who have."""
    is_behind = query.after is not None and query.after.value is None
    first = next_learner(query.after.learner_id) if query.after is not None and is_behind else FIRST_ID
    last: str = LAST_ID
    if first is None:
        return ()
    if query.learners is not None:
        first, last = max(first, query.learners.first), query.learners.last
    way = Way.WALKING if query.at_lesson is None else Way.BY_LESSON
    statement = statements.incomplete[Way.BY_MEMBERS if members else way]
    return (yield Step(statement, course_id, *members, query.at_lesson, first, last, *_filters(query), limit))


def _filters(query: RosterQuery) -> tuple[object, ...]:
    of_progress = query.completed, query.last_seen_before, query.incomplete_lesson, query.failed_at_least
    return *of_progress, query.started, query.due_before, query.completed_before, query.late, query.now
