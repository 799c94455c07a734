"""Decides which events a change of one learner in one course is. Every path that makes such a change uses it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

from headway.domain.course_progress import CourseProgress, is_completed, is_started
from headway.domain.dating import whole_second
from headway.domain.enrolments import starts_at
from headway.domain.events import (
    NO_VALUES,
    Actor,
    Event,
    EventId,
    EventType,
    NewEvent,
    Recording,
    Values,
    differing,
    new_id,
)
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress

PROGRESS_WINDOW: Final = timedelta(seconds=10)
"""The changes of a lesson's progress in this time are one `progress.updated`."""

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
            self._add(EventType.COURSE_STARTED, actor, now, NO_VALUES, {"started_at": _shown(after.started_at)})
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
        if before is not None and after is not None and _is_in_same_state(before, after):
            return
        transitions = lesson_transitions(before, after)
        if not transitions:
            return
        old, new = differing(_values(before), _values(after))
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
        if before is not None and before.has_same_enrolment(after):
            return
        was = before is not None and before.is_enrolled
        old, new = _enrolment_of(before), _enrolment_of(after)
        if not was and after.is_enrolled:
            self._add(EventType.ENROLMENT_CREATED, actor, now, NO_VALUES, new)
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
        event = Event(new_id(), kind, now, self._learner_id, self._course_id, lesson_id, actor, old, new)
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


def _is_in_same_state(before: LessonProgress, after: LessonProgress) -> bool:
    """Whether a change means nothing for the lesson, as nearly every regular report of a player does."""
    return before.status is after.status and before.quiz_passed is after.quiz_passed


def _state(progress: LessonProgress | None) -> tuple[bool, bool, bool]:
    """Whether a lesson is started, is completed, and has a quiz that is passed."""
    return is_started(progress), is_completed(progress), progress is not None and progress.quiz_passed


def _values(progress: LessonProgress | None) -> Values:
    """Return what an event tells of lesson progress. The learner's notes and the metadata stay with the learner."""
    return dict.fromkeys(_LESSON_FIELDS) if progress is None else dict(zip(_LESSON_FIELDS, progress[3:10], strict=True))


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
