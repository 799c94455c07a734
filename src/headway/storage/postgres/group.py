"""What one learner does in one course within a batch: decided in Python, kept nowhere yet."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Final
from uuid import uuid4

from headway.domain.catalogue import VersionedCourse
from headway.domain.counters import Counters
from headway.domain.dating import NO_TIMES
from headway.domain.errors import HeadwayError
from headway.domain.identifiers import LessonId, ProgressId
from headway.domain.presence import ChangedDays, Place, StandingRestore, advance, restore, settled
from headway.domain.progress import LessonProgress
from headway.domain.standing import CourseProgress, LearnerDay, next_revision, rederive, unplaced
from headway.domain.writes import LessonWrite, StandingRefresh, Written
from headway.storage.committer import LOST, Held, Lost, Outcome, Work
from headway.storage.postgres.recent import Key, Standing

_NO_REVISION: Final = 0


class Group:
    """The work of one learner's in one course, decided one after the other and stored together or not at all."""

    def __init__(self, key: Key, standing: Standing | None) -> None:
        self.key = key
        self.work: list[tuple[int, Work]] = []
        self.standing = standing or Standing(None)
        self.is_known = standing is not None  # from before; else it is read for this batch
        self.course: VersionedCourse | None = None
        self.after: CourseProgress | None = None
        self.rows: dict[LessonId, LessonProgress | None] = {}
        self.known_days: dict[date, LearnerDay] = {}  # those that are finished, where they are needed
        self.days: dict[date, LearnerDay | None] = {}

    def unread_lessons(self) -> Iterable[LessonId]:
        """The lessons whose rows have to be read first. Who has no standing in the course has no rows there."""
        if self.standing.progress is None:
            return ()
        return {lesson_id for lesson_id in self.lessons() if lesson_id not in self.standing.rows}

    def lessons(self) -> Iterator[LessonId]:
        """The lessons that are written to."""
        return (work.lesson_id for _, work in self.work if isinstance(work, LessonWrite))

    @property
    def brings_times(self) -> bool:
        """Whether a write brings times of its own, or an export is restored: any day may become another one."""
        return any(
            isinstance(work, StandingRestore) or (isinstance(work, LessonWrite) and work.times is not NO_TIMES)
            for _, work in self.work
        )

    def needs_days(self, latest: date) -> bool:
        """Whether the finished days are needed: to add to them, or since the last one is after `latest`."""
        progress = self.standing.progress
        return progress is not None and (self.brings_times or progress.day.date > latest)

    @property
    def needs_all_rows(self) -> bool:
        """Whether rows decide that are not written to: see `advance`, and of a standing that is made anew."""
        if self.course is None:
            return False
        return self.brings_times or self.is_outdated or self._may_go_back

    @property
    def is_outdated(self) -> bool:
        """Whether the standing has to be made anew: it is of another version of the course, or that was asked for."""
        if self.course is None:
            return False
        if any(isinstance(work, StandingRefresh) for _, work in self.work):
            return True
        progress = self.standing.progress
        return progress is not None and progress.course_version != self.course.version

    @property
    def _may_go_back(self) -> bool:
        """Whether the last lesson that the learner has started may be taken back."""
        at_lesson = self.standing.progress.at_lesson if self.standing.progress else None
        return any(
            isinstance(work, LessonWrite)
            and work.may_take_back
            and (work.lesson_id == at_lesson or len(self.work) > 1)  # what comes before may start the lesson
            for _, work in self.work
        )

    @property
    def previous_revision(self) -> int:
        """What the gate has to be found at."""
        return self.standing.progress.revision if self.standing.progress else _NO_REVISION

    @property
    def is_coming(self) -> bool:
        """Whether the learner is not in the course yet."""
        return self.standing.progress is None or self.standing.progress.started_at is None

    @property
    def changed_rows(self) -> Iterable[tuple[LessonProgress | None, LessonProgress | None]]:
        """The rows that became others, before and after."""
        before = self.standing.rows
        return (
            (before.get(lesson_id), row) for lesson_id, row in self.rows.items() if row is not before.get(lesson_id)
        )

    def decide(self, outcomes: list[Outcome], now: datetime) -> None:
        """Do the work in its order, noting the outcome of each."""
        progress = self.standing.progress
        if self.is_outdated:
            progress = self._rederived(progress, now)
        for place, work in self.work:
            try:
                outcomes[place], progress = self._done(work, progress, now)
            except HeadwayError as refusal:
                outcomes[place] = refusal

    def lose(self, outcomes: list[Outcome], why: Lost | Held = LOST) -> None:
        """Somebody else was first, or in the way: nothing that was decided holds, a refusal neither."""
        for place, _ in self.work:
            outcomes[place] = why

    def add_to(self, counters: Counters) -> None:
        """What the work changes in the course's figures."""
        for before, row in self.changed_rows:
            counters.change_row(before, row)
        counters.change_standing(self.standing.progress, self.after)
        counters.change_days(self.key[1], self.known_days, self.days)

    @property
    def _present_days(self) -> ChangedDays:
        return {**self.known_days, **self.days} if self.known_days or self.days else self.days

    def _done(
        self, work: Work, progress: CourseProgress | None, now: datetime
    ) -> tuple[Outcome, CourseProgress | None]:
        match work:
            case LessonWrite():
                return self._apply(work, progress, now)
            case StandingRestore():
                return self._restore(work, progress, now)
        return None, progress

    def _rederived(self, progress: CourseProgress | None, now: datetime) -> CourseProgress | None:
        assert self.course is not None  # noqa: S101 - see needs_all_rows
        rows = [row for row in self.standing.rows.values() if row is not None]
        if progress is None and not rows:
            return None
        standing = progress or unplaced(self.key[0], self.course)
        present, days = settled(standing, self.known_days, self.course.course, now)
        derived = rederive(self.course, present, rows, now)
        if derived.standing == progress and not derived.rows:
            return progress
        self.rows.update((row.lesson_id, row) for row in derived.rows)
        return self._keep(Place(derived.standing, days), now)

    def _apply(
        self, write: LessonWrite, progress: CourseProgress | None, now: datetime
    ) -> tuple[Written, CourseProgress | None]:
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        row = self.rows.setdefault(write.lesson_id, self.standing.rows.get(write.lesson_id))
        written = write.apply(self.course.course, row, now, _new_id)
        if written.before is None and written.after is None:
            return written, progress
        self.rows[write.lesson_id] = written.after
        place = advance(
            progress,
            write,
            written,
            self.course,
            now=now,
            known=self._present_days,
            rows=self._present_rows,
        )
        return written, self._keep(place, now)

    def _restore(
        self, asked: StandingRestore, progress: CourseProgress | None, now: datetime
    ) -> tuple[bool, CourseProgress | None]:
        assert self.course is not None  # noqa: S101 - a group without its course is refused before
        place = restore(progress, asked, self.course, self._present_days, now)
        if place.standing == progress and not place.days:
            return False, progress
        return True, self._keep(place, now)

    def _keep(self, place: Place, now: datetime) -> CourseProgress:
        self.days.update(place.days)
        self.after = place.standing._replace(revision=next_revision(self.standing.progress, now))
        return self.after

    def _present_rows(self) -> Iterable[LessonProgress]:
        """All the learner's rows as they are so far, where they were read: see `needs_all_rows`."""
        return (row for row in {**self.standing.rows, **self.rows}.values() if row is not None)


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
