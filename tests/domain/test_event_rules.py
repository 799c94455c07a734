"""Which events changes are: whatever happens, events replayed in their order give what is stored in the end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, NOW, UPDATES, course, lesson, quiz
from headway.domain.catalogue import VersionedCourse
from headway.domain.changes import Changes, Work
from headway.domain.course_progress import CourseProgress, EnrolmentSource, is_completed, is_started
from headway.domain.enrolments import EnrolmentChange
from headway.domain.events import Event, EventId, EventType, NewEvent, Recording, Values, published
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress, Status
from headway.domain.removals import Restart, restart
from headway.domain.runs import RunStart
from headway.domain.writes import UNCONDITIONAL, CourseProgressRefresh, LessonWrite, Precondition

ALL = Recording(days=30, progress=True)
LESSONS = [lesson(1).id, quiz(2).id]
FIRST = VersionedCourse(course(lesson(1), quiz(2)), 3)
EDITED = VersionedCourse(course(lesson(1), quiz(2, pass_mark=0), lesson(3)), 4)
SHORTER = VersionedCourse(course(lesson(1)), 5)
RESTART = Restart(LEARNER, COURSE)
SEEN = Precondition(match=frozenset(["present"]))
"""Stands for the etag of the lesson progress that the write finds."""

_WRITES = st.builds(
    lambda lesson_id, update, precondition: LessonWrite(LEARNER, COURSE, lesson_id, update, precondition),
    st.sampled_from(LESSONS),
    UPDATES | st.sampled_from([{"status": status} for status in Status]) | st.none(),
    st.sampled_from([UNCONDITIONAL, SEEN]),
)
_SOURCES = st.sampled_from([EnrolmentSource(), EnrolmentSource(due_at=NOW + timedelta(days=9))])
_OTHERS = (
    st.builds(EnrolmentChange, st.just(LEARNER), st.just(COURSE), _SOURCES, st.booleans(), st.booleans())
    | st.just(RunStart(LEARNER, COURSE))
    | st.just(CourseProgressRefresh(LEARNER, COURSE))
)
# Several works of one transaction under a version of the course, or a fresh start.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([FIRST, FIRST, FIRST, EDITED, SHORTER]), st.lists(_WRITES | _WRITES | _OTHERS, max_size=5)
    )
    | st.just(RESTART),
    max_size=6,
)
Steps = Sequence[tuple[VersionedCourse, Sequence[Work]] | Restart]


class Ended(NamedTuple):
    """What is stored in the end, and the events in their order."""

    progress: CourseProgress | None
    lessons: dict[LessonId, LessonProgress]
    transitions: list[Event]
    updates: list[Event]


class Installation:
    """Stores changes in memory, as a store does."""

    def __init__(self) -> None:
        self.progress: CourseProgress | None = None
        self.lessons: dict[LessonId, LessonProgress] = {}
        self.told: list[Event] = []
        self.waiting: dict[str, NewEvent] = {}

    def decide(self, versioned: VersionedCourse, works: Sequence[Work], now: datetime) -> None:
        changes = Changes(versioned, LEARNER, self.progress, dict(self.lessons), recording=ALL)
        for work in works:
            if isinstance(work, LessonWrite) and work.precondition is SEEN:
                found = changes._present(work.lesson_id)
                seen = Precondition(match=frozenset([found.etag])) if found else UNCONDITIONAL
                work = work._replace(precondition=seen)  # noqa: PLW2901 - the same work, sent by who has read
            changes.decide(work, now)
        self._store(changes.change_set())

    def restart(self, now: datetime) -> None:
        if self.progress is not None:
            self._store(restart(RESTART, self.progress, list(self.lessons.values()), now, ALL))

    def _store(self, change: Any) -> None:
        self.progress = change.after
        for one in change.lessons:
            self.lessons.pop(one.lesson_id, None)
            if one.after is not None:
                self.lessons[one.lesson_id] = one.after
        for new in change.events:
            if new.event.type is not EventType.PROGRESS_UPDATED:
                self.told.append(new.event)
                continue
            earlier = self.waiting.get(new.event.id)
            old = earlier.event.old if earlier else new.event.old
            self.waiting[new.event.id] = new._replace(event=new.event._replace(old=old))

    def publish(self) -> None:
        """Publish the updates that wait."""
        self.told.extend(event for event in (published(one.event) for one in self.waiting.values()) if event)
        self.waiting.clear()

    def ended(self) -> Ended:
        updates = [event for event in self.told if event.type is EventType.PROGRESS_UPDATED]
        return Ended(self.progress, self.lessons, [event for event in self.told if event not in updates], updates)


def carried_out(steps: Steps, *, one_by_one: bool, publish_each: bool) -> Ended:
    installation = Installation()
    for number, step in enumerate(steps):
        now = NOW + timedelta(minutes=number)
        if isinstance(step, Restart):
            installation.restart(now)
        elif one_by_one:
            for work in step[1]:
                installation.decide(step[0], [work], now)
        else:
            installation.decide(*step, now)
        if publish_each:
            installation.publish()
    installation.publish()
    return installation.ended()


def said(events: Sequence[Event]) -> list[Event]:
    """Return events without their ids, which are drawn."""
    return [event._replace(id=EventId("")) for event in events]


@given(STEPS)
def test_events_do_not_depend_on_what_one_transaction_holds(steps: Steps) -> None:
    together, alone = (carried_out(steps, one_by_one=each, publish_each=False) for each in (False, True))
    assert said(together.transitions) == said(alone.transitions)
    assert sorted(said(together.updates)) == sorted(said(alone.updates))


@given(STEPS, st.booleans())
def test_updates_lead_from_nothing_to_what_is_stored(steps: Steps, publish_each: bool) -> None:
    ended = carried_out(steps, one_by_one=False, publish_each=publish_each)
    replayed: dict[LessonId, dict[str, Any]] = {}
    for event in ended.updates:
        assert event.lesson_id is not None
        values = replayed.setdefault(event.lesson_id, {})
        assert event.old == {name: values.get(name) for name in event.new}
        values.update(event.new)
    for lesson_id, values in replayed.items():
        assert {name: value for name, value in values.items() if value is not None} == told_of(
            ended.lessons.get(lesson_id)
        )
    assert ended.lessons.keys() <= replayed.keys()


def told_of(progress: LessonProgress | None) -> Values:
    fields = {} if progress is None else dict(zip(LessonProgress._fields[3:10], progress[3:10], strict=True))
    return {name: value for name, value in fields.items() if value is not None}


@given(STEPS)
def test_transitions_take_turns(steps: Steps) -> None:
    ended = carried_out(steps, one_by_one=False, publish_each=False)
    marks: set[object] = set()
    for event in ended.transitions:
        _move(marks, event)
    for lesson_id in LESSONS:
        progress = ended.lessons.get(lesson_id)
        assert ("started", lesson_id) in marks or not is_started(progress)
        for mark, is_so in (("started", is_started(progress)), ("completed", is_completed(progress))):
            assert ((mark, lesson_id) in marks) is is_so
    course_progress = ended.progress
    assert ("started" in marks) is bool(course_progress and course_progress.started_at)
    assert ("completed" in marks) is bool(course_progress and course_progress.completed_at)
    assert ("enrolled" in marks) is bool(course_progress and course_progress.is_enrolled)


def _move(marks: set[object], event: Event) -> None:
    """Check that an event may come now, and note what it tells."""
    subject, what = event.type.split(".")
    of_lesson = subject == "lesson"
    mark: object = (what, event.lesson_id) if of_lesson else what
    match event.type:
        case EventType.ENROLMENT_CREATED:
            assert "enrolled" not in marks
            marks.add("enrolled")
        case EventType.ENROLMENT_CHANGED | EventType.ENROLMENT_ENDED:
            assert "enrolled" in marks
            if what == "ended":
                marks.discard("enrolled")
        case EventType.LESSON_RESET:
            of_this = {one for one in marks if isinstance(one, tuple) and one[1] == event.lesson_id}
            assert of_this
            marks -= of_this
            marks |= {one for one in of_this if _stays(one, event)}
        case EventType.COURSE_REOPENED:
            assert "completed" in marks
            marks.discard("completed")
        case EventType.COURSE_RESTARTED | EventType.RUN_STARTED:
            marks &= {"enrolled"}
        case _:
            assert mark not in marks
            marks.add(mark)


def _stays(mark: tuple[str, LessonId], event: Event) -> bool:
    """Whether a reset leaves this of a lesson: what its values do not take back."""
    status = event.new.get("status", "same")
    if mark[0] == "passed":
        return event.new.get("quiz_passed", True) is True
    if mark[0] == "completed":
        return status in {"same", Status.COMPLETED}
    return status not in {Status.NOT_STARTED, None}
