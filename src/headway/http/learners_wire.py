"""What is done for learners by others, as it travels: parameters, and the shapes that answers have."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from headway.domain import bounds
from headway.domain.progress import Status
from headway.http.statistics_query import Flag


class ImportQuery(BaseModel):
    """How a file is imported."""

    dry_run: Annotated[Flag, Field(description="Say what would become of the lines, and write nothing.")] = False
    atomic: Annotated[Flag, Field(description="Write all lines or none; 10,000 at most.")] = False
    user_id: Annotated[UUID | None, Field(description="Whose an export becomes, where not its own learner's.")] = None


class LineFault(BaseModel):
    """One fault of a line: its number in the file where in it, what, and a stable name for the kind of fault."""

    line: Annotated[int, Field(ge=1)]
    loc: list[str | int]
    msg: str
    type: str


class ImportReport(BaseModel):
    """What became of the lines."""

    lines: Annotated[int, Field(ge=0, description="Without a header and empty lines.")]
    written: Annotated[int, Field(ge=0)]
    unchanged: Annotated[int, Field(ge=0, description="Lines that found their row as they would have made it.")]
    refused: Annotated[int, Field(ge=0)]
    held_back: Annotated[
        int, Field(ge=0, description="Lines that say `completed` of a lesson of which a condition is not met.")
    ]
    errors: Annotated[list[LineFault], Field(description="The first 1,000.")]
    ignored: Annotated[list[str], Field(description="Fields that are not taken, the first 100.")]
    encoding: Annotated[Literal["utf-8", "utf-16"], Field(description="As it was found.")]
    separator: Annotated[Literal[",", ";", "\t"] | None, Field(description="As it was found; null but for CSV.")]


class HeldRow(BaseModel):
    """One row, as it is kept."""

    user_id: UUID
    course_id: UUID
    lesson_id: UUID
    status: Status
    progress_percentage: bounds.Percentage
    video_position_seconds: bounds.Seconds
    quiz_score: bounds.Percentage | None
    quiz_attempts: bounds.Attempts
    quiz_passed: bool
    time_spent_minutes: bounds.Minutes
    user_notes: bounds.Notes | None
    is_bookmarked: bool
    metadata: dict[str, Any]
    id: UUID
    completed_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    version: Annotated[int, Field(ge=1)]
    written_by: Annotated[UUID | None, Field(description="Who wrote it last on the learner's behalf.")]
    worked_at: Annotated[dt.datetime | None, Field(description="When the learner's own work last changed it.")]
    completed_by: Annotated[UUID | None, Field(description="Who completed it against the lesson's conditions.")]


class HeldDay(BaseModel):
    """What was done on one day, which is cut in the course's time zone."""

    date: dt.date
    lessons_started: Annotated[int, Field(ge=0)]
    lessons_completed: Annotated[int, Field(ge=0)]
    time_spent_minutes: Annotated[float, Field(ge=0)]
    course_completions: Annotated[int, Field(ge=0)]


class HeldCourseDay(HeldDay):
    """A day that is finished, in a course."""

    course_id: UUID


class HeldStanding(BaseModel):
    """Where the learner stands in a course, as it is kept: under the version of the course that it was made under."""

    course_id: UUID
    completed_lessons: Annotated[int, Field(ge=0)]
    in_progress_lessons: Annotated[int, Field(ge=0)]
    total_time_spent_minutes: Annotated[float, Field(ge=0)]
    last_accessed: dt.datetime | None
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    course_version: int
    revision: int
    last_day: Annotated[HeldDay | None, Field(description="`null` where others wrote alone.")]


class LearnerExport(BaseModel):
    """All that is held on a learner: rows, standings, and days that are finished."""

    user_id: UUID
    rows: list[HeldRow]
    standings: list[HeldStanding]
    days: list[HeldCourseDay]
