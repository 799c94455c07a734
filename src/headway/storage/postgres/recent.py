"""The progress that was written last, in memory, so that the next heartbeat needs no read."""

from collections import OrderedDict
from typing import Final

from headway.domain.change_sets import ChangeSet
from headway.domain.course_progress import CourseProgress
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import LessonId
from headway.domain.progress import LessonProgress

KEPT_PROGRESS: Final = 100_000  # of courses and lessons together
_LONG_NOTES: Final = 1_000  # characters; lesson progress with longer notes, or with metadata, is not kept

_WRONG_SHARE: Final = 4
_MOST_CAUTION: Final = 256


class Remembered:
    """The course progress of a learner (`None`: there is none), and the known lesson progress of the same revision."""

    __slots__ = ("lessons", "progress", "size")

    def __init__(self, progress: CourseProgress | None) -> None:
        self.progress = progress
        self.lessons: dict[LessonId, LessonProgress | None] = {}
        self.size = 1  # as `Recent` last counted it

    def move_on(self, change: ChangeSet) -> None:
        """Keep what was stored, without large lesson progress, so that the number of entries bounds the memory."""
        self.progress = change.after
        for lesson_id, _, after in change.lessons:
            if after is None or _is_small(after):
                self.lessons[lesson_id] = after
            else:
                self.lessons.pop(lesson_id, None)


class Recent:
    """Progress by learner and course, at most `kept` of courses and lessons. The one kept longest ago is dropped first.

    Another process may have changed any of it. The gate detects that when a write is stored, by the revision that the
    write was decided on.
    """

    def __init__(self, kept: int = KEPT_PROGRESS) -> None:
        self._kept = kept
        self._all_course_progress: OrderedDict[CourseProgressKey, Remembered] = OrderedDict()
        self._size = 0
        self._batches_to_read = 0
        self._caution = 1

    def begin_batch(self) -> None:
        """Begin a batch; the next look-ups belong to it."""
        if self._batches_to_read:
            self._batches_to_read -= 1

    def get(self, key: CourseProgressKey) -> Remembered | None:
        """Return what is known of a learner in a course; `None` while too much has been out of date."""
        return None if self._batches_to_read else self._all_course_progress.get(key)

    def judge(self, *, right: int, wrong: int) -> None:
        """Note how much known course progress of a batch was right, and how much was out of date.

        Where a learner's requests go to several processes, deciding again costs more than reading first. So after a
        batch with more than a quarter out of date, the next batches read everything: one at first, twice as many each
        time that it happens again.
        """
        if not right + wrong:
            return
        if wrong * _WRONG_SHARE > right + wrong:
            self._batches_to_read = self._caution
            self._caution = min(2 * self._caution, _MOST_CAUTION)
        else:
            self._caution = 1

    def keep(self, key: CourseProgressKey, course_progress: Remembered) -> None:
        """Keep progress that was just stored."""
        self.forget(key)
        course_progress.size = 1 + len(course_progress.lessons)
        self._all_course_progress[key] = course_progress
        self._size += course_progress.size
        while self._size > self._kept:
            _, dropped = self._all_course_progress.popitem(last=False)
            self._size -= dropped.size

    def forget_all(self) -> None:
        """Forget everything."""
        self._all_course_progress.clear()
        self._size = 0

    def forget(self, key: CourseProgressKey) -> None:
        """Forget progress that others may have changed."""
        course_progress = self._all_course_progress.pop(key, None)
        if course_progress is not None:
            self._size -= course_progress.size


def _is_small(progress: LessonProgress) -> bool:
    return len(progress.user_notes or "") < _LONG_NOTES and not progress.metadata
