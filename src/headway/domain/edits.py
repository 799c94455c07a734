"""What an edit of a course would change for those who have completed it, told before the edit is made.

For most learners the course progress alone tells it, without a look at their lessons: how many of the lessons that
counted can count no more, and how many more can come to count, are the same for all.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from headway.domain.catalogue import Course, CourseChange, Lesson, OnEdit, VersionedCourse, next_version
from headway.domain.course_progress import CourseProgress, recalculate
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress


class Impact(NamedTuple):
    """What putting a course would change, and how many of its learners would gain or lose its completion."""

    change: CourseChange
    learners: int
    gain_completion: int
    lose_completion: int


class CompletedTotal(NamedTuple):
    """The least and the most lessons that a learner can have completed of those that count."""

    least: int
    most: int


@dataclass(frozen=True)
class CourseEdit:
    """A course as it is, and as it would be under its next version.

    `started` are the lessons that anybody has started, hidden ones too: in the others no row decides.
    """

    before: VersionedCourse
    after: VersionedCourse
    started: AbstractSet[LessonId]

    @classmethod
    def to(cls, before: VersionedCourse, course: Course, started: AbstractSet[LessonId]) -> "CourseEdit":
        """The edit that puts `course` in the place of what the catalogue has."""
        return cls(before, next_version(before, course, before.version + 1), started)

    @property
    def can_give(self) -> bool:
        """Whether it can complete the course for anybody."""
        return self._required_after > 0 and (self._counts_otherwise or self._loosened > 0)

    @property
    def can_take(self) -> bool:
        """Whether it can take the course's completion from anybody."""
        if self.after.course.on_edit is OnEdit.KEEP:
            return False
        return self._counts_otherwise or self.before.course.on_edit is OnEdit.KEEP

    def completes(self, course_progress: CourseProgress) -> bool | None:
        """Whether the learner has completed the course under the edit; `None`: the rows decide."""
        has_completed = course_progress.completed_at is not None
        if has_completed and self.after.course.on_edit is OnEdit.KEEP:
            return True
        if course_progress.course_version != self.before.version:
            return None
        completed = self._completed(course_progress.tally.completed_lessons)
        if completed.least >= self._required_after > 0:
            return True
        return False if completed.most < self._required_after or not self._required_after else None

    def difference(self, course_progress: CourseProgress, rows: Iterable[LessonProgress], now: datetime) -> int:
        """1 where the learner gains the completion by the edit, -1 where they lose it, else 0.

        Where what followed from an earlier edit is not derived yet, only what this one adds to it counts.
        """
        known = list(rows)
        has = course_progress
        if course_progress.course_version != self.before.version:
            has = recalculate(self.before, course_progress, known, now).course_progress
        would_have = recalculate(self.after, course_progress, known, now).course_progress
        return (would_have.completed_at is not None) - (has.completed_at is not None)

    def _completed(self, before: int) -> CompletedTotal:
        """How many lessons that count would be completed by one who has completed so many of those that count now."""
        staying = self._required_before - self._dropped
        least = max(0, before - self._dropped)
        most = min(staying, min(before, staying) + self._loosened) + self._brought_started
        return CompletedTotal(least, most)

    @cached_property
    def _required_before(self) -> int:
        return self.before.course.required_lessons

    @cached_property
    def _required_after(self) -> int:
        return self.after.course.required_lessons

    @cached_property
    def _staying(self) -> list[Lesson]:
        """The lessons that count before and after, as they are after."""
        old = self.before.course.lessons_by_id
        return [one for one in self.after.course.lessons if one.required and one.id in old and old[one.id].required]

    @property
    def _dropped(self) -> int:
        return self._required_before - len(self._staying)

    @property
    def _brought(self) -> int:
        return self._required_after - len(self._staying)

    @cached_property
    def _brought_started(self) -> int:
        """How many lessons come to count that anybody may have completed."""
        staying = {lesson.id for lesson in self._staying}
        return sum(one.required and one.id in self.started - staying for one in self.after.course.lessons)

    @property
    def _counts_otherwise(self) -> bool:
        return self._dropped > 0 or self._brought > 0

    @cached_property
    def _loosened(self) -> int:
        """How many lessons that stay are completed otherwise: whoever has not completed them may have, by that."""
        return sum(self.after.criteria[lesson.id] == self.after.version for lesson in self._staying)
