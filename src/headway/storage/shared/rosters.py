"""Reads a page of a roster, its total and its lesson progress: chooses the statements and their values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from headway.domain.bounds import plain
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.people import UNNAMED
from headway.domain.progress import Status
from headway.domain.roster import FEW, LessonResult, RosterOrder, RosterPosition, RosterQuery
from headway.storage.shared import statements as sql
from headway.storage.shared.groups import GroupStatements, members_of
from headway.storage.shared.ids import FIRST_ID, LAST_ID, next_learner, previous_learner
from headway.storage.shared.profiles import FEW_LEARNERS, learners_of, learners_with, padded
from headway.storage.shared.roster_statements import Rosters, RosterStatements, Way
from headway.storage.shared.session import Reading, Row, Step, to_moment

_FIRST: Final[Mapping[RosterOrder, int | date | datetime | bytes]] = {
    RosterOrder.PROGRESS: -1,
    RosterOrder.LAST_SEEN: date.min,
    RosterOrder.COMPLETED: datetime.min.replace(tzinfo=UTC),
    RosterOrder.NAME: b"",
}
_LAST: Final[Mapping[RosterOrder, int | date | datetime | bytes]] = {
    RosterOrder.PROGRESS: 2**31 - 1,
    RosterOrder.LAST_SEEN: date.max,
    RosterOrder.COMPLETED: datetime.max.replace(tzinfo=UTC),
    RosterOrder.NAME: UNNAMED,
}
_WITHOUT_VALUE_LAST: Final = frozenset({RosterOrder.COMPLETED, RosterOrder.NAME})


_MOST_NAMES: Final = 5_000  # that are read at once
Among = frozenset[LearnerId] | None
"""The only learners who come into question; `None`: all."""


def roster_page(
    rosters: Rosters, groups: GroupStatements, course_id: CourseId, query: RosterQuery
) -> Reading[Sequence[Row]]:
    """Return a page of a course's learners, as rows of `course_progress`. Raises `GroupNotFoundError`."""
    statements = _statements(rosters, query)
    among = yield from _among(groups, query)
    if query.before is not None:
        return (yield from _page_before(statements, course_id, query, among, query.before))
    found = yield from _sorted_page(statements, course_id, query, among)
    missing = query.limit - len(found)
    if not missing or query.order not in _WITHOUT_VALUE_LAST or _all_have_value(query):
        return found
    after = None if query.after is None or query.after.value is not None else query.after.learner_id
    first = FIRST_ID if after is None else next_learner(after)
    return [*found, *(yield from _page_by_id(statements, course_id, query, among, missing, first=first))]


def roster_total(
    rosters: Rosters, groups: GroupStatements, course_id: CourseId, query: RosterQuery, most: int
) -> Reading[int]:
    """Return how many learners the filters leave, counted up to `most`. Raises `GroupNotFoundError`."""
    among = yield from _among(groups, query)
    statement = _statements(rosters, query).counts[_way_by_id(query, among)]
    asked = (course_id, query.at_lesson, *(query.learners or (FIRST_ID, LAST_ID)), *_filters(query))
    [(found,)] = yield Step(statement, *asked, *_ids(among), most)
    return int(found)


def lesson_results(
    rosters: Rosters, course_id: CourseId, learner_ids: Sequence[LearnerId]
) -> Reading[dict[LearnerId, dict[LessonId, LessonResult]]]:
    """Return the lesson progress of some learners in a course, by learner and lesson."""
    found: dict[LearnerId, dict[LessonId, LessonResult]] = {learner_id: {} for learner_id in learner_ids}
    for learner_id, lesson_id, *columns in (yield Step(rosters.results, course_id, list(learner_ids))):
        found[LearnerId(str(learner_id))][LessonId(str(lesson_id))] = _to_result(*columns)
    return found


def _to_result(
    status: str, score: float | None, attempts: int, passed: object, worked_at: datetime | str | None
) -> LessonResult:
    return LessonResult(
        Status(status),
        None if score is None else plain(score),
        attempts,
        bool(passed),
        None if worked_at is None else to_moment(worked_at),
    )


def _statements(rosters: Rosters, query: RosterQuery) -> RosterStatements:
    return rosters.searched if query.words else rosters.plain


def _among(groups: GroupStatements, query: RosterQuery) -> Reading[Among]:
    """Return the only learners who come into question: those of a search, a group, or a choice."""
    among = yield from learners_with(query.words)
    if query.group is not None:
        members = frozenset((yield from members_of(groups, query.group)))
        among = members if among is None else among & members
    if query.chosen is not None:
        among = query.chosen if among is None else among & query.chosen
    return among


def _page_before(
    statements: RosterStatements, course_id: CourseId, query: RosterQuery, among: Among, before: RosterPosition
) -> Reading[Sequence[Row]]:
    """Return the last learners before a position. They are read in the opposite order, and turned round."""
    found: list[Row] = []
    opposite = replace(query, descending=not query.descending, before=None, after=before)
    if before.value is None:
        last = previous_learner(before.learner_id)
        found += yield from _page_by_id(statements, course_id, query, among, query.limit, last=last, descending=True)
        opposite = replace(opposite, after=None, limit=query.limit - len(found))
    if opposite.limit:
        found += yield from _sorted_page(statements, course_id, opposite, among)
    return found[::-1]


def _all_have_value(query: RosterQuery) -> bool:
    """Whether the filters leave only learners who have the value by which the roster is sorted."""
    return query.order is RosterOrder.COMPLETED and query.completed is True


def _sorted_page(
    statements: RosterStatements, course_id: CourseId, query: RosterQuery, among: Among
) -> Reading[Sequence[Row]]:
    """Return the learners who have the value by which the roster is sorted."""
    if query.order is RosterOrder.COMPLETED and query.of_incomplete:
        return ()
    if query.after is not None and query.after.value is None:
        return ()
    after = query.after or _beginning(query)
    way = Way.AMONG if among is not None else (yield from _way(course_id, query))
    if way is Way.WALKING and query.order is RosterOrder.NAME:  # each other order has an index in the course
        among = yield from _few_of_course(course_id)
        if among is None:
            return (yield from _walked_by_name(statements, course_id, query, after))
        way = Way.AMONG
    return (yield _sorted_step(statements, way, course_id, query, after, among))


def _beginning(query: RosterQuery) -> RosterPosition:
    """Return the position before the first learner."""
    if not query.descending:
        return RosterPosition(_FIRST[query.order], LearnerId(FIRST_ID))
    is_by_name = query.order is RosterOrder.NAME  # then those without a name are left out
    return RosterPosition(_LAST[query.order], LearnerId(FIRST_ID if is_by_name else LAST_ID))


def _sorted_step(
    statements: RosterStatements, way: Way, course_id: CourseId, query: RosterQuery, after: RosterPosition, among: Among
) -> Step:
    statement = statements.sorted[way][query.order, query.descending]
    asked = (course_id, query.at_lesson, *after, *(query.learners or (None, None)), *_filters(query))
    return Step(statement, *asked, *_ids(among), query.limit)


def _walked_by_name(
    statements: RosterStatements, course_id: CourseId, query: RosterQuery, after: RosterPosition
) -> Reading[Sequence[Row]]:
    """Read all names in their order, some at a time, and return the learners of the course among them.

    This is two statements and not a join: each has one good plan, whatever a database knows of the tables' sizes.
    """
    found: list[Row] = []
    some = 2 * query.limit
    while True:
        names = yield Step(statements.names[query.descending], *after, *_words(query), some)
        if names:
            among = frozenset(LearnerId(str(learner_id)) for _, learner_id in names)
            rest = replace(query, limit=query.limit - len(found))
            found += yield _sorted_step(statements, Way.AMONG, course_id, rest, after, among)
        if len(found) == query.limit or len(names) < some:
            return found
        after = RosterPosition(names[-1][0], LearnerId(str(names[-1][1])))
        some = min(2 * some, _MOST_NAMES)


def _few_of_course(course_id: CourseId) -> Reading[Among]:
    """Return the learners of a course where they are few, so that it is quicker to sort them than to read all names."""
    everybody = course_id, FIRST_ID, LAST_ID, FEW_LEARNERS + 1
    [(found,)] = yield Step(sql.COUNT_AMONG, *everybody)
    return learners_of((yield Step(sql.LEARNERS_AMONG, *everybody))) if found <= FEW_LEARNERS else None


def _way(course_id: CourseId, query: RosterQuery) -> Reading[Way]:
    """Return how to find the learners: by their ids or lesson where at most `FEW` have them."""
    if query.learners is not None and (yield from _are_few(Step(sql.COUNT_AMONG, course_id, *query.learners, FEW + 1))):
        return Way.BY_IDS
    if query.at_lesson is not None and (yield from _are_few(Step(sql.COUNT_AT, course_id, query.at_lesson, FEW + 1))):
        return Way.BY_LESSON
    return Way.WALKING


def _are_few(count: Step) -> Reading[bool]:
    [(found,)] = yield count
    return int(found) <= FEW


def _page_by_id(  # noqa: PLR0913 - a page from either end
    statements: RosterStatements,
    course_id: CourseId,
    query: RosterQuery,
    among: Among,
    limit: int,
    *,
    first: str | None = FIRST_ID,
    last: str | None = LAST_ID,
    descending: bool = False,
) -> Reading[Sequence[Row]]:
    """Return the learners without the value by which the roster is sorted; they come after all others, by id.

    Their ids are from `first` to `last`; `None` is an id that does not exist.
    """
    if first is None or last is None:
        return ()
    if query.learners is not None:
        first, last = max(first, query.learners.first), min(last, query.learners.last)
    by_way = statements.unnamed if query.order is RosterOrder.NAME else statements.incomplete
    statement = by_way[_way_by_id(query, among), descending]
    asked = (course_id, query.at_lesson, first, last, *_filters(query))
    return (yield Step(statement, *asked, *_ids(among), limit))


def _way_by_id(query: RosterQuery, among: Among) -> Way:
    """Return how to find learners in the order of their ids."""
    if among is not None:
        return Way.AMONG
    return Way.WALKING if query.at_lesson is None else Way.BY_LESSON


def _filters(query: RosterQuery) -> tuple[object, ...]:
    lesson = query.incomplete_lesson, query.failed_at_least
    enrolment = query.started, query.due_before, query.completed_before, query.late, query.now
    return query.completed, query.last_seen_before, *lesson, *enrolment, *_words(query)


def _words(query: RosterQuery) -> Sequence[str]:
    """Return the parameters of a search, which the other statements do not have."""
    return padded(query.words) if query.words else ()


def _ids(among: Among) -> tuple[object, ...]:
    """Return the parameter of `Way.AMONG`, which the other ways do not have."""
    return () if among is None else (sorted(among),)
