"""A learner's course as its page shows it: lessons by section, and what the percentage is made of."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple, Self

from headway.domain.bounds import Number
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import CourseProgress, Summary
from headway.domain.explanation import ExplainedLesson, NotCounted
from headway.domain.progress import LessonProgress, Status
from headway.service import OwnCourse

_LESSONS_OF_A_WINDOW: Final = 40


class LessonLine(NamedTuple):
    """A lesson and the learner's row in it, if there is one."""

    lesson: Lesson
    row: LessonProgress | None

    @property
    def status(self) -> Status:
        """How far the learner is."""
        return self.row.status if self.row else Status.NOT_STARTED

    @property
    def is_begun(self) -> bool:
        """Whether the learner has done anything in it: a bookmark and a note are nothing of the kind."""
        return self.status is not Status.NOT_STARTED or self.minutes > 0

    @property
    def minutes(self) -> Number:
        """The time spent."""
        return self.row.time_spent_minutes if self.row else 0

    @property
    def is_scored(self) -> bool:
        """Whether there is a score, or one to reach."""
        return self.lesson.pass_mark is not None or (self.row is not None and self.row.quiz_score is not None)

    @property
    def is_bookmarked(self) -> bool:
        """Whether the learner has set a bookmark."""
        return self.row is not None and self.row.is_bookmarked

    @property
    def notes(self) -> str:
        """The learner's notes."""
        return (self.row and self.row.user_notes) or ""


def lines_of(course: Course, rows: Iterable[LessonProgress]) -> list[LessonLine]:
    """A line for each lesson of a course, in its order."""
    found = {row.lesson_id: row for row in rows}
    return [LessonLine(lesson, found.get(lesson.id)) for lesson in course.lessons]


class Shown(StrEnum):
    """Which lessons are shown."""

    ALL = "all"
    OPEN = "open"
    BOOKMARKED = "bookmarked"
    NOTED = "noted"

    @classmethod
    def named(cls, name: str | None) -> "Shown":
        """The one of this name; all lessons where there is none."""
        return cls(name) if name in set(cls) else cls.ALL

    def includes(self, line: LessonLine) -> bool:
        """Whether a lesson is shown."""
        match self:
            case Shown.ALL:
                return True
            case Shown.OPEN:
                return line.status is not Status.COMPLETED
            case Shown.BOOKMARKED:
                return line.is_bookmarked
            case Shown.NOTED:
                return bool(line.notes)


class Section(NamedTuple):
    """Lessons that follow each other under one heading (`None`: under none): those shown, and how many of all.

    A section that is `far` comes after so many lessons that no window shows it before somebody scrolls.
    """

    title: str | None
    lines: Sequence[LessonLine]
    lessons: int
    completed: int
    far: bool


class CourseView(NamedTuple):
    """The page of a course.

    `counts` says how many lessons each choice of `shown` shows; `optional` are the lessons that do not count, `removed`
    is how many the learner has begun that have left the course.
    """

    course: Course
    summary: Summary
    course_progress: CourseProgress | None
    next_lesson: Lesson | None
    shown: Shown
    counts: Sequence[tuple[Shown, int]]
    sections: Sequence[Section]
    optional: Sequence[ExplainedLesson]
    removed: int

    @classmethod
    def of(cls, own: OwnCourse, shown: Shown) -> Self:
        """What the page shows of a course."""
        reading = own.reading
        course = reading.versioned.course
        lines = lines_of(course, reading.rows)
        explained = reading.explanation.lessons
        return cls(
            course=course,
            summary=reading.summary,
            course_progress=reading.course_progress,
            next_lesson=own.next_lesson,
            shown=shown,
            counts=[(choice, sum(map(choice.includes, lines))) for choice in Shown],
            sections=list(_sections(lines, shown)),
            optional=[one for one in explained if one.reason is NotCounted.OPTIONAL],
            removed=sum(one.reason is NotCounted.REMOVED for one in explained),
        )


def _sections(lines: Iterable[LessonLine], shown: Shown) -> Iterable[Section]:
    """The sections that have something to show."""
    before = 0
    for title, group in groupby(lines, key=lambda line: line.lesson.section):
        found = list(group)
        wanted = [line for line in found if shown.includes(line)]
        if wanted:
            completed = sum(line.status is Status.COMPLETED for line in found)
            yield Section(title, wanted, len(found), completed, far=before >= _LESSONS_OF_A_WINDOW)
            before += len(wanted)
