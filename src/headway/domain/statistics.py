"""What one row contributes to its course's figures, and the figures themselves.

Figures are kept by deltas: a write adds what the row contributes after it less what it did before. Time is summed
in whole millionths of a minute, to which each row's time is rounded, so that sums are exact in any order and equal a
recount to the last digit.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from headway.domain.bounds import Number, plain
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.progress import LessonProgress, Status
from headway.domain.writes import LessonWrite, Written

_PARTS_OF_A_MINUTE: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Tally(NamedTuple):
    """Lessons that count, completed and in progress, and the time over all lessons, in millionths of a minute."""

    completed_lessons: int = 0
    in_progress_lessons: int = 0
    time_parts: int = 0

    def plus(self, other: Self, less: Self) -> "Tally":
        """This tally with `other` added and `less` taken away."""
        return Tally(
            self.completed_lessons + other.completed_lessons - less.completed_lessons,
            self.in_progress_lessons + other.in_progress_lessons - less.in_progress_lessons,
            self.time_parts + other.time_parts - less.time_parts,
        )


NOTHING: Final = Tally()


class CourseProgress(NamedTuple):
    """Where a learner stands in a course, kept with every write.

    `course_version` is the version of the course document that the tally was made under: under another one it
    no longer holds and is recounted from the rows. `last_accessed` is the learner's last write in the course, `None`
    where the course was started over and not written in since; `revision` grows with every change and is not used
    again when the course is started over.
    """

    learner_id: LearnerId
    course_id: CourseId
    tally: Tally
    last_accessed: datetime | None
    course_version: int
    revision: int


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
    return Tally(
        int(lesson.required and row.status is Status.COMPLETED),
        int(lesson.required and row.status is Status.IN_PROGRESS),
        round(row.time_spent_minutes * _PARTS_OF_A_MINUTE),
    )


def recount(course: Course, rows: Iterable[LessonProgress]) -> Tally:
    """The tally from the rows themselves."""
    tally = NOTHING
    for row in rows:
        tally = tally.plus(contribution(course.lessons_by_id.get(row.lesson_id), row), less=NOTHING)
    return tally


def advance(
    tally: Tally, write: LessonWrite, written: Written, *, course_version: int, revision: int, now: datetime
) -> CourseProgress:
    """Where a write leaves its learner in the course; `tally` is what it was before, under this `course_version`."""
    return CourseProgress(
        write.learner_id,
        write.course_id,
        tally.plus(contribution(written.lesson, written.after), less=contribution(written.lesson, written.before)),
        now,
        course_version,
        revision,
    )


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
        completion_percentage=plain(round(100 * tally.completed_lessons / total, 2)) if total else 0,
        total_time_spent_minutes=plain(tally.time_parts / _PARTS_OF_A_MINUTE),
        last_accessed=progress.last_accessed if progress else None,
    )
