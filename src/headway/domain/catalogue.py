"""Courses and lessons: the lessons of a course, which of them count, and the conditions that complete a lesson."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from headway.domain.bounds import Number
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import ContentId, CourseId, LessonId
from headway.domain.text import sort_key

Item = TypeVar("Item")


class LessonKind(StrEnum):
    """The kind of a lesson."""

    VIDEO = "video"
    ARTICLE = "article"
    QUIZ = "quiz"
    ASSIGNMENT = "assignment"
    OTHER = "other"


MARKED_KINDS: Final = frozenset({LessonKind.QUIZ, LessonKind.ASSIGNMENT})
"""The kinds of lessons that can be passed. Only these may have a pass mark."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as its course document defines it.

    `required` lessons count towards completing the course. `pass_mark` (above 0, up to 100) is the lowest score that
    passes; only `MARKED_KINDS` may have one. `complete_at` is the progress percentage that the learner has to reach.
    Each of the two is a condition of completing the lesson. `None` means that there is no such condition.

    `requires` are the lessons that come first. The lesson is due at `due_at`, or `due_after_days` days after the
    learner's enrolment began; at most one of the two is set.
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
    requires: tuple[LessonId, ...] = ()
    due_at: datetime | None = None
    due_after_days: int | None = None

    def passes(self, score: float | None) -> bool:
        """Whether the lesson has a pass mark and `score` reaches it."""
        return self.pass_mark is not None and score is not None and score >= self.pass_mark

    @property
    def has_conditions(self) -> bool:
        """Whether the lesson has a condition. A lesson without one is completed by a write that says so."""
        return self.pass_mark is not None or self.complete_at is not None

    @property
    def has_two_conditions(self) -> bool:
        """Whether the lesson asks for a percentage and for a pass."""
        return self.pass_mark is not None and self.complete_at is not None

    @property
    def is_done_by_word(self) -> bool:
        """Whether the learner's word completes the lesson: no score and no part of it is asked for."""
        return self.pass_mark is None and self.complete_at in {None, 100}

    def is_met_by(self, percentage: float, *, passed: bool) -> bool:
        """Whether a progress percentage and a pass (or no pass) meet all conditions of the lesson."""
        is_passed = passed or self.pass_mark is None
        return is_passed and (self.complete_at is None or percentage >= self.complete_at)

    @property
    def is_done_by_a_pass(self) -> bool:
        """Whether a pass means that the whole lesson is done: a quiz or assignment without a pass mark."""
        return self.pass_mark is None and self.kind in MARKED_KINDS


def default_complete_at(pass_mark: Number | None) -> Number | None:
    """Return the default of `complete_at`: 100, or no condition where the lesson has a pass mark."""
    return 100 if pass_mark is None else None


class OnEdit(StrEnum):
    """What an edit does where a learner has completed the course before it, but not all its lessons after it."""

    KEEP = "keep"
    REOPEN = "reopen"


UTC_ZONE: Final = "UTC"


@dataclass(frozen=True)
class Course:
    """A course and its lessons in order. Raises `InvalidValueError` with the location of every broken rule.

    `time_zone` is the IANA name of the time zone in which the course's days begin and end. A completion of the course
    counts for `valid_for_days` days; `None`: for ever.
    """

    id: CourseId
    title: str
    lessons: tuple[Lesson, ...]
    time_zone: str = UTC_ZONE
    on_edit: OnEdit = OnEdit.KEEP
    valid_for_days: int | None = None

    def __post_init__(self) -> None:
        """Check the rules. Raises `InvalidValueError` where the course breaks one."""
        problems = [*_problems(self.lessons), *_requirement_problems(self.lessons), *zone_problems(self.time_zone)]
        if problems:
            raise InvalidValueError(problems)

    @cached_property
    def lessons_by_id(self) -> dict[LessonId, Lesson]:
        """The lessons by their ids, in the course's order."""
        return {lesson.id: lesson for lesson in self.lessons}

    @cached_property
    def positions(self) -> dict[LessonId, int]:
        """Each lesson's position in the course's order, from 0."""
        return {lesson.id: position for position, lesson in enumerate(self.lessons)}

    @cached_property
    def required_lessons(self) -> int:
        """How many lessons count towards completing the course."""
        return sum(lesson.required for lesson in self.lessons)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone in which the course's days begin and end."""
        return ZoneInfo(self.time_zone)

    def date_of(self, moment: datetime) -> date:
        """Return the date of a time in the course's time zone."""
        return date_in(self.time_zone, moment)

    def start_of(self, day: date) -> datetime:
        """Return the time at which a day begins in the course's time zone."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


NO_CRITERIA: Final[Mapping[LessonId, int]] = {}


def course_etag(version: int) -> str:
    """Return the opaque part of the entity tag of a course document's version."""
    return str(version)


class VersionedCourse(NamedTuple):
    """A course and its version in the catalogue. Every change of the course document gives it a new version.

    `criteria` holds, by lesson, the version since which the lesson has its present conditions, where it is known.
    """

    course: Course
    version: int
    criteria: Mapping[LessonId, int] = NO_CRITERIA

    @property
    def etag(self) -> str:
        """The opaque part of the entity tag of this version."""
        return course_etag(self.version)


def next_version(before: VersionedCourse | None, course: Course, version: int) -> VersionedCourse:
    """Return the course with a new version. `criteria` gets this version for lessons whose conditions changed."""
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


_MOST_NAMED: Final = 10  # lessons in an error message


def _problems(lessons: tuple[Lesson, ...]) -> Iterator[Problem]:
    if not lessons:
        yield Problem(("lessons",), "A course has at least one lesson.", "no_lessons")
    first_seen: dict[LessonId, int] = {}
    for position, lesson in enumerate(lessons):
        if lesson.id in first_seen:
            reason = f"Lesson {lesson.id} is in the course already, at position {first_seen[lesson.id]}."
            yield Problem(("lessons", position, "id"), reason, "duplicate_lesson")
        first_seen.setdefault(lesson.id, position)
        if lesson.pass_mark is not None and lesson.kind not in MARKED_KINDS:
            reason = f"Only a quiz or an assignment has a pass mark; this lesson's kind is {lesson.kind.value}."
            yield Problem(("lessons", position, "pass_mark"), reason, "pass_mark_without_quiz")
        if lesson.due_at is not None and lesson.due_after_days is not None:
            reason = "A lesson has either due_at or due_after_days."
            yield Problem(("lessons", position, "due_after_days"), reason, "two_due_dates")


def _requirement_problems(lessons: tuple[Lesson, ...]) -> Iterator[Problem]:
    """Yield what is wrong with the lessons that come first: unknown ones, the lesson itself, one twice, or a circle."""
    known = {lesson.id for lesson in lessons}
    is_wrong = False
    for position, lesson in enumerate(lessons):
        seen: set[LessonId] = set()
        for index, required in enumerate(lesson.requires):
            location = ("lessons", position, "requires", index)
            if required == lesson.id:
                yield Problem(location, "A lesson cannot require itself.", "requires_itself")
            elif required not in known:
                yield Problem(location, f"Lesson {required} is not in the course.", "unknown_lesson")
            elif required in seen:
                yield Problem(location, f"Lesson {required} is required already.", "duplicate_lesson")
            else:
                seen.add(required)
                continue
            is_wrong = True
    if not is_wrong:
        yield from _circle(lessons)


def _circle(lessons: tuple[Lesson, ...]) -> Iterator[Problem]:
    """Yield a problem where lessons require each other in a circle, so that none of them can begin."""
    try:
        TopologicalSorter({lesson.id: lesson.requires for lesson in lessons}).prepare()
    except CycleError as error:
        circle: list[LessonId] = error.args[1]
        position = next(position for position, lesson in enumerate(lessons) if lesson.id in circle)
        reason = f"These lessons require each other, so that none can begin: {', '.join(circle[:-1][:_MOST_NAMED])}."
        yield Problem(("lessons", position, "requires"), reason, "circular_requirement")


@cache
def _known_zones() -> frozenset[str]:
    # On some machines the folder of the zones has a link to the machine's own zone. It means another zone on each.
    return frozenset(available_timezones() - {"localtime"})


def zone_problems(name: str) -> Iterator[Problem]:
    """Yield the problem of a time zone's name, if there is one."""
    if name != UTC_ZONE and name not in _known_zones():
        reason = "This is not a time zone of the IANA database, such as Europe/Berlin."
        yield Problem(("time_zone",), reason, "unknown_time_zone")


def by_section(items: Iterable[Item], lesson_of: Callable[[Item], Lesson]) -> list[tuple[str | None, list[Item]]]:
    """Return items of lessons in the course's order, with the heading of their section, or `None`."""
    return [(title, list(some)) for title, some in groupby(items, lambda item: lesson_of(item).section)]


@lru_cache(maxsize=256)  # all writes of a batch have the same time
def date_in(zone: str, moment: datetime) -> date:
    """Return the date of a time in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class CourseOutline:
    """A course without its lessons: the number of lessons, and of lessons that count."""

    id: CourseId
    title: str
    lessons: int
    required_lessons: int


PAGE_OF_COURSES: Final = 1_000
"""The highest number of courses on a page of the catalogue."""


class CoursePosition(NamedTuple):
    """A course's position in the catalogue by title."""

    sort_key: bytes
    course_id: CourseId


def position_of(course: Course | CourseOutline) -> CoursePosition:
    """Return the course's position in the catalogue by title."""
    return CoursePosition(sort_key(course.title), course.id)


@dataclass(frozen=True, slots=True)
class CourseQuery:
    """A page of the catalogue by title. It starts after the position `after`. `among` limits it to these courses."""

    limit: int = PAGE_OF_COURSES
    after: CoursePosition | None = None
    among: frozenset[CourseId] | None = None


FIRST_COURSES: Final = CourseQuery()


@dataclass(frozen=True, slots=True)
class CourseChange:
    """What storing a course document changed, lesson by lesson, each list in the order of its document.

    `changed` lists lessons with another definition than before. `reordered` says whether the lessons that stayed are
    in another order.
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
    valid_for_days_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        others = (
            self.reordered,
            self.renamed,
            self.time_zone_changed,
            self.on_edit_changed,
            self.valid_for_days_changed,
        )
        return not (self.created or self.added or self.removed or self.changed or any(others))


class CoursePut(NamedTuple):
    """What storing a course document changed, and the version that the catalogue has now."""

    change: CourseChange
    version: int


def compare(before: Course | None, after: Course) -> CourseChange:
    """Return what changes when `after` replaces `before` (`None`: the course is new)."""
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
        valid_for_days_changed=before is not None and before.valid_for_days != after.valid_for_days,
    )
