"""The values of the learner's pages: a course with its lessons by section, and a calendar of active days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple, Self

from headway.domain.activity import ActiveDay, Calendar
from headway.domain.bounds import Number
from headway.domain.catalogue import Course, Lesson, by_section
from headway.domain.completions import expires_at
from headway.domain.course_progress import CourseProgress, Summary
from headway.domain.enrolments import Barrier, starts_at
from headway.domain.explanation import ExplainedLesson, NotCounted
from headway.domain.progress import LessonProgress, Status
from headway.service import Finish, OwnCourse

_LESSONS_OF_A_WINDOW: Final = 40


class LessonLine(NamedTuple):
    """A lesson, and the learner's lesson progress, if there is any.

    `due_at` is when it is due, `late` says that it is not completed then. `locked_by` are lessons that come first.
    `is_next` says that the learner continues here.
    """

    lesson: Lesson
    lesson_progress: LessonProgress | None
    due_at: datetime | None = None
    late: bool = False
    locked_by: Sequence[Lesson] = ()
    is_next: bool = False

    @property
    def status(self) -> Status:
        """The learner's status in the lesson."""
        return self.lesson_progress.status if self.lesson_progress else Status.NOT_STARTED

    @property
    def is_begun(self) -> bool:
        """Whether the learner has begun the lesson. A bookmark or a note alone does not begin it."""
        return self.status is not Status.NOT_STARTED or self.minutes > 0

    @property
    def minutes(self) -> Number:
        """The minutes spent."""
        return self.lesson_progress.time_spent_minutes if self.lesson_progress else 0

    @property
    def is_scored(self) -> bool:
        """Whether the learner has a score, or the lesson has a pass mark."""
        return self.lesson.pass_mark is not None or (
            self.lesson_progress is not None and self.lesson_progress.quiz_score is not None
        )

    @property
    def is_bookmarked(self) -> bool:
        """Whether the learner has set a bookmark."""
        return self.lesson_progress is not None and self.lesson_progress.is_bookmarked

    @property
    def notes(self) -> str:
        """The learner's notes."""
        return (self.lesson_progress and self.lesson_progress.user_notes) or ""


def lines_of(course: Course, all_lesson_progress: Iterable[LessonProgress]) -> list[LessonLine]:
    """Return a line for each lesson of a course, in the course's order."""
    found = {one.lesson_id: one for one in all_lesson_progress}
    return [LessonLine(lesson, found.get(lesson.id)) for lesson in course.lessons]


class Shown(StrEnum):
    """Which lessons are shown."""

    ALL = "all"
    OPEN = "open"
    BOOKMARKED = "bookmarked"
    NOTED = "noted"

    @classmethod
    def named(cls, name: str | None) -> "Shown":
        """Return the choice of this name, or `ALL` where there is none."""
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


class Asked(NamedTuple):
    """What the address of a course's page asks for: which lessons are shown, and a lesson whose section is open."""

    shown: Shown = Shown.ALL
    lesson_id: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return what a query asks for."""
        return cls(Shown.named(query.get("show")), query.get("lesson"))

    def opens(self, line: LessonLine) -> bool:
        """Whether the section with this lesson is open: all sections where some lessons are chosen."""
        return self.shown is not Shown.ALL or line.is_next or line.lesson.id == self.lesson_id


class Section(NamedTuple):
    """Consecutive lessons under one heading, or under none (`None`).

    `lines` are the lessons shown; `lessons` and `completed` count all lessons of the section. A section is `far` where
    so many lessons come before it that people must scroll to see it. `is_open` says that its lessons are unfolded.
    """

    title: str | None
    lines: Sequence[LessonLine]
    lessons: int
    completed: int
    far: bool
    is_open: bool


class CourseView(NamedTuple):
    """The page of a course.

    `counts` is the number of lessons for each choice of `shown`. `optional` are the lessons that do not count because
    they are optional. `removed` is the number of lessons that the learner began and that were removed from the course.
    `barrier` is why the learner may not go on; `opens_at` is when the learner may, where that is known. `late` says
    that the course is not completed and its due date is past. `finish` is a completion that is new.
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
    barrier: Barrier | None
    opens_at: datetime | None
    late: bool
    finish: Finish | None

    @property
    def begun(self) -> bool:
        """Whether the learner has started the course."""
        return self.course_progress is not None and self.course_progress.started_at is not None

    @property
    def due_at(self) -> datetime | None:
        """Until when the learner is to complete the course; `None` where it is completed, or due at any time."""
        if self.course_progress is None or self.course_progress.completed_at is not None:
            return None
        return self.course_progress.due_at

    @property
    def expires_at(self) -> datetime | None:
        """Until when the completion of the course counts, if it is completed and ends to count."""
        return expires_at(self.course, self.course_progress.completed_at) if self.course_progress else None

    def takes_word(self, line: LessonLine) -> bool:
        """Whether the learner may mark a lesson as done, or as not done."""
        return self.barrier is None and not line.locked_by and line.lesson.is_done_by_word

    @classmethod
    def of(cls, own: OwnCourse, asked: Asked) -> Self:
        """Make the page's values from a learner's course."""
        reading = own.reading
        progress = reading.course_progress
        lines = list(_own_lines(own))
        explained = reading.explanation.lessons
        return cls(
            course=reading.versioned.course,
            summary=reading.summary,
            course_progress=progress,
            next_lesson=None if own.barrier else own.next_lesson,
            shown=asked.shown,
            counts=[(choice, sum(map(choice.includes, lines))) for choice in Shown],
            sections=list(_sections(lines, asked)),
            optional=[one for one in explained if one.reason is NotCounted.OPTIONAL],
            removed=sum(one.reason is NotCounted.REMOVED for one in explained),
            barrier=own.barrier,
            opens_at=starts_at(progress) if progress and own.barrier is Barrier.NOT_BEGUN else None,
            late=own.late,
            finish=own.finish,
        )


def _own_lines(own: OwnCourse) -> Iterator[LessonLine]:
    """Yield a line for each lesson of the learner's course, in the course's order."""
    course = own.reading.versioned.course
    found = {one.lesson_id: one for one in own.reading.lesson_progress}
    for seen in own.lessons:
        lesson = seen.lesson
        locked_by = [course.lessons_by_id[lesson_id] for lesson_id in seen.locked_by]
        is_next = lesson is own.next_lesson and own.barrier is None
        yield LessonLine(lesson, found.get(lesson.id), seen.due_at, seen.late, locked_by, is_next)


def _sections(lines: Iterable[LessonLine], asked: Asked) -> Iterator[Section]:
    """Yield the sections that have a lesson to show. A section is folded where the learner continues in another."""
    before = 0
    groups = by_section(lines, lambda line: line.lesson)
    for title, found in groups:
        wanted = [line for line in found if asked.shown.includes(line)]
        if wanted:
            completed = sum(line.status is Status.COMPLETED for line in found)
            is_open = len(groups) == 1 or any(map(asked.opens, found))
            yield Section(title, wanted, len(found), completed, before >= _LESSONS_OF_A_WINDOW, is_open)
            before += len(wanted) if is_open else 1


class Week(NamedTuple):
    """A column: its first day, and the first day of the month that begins in it, if one does."""

    first: date
    month: date | None


class Cell(NamedTuple):
    """A day, and the activity on it, if there was any."""

    date: date
    active: ActiveDay | None


class CalendarView(NamedTuple):
    """The table. `rows` are weekdays (Monday is 0), each with a cell for each week: `None` for days in the future."""

    weeks: Sequence[Week]
    rows: Sequence[tuple[int, Sequence[Cell | None]]]
    days: Sequence[ActiveDay]
    minutes: float
    length: int

    @classmethod
    def of(cls, calendar: Calendar) -> Self:
        """Make the table of a calendar."""
        weeks = [[Cell(*day) for day in week] for week in calendar.weeks()]
        rows = [
            (cell.date.weekday(), [week[row] if row < len(week) else None for week in weeks])
            for row, cell in enumerate(weeks[0])
        ]
        length = (calendar.last - calendar.first).days + 1
        return cls(_headed(weeks), rows, calendar.days, calendar.minutes, length)


def _headed(weeks: Sequence[Sequence[Cell]]) -> list[Week]:
    """Return the columns, with the month that begins in each."""
    return [Week(week[0].date, next((cell.date for cell in week if cell.date.day == 1), None)) for week in weeks]
