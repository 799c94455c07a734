"""Writes all data of a learner as one document, and reads it for an import."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Annotated, Any, Final, Required
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from headway.domain import bounds
from headway.domain import completions as kept
from headway.domain.bounds import COURSE_LESSONS, MOST_RUNS
from headway.domain.course_progress import NEVER, EnrolmentSource, LearnerDay, Tally, minutes, to_micro_minutes
from headway.domain.dating import EARLIEST
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.goals import MOST_DAYS, GoalRestore
from headway.domain.holdings import LearnerRecord
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId, ProgressId
from headway.domain.imports import Line
from headway.domain.metadata import NO_METADATA, check_metadata
from headway.domain.people import ProfileRestore
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import LessonProgress, new_lesson_progress
from headway.domain.runs import EndedRun, Run
from headway.domain.writes import LessonWrite, Origin
from headway.formats import progress
from headway.formats.content_states import HeldContentState, content_state
from headway.formats.enrolments import Completion, completion
from headway.formats.fields import Moment
from headway.formats.people import ProfileDocument
from headway.formats.people import profile as profile_values
from headway.formats.progress import DatedProgressUpdate, apart
from headway.formats.shapes import Array, Source, renderer, without

_MOST_MINUTES: Final = 1e12  # as micro-minutes, they fit into 64 bits


class HeldLessonProgress(without(progress.LessonProgress, "content_id")):  # type: ignore[misc]  # made from a shape
    """Lesson progress as it is stored."""

    version: Annotated[int, Field(ge=1)]
    written_by: Annotated[UUID | None, Field(description="Who wrote it last for the learner; null: the learner.")]
    worked_at: Annotated[dt.datetime | None, Field(description="When the learner's own work last changed it.")]
    completed_by: Annotated[UUID | None, Field(description="Who completed it although a condition is not met.")]


class HeldDay(BaseModel):
    """What the learner did on one day. Days are in the course's time zone."""

    date: dt.date
    lessons_started: Annotated[int, Field(ge=0)]
    lessons_completed: Annotated[int, Field(ge=0)]
    time_spent_minutes: Annotated[float, Field(ge=0)]
    course_completions: Annotated[int, Field(ge=0)]


class HeldCourseDay(HeldDay):
    """A finished day in a course."""

    course_id: UUID


class HeldSource(BaseModel):
    """What enrols a learner: an own enrolment (`group_id` is null) or a group, with its dates."""

    group_id: UUID | None = None
    starts_at: Moment | None = None
    due_at: Moment | None = None


class HeldCourseProgress(BaseModel):
    """A learner's progress in a course as it is stored, under the course's version of that time."""

    course_id: UUID
    completed_lessons: Annotated[int, Field(ge=0)]
    in_progress_lessons: Annotated[int, Field(ge=0)]
    total_time_spent_minutes: Annotated[float, Field(ge=0)]
    last_accessed: dt.datetime | None
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    at_lesson: Annotated[
        UUID | None, Field(description="The last lesson, in the course's order, that the learner has started.")
    ]
    course_version: int
    revision: int
    last_day: Annotated[HeldDay | None, Field(description="`null` where only others have written.")]
    enrolled_at: dt.datetime | None
    ended_at: Annotated[dt.datetime | None, Field(description="When the enrolment ended.")]
    due_at: Annotated[dt.datetime | None, Field(description="Until when the course is to be completed.")]
    enrolled_by: Annotated[
        list[HeldSource], Field(description="What enrols the learner; empty where the first write did.")
    ]
    run: Annotated[int, Field(ge=1, description="The present run of the course.")]
    run_began_at: Annotated[dt.datetime | None, Field(description="When it began; null for the first run.")]


class HeldRun(BaseModel):
    """A run of a course that has ended, with its lesson progress as it was."""

    course_id: UUID
    number: Annotated[int, Field(ge=1, le=MOST_RUNS)]
    began_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None
    ended_at: Moment
    due_at: Moment | None
    last_accessed: Moment | None
    course_version: Annotated[int, Field(ge=0, lt=2**63)]
    total_lessons: Annotated[int, Field(ge=0, le=COURSE_LESSONS)]
    completed_lessons: Annotated[int, Field(ge=0, le=COURSE_LESSONS)]
    in_progress_lessons: Annotated[int, Field(ge=0, le=COURSE_LESSONS)]
    total_time_spent_minutes: Annotated[float, Field(ge=0, le=_MOST_MINUTES)]
    lesson_progress: list[HeldLessonProgress]


class HeldGroup(BaseModel):
    """A group that the learner is in."""

    id: UUID
    title: str


class HeldGoal(BaseModel):
    """A learner's goal for each week."""

    days_per_week: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    since: Annotated[dt.date, Field(ge=EARLIEST.date(), description="Weeks count from the one with this day on.")]


class LearnerExport(BaseModel):
    """All data of a learner: profile, goal, progress, days, completions, groups, runs, states of content."""

    user_id: UUID
    profile: ProfileDocument | None
    goal: HeldGoal | None
    lesson_progress: list[HeldLessonProgress]
    course_progress: list[HeldCourseProgress]
    days: list[HeldCourseDay]
    completions: list[Completion]
    groups: list[HeldGroup]
    runs: Annotated[list[HeldRun], Field(description="The runs of courses that have ended.")]
    content_states: list[HeldContentState]


_day: Final = renderer(
    HeldDay, time_spent_minutes=lambda day: minutes(day.micro_minutes), course_completions="completions"
)
_source: Final = renderer(HeldSource)
_course_progress: Final = renderer(
    HeldCourseProgress,
    completed_lessons="tally.completed_lessons",
    in_progress_lessons="tally.in_progress_lessons",
    total_time_spent_minutes=lambda progress: minutes(progress.tally.micro_minutes),
    last_day=lambda progress: _day(progress.day) if progress.day.date != NEVER else None,
    enrolled_by=lambda progress: list(map(_source, progress.sources)),
)
_group: Final = renderer(HeldGroup)
_goal: Final = renderer(HeldGoal)
_STORED_FIELDS: Final = ("user_id", *(name for name in LessonProgress._fields[1:] if name != "set_at"))


def _stored(stored: LessonProgress) -> dict[str, Any]:
    """Return stored lesson progress without `set_at`, its last field, which only decides about writes of devices."""
    return dict(zip(_STORED_FIELDS, stored[:-1], strict=True))


_run_sources: Final[dict[str, Source]] = {
    **{name: f"run.{name}" for name in HeldRun.model_fields},
    "completed_lessons": "run.tally.completed_lessons",
    "in_progress_lessons": "run.tally.in_progress_lessons",
    "total_time_spent_minutes": lambda ended: minutes(ended.run.tally.micro_minutes),
}
_run_values: Final = renderer(without(HeldRun, "lesson_progress"), **_run_sources)


def _run(ended: EndedRun) -> dict[str, Any]:
    return {**_run_values(ended), "lesson_progress": list(map(_stored, ended.lessons))}


class _Exported(DatedProgressUpdate, total=False):
    """Lesson progress in an export."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]

    course_id: Required[UUID]
    lesson_id: Required[UUID]
    written_by: UUID | None
    worked_at: Moment | None
    completed_by: UUID | None


class _HeldProgress(BaseModel):
    """What an import reads of course progress. The counts follow from the lesson progress."""

    course_id: UUID
    last_accessed: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    last_day: HeldDay | None = None
    enrolled_at: Moment | None = None
    ended_at: Moment | None = None
    enrolled_by: list[HeldSource] = []
    run: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 1
    run_began_at: Moment | None = None


class _KeptLessonProgress(_Exported, total=False):
    """Lesson progress of a run that has ended, in an export."""

    __pydantic_config__ = ConfigDict(strict=True, extra="ignore")  # type: ignore[misc]

    id: Required[UUID]
    version: Required[Annotated[int, Field(ge=1, lt=2**63)]]


class _ExportedRun(HeldRun):
    """A run that has ended, in an export."""

    lesson_progress: list[_KeptLessonProgress]  # type: ignore[assignment]  # the same, as an import reads it


class _HeldCompletion(BaseModel):
    """What an import reads of a completion."""

    course_id: UUID
    completed_at: Moment
    course_version: Annotated[int, Field(ge=1, lt=2**63)]
    completion_percentage: bounds.Percentage
    score: bounds.Percentage | None = None
    expires_at: Moment | None = None

    def to_completion(self, learner_id: LearnerId) -> kept.Completion:
        """Return the completion of a learner."""
        held = self.model_dump() | {"learner_id": learner_id, "course_id": CourseId(str(self.course_id))}
        return kept.Completion(**held)


class _Document(TypedDict, total=False):
    """An export. Its lesson progress is not checked yet, so that an error can name the one that is wrong.

    Older exports have `rows` and `standings` for `lesson_progress` and `course_progress`.
    """

    user_id: Required[UUID]
    lesson_progress: list[dict[str, Any]]
    course_progress: list[_HeldProgress]
    days: list[HeldCourseDay]
    runs: list[_ExportedRun]
    completions: list[_HeldCompletion]
    profile: ProfileDocument | None
    goal: HeldGoal | None
    groups: list[HeldGroup]
    content_states: list[HeldContentState]
    rows: list[dict[str, Any]]
    standings: list[_HeldProgress]


_DOCUMENT: Final[TypeAdapter[_Document]] = TypeAdapter(_Document)
_EXPORTED: Final[TypeAdapter[_Exported]] = TypeAdapter(_Exported)
_OLDER_NAMES: Final = {"lesson_progress": "rows", "course_progress": "standings"}
_TWICE: Final = "This is an older name for a part that the export also has under its present name. Leave one out."
_NOT_TAKEN: Final = frozenset({"user_id", "course_id", "lesson_id", "written_by", "worked_at", "completed_by"})


def learner_document(learner_id: LearnerId, record: LearnerRecord) -> dict[str, Any]:
    """Return all data of a learner, as JSON values."""
    arrays = learner_arrays(record)
    return {**learner_head(learner_id, record), **{name: array.all() for name, array in arrays.items()}}


def learner_head(learner_id: LearnerId, record: LearnerRecord) -> Mapping[str, Any]:
    """Return the first members of that document."""
    return {
        "user_id": learner_id,
        "profile": None if record.profile is None else profile_values(record.profile),
        "goal": None if record.goal is None else _goal(record.goal),
    }


def learner_arrays(record: LearnerRecord) -> Mapping[str, Array]:
    """Return the arrays of that document, so that a long one can be rendered in parts."""
    return {
        "lesson_progress": Array(record.lesson_progress, _stored),
        "course_progress": Array(record.course_progress, _course_progress),
        "days": Array(record.days, lambda held: {"course_id": held[0], **_day(held[1])}),
        "completions": Array(record.completions, completion),
        "groups": Array(record.groups, _group),
        "runs": Array(record.runs, _run),
        "content_states": Array(record.content_states, content_state),
    }


def read_document(content: bytes, learner_id: LearnerId | None) -> Iterator[Line]:
    """Return the lines of an export: its lesson progress, course progress with all days of the course, and the rest.

    The rest is its completions, its profile, its goal and what content has stored, which have no line where they are
    empty. Groups are ignored. The lines are for `learner_id`, or for the learner that the export names. Raises
    `InvalidValueError` at once where the content is no export.
    """
    try:
        document = _DOCUMENT.validate_json(content)
    except ValidationError as error:
        raise InvalidValueError(_problems(error)) from None
    twice = [older for name, older in _OLDER_NAMES.items() if name in document and older in document]
    if twice:
        raise InvalidValueError([Problem((older,), _TWICE, "named_twice") for older in twice])
    if "lesson_progress" not in document and "rows" not in document:
        raise InvalidValueError([Problem(("lesson_progress",), "Field required", "missing")])
    return _lines(document, learner_id or LearnerId(str(document["user_id"])))


def _lines(document: _Document, learner_id: LearnerId) -> Iterator[Line]:
    part = "rows" if "rows" in document else "lesson_progress"
    all_lesson_progress = document["rows"] if "rows" in document else document["lesson_progress"]
    runs: dict[UUID, list[EndedRun]] = {}
    for run in document.get("runs", []):
        runs.setdefault(run.course_id, []).append(_to_ended_run(run, learner_id))
    held_progress = document.get("course_progress", document.get("standings", []))
    all_course_progress = {course_progress.course_id: course_progress for course_progress in held_progress}
    for number, exported in enumerate(all_lesson_progress, 1):
        yield _in_run(_to_line(number, exported, learner_id, part), all_course_progress)
    days: dict[UUID, list[LearnerDay]] = {}
    for held in document.get("days", []):
        days.setdefault(held.course_id, []).append(_to_day(held))
    courses = {
        **all_course_progress,
        **{
            course_id: _progress_without_times(course_id, runs.get(course_id, ()))
            for course_id in (days.keys() | runs.keys()) - all_course_progress.keys()
        },
    }
    numbers = count(len(all_lesson_progress) + 1)
    for course_progress in courses.values():
        course_id = course_progress.course_id
        restored = _to_restore(course_progress, days.get(course_id, []), learner_id)
        yield Line(next(numbers), restored._replace(ended_runs=tuple(runs.get(course_id, ()))))
    for held_completion in document.get("completions", []):
        yield Line(next(numbers), held_completion.to_completion(learner_id))
    profile = document.get("profile")
    if profile is not None:
        yield _to_profile(next(numbers), profile, learner_id)
    goal = document.get("goal")
    if goal is not None:
        yield Line(next(numbers), GoalRestore(learner_id, goal.days_per_week, goal.since))
    for held_state in document.get("content_states", []):
        yield Line(next(numbers), held_state.to_state(learner_id))
    if document.get("groups"):
        yield Line(next(numbers), None, ignored=("groups",))


def _in_run(line: Line, all_course_progress: Mapping[UUID, _HeldProgress]) -> Line:
    """Return a line of lesson progress with the run that the export's course progress is of."""
    write = line.write
    if not isinstance(write, LessonWrite) or write.restored is None:
        return line
    held = all_course_progress.get(UUID(write.course_id))
    if held is None:
        return line
    origin = write.restored._replace(run_began_at=held.run_began_at)
    return line._replace(write=write._replace(run=held.run, restored=origin))


def _progress_without_times(course_id: UUID, runs: Sequence[EndedRun]) -> _HeldProgress:
    """Return course progress for days and runs of which an export has none: of the run after those that have ended."""
    if not runs:
        return _HeldProgress(course_id=course_id)
    last = max(run for run, _ in runs)
    return _HeldProgress(course_id=course_id, run=last.number + 1, run_began_at=last.ended_at)


def _to_profile(number: int, held: ProfileDocument, learner_id: LearnerId) -> Line:
    try:
        return Line(number, ProfileRestore(learner_id, held.to_profile()))
    except InvalidValueError as error:
        problems = [problem._replace(location=("profile", *problem.location)) for problem in error.problems]
        return Line(number, None, problems)


def _to_line(number: int, exported: Mapping[str, Any], learner_id: LearnerId, part: str) -> Line:
    try:
        fields = _EXPORTED.validate_json(to_json(exported))
    except ValidationError as error:
        return Line(number, None, _problems(error, part, number - 1))
    update, times, others = apart(fields)
    course_id, lesson_id = CourseId(str(fields["course_id"])), LessonId(str(fields["lesson_id"]))
    written_by = _to_id(fields.get("written_by"))
    last_write = None if written_by else times.updated_at  # older exports have no `worked_at`
    origin = Origin(fields.get("worked_at", last_write), _to_id(fields.get("completed_by")))
    write = LessonWrite(learner_id, course_id, lesson_id, update, written_by=written_by, times=times, restored=origin)
    return Line(number, write, ignored=tuple(name[:100] for name in others if name not in _NOT_TAKEN))


def _to_id(value: UUID | None) -> LearnerId | None:
    return LearnerId(str(value)) if value else None


def _to_restore(
    course_progress: _HeldProgress, finished: Sequence[LearnerDay], learner_id: LearnerId
) -> CourseProgressRestore:
    last = [_to_day(course_progress.last_day)] if course_progress.last_day is not None else []
    days = tuple(day for day in (*finished, *last) if day.date > NEVER)
    moments = course_progress.last_accessed, course_progress.started_at, course_progress.completed_at
    sources = tuple(map(_to_source, course_progress.enrolled_by))
    enrolment = course_progress.enrolled_at, course_progress.ended_at, sources
    run = course_progress.run, course_progress.run_began_at
    return CourseProgressRestore(learner_id, CourseId(str(course_progress.course_id)), *moments, days, *enrolment, *run)


def _to_ended_run(held: _ExportedRun, learner_id: LearnerId) -> EndedRun:
    course_id = CourseId(str(held.course_id))
    moments = held.began_at, held.started_at, held.completed_at, held.ended_at, held.due_at, held.last_accessed
    tally = Tally(held.completed_lessons, held.in_progress_lessons, to_micro_minutes(held.total_time_spent_minutes))
    run = Run(learner_id, course_id, held.number, *moments, held.course_version, held.total_lessons, tally)
    return EndedRun(run, [_to_kept(one, learner_id, course_id) for one in held.lesson_progress])


def _to_kept(fields: _KeptLessonProgress, learner_id: LearnerId, course_id: CourseId) -> LessonProgress:
    """Return lesson progress of a run that has ended, as it was. Raises `InvalidValueError`."""
    update, times, _ = apart(fields)
    check_metadata(update.get("metadata") or NO_METADATA)
    begun, ended = times.begun, times.ended
    if begun is None or ended is None:
        raise InvalidValueError([Problem(("runs",), "Lesson progress has no created_at.", "missing")])
    made = new_lesson_progress(
        learner_id, course_id, LessonId(str(fields["lesson_id"])), ProgressId(str(fields["id"])), begun
    )
    values: dict[str, Any] = {name: value for name, value in update.items() if value is not None}
    return made._replace(
        **values,
        completed_at=times.completed_at,
        updated_at=ended,
        version=fields["version"],
        written_by=_to_id(fields.get("written_by")),
        worked_at=fields.get("worked_at"),
        completed_by=_to_id(fields.get("completed_by")),
    )


def _to_source(held: HeldSource) -> EnrolmentSource:
    return EnrolmentSource(GroupId(str(held.group_id)) if held.group_id else None, held.starts_at, held.due_at)


def _to_day(held: HeldDay) -> LearnerDay:
    done = (
        held.lessons_started,
        held.lessons_completed,
        to_micro_minutes(held.time_spent_minutes),
        held.course_completions,
    )
    return LearnerDay(held.date, *done)


def _problems(error: ValidationError, *location: str | int) -> list[Problem]:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [Problem((*location, *fault["loc"]), fault["msg"], fault["type"]) for fault in faults]
