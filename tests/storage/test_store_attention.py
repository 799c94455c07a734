"""Who needs attention in both stores: for every reason, in every way to find them, page by page."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import apsw
import pytest

from domain.values import lesson, quiz
from headway.domain.attention import Attention, AttentionQuery, Counted, Reason
from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.course_list import CourseFiguresQuery
from headway.domain.course_progress import CourseProgress, EnrolmentSource
from headway.domain.enrolments import EnrolmentChange, is_late
from headway.domain.groups import Group
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress, Status
from headway.domain.statistics import Period, statistics_of
from headway.storage.postgres.figures import Figures
from headway.storage.shared.attention_statements import AttentionWay
from headway.storage.sqlite.statements import ATTENTION
from storage.stores import Clock, MakeStore, merge_write, new_course, opened, sqlite_store

START: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""When everybody is enrolled."""
NOW: Final = START + timedelta(days=20)
IDS: Final = [LearnerId(f"{digits:08x}-0000-4000-8000-000000000000") for digits in (0, 1, 2, 3, 4, 5, 0xFFFFFFFF)]
PLAIN, QUIZ = lesson(1), quiz(2)


class School:
    """Two courses, one in a zone where a new day has begun, a removed course, and a class."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.courses: list[Course] = []
        self.group_id = GroupId(str(uuid4()))

    async def fill(self) -> None:
        """Write what a school writes in twenty days. The first three learners are a class."""
        self.clock.now = START
        here = await new_course(self.store, PLAIN, QUIZ)
        there = replace(here, id=CourseId(str(uuid4())), time_zone="Pacific/Kiritimati")
        await self.store.put_course(there)
        removed = await new_course(self.store, PLAIN, QUIZ)
        self.courses = [here, there, removed]
        for number, learner in enumerate(IDS):
            for course in self.courses:
                await self._enrol(learner, course, due_after_days=(10, None, 30)[number % 3])
        for days, learner in enumerate(IDS[1:]):
            self.clock.now = START + timedelta(days=3 * days, hours=days)
            for course in self.courses:
                await self._write(learner, course, PLAIN, status=Status.COMPLETED)
                await self._write(learner, course, QUIZ, quiz_attempts=days, quiz_score=40, status=Status.IN_PROGRESS)
        await self._write(IDS[6], here, QUIZ, quiz_score=90)
        await self.store.enrol(EnrolmentChange(IDS[5], there.id, EnrolmentSource(), ends=True))
        # The quiz leaves the course in which one learner more fails it.
        await self._write(IDS[2], there, QUIZ, quiz_attempts=9)
        await self.store.put_course(replace(there, lessons=(PLAIN, lesson(3))))
        await self.store.groups.put(Group(self.group_id, "A class", tuple(IDS[:3])))
        await self.store.remove_course(removed.id)
        self.courses.pop()
        self.clock.now = NOW

    async def _enrol(self, learner: LearnerId, course: Course, *, due_after_days: int | None) -> None:
        due_at = None if due_after_days is None else START + timedelta(days=due_after_days)
        await self.store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource(None, None, due_at)))

    async def _write(self, learner: LearnerId, course: Course, *of: object, **fields: object) -> None:
        await self.store.write(merge_write(learner, course, of[0], **fields))  # type: ignore[arg-type]

    async def who(self, reason: Reason) -> set[tuple[LearnerId, CourseId]]:
        """Who needs attention for a reason, by what each learner's progress says."""
        found = set()
        for course in self.courses:
            versioned = await self.store.course(course.id)
            for learner in IDS:
                progress = (await self.store.course_progress(learner, course.id)).progress
                written = (await self.store.lessons(learner, course.id)).lesson_progress
                lessons = [one for one in written if one.lesson_id in versioned.course.lessons_by_id]
                if progress and _needs(reason, versioned, progress, lessons):
                    found.add((learner, course.id))
        return found


def _needs(
    reason: Reason, versioned: VersionedCourse, progress: CourseProgress, lessons: Sequence[LessonProgress]
) -> bool:
    if not progress.is_enrolled or progress.completed_at is not None:
        return False
    match reason:
        case Reason.NOT_STARTED:
            return progress.started_at is None
        case Reason.LATE:
            return is_late(progress.due_at, progress.completed_at, NOW)
        case Reason.INACTIVE:
            today = versioned.course.date_of(NOW)
            return progress.started_at is not None and (today - progress.day.date).days >= 14
        case Reason.FAILING:
            return any(one.quiz_attempts >= 2 and not one.quiz_passed for one in lessons)


async def _pages(store: Store, query: AttentionQuery) -> list[Attention]:
    """Return all pages, one after the other, up to a line that is there twice."""
    found: list[Attention] = []
    while True:
        page = await store.attention(query)
        found += page
        if len(page) < query.limit or len(found) > 3 * len(IDS):
            return found
        query = replace(query, after=page[-1].position)


async def _pages_before(store: Store, query: AttentionQuery) -> list[Attention]:
    """Return all pages before the query's position, one before the other, in the order of the list."""
    found: list[Attention] = []
    while True:
        page = await store.attention(query)
        found = [*page, *found]
        if len(page) < query.limit or len(found) > 3 * len(IDS):
            return found
        query = replace(query, before=page[0].position)


def _query(reason: Reason, **filters: object) -> AttentionQuery:
    return replace(AttentionQuery(reason, NOW), **filters)  # type: ignore[arg-type]


@pytest.mark.parametrize("together", [False, True], ids=["by course", "together"])
async def test_each_list_has_who_needs_attention_in_its_order(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    if together:  # as on a cluster; SQLite has one way only
        monkeypatch.setattr(Figures, "_way", AttentionWay.TOGETHER)
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        school = School(store, clock)
        await school.fill()
        for reason in Reason:
            who = await school.who(reason)
            assert 0 < len(who) < 2 * len(IDS), reason
            for name, filters, expected in (
                ("all", {}, who),
                ("a course", {"courses": frozenset({school.courses[1].id})}, _in_course(who, school.courses[1])),
                ("a class", {"groups": frozenset({school.group_id})}, _among(who, IDS[:3])),
                ("some", {"learners": frozenset(IDS[1:4])}, _among(who, IDS[1:4])),
                (
                    "some of a class",
                    {"learners": frozenset(IDS[1:4]), "groups": frozenset({school.group_id})},
                    _among(who, IDS[1:3]),
                ),
                ("nobody", {"groups": frozenset({GroupId(str(uuid4()))})}, set()),
                ("nowhere", {"courses": frozenset()}, set()),
            ):
                for limit in (1, 2, 100):
                    lines = await _pages(store, _query(reason, limit=limit, **filters))
                    assert len(lines) == len(expected), (reason, name, limit)
                    assert {(line.learner_id, line.course_id) for line in lines} == expected, (reason, name)
                    positions = [line.position for line in lines]
                    assert positions == sorted(positions, reverse=reason.is_descending), (reason, name)
                    if lines:
                        before = _query(reason, limit=limit, before=positions[-1], **filters)
                        assert await _pages_before(store, before) == lines[:-1], (reason, name, limit)
                for limit in (1, 3, 100):
                    counted = await store.count_attention(_query(reason, limit=limit, **filters))
                    assert counted == min(limit, len(expected)), (reason, name)


def _in_course(who: set[tuple[LearnerId, CourseId]], course: Course) -> set[tuple[LearnerId, CourseId]]:
    return {(learner, course_id) for learner, course_id in who if course_id == course.id}


def _among(who: set[tuple[LearnerId, CourseId]], learners: list[LearnerId]) -> set[tuple[LearnerId, CourseId]]:
    return {(learner, course_id) for learner, course_id in who if learner in learners}


async def test_nobody_who_is_due_later_is_before_a_list(make_store: MakeStore) -> None:
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        await School(store, clock).fill()
        for reason in (Reason.INACTIVE, Reason.LATE):
            [*_, last] = await _pages(store, _query(reason))
            earlier = replace(_query(reason, before=last.position), now=NOW - timedelta(days=4), inactive_days=17)
            later = replace(_query(reason, before=last.position), now=NOW + timedelta(days=20), inactive_days=1)
            first, second = [len(await store.attention(query)) for query in (earlier, later)]
            assert first < second, reason
            assert await store.attention(earlier) == (await _pages(store, replace(earlier, before=None)))[:-1], reason


async def test_a_line_says_the_lesson_and_since_when(make_store: MakeStore) -> None:
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        school = School(store, clock)
        await school.fill()
        here = frozenset({school.courses[0].id})
        [inactive, *_] = await store.attention(_query(Reason.INACTIVE, courses=here))
        assert inactive.lesson_id == QUIZ.id
        assert inactive.since is not None
        assert inactive.since.date() == inactive.position.value
        late = {line.learner_id: line for line in await store.attention(_query(Reason.LATE, courses=here))}
        assert {line.since for line in late.values()} == {START + timedelta(days=10)}
        assert (late[IDS[0]].lesson_id, late[IDS[3]].lesson_id) == (None, QUIZ.id)
        failing = await store.attention(_query(Reason.FAILING, courses=here))
        assert [line.attempts for line in failing] == [4, 3, 2]
        assert {line.lesson_id for line in failing} == {QUIZ.id}
        written = (await store.lesson(failing[0].learner_id, failing[0].course_id, QUIZ.id)).lesson_progress
        assert written is not None
        assert failing[0].since == written.worked_at
        [not_started] = await store.attention(_query(Reason.NOT_STARTED, courses=here))
        assert (not_started.learner_id, not_started.lesson_id, not_started.attempts) == (IDS[0], None, 0)
        progress = (await store.course_progress(IDS[0], school.courses[0].id)).progress
        assert progress is not None
        assert not_started.since == progress.enrolled_at


async def test_who_was_never_seen_is_inactive(make_store: MakeStore) -> None:
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        course = await new_course(store, PLAIN, QUIZ)
        await store.write(merge_write(IDS[1], course, PLAIN, status=Status.COMPLETED)._replace(written_by=IDS[2]))
        [line] = await store.attention(_query(Reason.INACTIVE))
        assert (line.learner_id, line.since) == (IDS[1], None)


async def test_days_are_those_that_are_asked_for(make_store: MakeStore) -> None:
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        course = await new_course(store, PLAIN, QUIZ)
        await store.write(merge_write(IDS[1], course, PLAIN, status=Status.COMPLETED))
        query = replace(_query(Reason.INACTIVE), now=START + timedelta(days=3))
        assert await store.count_attention(replace(query, inactive_days=3)) == 1
        assert await store.count_attention(replace(query, inactive_days=4)) == 0


@pytest.mark.parametrize("reason", Reason)
async def test_sqlite_reads_each_list_from_its_index(folder: Path, reason: Reason) -> None:
    async with opened(sqlite_store(folder)):
        pass
    with closing(apsw.Connection(str(folder / "headway.db"))) as connection:

        def plan(statement: str) -> str:
            values = [None] * len(set(re.findall(r"\$\d+", statement)))
            return "; ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        for pages, is_descending in (
            (ATTENTION.pages, reason.is_descending),
            (ATTENTION.pages_before, not reason.is_descending),
        ):
            sign = "<" if is_descending else ">"
            page = plan(pages[AttentionWay.IN_COURSE][reason])
            assert re.search(rf"SEARCH a USING INDEX \w+ \(course_id=\?.* AND \(\w+,user_id\){sign}", page), page
            assert "FOR ORDER BY" not in page
            is_bounded = pages is ATTENTION.pages_before and reason.begins_with_time
            assert is_bounded == (re.search(r"AND \w+<\?", page) is not None), page
        members = plan(ATTENTION.pages[AttentionWay.MEMBERS][reason])
        assert re.search(r"SEARCH a USING .*\(user_id=\?\)", members), members


async def test_few_figures_of_courses_are_those_of_their_statistics(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(START)
    async with opened(make_store(clock=clock)) as store:
        school = School(store, clock)
        await school.fill()
        period = Period(START.date(), NOW.date() + timedelta(days=1))
        for way in (None, AttentionWay.TOGETHER):  # the second as on a cluster
            if way is not None:
                monkeypatch.setattr(Figures, "_way", way)
            for groups, group_id in ((None, None), (frozenset({school.group_id}), school.group_id)):
                found = {
                    one.course_id: one
                    for one in await store.course_figures(CourseFiguresQuery(period, NOW, groups=groups))
                }
                assert set(found) == {course.id for course in school.courses}
                for course in school.courses:
                    clock.now = NOW
                    if group_id is None:
                        reading = await store.statistics(course.id, *period)
                    else:
                        reading = await store.group_statistics(course.id, group_id, *period)
                    figures, statistics = found[course.id], statistics_of(reading, course.date_of(NOW))
                    assert figures.late == Counted(statistics.late, has_more=False)
                    assert figures.completed == statistics.completed
                    assert figures.active(NOW) == statistics.active_last_7_days
                    seen = {day: (counts.active, counts.last_seen) for day, counts in reading.days.items()}
                    assert {day: counts for day, counts in figures.days.items() if any(counts)} == {
                        day: counts for day, counts in seen.items() if any(counts)
                    }
                    everybody = [
                        (await store.course_progress(learner, course.id)).progress
                        for learner in (IDS if group_id is None else IDS[:3])
                    ]
                    assert figures.learners == sum(1 for one in everybody if one is not None and one.is_listed)
        among = await store.course_figures(CourseFiguresQuery(period, NOW, courses=frozenset({school.courses[0].id})))
        assert [one.course_id for one in among] == [school.courses[0].id]
