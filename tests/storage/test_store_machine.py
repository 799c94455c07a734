"""Any sequence of writes, edits and restarts, beside a model that keeps rows and counts them anew every time."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from domain.values import UPDATES, lesson, quiz
from headway.domain.catalogue import Course, compare
from headway.domain.errors import CourseNotFoundError, HeadwayError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress
from headway.domain.standing import LessonsStamp, recount
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition, Written
from headway.storage.port import LessonsReading, Store
from storage.stores import Clock, MakeStore, new_learner

T = TypeVar("T")
Outcome = Written | type[HeadwayError]

DOCUMENTS: Final = [
    [lesson(1), lesson(2, required=False), quiz(3)],
    [lesson(1), quiz(3), lesson(4)],
    [quiz(3), lesson(1, required=False), lesson(2, complete_at=50)],
    [lesson(4), lesson(2), lesson(1)],
]
DOCUMENT: Final = st.sampled_from(DOCUMENTS)
LEARNER: Final = st.integers(0, 1)
LESSON_ID: Final = st.sampled_from([lesson(number).id for number in range(1, 5)])
CONDITION: Final = st.sampled_from(["none", "none", "the tag", "the tag", "another tag", "a row", "no row"])


class Model:
    """What a store should hold: one course, its learners' rows, and when each learner wrote last."""

    def __init__(self) -> None:
        self.course: Course | None = None
        self.rows: dict[tuple[LearnerId, LessonId], LessonProgress] = {}
        self.last_writes: dict[LearnerId, datetime] = {}

    def of(self, learner: LearnerId) -> list[LessonProgress]:
        return sorted(row for (owner, _), row in self.rows.items() if owner == learner)

    def write(self, write: LessonWrite, now: datetime, made: ProgressId) -> Outcome:
        key = (write.learner_id, write.lesson_id)
        if self.course is None:
            return CourseNotFoundError
        try:
            written = write.apply(self.course, self.rows.get(key), now, lambda: made)
        except HeadwayError as refusal:
            return type(refusal)
        self.rows.pop(key, None)
        if written.after:
            self.rows[key] = written.after
        if written.before or written.after:
            self.last_writes[write.learner_id] = now
        return written

    def restart(self, learner: LearnerId) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key[0] != learner}
        self.last_writes.pop(learner, None)


def precondition(condition: str, row: LessonProgress | None) -> Precondition:
    tag = row.tag if row else "no such row"
    return {
        "none": UNCONDITIONAL,
        "the tag": Precondition(match=frozenset([tag])),
        "another tag": Precondition(match=frozenset([f"{tag}0"])),
        "a row": Precondition(match_any=True),
        "no row": Precondition(none_match_any=True),
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

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def open(self) -> None:
        self.store = self.make_store(clock=self.clock)
        self.run(self.store.open())

    def teardown(self) -> None:
        self.run(self.store.close())

    @rule(learner=LEARNER, lesson_id=LESSON_ID, update=UPDATES, condition=CONDITION)
    def write(self, learner: int, lesson_id: LessonId, update: Any, condition: str) -> None:
        row = self.model.rows.get((self.learners[learner], lesson_id))
        asked = precondition(condition, row)
        write = LessonWrite(self.learners[learner], self.course_id, lesson_id, update, asked)
        found = self.run(outcome(self.store, write))
        made = found.after.id if isinstance(found, Written) and found.after else ProgressId("none was made")
        assert found == self.model.write(write, self.clock.now, made)

    @rule(learner=LEARNER, lesson_id=LESSON_ID, condition=CONDITION)
    def remove(self, learner: int, lesson_id: LessonId, condition: str) -> None:
        self.write(learner, lesson_id, None, condition)

    @rule(lessons=DOCUMENT)
    def put_course(self, lessons: list[Any]) -> None:
        course = Course(self.course_id, "A course", tuple(lessons))
        assert self.run(self.store.put_course(course)) == compare(self.model.course, course)
        self.model.course = course

    @rule()
    def remove_course(self) -> None:
        if self.model.course is not None:
            self.run(self.store.remove_course(self.course_id))
        self.model.course = None

    @rule(learner=LEARNER)
    def restart_course(self, learner: int) -> None:
        if self.model.course is not None:
            self.run(self.store.restart_course(self.learners[learner], self.course_id))
            self.model.restart(self.learners[learner])

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

    def check(self, learner: LearnerId, course: Course) -> None:
        stamp = self.run(self.store.lessons_stamp(learner, course.id))
        rows = self.run(self.store.lessons(learner, course.id))
        assert (rows.course, sorted(rows.rows)) == (course, self.model.of(learner))
        assert self.seen.setdefault((learner, stamp), rows) == rows, "one stamp, one reading"
        standing = self.run(self.store.course_progress(learner, course.id))
        if learner not in self.model.last_writes:
            assert standing == (course, None)
        else:
            assert standing.progress is not None
            assert standing.progress.tally == recount(course, self.model.of(learner))
            assert standing.progress.last_accessed == self.model.last_writes[learner]
            assert self.run(self.store.learner_courses(learner)) == [standing]


def test_a_store_does_what_the_model_does(make_store: MakeStore) -> None:
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            cast("type[StoreMachine]", partial(StoreMachine, make_store, runner)),
            settings=settings(
                max_examples=20,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
