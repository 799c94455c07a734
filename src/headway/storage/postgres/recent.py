"""What was written last, kept in memory so that the next heartbeat needs no read."""

from collections import OrderedDict
from typing import Final

from headway.domain.changes import ChangeSet, Key
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress

KEPT_ROWS: Final = 100_000
_LONG_NOTES: Final = 1_000  # characters from which on a row is not kept; one with metadata is not either

_WRONG_SHARE: Final = 4
_MOST_CAUTION: Final = 256


class Remembered:
    """A learner in a course: progress (`None`: no row), and the rows known, as they are under its revision."""

    __slots__ = ("progress", "rows", "size")

    def __init__(self, progress: CourseProgress | None) -> None:
        self.progress = progress
        self.rows: dict[LessonId, LessonProgress | None] = {}
        self.size = 1  # as the owner last counted it

    def move_on(self, change: ChangeSet) -> None:
        """Know what was stored. Large rows are not kept, so that the number of rows bounds their memory."""
        self.progress = change.after
        for lesson_id, _, row in change.lessons:
            if row is None or _is_small(row):
                self.rows[lesson_id] = row
            else:
                self.rows.pop(lesson_id, None)


class Recent:
    """Course progress by learner and course, bounded by their rows; what was used longest ago goes first.

    Another process may have changed any of them. That is found out when a write is stored, by the revision that it
    was decided under; until then nothing here is believed.
    """

    def __init__(self, kept_rows: int = KEPT_ROWS) -> None:
        self._kept_rows = kept_rows
        self._all_course_progress: OrderedDict[Key, Remembered] = OrderedDict()
        self._rows = 0
        self._batches_to_read = 0
        self._caution = 1

    def begin_batch(self) -> None:
        """Look-ups from now on are those of one batch."""
        if self._batches_to_read:
            self._batches_to_read -= 1

    def get(self, key: Key) -> Remembered | None:
        """What is known of a learner in a course; nothing while too much of it proved wrong."""
        return None if self._batches_to_read else self._all_course_progress.get(key)

    def judge(self, *, right: int, wrong: int) -> None:
        """Learn how many of a batch's known course progress proved right.

        Where learners' requests go to any of several processes, to believe costs more than to read. So after a batch
        in which more than a quarter was wrong the next ones are read; when it is found again, twice as many.
        """
        if not right + wrong:
            return
        if wrong * _WRONG_SHARE > right + wrong:
            self._batches_to_read = self._caution
            self._caution = min(2 * self._caution, _MOST_CAUTION)
        else:
            self._caution = 1

    def keep(self, key: Key, course_progress: Remembered) -> None:
        """Know course progress as it was just stored."""
        self.forget(key)
        course_progress.size = 1 + len(course_progress.rows)
        self._all_course_progress[key] = course_progress
        self._rows += course_progress.size
        while self._rows > self._kept_rows:
            _, dropped = self._all_course_progress.popitem(last=False)
            self._rows -= dropped.size

    def forget_all(self) -> None:
        """Let go of everything."""
        self._all_course_progress.clear()
        self._rows = 0

    def forget(self, key: Key) -> None:
        """Let go of course progress that somebody else has changed."""
        course_progress = self._all_course_progress.pop(key, None)
        if course_progress is not None:
            self._rows -= course_progress.size


def _is_small(row: LessonProgress) -> bool:
    return len(row.user_notes or "") < _LONG_NOTES and not row.metadata
