"""Compares the courses' figures with a recount of the lesson progress, and repairs them while the service runs.

The figures and the lesson progress are read as they were at one moment. The service changes figures only by adding to
them. So the difference can be added later, whatever was written since.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple, TypeVar

from headway.domain.archive_ports import Archive, Recount
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts
from headway.domain.errors import CourseNotFoundError
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.ports import Store

Progress = Callable[[int], None]
"""Called with how much more lesson progress was counted."""


class Difference(NamedTuple):
    """A wrong figure of a course, of one of its lessons, or of one of its days."""

    course_id: CourseId
    of: LessonId | date | None
    figure: str
    stored: int
    recounted: int


class Verified(NamedTuple):
    """What a recount found. `missing` is what has to be added to what is stored.

    `ahead` are learners in courses whose last day is in the future.
    """

    lessons: int
    differences: Sequence[Difference]
    wrong: Sequence[CourseProgressKey]
    missing: Counters
    ahead: Sequence[CourseProgressKey]

    @property
    def is_exact(self) -> bool:
        """Whether no figure and no course progress is wrong, and no last day is in the future."""
        return not (self.differences or self.wrong or self.ahead)


async def verify(recount: Recount, progress: Progress) -> Verified:
    """Compare what is stored with what is recounted."""
    lessons = 0
    found = Counters()
    wrong: list[CourseProgressKey] = []
    ahead: list[CourseProgressKey] = []
    stored = await recount.stored()
    async for stretch in recount.stretches():
        lessons += stretch.lessons
        found.add(stretch.counters)
        wrong += stretch.wrong
        ahead += stretch.ahead
        progress(stretch.lessons)
    differences = sorted(_differences(stored, found), key=_position)
    found.add(stored, sign=-1)
    return Verified(lessons, differences, wrong, found, ahead)


async def repair(archive: Archive, store: Store, verified: Verified, progress: Progress) -> None:
    """Add the counts that are missing, and recalculate the course progress that was wrong or ahead."""
    if verified.missing:
        await archive.add_counters(verified.missing)
    for learner_id, course_id in {*verified.wrong, *verified.ahead}:
        with suppress(CourseNotFoundError):  # the course was removed meanwhile; storing it again recalculates
            await store.refresh(learner_id, course_id)
        progress(1)


def _differences(stored: Counters, found: Counters) -> Iterator[Difference]:
    for (course_id, lesson_id), figure, here, there in _figures(stored.lessons, found.lessons, LessonCounts()):
        yield Difference(course_id, lesson_id, figure, here, there)
    for course_id, figure, here, there in _figures(stored.courses, found.courses, CourseCounts()):
        yield Difference(course_id, None, figure, here, there)
    for (course_id, day), figure, here, there in _figures(stored.days, found.days, DayCounts()):
        yield Difference(course_id, day, figure, here, there)
    for course_id, lesson_id, points in stored.scores.keys() | found.scores.keys():
        key = course_id, lesson_id, points
        here, there = stored.scores.get(key, 0), found.scores.get(key, 0)
        if here != there:
            yield Difference(course_id, lesson_id, f"scores of {points}", here, there)


K = TypeVar("K")
C = TypeVar("C", LessonCounts, CourseCounts, DayCounts)


def _figures(stored: Mapping[K, C], found: Mapping[K, C], nothing: C) -> Iterator[tuple[K, str, int, int]]:
    """Yield the figures that differ between the two sides."""
    for key in stored.keys() | found.keys():
        pairs = zip(nothing._fields, stored.get(key, nothing), found.get(key, nothing), strict=True)
        for figure, here, there in pairs:
            if here != there:
                yield key, figure, here, there


def _position(difference: Difference) -> tuple[str, str, str]:
    return difference.course_id, str(difference.of or ""), difference.figure
