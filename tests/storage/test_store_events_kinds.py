"""Every kind of write tells its events, once: those of groups, imports, exports and edits; on both stores."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from domain.values import EARLIER, LATER, NOW, quiz
from domain.values import course as course_of
from headway.domain.course_progress import EnrolmentSource
from headway.domain.dating import Times
from headway.domain.events import Event, Recording
from headway.domain.groups import GroupEnrolment, group_of
from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.ports import Store
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import Status
from headway.domain.writes import Origin
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Finisher, Recalculator
from storage.processes import TOGETHER
from storage.stores import MakeStore, merge_write, new_course, new_learner, opened, sqlite_store

TRANSITIONS = Recording(days=30)
MANY = 100
"""Lines that SQLite promises together (decision 37)."""


async def told(store: Store) -> list[Event]:
    while await store.events.publish():
        pass
    return [one.event for one in (await store.events.read(0, 1_000_000)).events if one.event.learner_id]


def types_of(events: list[Event], learner: LearnerId | None = None) -> list[str]:
    return [str(event.type) for event in events if learner is None or event.learner_id == learner]


@pytest.fixture
def recording(make_store: MakeStore) -> Store:
    return make_store(recording=TRANSITIONS)


async def test_groups_enrol_and_end_enrolments(recording: Store) -> None:
    async with opened(recording) as store:
        course, first, second = await new_course(store), new_learner(), new_learner()
        group = await store.groups.put(group_of(GroupId(str(uuid4())), "A class", (first,)))
        await store.groups.enrol(group.id, GroupEnrolment(course.id))
        await store.groups.enrol(group.id, GroupEnrolment(course.id))
        await store.groups.add_member(group.id, second)
        await store.groups.enrol(group.id, GroupEnrolment(course.id, None, LATER))
        await store.groups.remove_member(group.id, first)
        await store.groups.remove(group.id)
        expected = ["enrolment.created", "enrolment.changed", "enrolment.ended"]
        events = await told(store)
    assert (types_of(events, first), types_of(events, second)) == (expected, expected)
    assert {event.actor.kind for event in events} == {"on_behalf"}


@pytest.mark.parametrize("lines", [1, MANY])
async def test_an_atomic_import_tells_every_line_once(recording: Store, lines: int) -> None:
    learners = [new_learner() for _ in range(lines)]
    async with opened(recording) as store:
        course = await new_course(store)
        writes = [
            merge_write(learner, course, course.lessons[0], status=Status.COMPLETED)._replace(is_imported=True)
            for learner in learners
        ]
        for _ in range(2):
            await store.write_all(writes)
        events = await told(store)
    expected = ["enrolment.created", "course.started", "lesson.started", "lesson.completed"]
    assert Counter(map(str, (event.type for event in events))) == dict.fromkeys(expected, lines)
    assert all(types_of(events, learner) == expected for learner in learners)
    assert {event.actor for event in events} == {("import", None)}


async def test_a_restored_export_tells_what_it_brings(recording: Store) -> None:
    learner = new_learner()
    async with opened(recording) as store:
        course = await new_course(store)
        asked = CourseProgressRestore(
            learner, course.id, NOW, EARLIER, None, (), enrolled_at=EARLIER, sources=(EnrolmentSource(due_at=LATER),)
        )
        line = merge_write(learner, course, course.lessons[0], status=Status.COMPLETED)
        restored = line._replace(restored=Origin(EARLIER), times=Times(EARLIER, EARLIER, NOW))
        for _ in range(2):
            await store.restore(asked)
            await store.write(restored)
        await store.write_all([restored, asked])
        events = await told(store)
    assert types_of(events) == ["enrolment.created", "course.started", "lesson.started", "lesson.completed"]
    assert {event.actor.kind for event in events} == {"import"}


async def test_a_recalculation_tells_each_learner_once(recording: Store) -> None:
    learners = [new_learner() for _ in range(5)]
    async with opened(recording) as store:
        course = await new_course(store, quiz(1, pass_mark=90), quiz(2, pass_mark=90))
        for learner in learners:
            await store.write(merge_write(learner, course, course.lessons[0], quiz_score=80, quiz_attempts=1))
        before = len(await told(store))
        await store.put_course(course_of(quiz(1, pass_mark=70), course_id=course.id))
        async with Runner([Recalculator(store), Recalculator(store)]).working(), asyncio.timeout(30):
            while await store.recalculation(course.id):  # noqa: ASYNC110 - there is nothing that tells
                await asyncio.sleep(0.01)
        after = (await told(store))[before:]
    assert {event.actor for event in after} == {("edit", None)}
    for learner in learners:
        assert types_of(after, learner) == ["lesson.completed", "lesson.passed", "course.completed"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["deciding", "set aside", "promised", "half"])
async def test_an_import_that_is_killed_tells_all_lines_once_or_none(folder: Path, moment: str) -> None:
    command = [sys.executable, "-m", "storage.processes", "together", str(folder), moment]
    died = await asyncio.to_thread(
        subprocess.run, command, cwd=Path(__file__).parents[1], env=os.environ, check=False, capture_output=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    store = sqlite_store(folder, recording=TRANSITIONS)
    async with opened(store):
        async with Runner([Finisher(store)]).working():
            counted = Counter(types_of(await told(store)))
        lines = TOGETHER if moment in {"promised", "half"} else 0
        assert (await store.archive.holdings()).lesson_progress == lines
    kinds = ["enrolment.created", "course.started", "lesson.started"]
    assert counted == (dict.fromkeys(kinds, lines) if lines else {})
