"""What was written last, kept in memory so that the next heartbeat needs no read."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import LessonProgress
from headway.domain.statistics import CourseProgress

KEPT_ROWS: Final = 100_000
_LONG_NOTES: Final = 1_000  # characters from which on a row is not kept; one with metadata is not either

Key = tuple[LearnerId, CourseId]


class Standing:
    """A learner in a course: progress (`None`: no row), and the rows known, as they are under its revision."""

    __slots__ = ("progress", "rows", "size")

    def __init__(self, progress: CourseProgress | None) -> None:
        self.progress = progress
        self.rows: dict[LessonId, LessonProgress | None] = {}
        self.size = 1  # as the owner last counted it

    def move_on(self, progress: CourseProgress, changed: Mapping[LessonId, LessonProgress | None]) -> None:
        """Know what was stored. Large rows are not kept, so that the number of rows bounds their memory."""
        self.progress = progress
        for lesson_id, row in changed.items():
            if row is None or _is_small(row):
                self.rows[lesson_id] = row
            else:
                self.rows.pop(lesson_id, None)


class Recent:
    """Standings by learner and course, bounded by their rows; what was used longest ago goes first.

    Another process may have changed any of them. That is found out when a write is stored, by the revision that it
    was decided under; until then nothing here is believed.
    """

    def __init__(self, kept_rows: int = KEPT_ROWS) -> None:
        self._kept_rows = kept_rows
        self._standings: OrderedDict[Key, Standing] = OrderedDict()
        self._rows = 0

    def get(self, key: Key) -> Standing | None:
        """What is known of a learner in a course."""
        return self._standings.get(key)

    def keep(self, key: Key, standing: Standing) -> None:
        """Know a standing as it was just stored."""
        self.forget(key)
        standing.size = 1 + len(standing.rows)
        self._standings[key] = standing
        self._rows += standing.size
        while self._rows > self._kept_rows:
            _, dropped = self._standings.popitem(last=False)
            self._rows -= dropped.size

    def forget(self, key: Key) -> None:
        """Let go of a standing that somebody else has changed."""
        standing = self._standings.pop(key, None)
        if standing is not None:
            self._rows -= standing.size

    def clear(self) -> None:
        """Let go of all: the database may be another one."""
        self._standings.clear()
        self._rows = 0


def _is_small(row: LessonProgress) -> bool:
    return len(row.user_notes or "") < _LONG_NOTES and not row.metadata
