"""What a store is to change of one learner in one course, decided by `changes` and `removals`."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from headway.domain.completions import NewCompletion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress, LearnerDay
from headway.domain.events import NewEvent, for_learner
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.presence import ChangedDays, Days
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun


class LessonChange(NamedTuple):
    """A lesson's progress before and after (`None`: there is none)."""

    lesson_id: LessonId
    before: LessonProgress | None
    after: LessonProgress | None


class ChangeSet(NamedTuple):
    """All changes of one learner in one course. Every change gives the course progress a new revision.

    `days` are the finished days that changed (`None`: the day is removed). `days_before` are the finished days that
    were read before. `completions` are those by which the learner has completed the course. `ended_runs` are the runs
    that end. `events` are what happened, for those who follow along.
    """

    learner_id: LearnerId
    course_id: CourseId
    before: CourseProgress | None
    after: CourseProgress | None
    lessons: Sequence[LessonChange]
    days_before: Days
    days: ChangedDays
    completions: Sequence[NewCompletion] = ()
    ended_runs: Sequence[EndedRun] = ()
    events: Sequence[NewEvent] = ()

    @property
    def stored_progress(self) -> CourseProgress | None:
        """The course progress to store; `None` where nothing changes."""
        return self.after if self.after is not self.before else None

    def of_newcomer(self, learner_id: LearnerId) -> "ChangeSet":
        """Return the same changes of another learner. Neither of the two had course progress."""
        after = None if self.after is None else self.after._replace(learner_id=learner_id)
        events = tuple(for_learner(event, learner_id) for event in self.events)
        return self._replace(learner_id=learner_id, after=after, events=events)

    @property
    def stored_lessons(self) -> Iterable[LessonProgress]:
        """The lesson progress to store."""
        return (lesson.after for lesson in self.lessons if lesson.after is not None)

    @property
    def removed_lessons(self) -> Iterable[LessonId]:
        """The lessons whose progress is to be removed."""
        return (lesson.lesson_id for lesson in self.lessons if lesson.after is None)

    @property
    def stored_days(self) -> Iterable[LearnerDay]:
        """The finished days to store."""
        return (day for day in self.days.values() if day is not None)

    @property
    def removed_days(self) -> Iterable[date]:
        """The dates of finished days to remove."""
        return (moment for moment, day in self.days.items() if day is None and moment in self.days_before)

    def add_to(self, counters: Counters) -> None:
        """Add the changes of the course's figures to `counters`."""
        for lesson in self.lessons:
            counters.change_lesson(lesson.before, lesson.after)
        counters.change_course_progress(self.before, self.after)
        if self.days:
            counters.change_days(self.course_id, self.days_before, self.days)
