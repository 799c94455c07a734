"""What a learner may do to one lesson's row, and under which conditions: the same for every store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from headway.domain import progress
from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.errors import LessonNotFoundError, PreconditionFailedError
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.progress import LessonProgress, ProgressUpdate, Status


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state a row, or a course's document, must be in (RFC 9110 section 13.1), entity tags in their opaque part.

    `match` holds the tags of If-Match, `none_match` those of If-None-Match; the flags stand for `*`.
    """

    match: frozenset[str] | None = None
    match_any: bool = False
    none_match: frozenset[str] | None = None
    none_match_any: bool = False

    @property
    def informed(self) -> bool:
        """Whether the writer has seen the row: `If-Match: *` asks that there is one, but has not seen it."""
        return self.match is not None

    def check(self, row: LessonProgress | None) -> None:
        """Raise `PreconditionFailedError` unless `row` is as asked."""
        self._check("row", row.tag if row else None)

    def check_course(self, course: VersionedCourse | None) -> None:
        """Raise `PreconditionFailedError` unless what the catalogue has of a course is as asked."""
        self._check("course", course.tag if course else None)

    def _check(self, what: str, tag: str | None) -> None:
        if self.match is not None and tag not in self.match:
            raise PreconditionFailedError(f"The {what} has changed since it was read. Read it again, then decide.")
        if self.match_any and tag is None:
            raise PreconditionFailedError(f"There is no {what} yet, and If-Match asks for one.")
        if (self.none_match_any and tag is not None) or (self.none_match and tag in self.none_match):
            raise PreconditionFailedError(f"There is a {what} already, and If-None-Match asks for none.")


UNCONDITIONAL: Final = Precondition()
_NOT_STARTED: Final = (Status.NOT_STARTED, None)  # null is the default


class Written(NamedTuple):
    """What became of a write: the row before and after it (`None`: no row) and the fields that were kept."""

    before: LessonProgress | None
    after: LessonProgress | None
    lesson: Lesson
    kept: tuple[str, ...] = ()


class StandingRefresh(NamedTuple):
    """Work on a learner's standing in a course, whose document or rows it may not agree with any more."""

    learner_id: LearnerId
    course_id: CourseId


class LessonWrite(NamedTuple):
    """One learner's write to one lesson's row. `update` is `None` where the row is to be removed.

    `written_by` is who writes on the learner's behalf, `None` where that is the learner.
    """

    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    update: ProgressUpdate | None
    precondition: Precondition = UNCONDITIONAL
    written_by: LearnerId | None = None

    @property
    def may_take_back(self) -> bool:
        """Whether a lesson that was started may not be started any more after this write."""
        if self.update is None:
            return True
        return self.precondition.informed and self.update.get("status", Status.IN_PROGRESS) in _NOT_STARTED

    def apply(
        self, course: Course, row: LessonProgress | None, now: datetime, new_id: Callable[[], ProgressId]
    ) -> Written:
        """Decide what the row becomes.

        Raises `LessonNotFoundError`, `PreconditionFailedError`, or `InvalidValueError` for metadata out of bounds.
        """
        lesson = course.lessons_by_id.get(self.lesson_id)
        if lesson is None:
            raise LessonNotFoundError(self.course_id, self.lesson_id)
        if self.precondition is not UNCONDITIONAL:
            self.precondition.check(row)
        if self.update is None:
            return Written(row, None, lesson)
        progress.check_metadata(self.update.get("metadata") or progress.NO_METADATA)
        start = row or progress.new_row(self.learner_id, self.course_id, self.lesson_id, new_id(), now)
        if self.precondition.informed:
            return Written(row, self._signed(start, progress.replace(start, self.update, lesson, now)), lesson)
        after = self._signed(start, progress.merge(start, self.update, lesson, now))
        return Written(row, after, lesson, progress.kept_fields(row, self.update, after) if row else ())

    def _signed(self, before: LessonProgress, after: LessonProgress) -> LessonProgress:
        """The row under the name of who changed it."""
        if after is before or after.written_by == self.written_by:
            return after
        return after._replace(written_by=self.written_by)
