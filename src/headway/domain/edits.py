"""The impact of an edit: whose course completion it would give or take, computed before the edit is made.

For most learners the course progress alone is enough, without their lesson progress. The numbers of lessons that stop
counting, and of lessons that begin to count, are the same for all learners.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from headway.domain.catalogue import Course, CourseChange, Lesson, OnEdit, VersionedCourse, next_version
from headway.domain.course_progress import CourseProgress, recalculate
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress


class Impact(NamedTuple):
    """What storing a course document would change, and how many learners would gain or lose its completion."""

    change: CourseChange
    learners: int
    gain_completion: int
    lose_completion: int


class CompletedTotal(NamedTuple):
    """The smallest and the largest number of lessons that count and that a learner can have completed."""

    least: int
    most: int


@dataclass(frozen=True)
class CourseEdit:
    """A course as it is now, and as it would be in its next version.

    `started` are the lessons that at least one learner has started, including lessons that have left the course. In
    all other lessons nobody has progress that matters.
    """

    before: VersionedCourse
    after: VersionedCourse
    started: AbstractSet[LessonId]

    @classmethod
    def to(cls, before: VersionedCourse, course: Course, started: AbstractSet[LessonId]) -> "CourseEdit":
        """Return the edit that replaces the catalogue's version `before` with `course`."""
        return cls(before, next_version(before, course, before.version + 1), started)

    @property
    def can_give(self) -> bool:
        """Whether the edit can complete the course for a learner."""
        return self._required_after > 0 and (self._changes_what_counts or self._loosened > 0)

    @property
    def can_take(self) -> bool:
        """Whether the edit can take the course's completion from a learner."""
        if self.after.course.on_edit is OnEdit.KEEP:
            return False
        return self._changes_what_counts or self.before.course.on_edit is OnEdit.KEEP

    def completes(self, course_progress: CourseProgress) -> bool | None:
        """Whether the learner would have completed the course after the edit.

        `None` means that the course progress does not tell; use `difference` with the lesson progress.
        """
        has_completed = course_progress.completed_at is not None
        if has_completed and self.after.course.on_edit is OnEdit.KEEP:
            return True
        if course_progress.course_version != self.before.version:
            return None
        completed = self._completed(course_progress.tally.completed_lessons)
        if completed.least >= self._required_after > 0:
            return True
        return False if completed.most < self._required_after or not self._required_after else None

    def difference(
        self, course_progress: CourseProgress, all_lesson_progress: Iterable[LessonProgress], now: datetime
    ) -> int:
        """Return 1 where the learner gains the completion by the edit, -1 where the learner loses it, otherwise 0.

        Where an earlier edit is not recalculated yet, only the difference that this edit adds to it counts.
        """
        known = list(all_lesson_progress)
        has = course_progress
        if course_progress.course_version != self.before.version:
            has = recalculate(self.before, course_progress, known, now).course_progress
        would_have = recalculate(self.after, course_progress, known, now).course_progress
        return (would_have.completed_at is not None) - (has.completed_at is not None)

    def _completed(self, before: int) -> CompletedTotal:
        """Return how many lessons would count as completed for a learner with `before` completed lessons now."""
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
        """The lessons that count before and after the edit, as the edit defines them."""
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
        """The number of lessons that begin to count and that a learner may have completed."""
        staying = {lesson.id for lesson in self._staying}
        return sum(one.required and one.id in self.started - staying for one in self.after.course.lessons)

    @property
    def _changes_what_counts(self) -> bool:
        return self._dropped > 0 or self._brought > 0

    @cached_property
    def _loosened(self) -> int:
        """The number of lessons that stay and whose conditions change: the edit may complete them for a learner."""
        return sum(self.after.criteria[lesson.id] == self.after.version for lesson in self._staying)


class Recalculation(NamedTuple):
    """The recalculation of learners' progress after a course edit: `done` of `learners` are finished.

    `after` is the last learner who is finished, in the order of their ids; `None` where none is.
    """

    course_id: CourseId
    version: int
    learners: int
    done: int
    after: LearnerId | None
