"""A learner's progress in a course, and what progress in one lesson contributes to it.

The tally is kept by differences: a write adds what the lesson progress contributes after the write, less what it
contributed before. Time is rounded to whole micro-minutes (millionths of a minute) for each lesson and then summed. So
sums are exact in any order, and equal to a recount.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Self

from headway.domain import progress
from headway.domain.bounds import Number, plain, shown
from headway.domain.catalogue import Course, Lesson, OnEdit, VersionedCourse
from headway.domain.dating import microseconds
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.progress import LessonProgress, Status

_MICRO_MINUTES_OF_A_MINUTE: Final = 1_000_000


class Tally(NamedTuple):
    """The numbers of completed and started lessons that count, and the time over all lessons, in micro-minutes."""

    completed_lessons: int = 0
    in_progress_lessons: int = 0
    micro_minutes: int = 0

    def plus(self, other: Self, less: Self) -> "Tally":
        """Return this tally plus `other`, minus `less`."""
        return Tally(
            self.completed_lessons + other.completed_lessons - less.completed_lessons,
            self.in_progress_lessons + other.in_progress_lessons - less.in_progress_lessons,
            self.micro_minutes + other.micro_minutes - less.micro_minutes,
        )


NOTHING: Final = Tally()
NEVER: Final = date(1970, 1, 1)
"""The date of `CourseProgress.day` while the learner has not been seen in the course."""
NOTHING_REMOVED: Final[Mapping[str, int]] = {}
ALL_LESSONS: Final = "*"
"""Stands for all lessons of the course in `removed_at`."""


class LearnerDay(NamedTuple):
    """What a learner did in a course on one day. Days begin and end in the course's time zone.

    Writes by other persons for the learner do not count. Lessons started, lessons completed and completions of the
    course count each time they happen. `micro_minutes` is the time added on that day, at most 24 hours.
    """

    date: date
    lessons_started: int = 0
    lessons_completed: int = 0
    micro_minutes: int = 0
    completions: int = 0


class EnrolmentSource(NamedTuple):
    """What enrols a learner in a course: the learner's own enrolment (`group_id` is `None`), or that of a group.

    `starts_at` is from when the learner may begin, `due_at` until when the course is to be completed.
    """

    group_id: GroupId | None = None
    starts_at: datetime | None = None
    due_at: datetime | None = None


class CourseProgress(NamedTuple):
    """A learner's enrolment and progress in a course. Every write updates it.

    - `course_version`: the version of the course document that the tally follows. Under another version the tally is
      not valid and is recalculated from the lesson progress.
    - `last_accessed`: the learner's own last write; `None` where only other persons wrote.
    - `revision`: grows with every change. A number is not used again after the course is started over.
    - `started_at`: the first write in the course, by any writer; `None` where there was none since the learner started
      the course over.
    - `completed_at`: when the learner completed the last lesson that counts.
    - `day`: the last day on which the learner wrote; its date is `NEVER` where only other persons wrote.
    - `at_lesson`: the last lesson that the learner has started, in the order of that version of the course.
    - `enrolled_at`: when the learner was enrolled, by others or by the first write; `None` where the learner never was,
      and where an enrolment ended before the learner started.
    - `ended_at`: when the enrolment ended; `None` where it has not.
    - `due_at`: until when the learner is to complete the course. It follows from `sources`.
    - `sources`: what enrols the learner, by group. It is empty where the first write enrolled the learner.
    - `run`: the number of the learner's present run of the course. The other fields, except `day` and those of the
      enrolment, are of this run.
    - `run_began_at`: when the present run began; `None` for the first run.
    - `removed_at`: when the progress in a lesson was removed, by lesson, and in all of them (`ALL_LESSONS`), in
      microseconds since 1970. A write that was made before does not bring it back.
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
    enrolled_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    sources: tuple[EnrolmentSource, ...] = ()
    run: int = 1
    run_began_at: datetime | None = None
    removed_at: Mapping[str, int] = NOTHING_REMOVED

    @property
    def is_enrolled(self) -> bool:
        """Whether the learner is enrolled now."""
        return self.enrolled_at is not None and self.ended_at is None

    @property
    def is_listed(self) -> bool:
        """Whether the learner is in the course's roster: is enrolled, or has started."""
        return self.enrolled_at is not None

    def has_same_enrolment(self, other: "CourseProgress") -> bool:
        """Whether the learner is enrolled in both or in neither, and by the same."""
        return (
            (self.enrolled_at is None) is (other.enrolled_at is None)
            and (self.ended_at is None) is (other.ended_at is None)
            and self.sources == other.sources
        )

    @property
    def last_seen(self) -> date | None:
        """The last day on which the learner wrote; `None` where only other persons wrote."""
        return None if self.day.date == NEVER else self.day.date

    @property
    def is_empty(self) -> bool:
        """Whether it holds no data any more, because the learner was erased."""
        return not self.is_listed and self.ended_at is None and self.day.date == NEVER


class LessonsStamp(NamedTuple):
    """A stamp of a learner's lesson progress in a course. Where two stamps are equal, the lesson progress is too.

    `course_version` changes with the course document, `revision` with each write to the learner's progress there.
    """

    course_version: int
    revision: int | None


class Summary(NamedTuple):
    """One learner's course completion statistics, as the reference defines them."""

    course_id: CourseId
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: Number
    total_time_spent_minutes: Number
    last_accessed: datetime | None


def contribution(lesson: Lesson | None, lesson_progress: LessonProgress | None) -> Tally:
    """Return what lesson progress adds to the tally: nothing without progress or outside the course."""
    if lesson is None or lesson_progress is None:
        return NOTHING
    return tally_of(1, lesson_progress.status, micro_minutes(lesson_progress), required=lesson.required)


def tally_of(lessons: int, status: Status, micro_minutes: int, *, required: bool) -> Tally:
    """Return what lessons with the same status add to a tally. `required` says whether they count."""
    return Tally(
        lessons if required and status is Status.COMPLETED else 0,
        lessons if required and status is Status.IN_PROGRESS else 0,
        micro_minutes,
    )


def recount(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> Tally:
    """Compute the tally from all the learner's lesson progress in the course."""
    tally = NOTHING
    for lesson_progress in all_lesson_progress:
        tally = tally.plus(
            contribution(course.lessons_by_id.get(lesson_progress.lesson_id), lesson_progress), less=NOTHING
        )
    return tally


def last_started(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> LessonId | None:
    """Return the last lesson in the course's order that the learner has started, whether it counts or not."""
    positions = course.positions
    started = (one.lesson_id for one in all_lesson_progress if one.lesson_id in positions and is_started(one))
    return max(started, key=positions.__getitem__, default=None)


def is_started(lesson_progress: LessonProgress | None) -> bool:
    """Whether there is progress, and it says that the lesson was started."""
    return lesson_progress is not None and lesson_progress.status is not Status.NOT_STARTED


def is_completed(lesson_progress: LessonProgress | None) -> bool:
    """Whether there is progress, and it says that the lesson is completed."""
    return lesson_progress is not None and lesson_progress.status is Status.COMPLETED


def emptied(course_progress: CourseProgress, now: datetime) -> CourseProgress:
    """Return course progress without any data of its learner. Only the ids and the revision stay."""
    return restarted(course_progress, now)._replace(
        day=LearnerDay(NEVER),
        enrolled_at=None,
        ended_at=None,
        due_at=None,
        sources=(),
        run=1,
        run_began_at=None,
        removed_at=NOTHING_REMOVED,
    )


def restarted(course_progress: CourseProgress, now: datetime) -> CourseProgress:
    """Return the course progress of a learner who starts the course over. The days and the enrolment stay."""
    return course_progress._replace(
        tally=NOTHING,
        last_accessed=None,
        revision=next_revision(course_progress, now),
        started_at=None,
        completed_at=None,
        at_lesson=None,
        enrolled_at=course_progress.enrolled_at if course_progress.is_enrolled else None,
        removed_at={ALL_LESSONS: microseconds(now)},
    )


def without_progress(learner_id: LearnerId, course: VersionedCourse) -> CourseProgress:
    """Return course progress for a learner who has none. `recalculate` fills it where there is lesson progress."""
    return CourseProgress(learner_id, course.course.id, NOTHING, None, course.version, 0, None, None, LearnerDay(NEVER))


class Recalculated(NamedTuple):
    """Course progress under another version of its course, and the lesson progress that changed with it."""

    course_progress: CourseProgress
    lesson_progress: list[LessonProgress]


def recalculate(
    course: VersionedCourse,
    course_progress: CourseProgress,
    all_lesson_progress: Iterable[LessonProgress],
    now: datetime,
) -> Recalculated:
    """Recalculate course progress under a version of the course.

    First the lesson progress is recalculated in lessons whose conditions have changed. A learner who has completed all
    lessons that count has completed the course. A learner who has not keeps an earlier completion, except where the
    course's `on_edit` is `reopen`. The caller sets the revision.
    """
    all_lesson_progress = list(all_lesson_progress)
    course_progress = _begun(course.course, course_progress, all_lesson_progress)
    changed: list[LessonProgress] = []
    tally = NOTHING
    at_lesson = last_started(course.course, all_lesson_progress)  # an edit never changes whether a lesson is started
    for lesson_progress in all_lesson_progress:
        lesson = course.course.lessons_by_id.get(lesson_progress.lesson_id)
        present = lesson_progress
        if lesson is not None and course.criteria.get(lesson.id, 0) > course_progress.course_version:
            present = progress.recalculate(lesson_progress, lesson, now)
        if present is not lesson_progress:
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
    course: VersionedCourse,
    course_progress: CourseProgress,
    tally: Tally,
    at_lesson: LessonId | None,
    *,
    recalculated: bool,
) -> bool:
    """Whether stored course progress agrees with `tally` and `at_lesson`, computed again from the lesson progress.

    Course progress of another version is accepted until the recalculation is finished (`recalculated`). After that it
    is accepted only where the learner started the course over and has not written since.
    """
    if course_progress.course_version != course.version:
        return not recalculated or course_progress.started_at is None
    if course_progress.at_lesson != at_lesson or (course_progress.started_at is None and tally != NOTHING):
        return False
    is_incomplete = course_progress.completed_at is None
    return course_progress.tally == tally and not (is_incomplete and is_complete(course.course, tally))


def is_complete(course: Course, tally: Tally) -> bool:
    """Whether the course has lessons that count, and all of them are completed."""
    return 0 < course.required_lessons <= tally.completed_lessons


def enrolled(course_progress: CourseProgress) -> CourseProgress:
    """Return course progress in which the first write has enrolled the learner, where nothing else has before."""
    if course_progress.enrolled_at is not None:
        return course_progress
    return course_progress._replace(enrolled_at=course_progress.started_at)


def with_sources(course_progress: CourseProgress, sources: Sequence[EnrolmentSource]) -> CourseProgress:
    """Return course progress with what enrols the learner, and the due date: the learner's own, or the latest one."""
    enrolled_by = course_progress._replace(sources=tuple(sources))
    latest = max(filter(None, (_due_at(enrolled_by, source) for source in sources)), default=None)
    return enrolled_by._replace(due_at=own_due_at(enrolled_by) or latest)


def own_due_at(course_progress: CourseProgress) -> datetime | None:
    """Return until when the learner's own enrolment says that the course is to be completed; `None`: it does not."""
    own = next((source for source in course_progress.sources if source.group_id is None), None)
    return _due_at(course_progress, own) if own else None


def _due_at(course_progress: CourseProgress, source: EnrolmentSource) -> datetime | None:
    """Return the due date of a source. A date from before the present run was one of an earlier run."""
    began_at = course_progress.run_began_at
    if source.due_at is None or (began_at is not None and source.due_at <= began_at):
        return None
    return source.due_at


def next_revision(progress: CourseProgress | None, now: datetime) -> int:
    """Return the revision after a write: above the last one, and at least `now` in microseconds since 1970.

    Because of the time, a course that is started over does not use the same numbers again.
    """
    return max(microseconds(now), progress.revision + 1) if progress else microseconds(now)


def summarise(course: Course, progress: CourseProgress | None) -> Summary:
    """Return the summary over the present lessons of the course. `progress` is `None` where there is no write yet."""
    tally = progress.tally if progress else NOTHING
    total = course.required_lessons
    return Summary(
        course_id=course.id,
        total_lessons=total,
        completed_lessons=tally.completed_lessons,
        in_progress_lessons=tally.in_progress_lessons,
        completion_percentage=completion_percentage(tally.completed_lessons, total),
        total_time_spent_minutes=minutes(tally.micro_minutes),
        last_accessed=progress.last_accessed if progress else None,
    )


def completion_percentage(completed_lessons: int, total_lessons: int) -> Number:
    """Return the share of lessons that are completed, from 0 to 100, with at most two decimals."""
    return shown(100 * completed_lessons / total_lessons, 2) if total_lessons else 0


def micro_minutes(lesson_progress: LessonProgress | None) -> int:
    """Return the time of lesson progress in micro-minutes; 0 without progress."""
    return to_micro_minutes(lesson_progress.time_spent_minutes) if lesson_progress else 0


def to_micro_minutes(time: Number) -> int:
    """Convert minutes to micro-minutes."""
    return round(time * _MICRO_MINUTES_OF_A_MINUTE)


def minutes(micro_minutes: int) -> Number:
    """Convert micro-minutes to minutes."""
    return plain(micro_minutes / _MICRO_MINUTES_OF_A_MINUTE)


def _begun(
    course: Course, course_progress: CourseProgress, all_lesson_progress: Sequence[LessonProgress]
) -> CourseProgress:
    """Fill in the times of course progress that has none although the learner has lesson progress."""
    if course_progress.started_at is not None or not all_lesson_progress:
        return course_progress
    started_at = min(one.created_at for one in all_lesson_progress)
    own = max(
        (one.updated_at for one in all_lesson_progress if one.written_by is None),
        default=None,
    )
    if own is None:
        return enrolled(course_progress._replace(started_at=started_at))
    day = course_progress.day if course_progress.day.date != NEVER else LearnerDay(course.date_of(own))
    last_accessed = course_progress.last_accessed or own
    return enrolled(course_progress._replace(started_at=started_at, last_accessed=last_accessed, day=day))
