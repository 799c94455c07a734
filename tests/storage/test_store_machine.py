"""Any sequence of writes, edits, restarts and erasures does what a simple model does."""

import asyncio
from collections.abc import Coroutine, Iterable
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.values import UPDATES, lesson, quiz
from headway.domain.catalogue import Course, OnEdit, VersionedCourse, compare, next_version
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.course_progress import CourseProgress, EnrolmentSource, LessonsStamp, is_complete, recount
from headway.domain.dating import NO_TIMES, Times
from headway.domain.enrolments import EnrolmentChange, is_late
from headway.domain.errors import (
    CourseNotFoundError,
    EnrolmentNotFoundError,
    HeadwayError,
    OtherRunError,
    RunConflictError,
)
from headway.domain.groups import group_of
from headway.domain.holdings import LessonsReading
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId, ProgressId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress, Status
from headway.domain.progress import recalculate as recalculate_lesson_progress
from headway.domain.removals import Restart
from headway.domain.runs import RunStart
from headway.domain.statistics import NO_CHANGES, WeekChange, WeekChanges, reading_of
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written
from storage.installations import archive_of
from storage.stores import Clock, MakeStore, new_learner

pytestmark = pytest.mark.slow

T = TypeVar("T")
Outcome = Written | type[HeadwayError]

DOCUMENTS: Final = [
    [lesson(1), lesson(2, required=False), quiz(3)],
    [lesson(1), quiz(3), lesson(4)],
    [quiz(3), lesson(1, required=False), lesson(2, complete_at=50)],
    [lesson(4), lesson(2), lesson(1)],
]
ALL_LESSONS: Final = [lesson(number).id for number in range(1, 5)]
ZONES: Final = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]  # from fourteen hours before to eleven behind
DOCUMENT: Final = st.sampled_from(DOCUMENTS)
LEARNER: Final = st.integers(0, 1)
LESSON_ID: Final = st.sampled_from([lesson(number).id for number in range(1, 5)])
WRITER: Final = st.sampled_from([None, None, new_learner()])
DAYS_AGO: Final[st.SearchStrategy[tuple[int | None, ...]]] = st.just(()) | st.lists(
    st.integers(0, 50), min_size=3, max_size=3
).map(lambda ago: tuple(sorted(ago, reverse=True))).flatmap(
    lambda ago: st.tuples(*(st.sampled_from([None, one]) for one in ago))
)
DUE: Final = st.sampled_from([None, timedelta(days=-1), timedelta(hours=5), timedelta(days=20)])
SOURCE: Final = st.sampled_from([None, None, GroupId("1" * 8), GroupId("2" * 8)])
CONDITION: Final = st.sampled_from(
    ["none", "none", "the etag", "the etag", "another etag", "any progress", "no progress"]
)


class Model:
    """What a store should hold: a course, its learners' lesson progress, their last writes, what they did each day."""

    def __init__(self) -> None:
        self.course: Course | None = None
        self.versioned: VersionedCourse | None = None
        self.all_progress: dict[tuple[LearnerId, LessonId], LessonProgress] = {}
        self.started: set[LearnerId] = set()
        self.last_writes: dict[LearnerId, datetime] = {}
        self.last_days: dict[LearnerId, date] = {}
        self.days: dict[tuple[LearnerId, date], list[int]] = {}
        self.versions: dict[LearnerId, int] = {}
        self.completed: set[LearnerId] = set()
        self.at_lesson: dict[LearnerId, LessonId] = {}
        self.listed: set[LearnerId] = set()
        self.ended: set[LearnerId] = set()
        self.sources: dict[LearnerId, dict[GroupId | None, datetime | None]] = {}
        self.began: dict[LearnerId, datetime] = {}  # the present run, where it is not the first one
        self.ended_runs: dict[LearnerId, list[list[LessonProgress]]] = {}
        self.members: set[LearnerId] = set()

    def of(self, learner: LearnerId) -> list[LessonProgress]:
        return sorted(progress for (owner, _), progress in self.all_progress.items() if owner == learner)

    def write(self, write: LessonWrite, now: datetime, made: ProgressId) -> Outcome:
        key = (write.learner_id, write.lesson_id)
        if self.course is None:
            return CourseNotFoundError
        self.refresh(write.learner_id, now)
        began = self.began.get(write.learner_id)
        if began and any(time is not None and time < began for time in write.times):
            return OtherRunError
        try:
            written = write.apply(self.course, self.all_progress.get(key), now, lambda: made)
        except HeadwayError as refusal:
            return type(refusal)
        before = self.done(write.learner_id)
        self.all_progress.pop(key, None)
        if written.after:
            self.all_progress[key] = written.after
        if written.before or written.after:
            self.started.add(write.learner_id)
            self.listed.add(write.learner_id)
            self.versions[write.learner_id] = self.version
            self.note_presence(write.learner_id, written, self.note_completion(write.learner_id, before), now)
            self.note_position(write.learner_id)
        return written

    def enrol(self, learner: LearnerId, group: GroupId | None, due_at: datetime | None, now: datetime) -> None:
        self.refresh(learner, now)
        self.versions.setdefault(learner, self.version)
        self.listed.add(learner)
        self.ended.discard(learner)
        self.sources.setdefault(learner, {})[group] = due_at

    def end(self, learner: LearnerId, group: GroupId | None, now: datetime) -> None:
        """End one of the sources of an enrolment. Without any source, the first write has enrolled the learner."""
        self.refresh(learner, now)
        sources = self.sources.setdefault(learner, {})
        was_enrolled = group in sources or (group is None and not sources and self.is_enrolled(learner))
        sources.pop(group, None)
        if was_enrolled and not sources:
            self.ended.add(learner)
            if learner not in self.started:
                self.listed.discard(learner)

    def is_enrolled(self, learner: LearnerId) -> bool:
        return learner in self.listed and learner not in self.ended

    def due_at(self, learner: LearnerId) -> datetime | None:
        began = self.began.get(learner)
        sources = {
            group: due_at
            for group, due_at in self.sources.get(learner, {}).items()
            if due_at is not None and (began is None or due_at > began)
        }
        return sources.get(None) or max(sources.values(), default=None)

    def late(self, now: datetime) -> int:
        due = {learner: self.due_at(learner) for learner in self.listed - self.ended - self.completed}
        return sum(due_at is not None and due_at < now for due_at in due.values())

    @property
    def version(self) -> int:
        assert self.versioned is not None
        return self.versioned.version

    def put(self, course: Course) -> None:
        if course != self.course or self.versioned is None:
            self.versioned = next_version(self.versioned, course, self.version + 1 if self.versioned else 1)
        self.course = course

    def remove(self) -> None:
        self.course = None
        if self.versioned:  # what comes back is another document, whose lessons are all new
            self.versioned = self.versioned._replace(
                version=self.version + 1, criteria=dict.fromkeys(ALL_LESSONS, self.version + 1)
            )

    def refresh(self, learner: LearnerId, now: datetime) -> None:
        """Bring a learner under the course's present version, if that has not happened yet."""
        if self.versions.get(learner, self.version) != self.version:
            self.recalculate(learner, now)

    def recalculate(self, learner: LearnerId, now: datetime) -> None:
        """Bring a learner under the course as it is. What a clock that was ahead has left is of the present then."""
        assert self.course is not None
        assert self.versioned is not None
        if self.settle(learner, self.date_of(now)) and learner in self.last_writes:
            self.last_writes[learner] = min(self.last_writes[learner], now)
        since = self.versions.get(learner, self.version)
        for progress in self.of(learner):
            found = self.course.lessons_by_id.get(progress.lesson_id)
            if found is not None and self.versioned.criteria.get(found.id, 0) > since:
                self.all_progress[learner, progress.lesson_id] = recalculate_lesson_progress(progress, found, now)
        self.versions[learner] = self.version
        if learner in self.started:
            self.note_position(learner)
            if is_complete(self.course, recount(self.course, self.of(learner))):
                self.completed.add(learner)
            elif self.course.on_edit is OnEdit.REOPEN:
                self.completed.discard(learner)

    def done(self, learner: LearnerId) -> int:
        assert self.course is not None
        return recount(self.course, self.of(learner)).completed_lessons

    def note_completion(self, learner: LearnerId, before: int) -> bool:
        """Note a completion. Return whether the learner has completed the course only now."""
        assert self.course is not None
        had = learner in self.completed
        if is_complete(self.course, recount(self.course, self.of(learner))):
            self.completed.add(learner)
        elif self.done(learner) < before:
            self.completed.discard(learner)
        return learner in self.completed and not had

    def note_position(self, learner: LearnerId) -> None:
        """Note the last lesson of the course that the learner has started."""
        assert self.course is not None
        started = {progress.lesson_id for progress in self.of(learner) if progress.status != Status.NOT_STARTED}
        self.at_lesson.pop(learner, None)
        for one in self.course.lessons:
            if one.id in started:
                self.at_lesson[learner] = one.id

    def note_presence(self, learner: LearnerId, written: Written, completed: bool, now: datetime) -> None:
        """Note the learner's presence. Writes by others do not count; writes with times count at those times."""
        if written.moments is None:
            return
        self.settle(learner, self.date_of(now))
        begun, finished, ended = map(self.date_of, written.moments)
        if not written.is_dated:
            begun = finished = ended = max(ended, self.last_days.get(learner, date.min))
        self.last_writes[learner] = max(
            written.moments.ended, min(self.last_writes.get(learner, written.moments.ended), now)
        )
        before, after = written.before, written.after
        statuses = [one.status if one else Status.NOT_STARTED for one in (before, after)]
        spent = [round(one.time_spent_minutes * 1_000_000) if one else 0 for one in (before, after)]
        self.note_day(learner, begun, 0, statuses[0] == Status.NOT_STARTED != statuses[1])
        self.note_day(learner, finished, 1, statuses[0] != Status.COMPLETED == statuses[1])
        self.note_day(learner, ended, 2, max(0, spent[1] - spent[0]))
        if completed:
            self.note_day(learner, self.date_of(self.last_completion(learner)) if written.is_dated else ended, 3, 1)

    def note_day(self, learner: LearnerId, day: date, position: int, more: int) -> None:
        self.last_days[learner] = max(day, self.last_days.get(learner, day))
        done = self.days.setdefault((learner, day), [0, 0, 0, 0])
        done[position] += more
        done[2] = min(done[2], 24 * 60 * 1_000_000)

    def settle(self, learner: LearnerId, today: date) -> bool:
        """Count days in the future, which a wrong clock has left, as today. Return whether there were any."""
        if self.last_days.get(learner, today) <= today + timedelta(days=2):
            return False
        ahead = [day for owner, day in self.days if owner == learner and day >= today]
        self.last_days[learner] = today
        found = [self.days.pop((learner, day)) for day in ahead]
        for done in found:
            for position, more in enumerate(done):
                self.note_day(learner, today, position, more)
        return True

    def date_of(self, moment: datetime) -> date:
        assert self.course is not None
        return moment.astimezone(ZoneInfo(self.course.time_zone)).date()

    def last_completion(self, learner: LearnerId) -> datetime:
        assert self.course is not None
        counting = {one.id for one in self.course.lessons if one.required}
        return max(
            progress.completed_at
            for progress in self.of(learner)
            if progress.completed_at and progress.lesson_id in counting
        )

    def restart(self, learner: LearnerId) -> None:
        self.all_progress = {key: progress for key, progress in self.all_progress.items() if key[0] != learner}
        self.last_writes.pop(learner, None)
        self.started.discard(learner)
        self.completed.discard(learner)
        self.at_lesson.pop(learner, None)
        if learner in self.ended:
            self.listed.discard(learner)

    def begin_run(self, learner: LearnerId, due_at: datetime | None, now: datetime) -> None:
        """Begin a run of a learner who has started one."""
        self.refresh(learner, now)
        self.ended_runs.setdefault(learner, []).append(self.of(learner))
        self.restart(learner)
        self.began[learner] = now
        sources = self.sources.setdefault(learner, {})
        if None in sources or due_at:
            sources[None] = due_at

    def erase(self, learner: LearnerId) -> None:
        self.restart(learner)
        self.began.pop(learner, None)
        self.ended_runs.pop(learner, None)
        self.listed.discard(learner)
        self.ended.discard(learner)
        self.sources.pop(learner, None)
        self.last_days.pop(learner, None)
        self.versions.pop(learner, None)
        self.days = {key: done for key, done in self.days.items() if key[0] != learner}
        self.members.discard(learner)

    def among(self, learners: AbstractSet[LearnerId]) -> "Model":
        """Return what there would be without the other learners."""
        only = Model()
        only.course = self.course
        only.all_progress = {key: progress for key, progress in self.all_progress.items() if key[0] in learners}
        only.started, only.completed = self.started & learners, self.completed & learners
        only.last_days = {learner: day for learner, day in self.last_days.items() if learner in learners}
        only.days = {key: done for key, done in self.days.items() if key[0] in learners}
        only.listed, only.ended = self.listed & learners, self.ended & learners
        only.began = {learner: began for learner, began in self.began.items() if learner in learners}
        only.sources = {learner: sources for learner, sources in self.sources.items() if learner in learners}
        only.at_lesson = {learner: at for learner, at in self.at_lesson.items() if learner in learners}
        return only

    def counted(self) -> Counters:
        """Return the course's counters, counted from everything that the model holds."""
        counters = Counters()
        for progress in self.all_progress.values():
            key = (progress.course_id, progress.lesson_id)
            attempted = progress.quiz_score is not None or progress.quiz_attempts > 0 or progress.quiz_passed
            scored = progress.quiz_score is not None
            counters.add_lesson(
                key,
                LessonCounts(
                    started=progress.status != Status.NOT_STARTED,
                    completed=progress.status == Status.COMPLETED,
                    attempted=attempted,
                    passed=progress.quiz_passed,
                    bookmarked=progress.is_bookmarked,
                    attempts=progress.quiz_attempts,
                    scored=scored,
                    micro_points=round((progress.quiz_score or 0) * 1_000_000),
                    micro_minutes=min(round(progress.time_spent_minutes * 1_000_000), 100_000_000_000),
                ),
            )
            if progress.quiz_score is not None:
                counters.add_score((*key, int(progress.quiz_score)), 1)
        course_id = self.course.id if self.course else CourseId("")
        for learner, lesson_id in self.at_lesson.items():
            if learner not in self.completed:
                counters.add_lesson((course_id, lesson_id), LessonCounts(stopped=1))
        for learner, day in self.last_days.items():
            counters.add_date((course_id, day), DayCounts(last_seen=int(learner in self.started)))
        for learner in self.listed:
            counts = int(learner in self.started), int(learner in self.completed)
            enrolled = (1, *counts) if self.is_enrolled(learner) else ()
            counters.add_course(course_id, CourseCounts(*counts, *enrolled))
        for (_, day), done in self.days.items():
            counters.add_date((course_id, day), DayCounts(1, 0, *done))
        return counters


async def recounted(store: Store, course_id: CourseId) -> Counters:
    """Return what a recount of a course finds, and check that no course progress is wrong."""
    counters = Counters()
    async with archive_of(store).recount(course_id) as recount:
        async for stretch in recount.stretches():
            counters.add(stretch.counters)
            assert not stretch.wrong
    return counters


def precondition(condition: str, progress: LessonProgress | None) -> Precondition:
    etag = progress.etag if progress else "no such progress"
    return {
        "none": UNCONDITIONAL,
        "the etag": Precondition(match=frozenset([etag])),
        "another etag": Precondition(match=frozenset([f"{etag}0"])),
        "any progress": Precondition(match_any=True),
        "no progress": Precondition(none_match_any=True),
    }[condition]


async def outcome(store: Store, write: LessonWrite) -> Outcome:
    try:
        return await store.write(write)
    except HeadwayError as refusal:
        return type(refusal)


class StoreMachine(RuleBasedStateMachine):
    """Every rule does the same to the store and to the model."""

    def __init__(self, make_store: MakeStore, runner: asyncio.Runner) -> None:
        super().__init__()
        self.make_store = make_store
        self.runner = runner
        self.clock = Clock()
        self.model = Model()
        self.course_id = CourseId(new_learner())
        self.learners = [new_learner(), new_learner()]
        self.seen: dict[tuple[LearnerId, LessonsStamp], LessonsReading] = {}
        self.open()
        self.put_course(DOCUMENTS[0])
        self.group = self.run(self.store.groups.put(group_of(GroupId(new_learner()), "A group", [])))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def open(self) -> None:
        self.store = self.make_store(clock=self.clock)
        self.run(self.store.open())

    def teardown(self) -> None:
        self.run(self.store.close())

    @rule(learner=LEARNER, lesson_id=LESSON_ID, update=UPDATES, condition=CONDITION, writer=WRITER, days_ago=DAYS_AGO)
    def write(
        self,
        learner: int,
        lesson_id: LessonId,
        update: Any,
        condition: str,
        writer: LearnerId | None = None,
        days_ago: tuple[int | None, ...] = (),
    ) -> None:
        progress = self.model.all_progress.get((self.learners[learner], lesson_id))
        asked = precondition(condition, progress)
        times = self.times(days_ago)
        write = LessonWrite(self.learners[learner], self.course_id, lesson_id, update, asked, writer, times)
        found = self.run(outcome(self.store, write))
        made = found.after.id if isinstance(found, Written) and found.after else ProgressId("none was made")
        assert found == self.model.write(write, self.clock.now, made)

    def times(self, days_ago: tuple[int | None, ...]) -> Times:
        if not any(ago is not None for ago in days_ago):
            return NO_TIMES
        return Times._make(None if ago is None else self.clock.now - timedelta(days=ago) for ago in days_ago)

    @rule(learner=LEARNER, lesson_id=LESSON_ID, condition=CONDITION, writer=WRITER)
    def remove(self, learner: int, lesson_id: LessonId, condition: str, writer: LearnerId | None) -> None:
        self.write(learner, lesson_id, None, condition, writer)

    @rule(learner=LEARNER, group=SOURCE, due=DUE)
    def enrol(self, learner: int, group: GroupId | None, due: timedelta | None) -> None:
        due_at = None if due is None else self.clock.now + due
        asked = EnrolmentChange(self.learners[learner], self.course_id, EnrolmentSource(group, None, due_at))
        if self.model.course is None:
            with pytest.raises(CourseNotFoundError):
                self.run(self.store.enrol(asked))
        else:
            self.model.enrol(self.learners[learner], group, due_at, self.clock.now)
            self.check_enrolment(self.run(self.store.enrol(asked)))

    @rule(learner=LEARNER, group=SOURCE)
    def end_enrolment(self, learner: int, group: GroupId | None) -> None:
        if self.model.course is not None:
            self.model.end(self.learners[learner], group, self.clock.now)
            source = EnrolmentSource(group)
            ended = self.run(
                self.store.enrol(EnrolmentChange(self.learners[learner], self.course_id, source, ends=True))
            )
            if ended is not None:
                self.check_enrolment(ended)

    @rule(learner=LEARNER, due=DUE)
    def begin_run(self, learner: int, due: timedelta | None) -> None:
        one, due_at = self.learners[learner], None if due is None else self.clock.now + due
        asked = RunStart(one, self.course_id, EnrolmentSource(None, None, due_at))
        number = len(self.model.ended_runs.get(one, ())) + 1
        refusal = self.why_no_run_begins(one)
        if refusal is not None:
            with pytest.raises(refusal):
                self.run(self.store.begin_run(asked))
            return
        begun = self.run(self.store.begin_run(asked))
        self.model.begin_run(one, due_at, self.clock.now)
        self.check_enrolment(begun)
        assert (begun.run, begun.run_began_at) == (number + 1, self.clock.now)
        kept = self.run(self.store.ended_run(one, self.course_id, number))
        assert kept is not None
        assert sorted(kept.lessons) == self.model.ended_runs[one][-1]

    def why_no_run_begins(self, learner: LearnerId) -> type[HeadwayError] | None:
        if self.model.course is None:
            return CourseNotFoundError
        if not self.model.is_enrolled(learner):
            return EnrolmentNotFoundError
        return None if learner in self.model.started else RunConflictError

    def check_enrolment(self, progress: CourseProgress | None) -> None:
        assert progress is not None
        learner = progress.learner_id
        assert progress.is_enrolled is self.model.is_enrolled(learner)
        assert progress.due_at == self.model.due_at(learner)

    @rule(lessons=DOCUMENT, zone=st.sampled_from(ZONES), on_edit=st.sampled_from(OnEdit))
    def put_course(self, lessons: list[Any], zone: str = "UTC", on_edit: OnEdit = OnEdit.KEEP) -> None:
        course = Course(self.course_id, "A course", tuple(lessons), zone, on_edit)
        assert self.run(self.store.put_course(course)).change == compare(self.model.course, course)
        self.model.put(course)

    @rule()
    def remove_course(self) -> None:
        if self.model.course is not None:
            self.run(self.store.remove_course(self.course_id))
            self.model.remove()

    @rule(learner=LEARNER)
    def restart_course(self, learner: int) -> None:
        if self.model.course is not None:
            self.run(self.store.restart_course(Restart(self.learners[learner], self.course_id)))
            self.model.restart(self.learners[learner])

    @rule(hours=st.integers(1, 30) | st.integers(100, 300))
    def time_passes(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)

    @rule(days=st.integers(1, 40))
    def the_clock_is_set_back(self, days: int) -> None:
        self.clock.now -= timedelta(days=days)

    @rule(learner=LEARNER)
    def refresh(self, learner: int) -> None:
        if self.model.course is not None:
            self.run(self.store.refresh(self.learners[learner], self.course_id))
            self.model.recalculate(self.learners[learner], self.clock.now)

    @rule(learner=LEARNER)
    def erase(self, learner: int) -> None:
        known = self.model.last_days.keys() | self.model.listed | self.model.ended | self.model.members
        was_there = self.learners[learner] in known
        assert self.run(self.store.erase(self.learners[learner])) is was_there
        self.model.erase(self.learners[learner])
        assert not any(self.run(self.store.learner_record(self.learners[learner])))

    @rule(members=st.sets(LEARNER))
    def put_group(self, members: set[int]) -> None:
        self.model.members = {self.learners[learner] for learner in members}
        self.group = self.run(self.store.groups.put(group_of(self.group.id, "A group", self.model.members)))

    @rule(learner=LEARNER, joins=st.booleans())
    def change_member(self, learner: int, *, joins: bool) -> None:
        member, groups = self.learners[learner], self.store.groups
        self.run((groups.add_member if joins else groups.remove_member)(self.group.id, member))
        self.model.members = self.model.members | {member} if joins else self.model.members - {member}

    @rule()
    def reopen(self) -> None:
        self.teardown()
        self.open()

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        for learner in self.learners:
            if self.model.course is None:
                assert self.run(self.store.learner_courses(learner)) == []
            else:
                self.check(learner, self.model.course)
        if self.model.course is not None:
            reading = self.run(self.store.statistics(self.course_id, date.min, date.max))
            assert reading == reading_of(self.model.course, self.model.counted(), self.changes(self.learners))
            enrolled = self.run(self.store.enrolments_in(self.course_id, None, 10))
            assert {one.learner_id for one in enrolled} == self.model.listed - self.model.ended
            assert reading._replace(scores={}, weeks=NO_CHANGES) in self.run(
                self.store.all_statistics(date.min, date.max)
            )
            assert self.run(recounted(self.store, self.course_id)) == self.model.counted()
            among = self.run(self.store.group_statistics(self.course_id, self.group.id, date.min, date.max))
            only = self.model.among(self.model.members)
            assert among == reading_of(self.model.course, only.counted(), self.changes(self.model.members))
            assert reading.weeks.late.now == self.model.late(self.clock.now)
            assert among.weeks.late.now == only.late(self.clock.now)

    def changes(self, learners: Iterable[LearnerId]) -> WeekChanges:
        """Return the changes of a week by what the store holds of each learner."""
        assert self.model.course is not None
        of, now = self.model.course, self.clock.now
        today, ago = of.date_of(now), now - timedelta(days=7)
        held = [self.run(self.store.course_progress(learner, of.id)).progress for learner in learners]
        listed = [one for one in held if one is not None and one.is_listed]
        enrolled = [one for one in listed if one.is_enrolled]

        def counted(moments: Iterable[datetime | None]) -> WeekChange:
            days_ago = [(today - of.date_of(moment)).days for moment in moments if moment is not None]
            return WeekChange(sum(days < 7 for days in days_ago), sum(7 <= days < 14 for days in days_ago))

        was_late = [
            one
            for one in enrolled
            if one.due_at is not None and one.due_at < ago and (one.completed_at is None or one.completed_at >= ago)
        ]
        return WeekChanges(
            counted(one.enrolled_at for one in enrolled),
            counted(one.started_at for one in enrolled),
            counted(one.completed_at for one in listed),
            WeekChange(sum(is_late(one.due_at, one.completed_at, now) for one in enrolled), len(was_late)),
        )

    def check(self, learner: LearnerId, course: Course) -> None:
        stamp = self.run(self.store.lessons_stamp(learner, course.id))
        all_progress = self.run(self.store.lessons(learner, course.id))
        assert (all_progress.course, sorted(all_progress.lesson_progress)) == (course, self.model.of(learner))
        assert self.seen.setdefault((learner, stamp), all_progress) == all_progress, "one stamp, one reading"
        course_progress = self.run(self.store.course_progress(learner, course.id))
        ended = self.run(self.store.ended_runs(learner, course.id))
        assert [run.number for run in ended] == list(range(1, len(self.model.ended_runs.get(learner, ())) + 1))
        if learner not in self.model.listed:
            assert course_progress == (course, None)
        else:
            assert course_progress.progress is not None
            assert course_progress.progress.tally == recount(course, self.model.of(learner))
            assert course_progress.progress.run == len(self.model.ended_runs.get(learner, ())) + 1
            assert course_progress.progress.last_accessed == self.model.last_writes.get(learner)
            self.check_enrolment(course_progress.progress)
            of_learner = [course_progress] if learner in self.model.started else []
            assert self.run(self.store.learner_courses(learner)) == of_learner


@pytest.mark.parametrize(
    ("database_url", "examples"),
    [("sqlite", 30), ("postgres", 10)],  # a step takes six times as long on PostgreSQL
    indirect=["database_url"],
)
def test_a_store_does_what_the_model_does(make_store: MakeStore, examples: int) -> None:
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            cast("type[StoreMachine]", partial(StoreMachine, make_store, runner)),
            settings=settings(
                max_examples=examples,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
