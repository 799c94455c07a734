"""Writes to a learner's progress in a lesson, and their preconditions. All stores use the same rules."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from headway.domain import offline, progress
from headway.domain.catalogue import Course, Lesson, VersionedCourse
from headway.domain.dating import NO_TIMES, Moments, Times, checked, dated, latest, moments_of, new_times
from headway.domain.errors import LessonNotFoundError, PreconditionFailedError
from headway.domain.groups import Group
from headway.domain.identifiers import CourseId, LearnerId, LessonId, ProgressId
from headway.domain.metadata import NO_METADATA, check_metadata
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Precondition:
    """A condition on lesson progress, a course document, a group, a profile or a webhook (RFC 9110 section 13.1).

    `match` holds the entity tags of If-Match, `none_match` those of If-None-Match, each as its opaque part.
    `match_any` and `none_match_any` stand for `*`.
    """

    match: frozenset[str] | None = None
    match_any: bool = False
    none_match: frozenset[str] | None = None
    none_match_any: bool = False

    @property
    def conditional(self) -> bool:
        """Whether the writer has read the present version. `If-Match: *` only asks that there is one."""
        return self.match is not None

    def check(self, stored: LessonProgress | None) -> None:
        """Raise `PreconditionFailedError` unless the lesson progress meets the condition (`None`: there is none)."""
        self._check("lesson progress", stored.etag if stored else None)

    def check_course(self, course: VersionedCourse | None) -> None:
        """Raise `PreconditionFailedError` unless the catalogue's course meets the condition (`None`: there is none)."""
        self._check("course", course.etag if course else None)

    def check_group(self, group: Group | None) -> None:
        """Raise `PreconditionFailedError` unless the group meets the condition (`None`: there is none)."""
        self._check("group", group.etag if group else None)

    def check_profile(self, etag: str | None) -> None:
        """Raise `PreconditionFailedError` unless a learner profile's etag meets the condition (`None`: no profile)."""
        self._check("learner profile", etag)

    def check_webhook(self, webhook: Webhook | None) -> None:
        """Raise `PreconditionFailedError` unless the webhook meets the condition (`None`: there is none)."""
        self._check("webhook", webhook.etag if webhook else None)

    def _check(self, what: str, etag: str | None) -> None:
        if self.match is not None and etag not in self.match:
            raise PreconditionFailedError(f"The {what} has changed since it was read. Read it again, then decide.")
        if self.match_any and etag is None:
            raise PreconditionFailedError(f"The {what} does not exist yet, but If-Match requires it.")
        if (self.none_match_any and etag is not None) or (self.none_match and etag in self.none_match):
            raise PreconditionFailedError(f"The {what} exists already, but If-None-Match requires that it does not.")


UNCONDITIONAL: Final = Precondition()
_NOT_STARTED: Final = (Status.NOT_STARTED, None)  # null is the default


class Written(NamedTuple):
    """The result of a write: the lesson progress before and after it (`None`: there is none).

    `kept` names the fields whose value is not the one sent. `moments` is when the learner was active, as the write
    says; `None` means that the write does not show any activity. `is_dated` says whether these times come from the
    write.
    """

    before: LessonProgress | None
    after: LessonProgress | None
    lesson: Lesson
    kept: tuple[str, ...] = ()
    moments: Moments | None = None
    is_dated: bool = False


class CourseProgressRefresh(NamedTuple):
    """A request to recalculate a learner's course progress, which may not agree with the course or lessons any more."""

    learner_id: LearnerId
    course_id: CourseId


class Origin(NamedTuple):
    """What an export says about lesson progress beside its values and times.

    `worked_at` is when the learner last worked in the lesson. `completed_by` is the person who completed it although
    its conditions were not met. `run_began_at` is when the run of the course began that the lesson progress is of.
    """

    worked_at: datetime | None = None
    completed_by: LearnerId | None = None
    run_began_at: datetime | None = None


class LessonWrite(NamedTuple):
    """A write to a learner's progress in one lesson. `update` is `None` where the progress is to be removed.

    - `written_by`: the person who writes on the learner's behalf; `None` where the learner writes.
    - `times`: the times that the write brings.
    - `restored`: set where the write comes from an export. The progress is stored as the export has it where there is
      none, and merged where there is some. A lesson that was completed in the export is completed, whatever its
      conditions. The write does not count as activity of the learner.
    - `authority`: the writer, where the writer may complete a lesson although its conditions are not met. This needs a
      write that names the version it has read (If-Match) or says that there is none (`If-None-Match: *`).
    - `run`: the number of the run of the course that the write is for; `None` where the writer does not say.
    - `is_imported`: whether the write is a line of an import.
    - `made_at`: when a merge write was made, where it was made on a device before it arrived (`offline`).
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
    run: int | None = None
    is_imported: bool = False
    made_at: datetime | None = None

    @property
    def may_take_back(self) -> bool:
        """Whether this write may make a started lesson not started."""
        if self.update is None:
            return True
        return self.precondition.conditional and self.update.get("status", Status.IN_PROGRESS) in _NOT_STARTED

    def may_date_completion(self, lesson: Lesson | None) -> bool:
        """Whether the write may complete the lesson at another time than now, or change the time of its completion."""
        if self.made_at is None:
            return self.times is not NO_TIMES
        if lesson is None or self.update is None:
            return False
        says_so = self.update.get("status") is Status.COMPLETED or bool(self.update.get("quiz_passed"))
        return says_so or any(progress.meets(self.update, lesson))

    def in_vain(self, course: Course, stored: LessonProgress | None) -> Written:
        """Return the result of a device's write where the progress was removed after it was made: nothing changes.

        Raises `LessonNotFoundError`.
        """
        sent = tuple(field for field, value in (self.update or {}).items() if value is not None)
        return Written(stored, stored, self._lesson(course), sent)

    def apply(
        self, course: Course, stored: LessonProgress | None, now: datetime, new_id: Callable[[], ProgressId]
    ) -> Written:
        """Apply the write to the stored lesson progress, `stored` (`None`: there is none). Nothing is stored.

        Raises `LessonNotFoundError` where the lesson is not in the course, `PreconditionFailedError` where the
        condition is not met, and `InvalidValueError` where the metadata or the times break a rule.
        """
        lesson = self._lesson(course)
        if self.precondition is not UNCONDITIONAL:
            self.precondition.check(stored)
        if self.update is None:
            return Written(stored, None, lesson, moments=self._present(now))
        check_metadata(self.update.get("metadata") or NO_METADATA)
        times = NO_TIMES if self.times is NO_TIMES else new_times(checked(self.times, now), stored)
        start = stored or progress.new_lesson_progress(self.learner_id, self.course_id, self.lesson_id, new_id(), now)
        if self.made_at is not None:
            return self._apply_of_device(self.made_at, self.update, lesson, stored, start, now)
        is_made = self.restored is not None and stored is None
        is_conditional = self.precondition.conditional or is_made
        if is_conditional:
            authority = self.learner_id if is_made else self._authority
            changed = progress.replace(start, self.update, lesson, now, authority)
        else:
            is_restored = self.restored is not None
            changed = progress.merge(start, self.update, lesson, now, self._authority, restored=is_restored)
        is_timed = is_conditional or offline.sets_times(start, changed, self.update)
        if is_timed and changed is not start and self.restored is None:  # the values of an export are older than now
            changed = offline.timed(start, changed, self.update, now)
        after = dated(stored, changed, times, conditional=is_conditional)
        kept = progress.kept_fields(start, self.update, after, conditional=is_conditional)
        moments, is_dated = self._when(stored, after, times, now)
        return Written(stored, self._signed(start, after, moments), lesson, kept, moments, is_dated)

    def _lesson(self, course: Course) -> Lesson:
        lesson = course.lessons_by_id.get(self.lesson_id)
        if lesson is None:
            raise LessonNotFoundError(self.course_id, self.lesson_id)
        return lesson

    def _apply_of_device(
        self,
        made_at: datetime,
        update: ProgressUpdate,
        lesson: Lesson,
        stored: LessonProgress | None,
        start: LessonProgress,
        now: datetime,
    ) -> Written:
        """Apply a write that was made on a device before. `start` is `stored`, or new lesson progress."""
        after, set_later = offline.merge(start, update, lesson, made_at, now)
        kept = (*progress.kept_fields(start, update, after), *set_later)
        if after is stored:
            return Written(stored, stored, lesson, kept)
        after = after._replace(written_by=self.written_by)
        was_completed = start.status is Status.COMPLETED
        completed_at = made_at if was_completed else after.completed_at or made_at
        moments = Moments(made_at, completed_at, made_at) if self.written_by is None else None
        return Written(stored, after, lesson, kept, moments, is_dated=True)

    @property
    def _authority(self) -> LearnerId | None:
        """The person who may complete the lesson by this write although its conditions are not met."""
        says_what_it_finds = self.precondition.conditional or self.precondition.none_match_any
        return self.authority if says_what_it_finds else None

    def _when(
        self, before: LessonProgress | None, after: LessonProgress, times: Times, now: datetime
    ) -> tuple[Moments | None, bool]:
        """Return when the learner was active, and whether this comes from times in the write.

        No change means no activity.
        """
        if self.times is NO_TIMES or (times == NO_TIMES and after is not before):
            return self._present(now), False
        if after is before:
            return None, False
        return None if self.restored else moments_of(times), True

    def _present(self, now: datetime) -> Moments | None:
        """Return the present time, where the learner writes.

        `None` where another person writes or an export is restored.
        """
        return Moments(now, now, now) if self.written_by is None and self.restored is None else None

    def _signed(self, before: LessonProgress, after: LessonProgress, moments: Moments | None) -> LessonProgress:
        """Set `written_by`, `worked_at` and `completed_by` of changed progress. Only the learner's activity is work."""
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
