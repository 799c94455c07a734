"""What one learner does in one course within a batch: decided in Python, kept nowhere yet."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from headway.domain.catalogue import VersionedCourse
from headway.domain.changes import Changes, ChangeSet, Key, Needs, Work, needs
from headway.domain.course_progress import LearnerDay
from headway.domain.identifiers import LessonId
from headway.domain.writes import LessonWrite
from headway.storage.committer import LOST, Held, Lost, Outcome
from headway.storage.postgres.recent import Remembered

_NO_REVISION: Final = 0


class Group:
    """The work of one learner's in one course, decided one after the other and stored together or not at all."""

    def __init__(self, key: Key, course_progress: Remembered | None, work: Sequence[tuple[int, Work]]) -> None:
        self.key = key
        self.work = work  # with their positions in the batch
        self.course_progress = course_progress or Remembered(None)
        self.is_known = course_progress is not None  # from before; else it is read for this batch
        self.course: VersionedCourse | None = None
        self.days: dict[date, LearnerDay] = {}  # those that are finished, where they are needed
        self.change: ChangeSet | None = None  # `None` where nothing changes

    def lessons(self) -> Iterator[LessonId]:
        """The lessons that are written to."""
        return (work.lesson_id for _, work in self.work if isinstance(work, LessonWrite))

    def needs(self, latest: date) -> Needs:
        """What has to be read beside the course progress; `latest` is the last day that may have begun."""
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        return needs([work for _, work in self.work], self.course, self.course_progress.progress, latest)

    def unread_lessons(self) -> Sequence[LessonId]:
        """The lessons whose rows have to be read first. Who has no course progress in the course has no rows there."""
        if self.course_progress.progress is None:
            return ()
        return [lesson_id for lesson_id in set(self.lessons()) if lesson_id not in self.course_progress.rows]

    @property
    def previous_revision(self) -> int:
        """What the gate has to be found at."""
        return self.course_progress.progress.revision if self.course_progress.progress else _NO_REVISION

    @property
    def is_coming(self) -> bool:
        """Whether the learner is not in the course yet."""
        return self.course_progress.progress is None or self.course_progress.progress.started_at is None

    def decide(self, outcomes: list[Outcome], now: datetime) -> None:
        """Do the work in its order, noting the outcome of each."""
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        changes = Changes(self.course, self.key[0], self.course_progress.progress, self.course_progress.rows, self.days)
        for position, work in self.work:
            outcomes[position] = changes.decide(work, now)
        change = changes.change_set()
        self.change = change if change.stored_progress is not None else None

    def lose(self, outcomes: list[Outcome], why: Lost | Held = LOST) -> None:
        """Somebody else was first, or in the way: nothing that was decided holds, a refusal neither."""
        for position, _ in self.work:
            outcomes[position] = why
