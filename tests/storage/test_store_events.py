"""Events in both stores: each change that matters is recorded with it, once, and published in an order."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.values import course as course_of
from domain.values import quiz as quiz_of
from headway.domain.catalogue import OnEdit
from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import EnrolmentChange
from headway.domain.errors import CursorExpiredError, RefusedWriteError
from headway.domain.events import Event, EventType, Recording
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.removals import Restart
from headway.domain.runs import RunStart
from storage.stores import (
    ALL_EVENTS,
    Clock,
    MakeStore,
    conditional,
    merge_write,
    new_course,
    new_learner,
    opened,
    removal,
    written,
)

TRANSITIONS = Recording(days=30)


async def published(store: Store, after: int = 0) -> list[Event]:
    """Publish everything that is due, and return the events after a number."""
    while await store.events.publish():
        pass
    found: list[Event] = []
    while True:
        feed = await store.events.read(after, 100)
        found += [one.event for one in feed.events]
        if feed.is_last:
            return found
        after = feed.after


async def types_of(store: Store, learner: LearnerId) -> list[str]:
    return [str(event.type) for event in await published(store) if event.learner_id == learner]


@pytest.fixture
async def recording(make_store: MakeStore) -> Store:
    """A store that records transitions alone."""
    return make_store(recording=TRANSITIONS)


async def test_each_transition_is_one_event_and_heartbeats_are_none(recording: Store) -> None:
    learner = new_learner()
    async with opened(recording) as store:
        course = await new_course(store, quiz_of(pass_mark=50))
        [quiz] = course.lessons
        for percentage in (10, 20, 30):
            await store.write(merge_write(learner, course, quiz, progress_percentage=percentage))
        await store.write(merge_write(learner, course, quiz, quiz_score=80, quiz_attempts=1))
        assert await types_of(store, learner) == [
            "enrolment.created", "course.started", "lesson.started",
            "lesson.completed", "lesson.passed", "course.completed",
        ]  # fmt: skip
        progress = await written(store, merge_write(learner, course, quiz, time_spent_minutes=3))
        assert len(await types_of(store, learner)) == 6
        await store.write(conditional(progress, status=Status.IN_PROGRESS, quiz_passed=False, quiz_score=None))
        await store.restart_course(Restart(learner, course.id))
        assert (await types_of(store, learner))[6:] == ["lesson.reset", "course.reopened", "course.restarted"]
        await store.write(merge_write(learner, course, quiz, progress_percentage=10))
        await store.write(removal(learner, course, quiz))
        assert (await types_of(store, learner))[9:] == ["course.started", "lesson.started", "lesson.reset"]


async def test_a_restart_that_takes_nothing_back_is_no_event(recording: Store) -> None:
    learner = new_learner()
    async with opened(recording) as store:
        course = await new_course(store)
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource()))
        await store.restart_course(Restart(learner, course.id))
        await store.write(merge_write(learner, course, course.lessons[0], progress_percentage=10))
        for _ in range(2):
            await store.restart_course(Restart(learner, course.id))
        told = await types_of(store, learner)
    assert told == ["enrolment.created", "course.started", "lesson.started", "course.restarted"]


async def test_an_event_says_what_changed_and_who_did_it(recording: Store) -> None:
    learner, teacher = new_learner(), new_learner()
    async with opened(recording) as store:
        course = await new_course(store)
        [first, *_] = course.lessons
        await store.write(merge_write(learner, course, first, progress_percentage=40))
        by_teacher = merge_write(learner, course, first, status=Status.COMPLETED)._replace(written_by=teacher)
        await store.write(by_teacher)
        imported = merge_write(learner, course, course.lessons[1], status=Status.COMPLETED)._replace(is_imported=True)
        await store.write_all([imported])
        events = [event for event in await published(store) if event.lesson_id]
    started, completed, _, by_import = events
    assert (started.type, started.actor) == (EventType.LESSON_STARTED, ("learner", None))
    assert started.lesson_id == first.id
    assert started.new == {"status": "in_progress", "progress_percentage": 40, "video_position_seconds": 0,
                           "quiz_attempts": 0, "quiz_passed": False, "time_spent_minutes": 0}  # fmt: skip
    assert (completed.actor.kind, completed.actor.user_id) == ("on_behalf", teacher)
    assert completed.old == {"status": "in_progress", "progress_percentage": 40}
    assert completed.new == {"status": "completed", "progress_percentage": 100}
    assert by_import.type is EventType.LESSON_COMPLETED
    assert by_import.actor == ("import", None)


async def test_enrolments_runs_and_documents_are_told(recording: Store) -> None:
    learner = new_learner()
    due = datetime(2030, 1, 2, tzinfo=UTC)
    async with opened(recording) as store:
        course = await new_course(store)
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource()))
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource()))  # again: nothing changes
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource(due_at=due)))
        for lesson in course.lessons:
            await store.write(merge_write(learner, course, lesson, status=Status.COMPLETED))
        await store.begin_run(RunStart(learner, course.id))
        await store.enrol(EnrolmentChange(learner, course.id, EnrolmentSource(), ends=True))
        told = [event for event in await published(store) if event.lesson_id is None]
        assert [event.type for event in told] == [
            "course.published", "enrolment.created", "enrolment.changed", "course.started", "course.completed",
            "enrolment.changed", "run.started", "enrolment.ended",
        ]  # fmt: skip
        assert told[2].new == {"enrolled_at": told[1].new["enrolled_at"], "ended_at": None, "starts_at": None,
                               "due_at": "2030-01-02T00:00:00Z"}  # fmt: skip
        assert told[6].new == {"run": 2}
        await store.put_course(course_of(*course.lessons, course_id=course.id, title="Another title"))
        await store.remove_course(course.id)
        edited, removed = (await published(store))[-2:]
        assert (edited.type, edited.old["title"], edited.new["title"]) == (
            "course.edited", "A course", "Another title",
        )  # fmt: skip
        assert (removed.type, removed.learner_id, removed.course_id) == ("course.removed", None, course.id)


async def test_an_edit_tells_who_completes_the_course_by_it(recording: Store) -> None:
    learner = new_learner()
    async with opened(recording) as store:
        course = await new_course(store)
        first = course.lessons[0]
        await store.write(merge_write(learner, course, first, status=Status.COMPLETED))
        shorter = course_of(first, course_id=course.id, title=course.title)
        await store.put_course(shorter)
        await store.refresh(learner, course.id)
        last = (await published(store))[-1]
        assert (last.type, last.actor.kind, last.learner_id) == ("course.completed", "edit", learner)
        await store.put_course(replace(course, on_edit=OnEdit.REOPEN))
        await store.refresh(learner, course.id)
        last = (await published(store))[-1]
        assert (last.type, last.actor.kind) == ("course.reopened", "edit")


async def test_a_refused_write_and_a_refused_import_tell_nothing(recording: Store) -> None:
    learner = new_learner()
    async with opened(recording) as store:
        course = await new_course(store)
        good = merge_write(learner, course, course.lessons[0], status=Status.COMPLETED)
        bad = good._replace(course_id=CourseId(str(uuid4())))
        with pytest.raises(RefusedWriteError):
            await store.write_all([good, bad])
        assert await types_of(store, learner) == []


async def test_updates_in_ten_seconds_are_one_event_with_the_last_values(make_store: MakeStore) -> None:
    clock = Clock()
    learner = new_learner()
    async with opened(make_store(clock=clock, recording=ALL_EVENTS)) as store:
        course = await new_course(store)
        [first, second, _] = course.lessons
        for percentage in (10, 20, 30):
            await store.write(merge_write(learner, course, first, progress_percentage=percentage))
        await store.write(merge_write(learner, course, second, progress_percentage=5))
        assert "progress.updated" not in await types_of(store, learner)
        clock.now += timedelta(seconds=20)
        updates = [event for event in await published(store) if event.type is EventType.PROGRESS_UPDATED]
        assert [(update.lesson_id, update.new["progress_percentage"]) for update in updates] == [
            (first.id, 30),
            (second.id, 5),
        ]
        progress = await written(store, merge_write(learner, course, first, progress_percentage=50))
        await store.write(merge_write(learner, course, second, user_notes="Only for me"))
        clock.now += timedelta(seconds=20)
        later = [event for event in await published(store) if event.type is EventType.PROGRESS_UPDATED][2:]
        assert [(update.lesson_id, update.old, update.new) for update in later] == [
            (first.id, {"progress_percentage": 30}, {"progress_percentage": 50})
        ]
        await store.write(conditional(progress, progress_percentage=90))
        await store.write(removal(learner, course, first))
        clock.now += timedelta(seconds=20)
        last = (await published(store))[-1]
        assert (last.old["progress_percentage"], last.new["progress_percentage"]) == (50, None)
        assert len({event.id for event in await published(store)}) == len(await published(store))


async def test_an_update_waits_its_time_though_others_of_its_learner_and_lesson_are_due(make_store: MakeStore) -> None:
    clock = Clock()
    one, other = new_learner(), new_learner()
    async with opened(make_store(clock=clock, recording=ALL_EVENTS)) as store:
        course = await new_course(store)
        [first, second, _] = course.lessons
        await store.write(merge_write(one, course, first, progress_percentage=10))
        await store.write(merge_write(other, course, second, progress_percentage=10))
        clock.now += timedelta(seconds=20)
        await store.write(merge_write(other, course, first, progress_percentage=10))
        updates = [event for event in await published(store) if event.type is EventType.PROGRESS_UPDATED]
        assert {(update.learner_id, update.lesson_id) for update in updates} == {(one, first.id), (other, second.id)}
        await store.write(merge_write(other, course, first, progress_percentage=20))
        clock.now += timedelta(seconds=20)
        [update] = [event for event in await published(store) if event.type is EventType.PROGRESS_UPDATED][2:]
        assert (update.learner_id, update.lesson_id, update.new["progress_percentage"]) == (other, first.id, 20)


async def test_an_erased_learner_leaves_one_event_with_the_id(make_store: MakeStore) -> None:
    learner, other = new_learner(), new_learner()
    async with opened(make_store()) as store:
        course = await new_course(store)
        for who in (learner, other):
            for lesson in course.lessons[:2]:
                await store.write(merge_write(who, course, lesson, status=Status.COMPLETED))
        before = Counter(event.learner_id for event in await published(store))
        await store.write(merge_write(learner, course, course.lessons[2], status=Status.COMPLETED))  # not published
        await store.erase(learner)
        left = await published(store)
        assert [(event.type, event.old, event.new) for event in left if event.learner_id == learner] == [
            ("learner.erased", {}, {})
        ]
        assert Counter(event.learner_id for event in left)[other] == before[other] > 0


async def test_old_events_are_removed_and_their_readers_are_told(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock, recording=TRANSITIONS)) as store:
        course = await new_course(store)
        await store.write(merge_write(new_learner(), course, course.lessons[0], status=Status.COMPLETED))
        assert len(await published(store)) > 1
        seen = await store.events.newest()
        clock.now += timedelta(days=29)
        await store.sweep()
        assert len(await published(store)) > 1
        await new_course(store)
        await published(store, seen)
        clock.now += timedelta(days=2)
        await store.sweep()
        assert [event.type for event in await published(store, seen)] == ["course.published"]
        assert await store.events.oldest() == seen
        with pytest.raises(CursorExpiredError):
            await store.events.read(seen - 1, 10)
        with pytest.raises(CursorExpiredError):
            await store.events.read(seen + 1_000, 10)


async def test_a_gap_in_which_events_were_off_is_told(make_store: MakeStore) -> None:
    async with opened(make_store(recording=TRANSITIONS)) as store:
        await new_course(store)
        await published(store)
        before = await store.events.newest()
    async with opened(make_store(recording=Recording())) as store:
        await new_course(store)
        await store.sweep()
        await store.sweep()
    async with opened(make_store(recording=TRANSITIONS)) as store:
        await new_course(store, title="After the gap")
        with pytest.raises(CursorExpiredError):
            await store.events.read(before, 10)
        [event] = await published(store, await store.events.oldest())
        assert event.new["title"] == "After the gap"


async def test_nothing_is_recorded_where_events_are_off(make_store: MakeStore) -> None:
    learner = new_learner()
    async with opened(make_store(recording=Recording())) as store:
        course = await new_course(store)
        await store.write(merge_write(learner, course, course.lessons[0], status=Status.COMPLETED))
        await store.restart_course(Restart(learner, course.id))
        await store.erase(learner)
        await store.remove_course(course.id)
        assert await published(store) == []
