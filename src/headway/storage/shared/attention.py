"""Reads and counts the learners who need attention: chooses the statements and their values."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from headway.domain.attention import Attention, AttentionPosition, AttentionQuery, Reason
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.storage.shared.attention_statements import AttentionStatements, AttentionWay
from headway.storage.shared.groups import GroupStatements
from headway.storage.shared.ids import FIRST_ID, LAST_ID
from headway.storage.shared.session import Reading, Row, Step, to_date, to_moment

_LOWEST: Final = (LearnerId(FIRST_ID), CourseId(FIRST_ID))
_HIGHEST: Final = (LearnerId(LAST_ID), CourseId(LAST_ID), LessonId(LAST_ID))


class _Part(NamedTuple):
    """Courses whose lists are read with the same values: a position, and maybe a bound."""

    courses: Sequence[CourseId]
    values: Sequence[object]


def attention_page(
    statements: AttentionStatements, groups: GroupStatements, everybody: AttentionWay, query: AttentionQuery
) -> Reading[Sequence[Attention]]:
    """Return a page of the learners who need attention. `everybody` is the way to find them where no group is named."""
    texts = statements.pages if query.before is None else statements.pages_before
    found: list[Row] = []
    for step in (yield from _steps(statements, groups, everybody, query, texts)):
        found += yield step
    lines = [_to_attention(query.reason, row) for row in found]
    lines.sort(key=lambda line: line.position, reverse=query.reason.is_descending)
    return lines[: query.limit] if query.before is None else lines[-query.limit :]


def count_attention(
    statements: AttentionStatements, groups: GroupStatements, everybody: AttentionWay, query: AttentionQuery
) -> Reading[int]:
    """Return how many lines the list has behind the query's position, counted up to the query's limit."""
    counted = 0
    for step in (yield from _steps(statements, groups, everybody, query, statements.counts)):
        [(some,)] = yield step
        counted += some
        if counted >= query.limit:
            return query.limit
    return counted


def _steps(
    statements: AttentionStatements,
    groups: GroupStatements,
    everybody: AttentionWay,
    query: AttentionQuery,
    texts: Mapping[AttentionWay, Mapping[Reason, str]],
) -> Reading[Iterator[Step]]:
    """Return the statements, pages or counts, that read a list."""
    parts = yield from _parts(statements, query)
    members = yield from _members(groups, query)
    if members is not None:
        return _of_parts(texts[AttentionWay.MEMBERS][query.reason], parts, query, sorted(members))
    text = texts[everybody][query.reason]
    if everybody is AttentionWay.IN_COURSE:
        return (Step(text, course_id, *values, query.limit) for courses, values in parts for course_id in courses)
    return _of_parts(text, parts, query)


def _of_parts(text: str, parts: Sequence[_Part], query: AttentionQuery, *members: object) -> Iterator[Step]:
    return (Step(text, courses, *members, *values, query.limit) for courses, values in parts)


def _members(groups: GroupStatements, query: AttentionQuery) -> Reading[AbstractSet[LearnerId] | None]:
    """Return the learners among whom the query looks; `None` for all of the courses."""
    if query.groups is None:
        return query.learners
    rows = yield Step(groups.members_of_groups, sorted(query.groups))
    members = {LearnerId(str(member)) for _, member in rows}
    return members if query.learners is None else members & query.learners


def _parts(statements: AttentionStatements, query: AttentionQuery) -> Reading[list[_Part]]:
    """Return the courses by where their lists are read: days do not begin everywhere at once."""
    if query.courses is None:
        rows = yield Step(statements.zones)
    else:
        rows = yield Step(statements.zones_among, sorted(query.courses))
    parts: dict[Sequence[object], list[CourseId]] = defaultdict(list)
    for course_id, zone in rows:
        parts[_values(query, zone)].append(CourseId(course_id))
    return [_Part(courses, values) for values, courses in parts.items()]


def _values(query: AttentionQuery, zone: str) -> Sequence[object]:
    """Return the position from which a page is read; backwards, also the bound at which the list begins."""
    bound = query.bound(zone)
    if query.before is not None:
        bounds = (bound,) if query.reason.begins_with_time else ()
        return *_position(query.reason, query.before), *bounds
    first = AttentionPosition(bound, *(_HIGHEST if query.reason is Reason.FAILING else _LOWEST))
    if query.after is None:
        return _position(query.reason, first)
    later = min(query.after, first) if query.reason.is_descending else max(query.after, first)
    return _position(query.reason, later)


def _position(reason: Reason, position: AttentionPosition) -> Sequence[object]:
    return position if reason is Reason.FAILING else position[:3]


def _to_attention(reason: Reason, row: Row) -> Attention:
    learner, course, value, lesson, since, attempts = row
    lesson_id = None if lesson is None else LessonId(lesson)
    of_lesson = lesson_id if reason is Reason.FAILING else None
    position = AttentionPosition(_to_value(reason, value), LearnerId(learner), CourseId(course), of_lesson)
    return Attention(position, lesson_id, None if since is None else to_moment(since), attempts)


def _to_value(reason: Reason, value: Any) -> date | datetime | int:
    match reason:
        case Reason.INACTIVE:
            return to_date(value)
        case Reason.FAILING:
            return int(value)
        case _:
            return to_moment(value)
