"""How a write changes a learner's course progress, and the days on which the learner worked in the course.

A write by another person for the learner changes lesson progress and figures. It does not count as a day of the
learner. A write that brings its own times counts at those times.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.course_progress import (
    NEVER,
    CourseProgress,
    EnrolmentSource,
    LearnerDay,
    Tally,
    contribution,
    enrolled,
    is_complete,
    is_started,
    last_started,
    with_sources,
    without_progress,
)
from headway.domain.dating import Moments, is_same, latest
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.offline import with_removal
from headway.domain.progress import LessonProgress, Status
from headway.domain.runs import EndedRun
from headway.domain.writes import LessonWrite, Written

AHEAD: Final = timedelta(days=2)
"""How far ahead of today a learner's last day may be after the course moves to another time zone.

A day that is further ahead comes from a clock that was wrong.
"""
MOST_TIME: Final = 24 * 60 * 1_000_000
"""The most time that one day in a course counts: 24 hours, in micro-minutes."""
MOST_DONE: Final = 1_000_000
"""The highest count of lessons started, of lessons completed and of course completions on one day."""

Days = Mapping[date, LearnerDay]
ChangedDays = Mapping[date, LearnerDay | None]
NO_DAYS: Final[Days] = {}


class ProgressChange(NamedTuple):
    """New course progress, and the finished days that change with it (`None`: the day is removed)."""

    course_progress: CourseProgress
    days: ChangedDays = NO_DAYS


class CourseProgressRestore(NamedTuple):
    """A learner's progress in a course and all the learner's days there, as an export holds them.

    The enrolment is restored where nothing but a write has enrolled the learner: `enrolled_at`, `ended_at`, `sources`.
    The times are restored where the learner is not in a later run than `run`. A later run is restored with the runs
    that have ended (`ended_runs`).
    """

    learner_id: LearnerId
    course_id: CourseId
    last_accessed: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    days: tuple[LearnerDay, ...]
    enrolled_at: datetime | None = None
    ended_at: datetime | None = None
    sources: tuple[EnrolmentSource, ...] = ()
    run: int = 1
    run_began_at: datetime | None = None
    ended_runs: tuple[EndedRun, ...] = ()


def advance(  # noqa: PLR0913 - every write calls this; to gather the arguments costs as much as a part of the rule
    course_progress: CourseProgress | None,
    write: LessonWrite,
    written: Written,
    course: VersionedCourse,
    *,
    now: datetime,
    all_lesson_progress: Callable[[], Iterable[LessonProgress]],
    known: ChangedDays = NO_DAYS,
    revision: int = 0,
) -> ProgressChange:
    """Return the course progress after a write, with that revision.

    `course_progress` is the course progress before the write, under the same version of the course; `None` means
    there is none yet. `known` are the learner's finished days. They are needed for a write with times, and where the
    last day is ahead of today. `all_lesson_progress` returns all the learner's lesson progress in the course after the
    write. It is called where a write that may date a completion leaves a lesson that counts completed, and where it may
    undo the start of a lesson (`LessonWrite.may_date_completion`, `may_take_back`).
    """
    lesson, before, after = written.lesson, written.before, written.after
    course_progress = course_progress or without_progress(write.learner_id, course)
    gained, lost = contribution(lesson, after), contribution(lesson, before)
    tally = course_progress.tally.plus(gained, less=lost)
    last = (
        _latest_completion(course.course, all_lesson_progress())
        if written.is_dated and tally.completed_lessons and write.may_date_completion(lesson)
        else now
    )
    completed_at = _completed_at(course.course, course_progress, tally, last or now)
    calendar = _Calendar(course_progress.day, known)
    last_accessed = course_progress.last_accessed
    if written.moments is not None:
        is_first = course_progress.completed_at is None and completed_at is not None
        calendar.settle(course.course.date_of(now))
        time = max(0, gained.micro_minutes - lost.micro_minutes)
        calendar.add_work(course.course, written, time, written.moments, completed_at if is_first else None)
        last_accessed = max(min(last_accessed or written.moments.ended, now), written.moments.ended)
    started_at = min(course_progress.started_at or now, after.created_at if after else now, now)
    return ProgressChange(
        CourseProgress(
            write.learner_id,
            write.course_id,
            tally,
            last_accessed,
            course.version,
            revision,
            started_at,
            completed_at,
            calendar.last,
            _at_lesson(course.course, course_progress.at_lesson, written, all_lesson_progress),
            course_progress.enrolled_at or started_at,
            course_progress.ended_at,
            course_progress.due_at,
            course_progress.sources,
            course_progress.run,
            course_progress.run_began_at,
            course_progress.removed_at
            if after is not None
            else with_removal(course_progress.removed_at, write.lesson_id, now),
        ),
        calendar.changed,
    )


def restore(
    course_progress: CourseProgress | None,
    asked: CourseProgressRestore,
    course: VersionedCourse,
    known: ChangedDays,
    now: datetime,
) -> ProgressChange:
    """Return course progress with the times and days of an export added. The caller sets the revision.

    Each day of the export replaces the learner's stored day of that date, so that nothing is counted twice.
    """
    course_progress = course_progress or without_progress(asked.learner_id, course)
    course_progress = _with_enrolment(course_progress, asked)
    calendar = _Calendar(course_progress.day, known)
    calendar.settle(course.course.date_of(now))
    for day in asked.days:
        calendar.put(_sum(day, LearnerDay(day.date)))
    calendar.settle(course.course.date_of(now))
    restored = course_progress._replace(day=calendar.last)
    if asked.run == restored.run:
        restored = _with_times(restored, asked)
    return ProgressChange(enrolled(restored), calendar.changed)


def _with_times(course_progress: CourseProgress, asked: CourseProgressRestore) -> CourseProgress:
    """Return course progress with the times of an export. A time that is the same to the second stays."""
    last_accessed, started_at, completed_at = (
        course_progress.last_accessed,
        course_progress.started_at,
        course_progress.completed_at,
    )
    return course_progress._replace(
        last_accessed=latest(last_accessed, _unless_same(asked.last_accessed, last_accessed)),
        started_at=_earliest(started_at, _unless_same(asked.started_at, started_at)),
        completed_at=_earliest(completed_at, _unless_same(asked.completed_at, completed_at)),
    )


def _unless_same(exported: datetime | None, stored: datetime | None) -> datetime | None:
    """Return the time of an export; `None` where it is the stored one, of which an export has whole seconds."""
    return None if is_same(exported, stored) else exported


def _with_enrolment(course_progress: CourseProgress, asked: CourseProgressRestore) -> CourseProgress:
    """Return course progress with the enrolment of an export, where nothing but a write has enrolled the learner."""
    if course_progress.sources or course_progress.ended_at is not None or asked.enrolled_at is None:
        return course_progress
    course_progress = course_progress._replace(enrolled_at=asked.enrolled_at, ended_at=asked.ended_at)
    return with_sources(course_progress, asked.sources if asked.ended_at is None else ())


def settled(course_progress: CourseProgress, known: ChangedDays, course: Course, now: datetime) -> ProgressChange:
    """Return course progress with nothing in the future: what was done on days ahead counts for today."""
    today = course.date_of(now)
    if not lies_ahead(course_progress, today):
        return ProgressChange(course_progress)
    calendar = _Calendar(course_progress.day, known)
    calendar.settle(today)
    moments = course_progress.last_accessed, course_progress.started_at, course_progress.completed_at
    last_accessed, started_at, completed_at = (_earliest(moment, now) if moment else None for moment in moments)
    settled = course_progress._replace(last_accessed=last_accessed, started_at=started_at, completed_at=completed_at)
    return ProgressChange(settled._replace(day=calendar.last), calendar.changed)


def lies_ahead(course_progress: CourseProgress, today: date) -> bool:
    """Whether the learner's last day is further ahead of today than `AHEAD`. A clock was ahead then."""
    return course_progress.day.date > today + AHEAD


def days_begun(now: datetime) -> date:
    """Return the latest date that has begun in any time zone."""
    return (now + timedelta(days=1)).date()


class _Calendar:
    """A learner's days in a course while a write is decided: the last day, and the finished days before it."""

    def __init__(self, last: LearnerDay, known: ChangedDays) -> None:
        self.last = last
        self.changed: dict[date, LearnerDay | None] = {}
        self._known = known

    def add_work(
        self,
        course: Course,
        written: Written,
        micro_minutes: int,
        moments: Moments,
        course_completed: datetime | None,
    ) -> None:
        """Add what a write did to the days on which it was done. `micro_minutes` is the time that it added."""
        started, completed = _done(written)
        day = course.date_of(moments.ended)
        if not written.is_dated:
            day = max(day, self.last.date)  # a change of the time zone does not move it back
            self.add(LearnerDay(day, started, completed, micro_minutes, int(course_completed is not None)))
            return
        if course_completed is None and moments.begun == moments.completed == moments.ended:
            self.add(LearnerDay(day, started, completed, micro_minutes))
            return
        self.add(LearnerDay(course.date_of(moments.begun), lessons_started=started))
        self.add(LearnerDay(course.date_of(moments.completed), lessons_completed=completed))
        self.add(LearnerDay(day, micro_minutes=micro_minutes))
        if course_completed is not None:
            self.add(LearnerDay(course.date_of(course_completed), completions=1))

    def add(self, done: LearnerDay) -> None:
        """Add counts and time to the day of their date."""
        held = self.last if done.date == self.last.date else self._finished(done.date)
        self.put(_sum(held or LearnerDay(done.date), done))

    def put(self, day: LearnerDay) -> None:
        """Set a day. A day after the last one becomes the last; the one before it is finished then."""
        if day.date < self.last.date:
            if self._finished(day.date) != day:
                self.changed[day.date] = day
            return
        if day.date > self.last.date != NEVER:
            self.changed[self.last.date] = self.last
        self.last = day

    def settle(self, today: date) -> None:
        """Move what was done on days ahead to today, where the last day is further ahead than `AHEAD`."""
        if self.last.date <= today + AHEAD:
            return
        ahead = [day for moment, day in {**self._known, **self.changed}.items() if day is not None and moment >= today]
        for day in ahead:
            self.changed[day.date] = None
        present = LearnerDay(today)
        for day in (*ahead, self.last):
            present = _sum(present, day)
        self.last = present

    def _finished(self, day: date) -> LearnerDay | None:
        return self.changed[day] if day in self.changed else self._known.get(day)


def _done(written: Written) -> tuple[int, int]:
    """Return how many lessons a write started and completed."""
    before, after = written.before, written.after
    was, is_now = before.status if before else Status.NOT_STARTED, after.status if after else Status.NOT_STARTED
    return (
        int(was is Status.NOT_STARTED and is_now is not Status.NOT_STARTED),
        int(was is not Status.COMPLETED and is_now is Status.COMPLETED),
    )


def _sum(day: LearnerDay, other: LearnerDay) -> LearnerDay:
    """Return the counts and time of both days together, with the date of the first.

    They are limited: a learner who starts over often can not exceed 24 hours.
    """
    return LearnerDay(
        day.date,
        min(day.lessons_started + other.lessons_started, MOST_DONE),
        min(day.lessons_completed + other.lessons_completed, MOST_DONE),
        min(day.micro_minutes + other.micro_minutes, MOST_TIME),
        min(day.completions + other.completions, MOST_DONE),
    )


def _at_lesson(
    course: Course,
    at_lesson: LessonId | None,
    written: Written,
    all_lesson_progress: Callable[[], Iterable[LessonProgress]],
) -> LessonId | None:
    """Return the last lesson in the course's order that the learner has started, after a write. It changes rarely."""
    was_started, now_started = is_started(written.before), is_started(written.after)
    if was_started is now_started:
        return at_lesson
    lesson_id = written.lesson.id
    if now_started:
        return lesson_id if at_lesson is None else max(at_lesson, lesson_id, key=course.positions.__getitem__)
    return last_started(course, all_lesson_progress()) if lesson_id == at_lesson else at_lesson


def _latest_completion(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> datetime | None:
    """Return the time of the latest completion among the lessons that count; `None` where none is completed."""
    lessons = course.lessons_by_id
    moments = (
        one.completed_at for one in all_lesson_progress if one.lesson_id in lessons and lessons[one.lesson_id].required
    )
    return max((moment for moment in moments if moment is not None), default=None)


def _completed_at(course: Course, course_progress: CourseProgress, tally: Tally, last: datetime) -> datetime | None:
    """Return when the learner first completed the course, after a write; `None` where it is not completed.

    A write that takes a lesson out of `completed` takes the course's completion back. A lesson that was added to the
    course does not.
    """
    if is_complete(course, tally):
        return _earliest(course_progress.completed_at, last)
    return None if tally.completed_lessons < course_progress.tally.completed_lessons else course_progress.completed_at


def _earliest(moment: datetime | None, other: datetime | None) -> datetime | None:
    return min(moment, other) if moment and other else moment or other
