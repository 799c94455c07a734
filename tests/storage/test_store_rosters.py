"""Pages of rosters in both stores, for every order and filter, with the first and the last id."""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw
import pytest

from domain.values import lesson
from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import LearnerId
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.roster import LearnerIds, LessonResult, RosterOrder, RosterPosition, RosterQuery, position_of
from headway.storage.shared import profiles, rosters
from headway.storage.shared.roster_statements import Way
from headway.storage.sqlite.statements import ROSTERS
from storage.stores import Clock, MakeStore, merge_write, new_course, new_learner, opened, sqlite_store

IDS: Final = [LearnerId(f"{digits:08x}-0000-0000-0000-000000000000") for digits in (0, 1, 0x3FFFFFFF, 0x40000000)]
IDS.append(LearnerId("ffffffff-ffff-ffff-ffff-ffffffffffff"))
PROFILES: Final = {
    IDS[0]: LearnerProfile("Zoë Zuse"),
    IDS[1]: LearnerProfile("Ábaco"),
    IDS[2]: LearnerProfile(email="zoe@example.org"),
    IDS[3]: LearnerProfile("abanico Zoe"),
}
"""The last learner has no profile, and the one before has no name."""
DAY: Final = datetime(2026, 1, 2, tzinfo=UTC)
FIRST, SECOND, OPTIONAL = lesson(1), lesson(2), lesson(3, required=False)
QUERIES: Final[dict[str, tuple[RosterQuery, Callable[[CourseProgress], bool]]]] = {
    "all": (RosterQuery(), lambda _: True),
    "completed": (RosterQuery(completed=True), lambda one: one.completed_at is not None),
    "not completed": (RosterQuery(completed=False), lambda one: one.completed_at is None),
    "not seen since": (
        RosterQuery(last_seen_before=DAY.date()),
        lambda one: one.completed_at is None and one.day.date < DAY.date(),
    ),
    "at a lesson": (
        RosterQuery(at_lesson=FIRST.id),
        lambda one: one.completed_at is None and one.at_lesson == FIRST.id,
    ),
    "of some ids": (RosterQuery(learners=LearnerIds(IDS[1], IDS[3])), lambda one: one.learner_id in IDS[1:4]),
    "the last id": (RosterQuery(learners=LearnerIds(IDS[4], IDS[4])), lambda one: one.learner_id == IDS[4]),
    "the first id": (RosterQuery(learners=LearnerIds(IDS[0], IDS[0])), lambda one: one.learner_id == IDS[0]),
    "some at a lesson": (
        RosterQuery(learners=LearnerIds(IDS[0], IDS[2]), at_lesson=FIRST.id),
        lambda one: one.learner_id in IDS[:3] and one.completed_at is None and one.at_lesson == FIRST.id,
    ),
    "in a lesson": (RosterQuery(incomplete_lesson=FIRST.id), lambda one: one.tally.in_progress_lessons == 1),
    "failed": (
        RosterQuery(incomplete_lesson=FIRST.id, failed_at_least=2),
        lambda one: one.learner_id == IDS[0],
    ),
    "failed in any lesson": (
        RosterQuery(failed_at_least=1),
        lambda one: one.learner_id in {IDS[0], IDS[2]},
    ),
    "failed often in any lesson": (RosterQuery(failed_at_least=2), lambda one: one.learner_id == IDS[0]),
    "chosen": (
        RosterQuery(chosen=frozenset({IDS[0], IDS[3], LearnerId("ffffffff-0000-0000-0000-000000000000")})),
        lambda one: one.learner_id in {IDS[0], IDS[3]},
    ),
    "chosen with a word": (
        RosterQuery(chosen=frozenset({IDS[0], IDS[1]}), words=("zo",)),
        lambda one: one.learner_id == IDS[0],
    ),
    "chosen in a range": (
        RosterQuery(chosen=frozenset({IDS[0], IDS[1]}), learners=LearnerIds(IDS[1], IDS[3])),
        lambda one: one.learner_id == IDS[1],
    ),
    "of a word": (RosterQuery(words=("zo",)), lambda one: one.learner_id in {IDS[0], IDS[2], IDS[3]}),
    "of two words": (RosterQuery(words=("zo", "ab")), lambda one: one.learner_id == IDS[3]),
    "of no word": (RosterQuery(words=("o",)), lambda _: False),
    "of a word, at a lesson": (
        RosterQuery(words=("zoe",), at_lesson=FIRST.id),
        lambda one: one.learner_id in {IDS[0], IDS[2]},
    ),
    "of a word, of some ids": (
        RosterQuery(words=("zoe",), learners=LearnerIds(IDS[1], IDS[4])),
        lambda one: one.learner_id in {IDS[2], IDS[3]},
    ),
}


async def _fill(store: Store, clock: Clock) -> Course:
    """Two have completed the course, two are in its first lesson, one of them on a later day, and one is behind it."""
    course = await new_course(store, FIRST, SECOND, OPTIONAL)
    for learner in (IDS[1], IDS[3]):
        await store.write(merge_write(learner, course, FIRST, status=Status.COMPLETED))
        await store.write(merge_write(learner, course, SECOND, status=Status.COMPLETED))
    await store.write(merge_write(IDS[0], course, FIRST, status=Status.IN_PROGRESS, quiz_attempts=2))
    clock.now = DAY
    await store.write(merge_write(IDS[2], course, FIRST, status=Status.IN_PROGRESS, quiz_attempts=1))
    await store.write(merge_write(IDS[4], course, FIRST, status=Status.COMPLETED))
    for learner, profile in PROFILES.items():
        await store.profiles.put(learner, profile)
    await store.profiles.put(new_learner(), LearnerProfile("Zoe of another course"))
    return course


def _position(one: CourseProgress, order: RosterOrder) -> RosterPosition:
    return position_of(one, order, PROFILES.get(one.learner_id, NO_PROFILE))


async def _pages(store: Store, course: Course, query: RosterQuery) -> list[CourseProgress]:
    """Return all pages, one after the other, up to a learner who is there twice."""
    found: list[CourseProgress] = []
    while True:
        page: Sequence[CourseProgress] = await store.roster(course.id, query)
        found += page
        if len(page) < query.limit or len(found) > len(IDS):
            return found
        query = replace(query, after=_position(page[-1], query.order))


async def _pages_backwards(store: Store, course: Course, query: RosterQuery, last: CourseProgress) -> list[LearnerId]:
    """Return all learners before the last one, read page by page from there to the first."""
    found: list[LearnerId] = []
    position = _position(last, query.order)
    while True:
        page = await store.roster(course.id, replace(query, before=position))
        found = [*(one.learner_id for one in page), *found]
        if len(page) < query.limit or len(found) > len(IDS):
            return found
        position = _position(page[0], query.order)


@pytest.mark.parametrize("few", [5_000, -1], ids=["found", "walked"])
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_pages_list_each_learner_once_in_order(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch, few: int, limit: int
) -> None:
    for module, name in ((rosters, "FEW"), (rosters, "FEW_LEARNERS"), (profiles, "FEW_PEOPLE")):
        monkeypatch.setattr(module, name, few)
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        course = await _fill(store, clock)
        everybody = await store.roster(course.id, RosterQuery(limit=100))
        assert {one.learner_id for one in everybody} == set(IDS)
        for name, (query, is_asked_for) in QUERIES.items():
            asked = [one for one in everybody if is_asked_for(one)]
            for order in RosterOrder:
                for descending in (False, True):
                    sorted_query = replace(query, order=order, descending=descending, limit=limit)
                    pages = await _pages(store, course, sorted_query)
                    listed = [one.learner_id for one in pages]
                    assert listed == _in_order(asked, order, descending=descending), (name, order, descending)
                    if listed:
                        before = await _pages_backwards(store, course, sorted_query, pages[-1])
                        assert before == listed[:-1], (name, order, descending)
                    for most in (1, len(IDS)):
                        assert await store.roster_total(course.id, sorted_query, most) == min(most, len(asked)), name


async def test_results_are_those_of_the_learners_in_the_course(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        course = await _fill(store, clock)
        other = await new_course(store, lesson(1))
        await store.write(merge_write(IDS[0], other, lesson(1), status=Status.COMPLETED))
        await store.write(merge_write(IDS[0], course, SECOND, quiz_score=42.5, quiz_attempts=3))
        nobody = new_learner()
        found = await store.lesson_results(course.id, [IDS[0], IDS[1], nobody])
        assert found.keys() == {IDS[0], IDS[1], nobody}
        assert found[nobody] == {}
        assert found[IDS[0]].keys() == {FIRST.id, SECOND.id}
        assert found[IDS[0]][SECOND.id] == LessonResult(Status.IN_PROGRESS, 42.5, 3, passed=False, worked_at=clock.now)
        assert found[IDS[1]][FIRST.id].status is Status.COMPLETED


async def test_a_lesson_that_has_left_the_course_was_not_failed(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        course = await _fill(store, clock)
        failed = RosterQuery(failed_at_least=1)
        assert len(await store.roster(course.id, failed)) == 2
        await store.put_course(replace(course, lessons=(SECOND, OPTIONAL)))
        assert await store.roster(course.id, failed) == []


def _in_order(asked: Sequence[CourseProgress], order: RosterOrder, *, descending: bool) -> list[LearnerId]:
    """Return the learners in the order of a query. Those without a completion come last, by id."""
    positions = [_position(one, order) for one in asked]
    sortable = [position for position in positions if position.value is not None]
    sortable.sort(key=lambda position: (position.value, position.learner_id), reverse=descending)
    rest = sorted(position.learner_id for position in positions if position.value is None)
    return [position.learner_id for position in sortable] + rest


_BY_WALKING: Final = {
    RosterOrder.PROGRESS: "course_progress_by_progress (course_id=? AND (completed_lessons,user_id)",
    RosterOrder.LAST_SEEN: "course_progress_by_day (course_id=? AND (day,user_id)",
    RosterOrder.COMPLETED: "course_progress_by_completion (course_id=? AND (completed_at,user_id)",
    RosterOrder.NAME: "INDEX profiles_by_name (",
}
_BY_IDS: Final = "course_progress_by_learner (course_id=? AND user_id>? AND user_id<?)"
_AMONG: Final = "(user_id=? AND course_id=?)"
_BY_LESSON: Final = "course_progress_by_lesson (course_id=? AND at_lesson=?"


@pytest.mark.parametrize("order", RosterOrder)
@pytest.mark.parametrize("descending", [False, True])
async def test_sqlite_uses_the_intended_index(folder: Path, order: RosterOrder, descending: bool) -> None:
    async with opened(sqlite_store(folder)):
        pass
    with closing(apsw.Connection(str(folder / "headway.db"))) as connection:

        def plan(statement: str) -> str:
            values = [None] * len(set(re.findall(r"\$\d+", statement)))
            return "; ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        assert "lesson_progress USING PRIMARY KEY (user_id=? AND course_id=?)" in plan(ROSTERS.results).replace(
            "SEARCH r", "SEARCH lesson_progress"
        )
        for rosters in (ROSTERS.plain, ROSTERS.searched):
            by_name = order is RosterOrder.NAME
            walking = plan(rosters.names[descending] if by_name else rosters.sorted[Way.WALKING][order, descending])
            assert _BY_WALKING[order] in walking
            assert "FOR ORDER BY" not in walking
            assert _BY_IDS in plan(rosters.sorted[Way.BY_IDS][order, descending])
            assert _BY_LESSON in plan(rosters.sorted[Way.BY_LESSON][order, descending])
            assert _AMONG in plan(rosters.sorted[Way.AMONG][order, descending])
            for by_id in (rosters.incomplete, rosters.unnamed):
                for downwards in (False, True):
                    assert _BY_IDS in plan(by_id[Way.WALKING, downwards])
                    assert "FOR ORDER BY" not in plan(by_id[Way.WALKING, downwards])
                    assert _BY_LESSON in plan(by_id[Way.BY_LESSON, downwards])
                    assert _AMONG in plan(by_id[Way.AMONG, downwards])
            assert _BY_IDS in plan(rosters.counts[Way.WALKING])
            assert _BY_LESSON in plan(rosters.counts[Way.BY_LESSON])
            assert _AMONG in plan(rosters.counts[Way.AMONG])
