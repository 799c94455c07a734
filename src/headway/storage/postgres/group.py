"""The works of one learner in one course within a batch: decides them before they are stored."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.changes import Changes, Needs, Newcomers, Work, is_only_enrolment, needs
from headway.domain.course_progress import LearnerDay
from headway.domain.enrolments import Enforcement
from headway.domain.events import NOT_RECORDED, Recording
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import LessonId
from headway.domain.writes import LessonWrite
from headway.storage.committer import LOST, Held, Lost, Outcome
from headway.storage.postgres.recent import Remembered

_NO_REVISION: Final = 0


class Group:
    """The works of one learner in one course. They are decided in their order, and stored together or not at all."""

    def __init__(
        self,
        key: CourseProgressKey,
        course_progress: Remembered | None,
        work: Sequence[tuple[int, Work]],
        enforced: Enforcement,
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self.key = key
        self._enforced = enforced
        self._recording = recording
        self.work = work  # with their positions in the batch
        self.course_progress = course_progress or Remembered(None)
        self.is_known = course_progress is not None  # known from before; otherwise it is read for this batch
        self.course: VersionedCourse | None = None
        self.days: dict[date, LearnerDay] = {}  # the finished days, where they are needed
        self.change: ChangeSet | None = None  # `None` where nothing changes

    def lessons(self) -> Iterator[LessonId]:
        """Yield the lessons that the works write to."""
        return (work.lesson_id for _, work in self.work if isinstance(work, LessonWrite))

    def needs(self, latest: date) -> Needs:
        """Return what must be read beside the course progress. `latest` is the latest date that has begun anywhere."""
        assert self.course is not None  # noqa: S101 - a group without a course was refused before
        return needs(
            [work for _, work in self.work], self.course, self.course_progress.progress, latest, self._enforced
        )

    def unread_lessons(self) -> Sequence[LessonId]:
        """Return the lessons whose progress must be read. Without course progress there is no lesson progress."""
        if self.course_progress.progress is None:
            return ()
        lessons = set(self.lessons())
        if self._enforced.prerequisites:
            lessons |= self.needs(date.max).lessons
        return [lesson_id for lesson_id in lessons if lesson_id not in self.course_progress.lessons]

    @property
    def previous_revision(self) -> int:
        """The revision that the gate must still have."""
        return self.course_progress.progress.revision if self.course_progress.progress else _NO_REVISION

    @property
    def is_coming(self) -> bool:
        """Whether the learner is new in the course."""
        return self.course_progress.progress is None or self.course_progress.progress.started_at is None

    def decide(self, outcomes: list[Outcome], now: datetime, newcomers: Newcomers) -> None:
        """Decide the works in their order, and note the outcome of each."""
        assert self.course is not None  # noqa: S101 - a group without a course was refused before
        known = self.course_progress
        works = [work for _, work in self.work]
        if known.progress is None and is_only_enrolment(works):
            change = newcomers.enrol(self.course, works[0])
            outcomes[self.work[0][0]] = change.after
            self.change = change if change.stored_progress is not None else None
            return
        changes = Changes(
            self.course, self.key[0], known.progress, known.lessons, self.days, self._enforced, self._recording
        )
        for position, work in self.work:
            outcomes[position] = changes.decide(work, now)
        change = changes.change_set()
        self.change = change if change.stored_progress is not None else None

    def lose(self, outcomes: list[Outcome], why: Lost | Held = LOST) -> None:
        """Give up what was decided, also refusals, because others have changed or locked the course progress."""
        for position, _ in self.work:
            outcomes[position] = why
