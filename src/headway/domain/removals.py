"""What removes a learner's progress in a course as a whole: starting over, and erasing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from headway.domain.change_sets import ChangeSet, LessonChange
from headway.domain.course_progress import CourseProgress, LearnerDay, emptied, restarted
from headway.domain.events import NOT_RECORDED, NewEvent, Recording, acting_for_learner
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.presence import NO_DAYS
from headway.domain.progress import LessonProgress
from headway.domain.recorder import Recorder
from headway.domain.runs import check_number


class Restart(NamedTuple):
    """A request to start a course over.

    `run` is the run in which the learner must be (`None`: any). `acting` is the person who asks for the learner;
    `None`: the learner asks.
    """

    learner_id: LearnerId
    course_id: CourseId
    run: int | None = None
    acting: LearnerId | None = None


def restart(
    asked: Restart,
    progress: CourseProgress,
    lessons: Sequence[LessonProgress],
    now: datetime,
    recording: Recording = NOT_RECORDED,
) -> ChangeSet:
    """Return the changes where a learner starts a course over: all lesson progress is removed, the days stay.

    Raises `OtherRunError` where the learner is not in the run that is asked for.
    """
    check_number(progress, asked.run)
    after = restarted(progress, now)
    events: Sequence[NewEvent] = ()
    if recording.is_on and (progress.started_at is not None or lessons):
        recorder = Recorder(recording, asked.learner_id, asked.course_id)
        recorder.restart(progress, after, lessons, acting_for_learner(asked.acting), now)
        events = recorder.events
    key = progress.learner_id, progress.course_id
    return ChangeSet(*key, progress, after, _removed(lessons), NO_DAYS, NO_DAYS, events=events)


def erase(
    key: CourseProgressKey,
    progress: CourseProgress | None,
    lessons: Iterable[LessonProgress],
    days: Iterable[LearnerDay],
    now: datetime,
) -> ChangeSet:
    """Return the changes that remove all data of a learner in a course. Empty course progress stays."""
    known = {day.date: day for day in days}
    after = emptied(progress, now) if progress else None
    return ChangeSet(*key, progress, after, _removed(lessons), known, dict.fromkeys(known))


def _removed(lessons: Iterable[LessonProgress]) -> Sequence[LessonChange]:
    return [LessonChange(lesson.lesson_id, lesson, None) for lesson in lessons]
