"""The answers of the statistics: their shapes, and how they are rendered."""

from collections.abc import Iterable
from datetime import date, datetime
from operator import itemgetter
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from headway import service
from headway.domain import bounds
from headway.domain import statistics as domain
from headway.domain.progress import Status
from headway.domain.roster import MOST_COUNTED
from headway.formats.progress import Explanation, LessonProgress, explanation
from headway.formats.queries import without_default
from headway.formats.shapes import renderer, without

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[bounds.Percentage | None, Field(description="A percentage; null where there are no such learners.")]
Mean = Annotated[float | None, Field(ge=0, description="At most two decimals; null where there are no such learners.")]
Minutes = Annotated[float, Field(ge=0)]


class ScoreCount(BaseModel):
    """How many learners have this best score, in whole points, rounded down."""

    score: Annotated[int, Field(ge=0, le=100)]
    learners: Annotated[int, Field(ge=1)]


class LessonStatistics(BaseModel):
    """A lesson's figures, over all learners who started the lesson."""

    lesson_id: UUID
    title: str
    required: bool
    pass_mark: bounds.Percentage | None
    started: Count
    completed: Count
    in_progress: Count
    completion_rate: Rate
    stopped_here: Annotated[
        int,
        Field(ge=0, description="Learners who started it, no lesson after it, and have not completed the course."),
    ]
    drop_off: Annotated[
        bounds.Percentage | None,
        Field(description="`stopped_here` as a percentage of `started`; null where nobody started it."),
    ]
    attempted: Annotated[int, Field(ge=0, description="Learners with a score, an attempt or a pass.")]
    passed: Count
    pass_rate: Rate
    mean_attempts: Mean
    mean_score: Mean
    median_score: Annotated[int | None, Field(ge=0, le=100, description="In whole points, rounded down.")]
    score_distribution: list[ScoreCount]
    mean_time_spent_minutes: Mean
    bookmarks: Count


class CourseFigures(BaseModel):
    """A course's figures, over all learners who wrote in it."""

    course_id: UUID
    title: str
    time_zone: str
    learners: Annotated[int, Field(ge=0, description="Learners who started it.")]
    active_last_7_days: Count
    active_last_30_days: Count
    completed: Count
    completion_rate: Rate
    mean_completion_percentage: Rate
    total_time_spent_minutes: Minutes
    mean_time_spent_minutes: Mean
    enrolled: Annotated[int, Field(ge=0, description="Learners who are enrolled now.")]
    not_started: Annotated[int, Field(ge=0, description="Enrolled learners who have not started.")]
    started: Annotated[int, Field(ge=0, description="Enrolled learners who have started.")]
    enrolled_completion_rate: Rate


class Change(BaseModel):
    """How many learners there were in the last 7 days, today included (`now`), and in the 7 days before (`before`)."""

    now: Count
    before: Count


class MeanChange(BaseModel):
    """The mean of a day of the last 7 days, today included (`now`), and of the 7 days before (`before`)."""

    now: Annotated[float, Field(ge=0)]
    before: Annotated[float, Field(ge=0)]


class Changes(BaseModel):
    """How figures have changed in a week. Days are in the course's time zone."""

    enrolled: Annotated[Change, Field(description="Enrolled learners, by when they were enrolled.")]
    started: Annotated[Change, Field(description="Enrolled learners, by when they started.")]
    completed: Annotated[Change, Field(description="Learners, by when they completed the course.")]
    late: Annotated[Change, Field(description="Enrolled learners who are late now, and who were late 7 days ago.")]
    active: Annotated[MeanChange, Field(description="Learners who were active on a day.")]


class CourseStatistics(CourseFigures):
    """A course's figures, and its lessons' figures in the course's order."""

    late: Annotated[int, Field(ge=0, description="Enrolled learners who have not completed it by their due date.")]
    changes: Changes
    lessons: list[LessonStatistics]


class GroupName(BaseModel):
    """A group by its id and title."""

    id: UUID
    title: str


class ComparedStatistics(CourseStatistics):
    """A course's figures beside others. `group` is the group whose members are counted; null: all learners."""

    group: GroupName | None


class DayActivity(BaseModel):
    """What learners did in a course on one day."""

    date: date
    active_learners: Count
    lessons_started: Count
    lessons_completed: Count
    time_spent_minutes: Minutes
    course_completions: Count


class PeriodActivity(BaseModel):
    """What learners did in a course in a week or a month. At the ends of the days asked for, it may be cut off."""

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    active_learners_a_day: Annotated[
        float, Field(ge=0, description="The mean number of learners who were active on a day; at most two decimals.")
    ]
    lessons_started: Count
    lessons_completed: Count
    time_spent_minutes: Minutes
    course_completions: Count


class Activity(BaseModel):
    """What learners did in a course on each day. Days are in the course's time zone.

    `periods` is there where weeks or months were asked for.
    """

    course_id: UUID
    time_zone: str
    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    days: list[DayActivity]
    periods: Annotated[
        list[PeriodActivity] | SkipJsonSchema[None],
        Field(description="Where weeks or months were asked for.", json_schema_extra=without_default),
    ] = None


class RosterLine(BaseModel):
    """A learner's progress in a course, over the lessons that are in it now."""

    user_id: UUID
    name: Annotated[str | None, Field(description="The name in the learner's profile; null where there is none.")]
    total_lessons: Count
    completed_lessons: Count
    in_progress_lessons: Count
    completion_percentage: bounds.Percentage
    total_time_spent_minutes: Minutes
    last_accessed: datetime | None
    started_at: datetime | None
    last_seen: Annotated[
        date | None,
        Field(description="The last day on which the learner wrote, in the course's time zone; null before that."),
    ]
    completed_at: datetime | None
    enrolled_at: datetime | None
    ended_at: Annotated[datetime | None, Field(description="When the enrolment ended; null: it has not.")]
    due_at: Annotated[datetime | None, Field(description="Until when the course is to be completed.")]
    late: Annotated[bool, Field(description="Not completed, and the due date is past.")]
    completed_late: Annotated[bool, Field(description="Completed after the due date.")]


class RosterFileLine(RosterLine):
    """A line of a roster in a file. It also has what a school's other programs know the learner by.

    `at_lesson` is a title, because people read files.
    """

    email: str | None
    external_id: str | None
    at_lesson: str | None


class RosterTotal(BaseModel):
    """How many learners there are on all pages."""

    count: Annotated[int, Field(ge=0, le=MOST_COUNTED)]
    has_more: Annotated[bool, Field(description="Whether there are more than `count`.")]


class Pages(BaseModel):
    """The pages around a page of learners."""

    previous: Annotated[str | None, Field(description="The cursor (`before`) of the page before; null at the start.")]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]
    total: Annotated[
        RosterTotal | SkipJsonSchema[None],
        Field(description="Where it was asked for.", json_schema_extra=without_default),
    ] = None


class Roster(Pages):
    """A page of a course's learners."""

    learners: list[RosterLine]


class GridLesson(BaseModel):
    """A lesson of a grid."""

    lesson_id: UUID
    title: str
    section: str | None
    required: bool


class GridResult(BaseModel):
    """A learner's result in a lesson. `score` is the best one."""

    status: Status
    score: bounds.Percentage | None
    attempts: Count
    passed: bool


class GridLine(BaseModel):
    """A learner's results, in the order of the lessons. A result is null where the learner has no progress in it."""

    user_id: UUID
    name: str | None
    results: list[GridResult | None]


class Grid(Pages):
    """A page of a course's learners with their result in each lesson."""

    lessons: list[GridLesson]
    learners: list[GridLine]


PRIVATE_FIELDS: Final = ("user_notes", "metadata")
"""The fields of lesson progress that only the learner may read."""


class LearnerLesson(without(LessonProgress, *PRIVATE_FIELDS)):  # type: ignore[misc]  # made from a shape
    """A learner's progress in a lesson, without the learner's private fields."""

    written_by: Annotated[UUID | None, Field(description="Who wrote it last on the learner's behalf, if anybody.")]
    completed_by: Annotated[UUID | None, Field(description="Who completed it against the lesson's conditions.")]
    due_at: Annotated[datetime | None, Field(description="Until when it is to be completed; null: any time.")]
    late: Annotated[bool, Field(description="Not completed, and the due date is past.")]
    completed_late: Annotated[bool, Field(description="Completed after the due date.")]


class LearnerDetail(RosterLine):
    """A learner's progress in a course and in each lesson. `explanation` is there where it was asked for."""

    course_id: UUID
    lessons: list[LearnerLesson]
    late_lessons: Annotated[
        list[UUID], Field(description="The lessons that are late, also those that the learner has not started.")
    ]
    explanation: Annotated[
        Explanation | SkipJsonSchema[None],
        Field(description="Where it was asked for.", json_schema_extra=without_default),
    ] = None


_score_count: Final = renderer(ScoreCount, score=itemgetter(0), learners=itemgetter(1))
_lesson: Final = renderer(
    LessonStatistics,
    lesson_id="lesson.id",
    title="lesson.title",
    required="lesson.required",
    pass_mark="lesson.pass_mark",  # noqa: S106 - a mark, not a password
    score_distribution=lambda statistics: list(map(_score_count, statistics.distribution.items())),
    mean_time_spent_minutes="mean_minutes",
)
_course_sources: Final = {
    "course_id": "course.id",
    "title": "course.title",
    "time_zone": "course.time_zone",
    "mean_completion_percentage": "mean_completion",
    "total_time_spent_minutes": "total_minutes",
    "mean_time_spent_minutes": "mean_minutes",
}
_figures: Final = renderer(CourseFigures, **_course_sources)
course: Final = renderer(
    CourseStatistics,
    **_course_sources,
    changes=lambda statistics: {name: change._asdict() for name, change in statistics.changes._asdict().items()},
    lessons=lambda statistics: list(map(_lesson, statistics.lessons)),
)
_group: Final = renderer(GroupName)
_day: Final = renderer(DayActivity, time_spent_minutes="minutes")
_period: Final = renderer(PeriodActivity, active_learners_a_day="active_a_day", time_spent_minutes="minutes")
_activity: Final = renderer(
    without(Activity, "periods"),
    course_id="course.id",
    time_zone="course.time_zone",
    first="period.first",
    last="period.last",
    days=lambda activity: list(map(_day, activity.days)),
)
_roster_sources: Final = {
    "user_id": "course_progress.learner_id",
    "name": "profile.name",
    "total_lessons": "summary.total_lessons",
    "completed_lessons": "summary.completed_lessons",
    "in_progress_lessons": "summary.in_progress_lessons",
    "completion_percentage": "summary.completion_percentage",
    "total_time_spent_minutes": "summary.total_time_spent_minutes",
    "last_accessed": "summary.last_accessed",
    "started_at": "course_progress.started_at",
    "last_seen": "course_progress.last_seen",
    "completed_at": "course_progress.completed_at",
    "enrolled_at": "course_progress.enrolled_at",
    "ended_at": "course_progress.ended_at",
    "due_at": "course_progress.due_at",
}
roster_line: Final = renderer(RosterLine, **_roster_sources)
roster_file_line: Final = renderer(
    RosterFileLine,
    **_roster_sources,
    email="profile.email",
    external_id="profile.external_id",
    at_lesson=lambda line: line.at_lesson and line.at_lesson.title,
)
_total: Final = renderer(RosterTotal, count="number")
_grid_lesson: Final = renderer(GridLesson, lesson_id="id")
_grid_result: Final = renderer(GridResult)
_learner_lesson: Final = renderer(
    LearnerLesson,
    **{name: f"lesson_progress.{name}" for name in LearnerLesson.model_fields}
    | {"user_id": "lesson_progress.learner_id", "content_id": "seen.lesson.content_id"}
    | {name: f"seen.{name}" for name in ("due_at", "late", "completed_late")},
)


def activity(found: service.Activity, by: domain.Interval, first_weekday: int) -> dict[str, Any]:
    """Return what learners did on each day, and also by week or month.

    Weeks begin with `first_weekday`; Monday is 0.
    """
    if by is domain.Interval.DAY:
        return _activity(found)
    periods = domain.stretches_of(found.days, by, first_weekday)
    return _activity(found) | {"periods": [_period(one) for one in periods]}


def courses(lines: Iterable[domain.CourseStatistics]) -> list[dict[str, Any]]:
    """Return the figures of several courses, without their lessons."""
    return [_figures(line) for line in lines]


def compared(entries: Iterable[service.Compared]) -> list[dict[str, Any]]:
    """Return the figures of several groups or courses, one after the other."""
    return [course(entry.statistics) | {"group": entry.group and _group(entry.group)} for entry in entries]


def roster(page: service.RosterPage, previous: str | None, following: str | None) -> dict[str, Any]:
    """Return a page of a course's learners, and the cursors of the pages around it."""
    return {"learners": [roster_line(line) for line in page.lines], **_pages(page, previous, following)}


def grid(page: service.GridPage, previous: str | None, following: str | None) -> dict[str, Any]:
    """Return a page of a grid, and the cursors of the pages around it."""
    return {
        "lessons": [_grid_lesson(lesson) for lesson in page.course.lessons],
        "learners": [_grid_line(line) for line in page.lines],
        **_pages(page.roster, previous, following),
    }


def _grid_line(line: service.GridLine) -> dict[str, Any]:
    return {
        "user_id": line.learner.course_progress.learner_id,
        "name": line.learner.profile.name,
        "results": [result and _grid_result(result) for result in line.results],
    }


def _pages(page: service.RosterPage, previous: str | None, following: str | None) -> dict[str, Any]:
    around = {"previous": previous, "next": following}
    return around if page.total is None else around | {"total": _total(page.total)}


def learner(detail: service.LearnerDetail, *, explained: bool) -> dict[str, Any]:
    """Return one learner in a course, lesson by lesson; with `explained`, also the explanation of the percentage."""
    value = {
        "user_id": detail.line.course_progress.learner_id,
        "course_id": detail.course.id,
        **roster_line(detail.line),
        "lessons": [_learner_lesson(found) for found in detail.lesson_progress],
        "late_lessons": detail.late_lessons,
    }
    return value | {"explanation": explanation(detail.explanation)} if explained else value
