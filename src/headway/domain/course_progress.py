"""Where one learner stands in a course, and what one row contributes to it.

Figures are kept by deltas: a write adds what the row contributes after it less what it did before. Time is summed
in whole millionths of a minute, to which each row's time is rounded, so that sums are exact in any order and equal a
recount to the last digit.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple, Self

from headway.domain import progress
from headway.domain.bounds import Number, plain, shown
from headway.domain.catalogue import Course, Lesson, OnEdit, VersionedCourse
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress, Status

_MICRO_MINUTES_OF_A_MINUTE: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Tally(NamedTuple):
    """Lessons that count, completed and in progress, and the time over all lessons, in millionths of a minute."""

    completed_lessons: int = 0
    in_progress_lessons: int = 0
    micro_minutes: int = 0

    def plus(self, other: Self, less: Self) -> "Tally":
        """This tally with `other` added and `less` taken away."""
        return Tally(
            self.completed_lessons + other.completed_lessons - less.completed_lessons,
            self.in_progress_lessons + other.in_progress_lessons - less.in_progress_lessons,
            self.micro_minutes + other.micro_minutes - less.micro_minutes,
        )


NOTHING: Final = Tally()
NEVER: Final = date(1970, 1, 1)
"""The day of who was not seen yet."""


class LearnerDay(NamedTuple):
    """What a learner did in a course on one day, which is cut in the course's time zone.

    What others write for the learner is not counted. Lessons begun and completed and completions of the course are
    counted as they happen: who does it again counts again. `micro_minutes` are the millionths of a minute that were
    added, 24 hours at most.
    """

    date: date
    lessons_started: int = 0
    lessons_completed: int = 0
    micro_minutes: int = 0
    completions: int = 0


class CourseProgress(NamedTuple):
    """Where a learner stands in a course, kept with every write.

    `course_version` is the version of the course document that the tally was made under: under another one it
    no longer holds and is made anew from the rows. `started_at` is the first write in the course, whoever made it,
    `None` where the course was started over and not written in since; `revision` grows with every change and is not
    used again when the course is started over. `completed_at` is when the last lesson that counts was completed.
    `last_accessed` is the learner's own last write, `day` the last day on which the learner wrote: `None` and `NEVER`
    where others wrote alone. `at_lesson` is the last lesson, in the course's order under that version, that the learner
    has started.
    """

    learner_id: LearnerId
    course_id: CourseId
    tally: Tally
    last_accessed: datetime | None
    course_version: int
    revision: int
    started_at: datetime | None
    completed_at: datetime | None
    day: LearnerDay
    at_lesson: LessonId | None = None

    @property
    def last_seen(self) -> date | None:
        """The last day on which the learner wrote; `None` where others wrote alone."""
        return None if self.day.date == NEVER else self.day.date

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held there any more: a place of somebody who was erased."""
        return self.started_at is None and self.day.date == NEVER


class LessonsStamp(NamedTuple):
    """Two readings of a learner's rows in a course are the same where their stamps are.

    `course_version` changes with the course's document, `revision` with the learner's writes in the course.
    """

    course_version: int
    revision: int | None


class Summary(NamedTuple):
    """The reference's course completion statistics of one learner."""

    course_id: CourseId
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: Number
    total_time_spent_minutes: Number
    last_accessed: datetime | None


def contribution(lesson: Lesson | None, row: LessonProgress | None) -> Tally:
    """What a row adds to its learner's tally: nothing where there is no row, or the lesson is not in the course."""
    if lesson is None or row is None:
        return NOTHING
    return tally_of(1, row.status, micro_minutes(row), required=lesson.required)


def tally_of(rows: int, status: Status, micro_minutes: int, *, required: bool) -> Tally:
    """What so many rows add that have the same status, in lessons that are in the course and count or do not."""
    return Tally(
        rows if required and status is Status.COMPLETED else 0,
        rows if required and status is Status.IN_PROGRESS else 0,
        micro_minutes,
    )


def recount(course: Course, rows: Iterable[LessonProgress]) -> Tally:
    """The tally from the rows themselves."""
    tally = NOTHING
    for row in rows:
        tally = tally.plus(contribution(course.lessons_by_id.get(row.lesson_id), row), less=NOTHING)
    return tally


def last_started(course: Course, rows: Iterable[LessonProgress]) -> LessonId | None:
    """The last lesson in the course's order, whether it counts or not, that one of a learner's rows has started."""
    positions = course.positions
    started = (row.lesson_id for row in rows if row.lesson_id in positions and is_started(row))
    return max(started, key=positions.__getitem__, default=None)


def is_started(row: LessonProgress | None) -> bool:
    """Whether there is a row that says that its lesson was started."""
    return row is not None and row.status is not Status.NOT_STARTED


def emptied(course_progress: CourseProgress, now: datetime) -> CourseProgress:
    """A place in a course of which nothing is known but that there was somebody."""
    return restarted(course_progress, now)._replace(day=LearnerDay(NEVER))


def restarted(course_progress: CourseProgress, now: datetime) -> CourseProgress:
    """Where a learner stands who starts the course over. What was done on the days until now stays done."""
    return course_progress._replace(
        tally=NOTHING,
        last_accessed=None,
        revision=next_revision(course_progress, now),
        started_at=None,
        completed_at=None,
        at_lesson=None,
    )


def without_progress(learner_id: LearnerId, course: VersionedCourse) -> CourseProgress:
    """Of somebody who has no course progress; `recalculate` makes of it what rows say that are there all the same."""
    return CourseProgress(learner_id, course.course.id, NOTHING, None, course.version, 0, None, None, LearnerDay(NEVER))


class Recalculated(NamedTuple):
    """Course progress under another version of its course, and the rows that became others with it."""

    course_progress: CourseProgress
    rows: list[LessonProgress]


def recalculate(
    course: VersionedCourse, course_progress: CourseProgress, rows: Iterable[LessonProgress], now: datetime
) -> Recalculated:
    """Make course progress what it is under a version of the course: rows first, where what completes a lesson changed.

    Who is complete now has completed the course. Who is not any more stays so unless the course says `reopen`. The
    revision is left to whoever stores it.
    """
    rows = list(rows)
    course_progress = _begun(course.course, course_progress, rows)
    changed: list[LessonProgress] = []
    tally = NOTHING
    at_lesson = last_started(course.course, rows)  # no row comes to be started, or not started, by an edit
    for row in rows:
        lesson = course.course.lessons_by_id.get(row.lesson_id)
        present = row
        if lesson is not None and course.criteria.get(lesson.id, 0) > course_progress.course_version:
            present = progress.recalculate(row, lesson, now)
        if present is not row:
            changed.append(present)
        tally = tally.plus(contribution(lesson, present), less=NOTHING)
    completed_at = course_progress.completed_at
    if is_complete(course.course, tally):
        completed_at = completed_at or now
    elif course.course.on_edit is OnEdit.REOPEN:
        completed_at = None
    present_course_progress = course_progress._replace(
        tally=tally, course_version=course.version, completed_at=completed_at, at_lesson=at_lesson
    )
    return Recalculated(present_course_progress, changed)


def agrees(
    course: VersionedCourse, course_progress: CourseProgress, tally: Tally, at_lesson: LessonId | None, *, derived: bool
) -> bool:
    """Whether course progress is what `tally` and `at_lesson`, found anew from its rows, make of it.

    One of another version of the course is taken as it is until all that follows from the edit is `derived`, and one
    of a course that was started over for good.
    """
    if course_progress.course_version != course.version:
        return not derived or course_progress.started_at is None
    if course_progress.at_lesson != at_lesson or (course_progress.started_at is None and tally != NOTHING):
        return False
    is_incomplete = course_progress.completed_at is None
    return course_progress.tally == tally and not (is_incomplete and is_complete(course.course, tally))


def is_complete(course: Course, tally: Tally) -> bool:
    """Whether every lesson that counts is completed, and there is one."""
    return 0 < course.required_lessons <= tally.completed_lessons


def next_revision(progress: CourseProgress | None, now: datetime) -> int:
    """The revision of a write: one more than the last, and at least the time in microseconds since 1970.

    The time keeps a course that is started over from counting through the same numbers again.
    """
    return max(microseconds(now), progress.revision + 1) if progress else microseconds(now)


def microseconds(moment: datetime) -> int:
    """A moment as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def summarise(course: Course, progress: CourseProgress | None) -> Summary:
    """The summary over the lessons that are in the course now; `None`: the learner has not written in it yet."""
    tally = progress.tally if progress else NOTHING
    total = course.required_lessons
    return Summary(
        course_id=course.id,
        total_lessons=total,
        completed_lessons=tally.completed_lessons,
        in_progress_lessons=tally.in_progress_lessons,
        completion_percentage=shown(100 * tally.completed_lessons / total, 2) if total else 0,
        total_time_spent_minutes=minutes(tally.micro_minutes),
        last_accessed=progress.last_accessed if progress else None,
    )


def micro_minutes(row: LessonProgress | None) -> int:
    """A row's time in whole millionths of a minute."""
    return to_micro_minutes(row.time_spent_minutes) if row else 0


def to_micro_minutes(time: Number) -> int:
    """Minutes as whole millionths of a minute."""
    return round(time * _MICRO_MINUTES_OF_A_MINUTE)


def minutes(micro_minutes: int) -> Number:
    """Millionths of a minute as minutes."""
    return plain(micro_minutes / _MICRO_MINUTES_OF_A_MINUTE)


def _begun(course: Course, course_progress: CourseProgress, rows: Sequence[LessonProgress]) -> CourseProgress:
    """Course progress that says of somebody with rows that nothing was begun, with what the rows tell of it."""
    if course_progress.started_at is not None or not rows:
        return course_progress
    started_at = min(row.created_at for row in rows)
    own = max((row.updated_at for row in rows if row.written_by is None), default=None)
    if own is None:
        return course_progress._replace(started_at=started_at)
    day = course_progress.day if course_progress.day.date != NEVER else LearnerDay(course.date_of(own))
    return course_progress._replace(started_at=started_at, last_accessed=course_progress.last_accessed or own, day=day)
