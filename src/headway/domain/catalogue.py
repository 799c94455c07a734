"""Courses and their lessons: what is in a course, what counts towards completing it, what completes a lesson."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from headway.domain.bounds import Number
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import ContentId, CourseId, LessonId
from headway.domain.text import sort_key


class LessonKind(StrEnum):
    """What a lesson is."""

    VIDEO = "video"
    ARTICLE = "article"
    QUIZ = "quiz"
    ASSIGNMENT = "assignment"
    OTHER = "other"


MARKED_KINDS: Final = frozenset({LessonKind.QUIZ, LessonKind.ASSIGNMENT})
"""What can be passed, and so have a mark."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as its course document defines it.

    `required` lessons count towards completing the course. `pass_mark` (0 to 100, of `MARKED_KINDS` only) is the score
    that passes. `complete_at` is the progress percentage to be reached. Each of the two is a condition of completing
    the lesson; `None`: it has no such condition.
    """

    id: LessonId
    title: str
    content_id: ContentId
    section: str | None = None
    kind: LessonKind = LessonKind.OTHER
    duration_seconds: Number | None = None
    required: bool = True
    pass_mark: Number | None = None
    complete_at: Number | None = 100

    def passes(self, score: float | None) -> bool:
        """Whether the lesson has a pass mark and `score` reaches it."""
        return self.pass_mark is not None and score is not None and score >= self.pass_mark

    @property
    def has_conditions(self) -> bool:
        """Whether there is a condition to complete it by; else it is completed where somebody says so."""
        return self.pass_mark is not None or self.complete_at is not None

    def is_met_by(self, percentage: float, *, passed: bool) -> bool:
        """Whether a progress percentage, and a pass or none, meet every condition that the lesson has."""
        is_passed = passed or self.pass_mark is None
        return is_passed and (self.complete_at is None or percentage >= self.complete_at)

    @property
    def is_done_by_a_pass(self) -> bool:
        """Whether a pass says that all of it is done: of what can be passed, where there is no mark to reach."""
        return self.pass_mark is None and self.kind in MARKED_KINDS


def default_complete_at(pass_mark: Number | None) -> Number | None:
    """The percentage that completes a lesson whose document names none: all of it, unless it has to be passed."""
    return 100 if pass_mark is None else None


class OnEdit(StrEnum):
    """What an edit of the course means for learners who had completed it, and under it have not."""

    KEEP = "keep"
    REOPEN = "reopen"


UTC_ZONE: Final = "UTC"


@dataclass(frozen=True)
class Course:
    """A course: its lessons in order. Raises `InvalidValueError` naming every place that breaks a rule.

    `time_zone` is the IANA name of the zone that the course's days are cut in.
    """

    id: CourseId
    title: str
    lessons: tuple[Lesson, ...]
    time_zone: str = UTC_ZONE
    on_edit: OnEdit = OnEdit.KEEP

    def __post_init__(self) -> None:
        """Refuse a course that no one could take."""
        problems = [*_problems(self.lessons), *_zone_problems(self.time_zone)]
        if problems:
            raise InvalidValueError(problems)

    @cached_property
    def lessons_by_id(self) -> dict[LessonId, Lesson]:
        """The lessons by their ids, in the course's order."""
        return {lesson.id: lesson for lesson in self.lessons}

    @cached_property
    def positions(self) -> dict[LessonId, int]:
        """Each lesson's place in the course's order, from 0."""
        return {lesson.id: position for position, lesson in enumerate(self.lessons)}

    @cached_property
    def required_lessons(self) -> int:
        """How many lessons count towards completing the course."""
        return sum(lesson.required for lesson in self.lessons)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone that the course's days are cut in."""
        return ZoneInfo(self.time_zone)

    def date_of(self, moment: datetime) -> date:
        """The day of the course's that a moment is on."""
        return moment.astimezone(self.zone).date()


NO_CRITERIA: Final[Mapping[LessonId, int]] = {}


def course_etag(version: int) -> str:
    """What names a version of a course's document: the opaque part of its entity tag."""
    return str(version)


class VersionedCourse(NamedTuple):
    """A course and the version that the catalogue gave it: another one with every change of its document.

    `criteria` holds the version since which a lesson is completed as it is now, where that is known.
    """

    course: Course
    version: int
    criteria: Mapping[LessonId, int] = NO_CRITERIA

    @property
    def etag(self) -> str:
        """Names this version of the document: the opaque part of its entity tag."""
        return course_etag(self.version)


def next_version(before: VersionedCourse | None, course: Course, version: int) -> VersionedCourse:
    """A course under a new version, which lessons that are completed otherwise than before have as their criteria's."""
    old = before.course.lessons_by_id if before else {}
    known = before.criteria if before else NO_CRITERIA
    criteria = {
        lesson.id: known.get(lesson.id, 0) if _is_completed_alike(old.get(lesson.id), lesson) else version
        for lesson in course.lessons
    }
    return VersionedCourse(course, version, {lesson_id: since for lesson_id, since in criteria.items() if since})


def _is_completed_alike(before: Lesson | None, after: Lesson) -> bool:
    return before is not None and _conditions(before) == _conditions(after)


def _conditions(lesson: Lesson) -> tuple[Number | None, Number | None, bool]:
    return lesson.pass_mark, lesson.complete_at, lesson.is_done_by_a_pass


def _problems(lessons: tuple[Lesson, ...]) -> Iterator[Problem]:
    if not lessons:
        yield Problem(("lessons",), "A course has at least one lesson.", "no_lessons")
    first_seen: dict[LessonId, int] = {}
    for position, lesson in enumerate(lessons):
        if lesson.id in first_seen:
            reason = f"Lesson {lesson.id} is in the course already, at place {first_seen[lesson.id]}."
            yield Problem(("lessons", position, "id"), reason, "duplicate_lesson")
        first_seen.setdefault(lesson.id, position)
        if lesson.pass_mark is not None and lesson.kind not in MARKED_KINDS:
            reason = f"Only a quiz or an assignment has a pass mark; this lesson's kind is {lesson.kind.value}."
            yield Problem(("lessons", position, "pass_mark"), reason, "pass_mark_without_quiz")


@cache
def _known_zones() -> frozenset[str]:
    # In the folder of the zones, some machines have a link to their own: another zone on each.
    return frozenset(available_timezones() - {"localtime"})


def _zone_problems(name: str) -> Iterator[Problem]:
    if name != UTC_ZONE and name not in _known_zones():
        reason = "This is no time zone of the IANA database, such as Europe/Berlin."
        yield Problem(("time_zone",), reason, "unknown_time_zone")


@dataclass(frozen=True, slots=True)
class CourseOutline:
    """A course in one line: how many lessons it has, and how many of them count."""

    id: CourseId
    title: str
    lessons: int
    required_lessons: int


PAGE_OF_COURSES: Final = 1_000
"""How many courses a page of the catalogue has at most."""


class CoursePosition(NamedTuple):
    """A course's place in the catalogue by title."""

    sort_key: bytes
    course_id: CourseId


def position_of(course: Course | CourseOutline) -> CoursePosition:
    """Where a course stands in the catalogue by title."""
    return CoursePosition(sort_key(course.title), course.id)


@dataclass(frozen=True, slots=True)
class CourseQuery:
    """A page of the catalogue by title: from behind a place on, among these courses alone where any are named."""

    limit: int = PAGE_OF_COURSES
    after: CoursePosition | None = None
    among: frozenset[CourseId] | None = None


FIRST_COURSES: Final = CourseQuery()


@dataclass(frozen=True, slots=True)
class CourseChange:
    """What putting a course document did, lesson by lesson, in the order of the document they were read from.

    `changed` lists lessons that are defined differently now; `reordered` says whether the lessons that stayed
    stand in another order.
    """

    course_id: CourseId
    created: bool
    added: tuple[LessonId, ...]
    removed: tuple[LessonId, ...]
    changed: tuple[LessonId, ...]
    reordered: bool
    renamed: bool
    time_zone_changed: bool = False
    on_edit_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the course was as the document says already."""
        others = (self.reordered, self.renamed, self.time_zone_changed, self.on_edit_changed)
        return not (self.created or self.added or self.removed or self.changed or any(others))


class CoursePut(NamedTuple):
    """What putting a course document did, and the version that the catalogue has of it now."""

    change: CourseChange
    version: int


def compare(before: Course | None, after: Course) -> CourseChange:
    """What changes when `after` takes the place of `before` (`None`: the course is new)."""
    old = before.lessons_by_id if before else {}
    new = after.lessons_by_id
    stayed = [lesson_id for lesson_id in old if lesson_id in new]
    return CourseChange(
        course_id=after.id,
        created=before is None,
        added=tuple(lesson_id for lesson_id in new if lesson_id not in old),
        removed=tuple(lesson_id for lesson_id in old if lesson_id not in new),
        changed=tuple(lesson_id for lesson_id in stayed if old[lesson_id] != new[lesson_id]),
        reordered=stayed != [lesson_id for lesson_id in new if lesson_id in old],
        renamed=before is not None and before.title != after.title,
        time_zone_changed=before is not None and before.time_zone != after.time_zone,
        on_edit_changed=before is not None and before.on_edit is not after.on_edit,
    )
