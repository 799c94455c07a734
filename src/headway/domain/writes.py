"""What a learner may do to one lesson's row, and under which conditions: the same for every store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from headway.domain import progress
from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.dating import NO_TIMES, Moments, Times, checked, dated, latest, moments_of, new_times
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
    def conditional(self) -> bool:
        """Whether the writer has seen the row: `If-Match: *` asks that there is one, but has not seen it."""
        return self.match is not None

    def check(self, row: LessonProgress | None) -> None:
        """Raise `PreconditionFailedError` unless `row` is as asked."""
        self._check("row", row.etag if row else None)

    def check_course(self, course: VersionedCourse | None) -> None:
        """Raise `PreconditionFailedError` unless what the catalogue has of a course is as asked."""
        self._check("course", course.etag if course else None)

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
    """What became of a write: the row before and after it (`None`: no row) and the fields that are not as sent.

    `moments` are when the learner was there, by what the write says; `None`: it says nothing of that. `is_dated` tells
    whether the row has times that the write brought along.
    """

    before: LessonProgress | None
    after: LessonProgress | None
    lesson: Lesson
    kept: tuple[str, ...] = ()
    moments: Moments | None = None
    is_dated: bool = False


class CourseProgressRefresh(NamedTuple):
    """Work on a learner's course progress in a course, whose document or rows it may not agree with any more."""

    learner_id: LearnerId
    course_id: CourseId


class Origin(NamedTuple):
    """What an export says of a row beside its values and times: when the learner worked in it, and who completed it."""

    worked_at: datetime | None = None
    completed_by: LearnerId | None = None


class LessonWrite(NamedTuple):
    """One learner's write to one lesson's row. `update` is `None` where the row is to be removed.

    `written_by` is who writes on the learner's behalf, `None` where that is the learner. `times` are those that the
    write brings along. A row that is `restored` from an export is made as it says, where there is none, and merged
    where there is one. What it says is completed is so, whatever its lesson asks for; it tells nothing of when the
    learner was there. `authority` is who writes, where they may complete a lesson against its conditions: they do by a
    write that says what it finds.
    """

    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    update: ProgressUpdate | None
    precondition: Precondition = UNCONDITIONAL
    written_by: LearnerId | None = None
    times: Times = NO_TIMES
    restored: Origin | None = None
    authority: LearnerId | None = None

    @property
    def may_take_back(self) -> bool:
        """Whether a lesson that was started may not be started any more after this write."""
        if self.update is None:
            return True
        return self.precondition.conditional and self.update.get("status", Status.IN_PROGRESS) in _NOT_STARTED

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
            return Written(row, None, lesson, moments=self._present(now))
        progress.check_metadata(self.update.get("metadata") or progress.NO_METADATA)
        times = NO_TIMES if self.times is NO_TIMES else new_times(checked(self.times, now), row)
        start = row or progress.new_row(self.learner_id, self.course_id, self.lesson_id, new_id(), now)
        is_made = self.restored is not None and row is None
        is_conditional = self.precondition.conditional or is_made
        if is_conditional:
            authority = self.learner_id if is_made else self._authority
            changed = progress.replace(start, self.update, lesson, now, authority)
        else:
            is_restored = self.restored is not None
            changed = progress.merge(start, self.update, lesson, now, self._authority, restored=is_restored)
        after = dated(row, changed, times, conditional=is_conditional)
        kept = progress.kept_fields(start, self.update, after, conditional=is_conditional)
        moments, is_dated = self._when(row, after, times, now)
        return Written(row, self._signed(start, after, moments), lesson, kept, moments, is_dated)

    @property
    def _authority(self) -> LearnerId | None:
        """Who may complete the lesson against its conditions by this write."""
        says_what_it_finds = self.precondition.conditional or self.precondition.none_match_any
        return self.authority if says_what_it_finds else None

    def _when(
        self, before: LessonProgress | None, after: LessonProgress, times: Times, now: datetime
    ) -> tuple[Moments | None, bool]:
        """When the learner was there, and whether the write says so by times. What changes nothing says nothing."""
        if self.times is NO_TIMES or (times == NO_TIMES and after is not before):
            return self._present(now), False
        if after is before:
            return None, False
        return None if self.restored else moments_of(times), True

    def _present(self, now: datetime) -> Moments | None:
        """The learner is there now, unless somebody else writes."""
        return Moments(now, now, now) if self.written_by is None and self.restored is None else None

    def _signed(self, before: LessonProgress, after: LessonProgress, moments: Moments | None) -> LessonProgress:
        """The row under the name of who changed it, worked in when the learner was there: what others do is no work."""
        if after is before or (self.written_by is None and self.times is NO_TIMES and self.restored is None):
            return after
        after = after._replace(written_by=self.written_by)
        if self.restored is not None:
            worked_at = self.restored.worked_at and min(self.restored.worked_at, after.updated_at)
            was_completed = before.status is Status.COMPLETED
            completed_by = before.completed_by if was_completed else self.restored.completed_by
            after = after._replace(completed_by=completed_by if after.status is Status.COMPLETED else None)
            return after._replace(worked_at=latest(before.worked_at, worked_at))
        if after.worked_at == before.worked_at:
            return after
        return after._replace(worked_at=latest(before.worked_at, moments.ended if moments else None))
