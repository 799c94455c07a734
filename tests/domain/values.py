"""Values of the domain for tests: examples to start from, and strategies that draw them."""

from dataclasses import replace as with_fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from hypothesis import strategies as st

from headway.domain.bounds import plain
from headway.domain.catalogue import Course, Lesson, LessonKind, default_complete_at
from headway.domain.course_progress import NOTHING, CourseProgress, LearnerDay, Tally
from headway.domain.identifiers import ContentId, CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress, ProgressUpdate, Status, merge, new_lesson_progress, replace

EARLIER: Final = datetime(2026, 1, 1, 8, tzinfo=UTC)
NOW: Final = datetime(2026, 1, 2, 9, 30, 15, 250_000, tzinfo=UTC)
LATER: Final = datetime(2026, 1, 3, 10, tzinfo=UTC)

LEARNER: Final = LearnerId("0d5a6bc8-8e5f-4d5e-9a51-4b7f3d1f6f01")
COURSE: Final = CourseId("7f0c2a31-5f0e-4f0a-8d55-0f4c7be7a9d2")
LESSON: Final = LessonId("5b1f9a70-0b0b-4c55-9c3e-2a1f6e0d7c03")
PROGRESS_ID: Final = ProgressId("c3d8f1a2-6f7b-4e0b-b8a4-9e6d5c4b3a04")

MONOTONIC: Final = (
    "status",
    "progress_percentage",
    "quiz_score",
    "quiz_attempts",
    "quiz_passed",
    "time_spent_minutes",
)


def lesson(number: int = 1, **fields: Any) -> Lesson:
    """Return a plain lesson, with these fields. The same number gives the same lesson."""
    lesson_id = f"00000000-0000-4000-8000-{number:012}"
    return with_fields(Lesson(LessonId(lesson_id), f"Lesson {number}", ContentId(lesson_id)), **fields)


def quiz(number: int = 1, *, pass_mark: float = 70, **fields: Any) -> Lesson:
    """Return a quiz with a pass mark, as a course document without `complete_at` defines it."""
    complete_at = default_complete_at(pass_mark)
    return lesson(number, kind=LessonKind.QUIZ, pass_mark=pass_mark, **({"complete_at": complete_at} | fields))


def course(*lessons: Lesson, course_id: CourseId = COURSE, title: str = "A course") -> Course:
    """Return a course: of three plain lessons where none is given."""
    return Course(course_id, title, lessons or (lesson(1), lesson(2), lesson(3)))


def stored(**fields: Any) -> LessonProgress:
    """Return lesson progress that was written before. Fields that are not given have their defaults."""
    return new_lesson_progress(LEARNER, COURSE, LESSON, PROGRESS_ID, EARLIER)._replace(**({"version": 5} | fields))


def started(**fields: Any) -> LessonProgress:
    """Return lesson progress in the middle of a lesson. No field has its default."""
    return stored(
        **{
            "status": Status.IN_PROGRESS,
            "progress_percentage": 40,
            "video_position_seconds": 120.5,
            "quiz_score": 55,
            "quiz_attempts": 2,
            "time_spent_minutes": 12.25,
            "user_notes": "mine",
            "is_bookmarked": True,
            "metadata": {"speed": 1.5, "player": {"volume": 3}},
        }
        | fields
    )


def finished(**fields: Any) -> LessonProgress:
    """Return lesson progress that was completed earlier."""
    return started(
        **{"status": Status.COMPLETED, "progress_percentage": 100, "quiz_passed": True, "completed_at": EARLIER}
        | fields
    )


def course_progress(tally: Tally = NOTHING, **fields: Any) -> CourseProgress:
    """Return a learner's course progress, which began and was last written earlier."""
    day = LearnerDay(EARLIER.date())
    begun = CourseProgress(LEARNER, COURSE, tally, EARLIER, 1, 1, EARLIER, None, day)._replace(**fields)
    return begun if "enrolled_at" in fields else begun._replace(enrolled_at=begun.started_at)


def own_values(progress: LessonProgress) -> ProgressUpdate:
    """Return what a client sends if it sends back all the lesson progress that it read."""
    return cast("ProgressUpdate", {field: getattr(progress, field) for field in UPDATABLE})


def changes(before: LessonProgress, after: LessonProgress) -> dict[str, Any]:
    """Return the fields that differ, with their new values. Times and the version are left out."""
    return {
        field: value
        for field, value in after._asdict().items()
        if value != getattr(before, field) and field not in {"updated_at", "version", "worked_at", "set_at"}
    }


def height(value: object) -> float:
    """Return the value of a field that only grows as a number that grows with it."""
    if value is None:
        return -1
    return list(Status).index(value) if isinstance(value, Status) else float(cast("float", value))


def _numbers(highest: float) -> st.SearchStrategy[float]:
    return st.sampled_from([0, 0.1, 1, 50, 80, 99.5, highest]) | st.floats(0, highest, allow_subnormal=False).map(plain)


PERCENTAGES: Final = _numbers(100)
# What JSON can hold, values beside each other that Python calls equal or prints alike.
_JSON: Final = [None, False, True, 0, 1, 1.0, -0.5, "1", "", "ü✎", 2**63 - 1, -(2**63), [], [1, True], {}, {"a": None}]
METADATA: Final = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(_JSON), max_size=3)
VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "status": st.sampled_from(Status),
    "progress_percentage": PERCENTAGES,
    "video_position_seconds": _numbers(10_000_000),
    "quiz_score": PERCENTAGES,
    "quiz_attempts": st.integers(0, 5) | st.just(2**31 - 1),
    "quiz_passed": st.booleans(),
    "time_spent_minutes": _numbers(10_000_000),
    "user_notes": st.sampled_from(["", "mine", "deine ✎"]),
    "is_bookmarked": st.booleans(),
    "metadata": METADATA,
}
UPDATABLE: Final = tuple(VALUES)


def _updates(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[ProgressUpdate]:
    named = [st.tuples(st.just(field), value) for field, value in values.items()]
    return st.lists(st.one_of(named), max_size=5).map(lambda pairs: cast("ProgressUpdate", dict(pairs)))


# What a client may send, within the fields' bounds.
UPDATES_WITHOUT_NULLS: Final = _updates(VALUES)
UPDATES: Final = _updates({field: st.none() | values for field, values in VALUES.items()})
_WRITES: Final = st.lists(st.tuples(st.sampled_from([merge, replace]), UPDATES), min_size=1, max_size=2)


@st.composite
def lessons(draw: st.DrawFn, number: int = 1) -> Lesson:
    """Draw a lesson that a course document can define."""
    complete_at = draw(st.sampled_from([None, 0.5, 50, 80, 100]))
    pass_mark = draw(st.sampled_from([None, None, 0, 50, 70.5, 100]))
    marked = [LessonKind.QUIZ, LessonKind.ASSIGNMENT]
    kind = draw(st.sampled_from([*marked, LessonKind.VIDEO] if pass_mark is None else marked))
    due_at, due_after_days = draw(st.sampled_from([(None, None), (LATER, None), (None, 30)]))
    return lesson(
        number,
        kind=kind,
        pass_mark=pass_mark,
        complete_at=complete_at,
        required=draw(st.booleans()),
        due_at=due_at,
        due_after_days=due_after_days,
    )


@st.composite
def all_progress(draw: st.DrawFn, of: Lesson) -> LessonProgress:
    """Draw lesson progress as a few writes of both kinds leave it."""
    progress = new_lesson_progress(LEARNER, COURSE, of.id, PROGRESS_ID, EARLIER)
    for minute, (write, update) in enumerate(draw(_WRITES)):
        progress = write(progress, update, of, EARLIER + timedelta(minutes=minute))
    return progress
