"""Events: what changed, for those who follow along. One event tells one transition, not one heartbeat.

The transaction that makes a change also stores its events. `Recorder` decides which events a change is; every path that
changes something goes through it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, NewType
from uuid import UUID, uuid4, uuid5

from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress, is_completed, is_started
from headway.domain.dating import whole_second
from headway.domain.enrolments import starts_at
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.progress import LessonProgress

EventId = NewType("EventId", str)

PAGE: Final = 100
LONGEST_PAGE: Final = 1_000
LONGEST_WAIT_SECONDS: Final = 30
NEWEST: Final = "newest"
"""The cursor of somebody who only wants to read what happens from now on."""

PROGRESS_WINDOW: Final = timedelta(seconds=10)
"""The changes of a lesson's progress in this time are one `progress.updated`."""
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""From when an event may be published that waits for nothing."""


class EventType(StrEnum):
    """What happened."""

    LESSON_STARTED = "lesson.started"
    LESSON_COMPLETED = "lesson.completed"
    LESSON_PASSED = "lesson.passed"
    LESSON_RESET = "lesson.reset"
    COURSE_STARTED = "course.started"
    COURSE_COMPLETED = "course.completed"
    COURSE_REOPENED = "course.reopened"
    COURSE_RESTARTED = "course.restarted"
    ENROLMENT_CREATED = "enrolment.created"
    ENROLMENT_CHANGED = "enrolment.changed"
    ENROLMENT_ENDED = "enrolment.ended"
    RUN_STARTED = "run.started"
    COURSE_PUBLISHED = "course.published"
    COURSE_EDITED = "course.edited"
    COURSE_REMOVED = "course.removed"
    LEARNER_ERASED = "learner.erased"
    PROGRESS_UPDATED = "progress.updated"
    WEBHOOK_TEST = "webhook.test"


FEED_TYPES: Final = tuple(kind for kind in EventType if kind is not EventType.WEBHOOK_TEST)
"""The types of the events in the feed. A test of a webhook goes to the webhook alone."""


class ActorKind(StrEnum):
    """Who made a change: the learner, somebody for the learner, an import, or an edit of the course."""

    LEARNER = "learner"
    ON_BEHALF = "on_behalf"
    IMPORT = "import"
    EDIT = "edit"


class Actor(NamedTuple):
    """Who made a change. `user_id` is the person who acted for the learner, where that is known."""

    kind: ActorKind
    user_id: LearnerId | None = None


BY_LEARNER: Final = Actor(ActorKind.LEARNER)
BY_OTHERS: Final = Actor(ActorKind.ON_BEHALF)
BY_IMPORT: Final = Actor(ActorKind.IMPORT)
BY_EDIT: Final = Actor(ActorKind.EDIT)

Value = str | int | float | bool | None
Values = Mapping[str, Value]
_NO_VALUES: Final[Values] = {}


class Event(NamedTuple):
    """One event. A learner's events have a learner, and those of a course's document have none.

    `old` and `new` hold the values that changed, before and after. `at` is when the change was stored.
    """

    id: EventId
    type: EventType
    at: datetime
    learner_id: LearnerId | None
    course_id: CourseId | None
    lesson_id: LessonId | None
    actor: Actor
    old: Values
    new: Values

    @property
    def owner_id(self) -> str:
        """The learner, or the course where there is no learner. The events of one owner keep their order."""
        return self.learner_id or self.course_id or ""


class NewEvent(NamedTuple):
    """An event that is not published yet. It is published after `release_at`, and changes until then."""

    event: Event
    release_at: datetime = AT_ONCE


class PublishedEvent(NamedTuple):
    """An event with its number in the feed. Numbers grow; some may be missing."""

    number: int
    event: Event


class EventFilter(NamedTuple):
    """Which events somebody gets: of these types, of these courses, of members of these groups.

    `types` is `None` for every type. `courses` and `groups` are `None` where they limit nothing.
    """

    types: frozenset[EventType] | None = None
    courses: frozenset[CourseId] | None = None
    groups: frozenset[GroupId] | None = None

    def takes(self, event: Event, members: Collection[LearnerId]) -> bool:
        """Whether the event is one of those. `members` are the learners who are in one of the groups.

        That a learner was erased is told to all, whatever limits them: they may hold data of the learner. Everybody may
        read courses' documents, so groups do not limit their events.
        """
        if self.types is not None and event.type not in self.types:
            return False
        if event.type is EventType.LEARNER_ERASED:
            return True
        if self.courses is not None and event.course_id not in self.courses:
            return False
        return self.groups is None or event.learner_id is None or event.learner_id in members


EVERY_EVENT: Final = EventFilter()


class Feed(NamedTuple):
    """A part of the feed: events by number, and the number after which a reader goes on.

    That may be a later one than the last event's, because others were looked at and left out. `is_last` says that there
    was no later event.
    """

    events: Sequence[PublishedEvent]
    after: int
    is_last: bool


class Recording(NamedTuple):
    """For how many days events are kept (0: none are recorded), and whether each change of lesson progress is one."""

    days: int = 0
    progress: bool = False

    @property
    def is_on(self) -> bool:
        """Whether events are recorded."""
        return self.days > 0


NOT_RECORDED: Final = Recording()

_LESSON_FIELDS: Final = (
    "status",
    "progress_percentage",
    "video_position_seconds",
    "quiz_score",
    "quiz_attempts",
    "quiz_passed",
    "time_spent_minutes",
)


Changed = tuple[LessonProgress | None, LessonProgress | None]
"""Lesson progress before and after a change (`None`: there is none)."""


class Recorder:
    """Collects the events of one learner in one course, in their order."""

    __slots__ = ("_course_id", "_learner_id", "_progress", "_recording", "_transitions")

    def __init__(self, recording: Recording, learner_id: LearnerId, course_id: CourseId) -> None:
        self._recording = recording
        self._learner_id = learner_id
        self._course_id = course_id
        self._transitions: list[NewEvent] = []
        self._progress: dict[LessonId, NewEvent] = {}

    @property
    def events(self) -> list[NewEvent]:
        """The events so far."""
        return [*self._transitions, *self._progress.values()]

    def change(
        self,
        lessons: Sequence[Changed],
        before: CourseProgress | None,
        after: CourseProgress,
        actor: Actor,
        now: datetime,
    ) -> None:
        """Record a change of course progress within one run, with the lesson progress before and after.

        What begins comes first, then the lessons, then what they complete or take back.
        """
        self._enrolment(before, after, actor, now)
        if after.started_at is not None and (before is None or before.started_at is None):
            self._add(EventType.COURSE_STARTED, actor, now, _NO_VALUES, {"started_at": _shown(after.started_at)})
        for lesson in lessons:
            self._lesson(*lesson, actor, now)
        completed_at = before.completed_at if before else None
        if completed_at is None and after.completed_at is not None:
            new = {"completed_at": _shown(after.completed_at), "run": after.run}
            self._add(EventType.COURSE_COMPLETED, actor, now, {"completed_at": None}, new)
        if completed_at is not None and after.completed_at is None:
            old = {"completed_at": _shown(completed_at)}
            self._add(EventType.COURSE_REOPENED, actor, now, old, {"completed_at": None})

    def _lesson(self, before: LessonProgress | None, after: LessonProgress | None, actor: Actor, now: datetime) -> None:
        present = after or before
        if present is None or before is after:
            return
        if self._recording.progress:
            self._update(present, before, after, actor, now)
        transitions = lesson_transitions(before, after)
        if not transitions:
            return
        old, new = _differing(_values(before), _values(after))
        for kind in transitions:
            self._add(kind, actor, now, old, new, present.lesson_id)

    def run(self, before: CourseProgress | None, after: CourseProgress, actor: Actor, now: datetime) -> None:
        """Record that the learner enters another run."""
        self._enrolment(before, after, actor, now)
        old = {"run": before.run if before else None}
        self._add(EventType.RUN_STARTED, actor, now, old, {"run": after.run})

    def taken_back(self, lessons: Sequence[LessonProgress], actor: Actor, now: datetime) -> None:
        """Record that all lesson progress of a run ends with it. No lesson is told as reset."""
        if self._recording.progress:
            for lesson in lessons:
                self._update(lesson, lesson, None, actor, now)

    def restart(
        self,
        before: CourseProgress,
        after: CourseProgress,
        lessons: Sequence[LessonProgress],
        actor: Actor,
        now: datetime,
    ) -> None:
        """Record that the learner starts the course over."""
        self.taken_back(lessons, actor, now)
        self._add(EventType.COURSE_RESTARTED, actor, now, _state_of(before), _state_of(after))

    def _enrolment(self, before: CourseProgress | None, after: CourseProgress, actor: Actor, now: datetime) -> None:
        was = before is not None and before.is_enrolled
        if before is not None and was is after.is_enrolled and before.sources == after.sources:
            return
        old, new = _enrolment_of(before), _enrolment_of(after)
        if not was and after.is_enrolled:
            self._add(EventType.ENROLMENT_CREATED, actor, now, _NO_VALUES, new)
        elif was and not after.is_enrolled:
            self._add(EventType.ENROLMENT_ENDED, actor, now, old, new)
        elif was and old != new:
            self._add(EventType.ENROLMENT_CHANGED, actor, now, old, new)

    def _add(
        self,
        kind: EventType,
        actor: Actor,
        now: datetime,
        old: Values,
        new: Values,
        lesson_id: LessonId | None = None,
    ) -> None:
        event = Event(_new_id(), kind, now, self._learner_id, self._course_id, lesson_id, actor, old, new)
        self._transitions.append(NewEvent(event))

    def _update(
        self,
        present: LessonProgress,
        before: LessonProgress | None,
        after: LessonProgress | None,
        actor: Actor,
        now: datetime,
    ) -> None:
        """Record a change of any value. Until it is published, the store adds later changes to it.

        All updates of a lesson have the same id, so that the store finds it. `published` gives it one of its own.
        """
        earlier = self._progress.get(present.lesson_id)
        old = earlier.event.old if earlier else _values(before)
        event = Event(
            _update_id(self._course_id, present.lesson_id), EventType.PROGRESS_UPDATED, now,
            self._learner_id, self._course_id, present.lesson_id, actor, old, _values(after),
        )  # fmt: skip
        self._progress[present.lesson_id] = NewEvent(event, now + PROGRESS_WINDOW)


def for_learner(new: NewEvent, learner_id: LearnerId) -> NewEvent:
    """Return the same event of another learner."""
    return new._replace(event=new.event._replace(id=_new_id(), learner_id=learner_id))


def course_event(before: Course | None, after: Course | None, version: int, now: datetime) -> NewEvent:
    """Return the event of a change of a course's document (`None`: it is not in the catalogue).

    `version` is the new version, or the last one of a course that is removed.
    """
    present = after or before
    assert present is not None  # noqa: S101 - one of the two is there
    kind = EventType.COURSE_EDITED
    if before is None:
        kind = EventType.COURSE_PUBLISHED
    if after is None:
        kind = EventType.COURSE_REMOVED
    old, new = _document(before), {**_document(after), "version": version}
    return NewEvent(Event(_new_id(), kind, now, None, present.id, None, BY_EDIT, old, new))


def _document(course: Course | None) -> Values:
    if course is None:
        return {"title": None, "lessons": None, "required_lessons": None}
    return {"title": course.title, "lessons": len(course.lessons), "required_lessons": course.required_lessons}


def trial_event(now: datetime) -> Event:
    """Return an event that tells nothing, with which a webhook is tried out."""
    return Event(_new_id(), EventType.WEBHOOK_TEST, now, None, None, None, BY_OTHERS, _NO_VALUES, _NO_VALUES)


def erased_event(learner_id: LearnerId, now: datetime) -> NewEvent:
    """Return the event that tells that all data of a learner was removed."""
    event = Event(_new_id(), EventType.LEARNER_ERASED, now, learner_id, None, None, BY_OTHERS, _NO_VALUES, _NO_VALUES)
    return NewEvent(event)


def published(event: Event) -> Event | None:
    """Return the event as it is published: an update with the values that differ; `None` where none does."""
    if event.type is not EventType.PROGRESS_UPDATED:
        return event
    old, new = _differing(event.old, event.new)
    return event._replace(id=_new_id(), old=old, new=new) if new else None


def lesson_transitions(before: LessonProgress | None, after: LessonProgress | None) -> list[EventType]:
    """Return what a change of lesson progress (`None`: there is none) means for the lesson, in the order of events."""
    was_started, was_completed, had_passed = _state(before)
    started, completed, passed = _state(after)
    found: list[EventType] = []
    if started and not was_started:
        found.append(EventType.LESSON_STARTED)
    if completed and not was_completed:
        found.append(EventType.LESSON_COMPLETED)
    if passed and not had_passed:
        found.append(EventType.LESSON_PASSED)
    if (was_started and not started) or (was_completed and not completed) or (had_passed and not passed):
        found.append(EventType.LESSON_RESET)
    return found


def _state(progress: LessonProgress | None) -> tuple[bool, bool, bool]:
    """Whether a lesson is started, is completed, and has a quiz that is passed."""
    return is_started(progress), is_completed(progress), progress is not None and progress.quiz_passed


def _values(progress: LessonProgress | None) -> Values:
    """Return what an event tells of lesson progress. The learner's notes and the metadata stay with the learner."""
    return dict.fromkeys(_LESSON_FIELDS) if progress is None else dict(zip(_LESSON_FIELDS, progress[3:10], strict=True))


def _differing(old: Values, new: Values) -> tuple[Values, Values]:
    names = [name for name in new if new[name] != old.get(name)]
    return {name: old.get(name) for name in names}, {name: new[name] for name in names}


def _enrolment_of(progress: CourseProgress | None) -> Values:
    if progress is None:
        return _NO_ENROLMENT
    return {
        "enrolled_at": _shown(progress.enrolled_at),
        "ended_at": _shown(progress.ended_at),
        "starts_at": _shown(starts_at(progress)),
        "due_at": _shown(progress.due_at),
    }


_NO_ENROLMENT: Final[Values] = {"enrolled_at": None, "ended_at": None, "starts_at": None, "due_at": None}


def _state_of(progress: CourseProgress) -> Values:
    return {
        "started_at": _shown(progress.started_at),
        "completed_at": _shown(progress.completed_at),
        "completed_lessons": progress.tally.completed_lessons,
    }


def _shown(moment: datetime | None) -> str | None:
    """Return a time as the API shows it."""
    return None if moment is None else whole_second(moment).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=10_000)
def _update_id(course_id: CourseId, lesson_id: LessonId) -> EventId:
    # Not the id of the lesson progress: an import may bring the same one for several lessons.
    return EventId(str(uuid5(UUID(course_id), lesson_id)))


def _new_id() -> EventId:
    return EventId(str(uuid4()))
