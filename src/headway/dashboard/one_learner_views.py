"""The values of the teacher's page of one learner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final, Generic, NamedTuple, TypeVar

from headway.dashboard.learner_views import LessonLine, lines_of
from headway.domain.activity import ActiveDay, Calendar
from headway.domain.catalogue import Course, by_section
from headway.domain.course_progress import last_started
from headway.domain.explanation import ExplainedLesson
from headway.domain.identifiers import LessonId
from headway.domain.outline import OutlineLesson
from headway.domain.progress import Status
from headway.service import Enrolled, OneLearner, OpenedCourse

FEW_COURSES: Final = 2
FEW_SECTIONS: Final = 3
FEW_LESSONS: Final = 3
"""How much of each the page shows; the rest is folded. So it has at most two screens of a phone."""

_Item = TypeVar("_Item")


class Around(NamedTuple, Generic[_Item]):
    """The items that are shown of a list, and those before and after them, which are folded."""

    before: Sequence[_Item]
    shown: Sequence[_Item]
    after: Sequence[_Item]


def around(items: Sequence[_Item], position: int, few: int) -> Around[_Item]:
    """Return the list with `few` items shown, so that the one at `position` is among them, with one before it."""
    first = max(0, min(position - 1, len(items) - few))
    return Around(items[:first], items[first : first + few], items[first + few :])


class Step(NamedTuple):
    """A lesson of the course. `seen` is the lesson as the learner sees it; `None` where nothing is written in it.

    `is_stop` says that the learner has stopped here.
    """

    line: LessonLine
    seen: OutlineLesson | None
    is_late: bool
    is_stop: bool


class Section(NamedTuple):
    """Consecutive lessons under one heading, or under none (`None`). `stop` is the position of the last one started."""

    title: str | None
    steps: Sequence[Step]
    stop: int | None

    @property
    def completed(self) -> int:
        """How many of the lessons are completed."""
        return sum(step.line.status is Status.COMPLETED for step in self.steps)

    @property
    def lessons(self) -> Around[Step]:
        """The lessons, of which the section shows those around the one where the learner has stopped."""
        return around(self.steps, self.stop or 0, FEW_LESSONS)


class Cell(NamedTuple):
    """A day of the strip: its column and row, from 0, and the activity, if there was any."""

    column: int
    row: int
    date: date
    active: ActiveDay | None

    @property
    def level(self) -> int:
        """How much time the learner spent; 0 where the learner was not active."""
        return self.active.level if self.active else 0


@dataclass(frozen=True)
class StripView:
    """The active days of some weeks: a column for each week, a cell for each day."""

    calendar: Calendar

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.calendar.last - self.calendar.first).days + 1

    @cached_property
    def cells(self) -> list[Cell]:
        """All days up to today."""
        return [
            Cell(column, row, *day) for column, week in enumerate(self.calendar.weeks()) for row, day in enumerate(week)
        ]

    @property
    def columns(self) -> int:
        """The number of weeks."""
        return self.cells[-1].column + 1


@dataclass(frozen=True)
class OpenedView:
    """The learner in the course that the page shows in full."""

    opened: OpenedCourse
    enrolled: Enrolled

    @property
    def course(self) -> Course:
        """The course."""
        return self.opened.detail.course

    @cached_property
    def stop(self) -> LessonId | None:
        """The lesson at which the learner has stopped; `None` where none is started, and where all are completed."""
        detail = self.opened.detail
        if self.enrolled.progress.completed_at is not None:
            return None
        return last_started(detail.course, [found.lesson_progress for found in detail.lesson_progress])

    @cached_property
    def sections(self) -> Sequence[Section]:
        """All lessons by section, in the course's order."""
        detail = self.opened.detail
        seen = {found.seen.lesson.id: found.seen for found in detail.lesson_progress}
        late = frozenset(detail.late_lessons)
        lines = lines_of(detail.course, [found.lesson_progress for found in detail.lesson_progress])
        steps = (
            Step(line, seen.get(line.lesson.id), line.lesson.id in late, line.lesson.id == self.stop) for line in lines
        )
        return [_section(*section) for section in by_section(steps, lambda step: step.line.lesson)]

    @property
    def around(self) -> Around[Section]:
        """The sections, of which the page shows those around the one where the learner has stopped."""
        open_section = next((number for number, one in enumerate(self.sections) if one.stop is not None), 0)
        return around(self.sections, open_section, FEW_SECTIONS)

    @property
    def counted(self) -> list[ExplainedLesson]:
        """The lessons that count for the percentage."""
        return [lesson for lesson in self.opened.detail.explanation.lessons if lesson.counted]

    @property
    def not_counted(self) -> list[ExplainedLesson]:
        """The lessons that do not count for the percentage."""
        return [lesson for lesson in self.opened.detail.explanation.lessons if not lesson.counted]


def _section(title: str | None, steps: Sequence[Step]) -> Section:
    return Section(title, steps, next((number for number, step in enumerate(steps) if step.is_stop), None))


class Stopped(NamedTuple):
    """Where the learner has stopped: in the course that the learner wrote in last.

    `lesson` is the title of the lesson; `None` where the course is completed, and where the lesson has left the course.
    """

    enrolled: Enrolled
    lesson: str | None
    days: int | None


@dataclass(frozen=True)
class LearnerView:
    """One learner, at a moment."""

    found: OneLearner
    now: datetime

    @cached_property
    def opened(self) -> OpenedView | None:
        """The course that the page shows in full."""
        opened = self.found.opened
        if opened is None:
            return None
        by_id: Mapping[str, Enrolled] = {one.course.id: one for one in self.found.courses}
        return OpenedView(opened, by_id[opened.detail.course.id])

    @property
    def other_courses(self) -> Sequence[Enrolled]:
        """All courses but the one that the page shows in full."""
        opened = self.opened.course.id if self.opened else None
        return [one for one in self.found.courses if one.course.id != opened]

    @property
    def strip(self) -> StripView:
        """The active days."""
        return StripView(self.found.calendar)

    @property
    def stopped(self) -> Stopped | None:
        """Where the learner has stopped; `None` where the learner has started no course."""
        last = next((one for one in self.found.courses if one.progress.started_at), None)
        if last is None:
            return None
        progress = last.progress
        lesson = last.course.lessons_by_id.get(progress.at_lesson) if progress.at_lesson else None
        title = lesson.title if lesson and progress.completed_at is None else None
        today = last.course.date_of(self.now)
        return Stopped(last, title, (today - progress.last_seen).days if progress.last_seen else None)
