"""Events: what changed, for those who follow along. One event tells one transition, not one heartbeat.

The transaction that makes a change also stores its events. `domain/recorder.py` decides which events a change of a
learner's progress is.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple, NewType
from uuid import uuid4

from headway.domain.catalogue import Course
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId

EventId = NewType("EventId", str)

PAGE: Final = 100
LONGEST_PAGE: Final = 1_000
LONGEST_WAIT_SECONDS: Final = 30
NEWEST: Final = "newest"
"""The cursor of somebody who only wants to read what happens from now on."""

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


def acting_for_learner(person: LearnerId | None) -> Actor:
    """Return who acts where `person` does so for the learner; `None`: the learner does."""
    return BY_LEARNER if person is None else Actor(ActorKind.ON_BEHALF, person)


Value = str | int | float | bool | None
Values = Mapping[str, Value]
NO_VALUES: Final[Values] = {}
"""The values before something was there, or of an event that has none."""


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


def for_learner(new: NewEvent, learner_id: LearnerId) -> NewEvent:
    """Return the same event of another learner."""
    return new._replace(event=new.event._replace(id=new_id(), learner_id=learner_id))


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
    return NewEvent(Event(new_id(), kind, now, None, present.id, None, BY_EDIT, old, new))


def _document(course: Course | None) -> Values:
    if course is None:
        return {"title": None, "lessons": None, "required_lessons": None}
    return {"title": course.title, "lessons": len(course.lessons), "required_lessons": course.required_lessons}


def trial_event(now: datetime) -> Event:
    """Return an event that tells nothing, with which a webhook is tried out."""
    return Event(new_id(), EventType.WEBHOOK_TEST, now, None, None, None, BY_OTHERS, NO_VALUES, NO_VALUES)


def erased_event(learner_id: LearnerId, now: datetime) -> NewEvent:
    """Return the event that tells that all data of a learner was removed."""
    event = Event(new_id(), EventType.LEARNER_ERASED, now, learner_id, None, None, BY_OTHERS, NO_VALUES, NO_VALUES)
    return NewEvent(event)


def published(event: Event) -> Event | None:
    """Return the event as it is published: an update with the values that differ; `None` where none does."""
    if event.type is not EventType.PROGRESS_UPDATED:
        return event
    old, new = differing(event.old, event.new)
    return event._replace(id=new_id(), old=old, new=new) if new else None


def differing(old: Values, new: Values) -> tuple[Values, Values]:
    """Return the old and the new values of the names in `new` whose values differ."""
    names = [name for name in new if new[name] != old.get(name)]
    return {name: old.get(name) for name in names}, {name: new[name] for name in names}


def new_id() -> EventId:
    """Return the id of a new event."""
    return EventId(str(uuid4()))
