"""The shapes of the statistics' answers, for the OpenAPI document. `formats.statistics` renders the answers."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from headway.domain import bounds
from headway.domain.explanation import NotCounted
from headway.domain.progress import Status
from headway.formats.progress import CourseSummary
from headway.formats.queries import without_default

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


class CourseStatistics(CourseFigures):
    """A course's figures, and its lessons' figures in the course's order."""

    lessons: list[LessonStatistics]


class DayActivity(BaseModel):
    """What learners did in a course on one day."""

    date: date
    active_learners: Count
    lessons_started: Count
    lessons_completed: Count
    time_spent_minutes: Minutes
    course_completions: Count


class Activity(BaseModel):
    """What learners did in a course on each day. Days are in the course's time zone."""

    course_id: UUID
    time_zone: str
    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    days: list[DayActivity]


class RosterLine(BaseModel):
    """A learner's progress in a course, over the lessons that are in it now."""

    user_id: UUID
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


class Roster(BaseModel):
    """A page of a course's learners."""

    learners: list[RosterLine]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]


class ExplainedLesson(BaseModel):
    """Whether a lesson counts in a percentage, and why not."""

    lesson_id: UUID
    title: Annotated[str | None, Field(description="Null where the lesson has left the course.")]
    status: Status
    counted: bool
    reason: Annotated[NotCounted | None, Field(description="Why it was not counted.")]


class Explanation(BaseModel):
    """Which lessons count in a percentage, and under which version of the course document."""

    course_version: int
    lessons: list[ExplainedLesson]


class ExplainedSummary(CourseSummary):
    """A summary with an explanation of its percentage."""

    explanation: Explanation


class LearnerLesson(BaseModel):
    """A learner's progress in a lesson, without the learner's private fields."""

    user_id: UUID
    course_id: UUID
    lesson_id: UUID
    content_id: UUID
    status: Status
    progress_percentage: bounds.Percentage
    video_position_seconds: bounds.Seconds
    quiz_score: bounds.Percentage | None
    quiz_attempts: bounds.Attempts
    quiz_passed: bool
    time_spent_minutes: bounds.Minutes
    is_bookmarked: bool
    id: UUID
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    written_by: Annotated[UUID | None, Field(description="Who wrote it last on the learner's behalf, if anybody.")]
    completed_by: Annotated[UUID | None, Field(description="Who completed it against the lesson's conditions.")]


class LearnerDetail(RosterLine):
    """A learner's progress in a course and in each lesson. `explanation` is there where it was asked for."""

    course_id: UUID
    lessons: list[LearnerLesson]
    explanation: Annotated[
        Explanation | SkipJsonSchema[None],
        Field(description="Where it was asked for.", json_schema_extra=without_default),
    ] = None
