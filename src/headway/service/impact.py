"""Computes what storing a course document would change, without storing it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from headway.domain.catalogue import Course, compare
from headway.domain.course_progress import CourseProgress
from headway.domain.edits import CourseEdit, Impact
from headway.domain.errors import CourseNotFoundError
from headway.domain.ports import Store
from headway.domain.roster import LONGEST_PAGE, RosterOrder, RosterQuery, position_of
from headway.domain.writes import UNCONDITIONAL, Precondition

_AT_A_TIME: Final = 8  # learners read at the same time: few, so that other requests are not held up

# Most progress first: if nobody on a page can complete the course, nobody on the next pages can.
_TO_GAIN: Final = RosterQuery(order=RosterOrder.PROGRESS, limit=LONGEST_PAGE, completed=False)
_TO_LOSE: Final = replace(_TO_GAIN, completed=True)


async def impact(store: Store, course: Course, precondition: Precondition = UNCONDITIONAL) -> Impact:
    """Return what storing a course would change. A new course has no learners to count.

    Raises `PreconditionFailedError` where the precondition does not hold.

    While an earlier edit is still being recalculated, the result is what this edit changes in addition.
    """
    try:
        before = await store.course(course.id)
    except CourseNotFoundError:
        precondition.check_course(None)
        return Impact(compare(None, course), 0, 0, 0)
    precondition.check_course(before)
    now = datetime.now(UTC)
    today = course.date_of(now)
    counted = await store.statistics(course.id, today, today)
    started = {lesson_id for lesson_id, counts in counted.lessons.items() if counts.started}
    walk = _Walk(store, CourseEdit.to(before, course, started), now)
    await walk.go()
    return Impact(compare(before.course, course), counted.learners.learners, walk.found[1], walk.found[-1])


class _Walk:
    """Goes through the learners whose completion an edit can change.

    `found` counts them: 1 for those who gain the completion, -1 for those who lose it, 0 for no change.
    """

    def __init__(self, store: Store, edit: CourseEdit, now: datetime) -> None:
        self.found: Counter[int] = Counter()
        self._store = store
        self._edit = edit
        self._now = now

    async def go(self) -> None:
        """Count the learners who would gain the completion, and those who would lose it."""
        if self._edit.can_give:
            settled = await self._store.recalculation(self._edit.before.course.id) is None
            async for page in self._pages(_TO_GAIN):
                if not await self._count(page) and settled:
                    break
        if self._edit.can_take:
            async for page in self._pages(_TO_LOSE):
                await self._count(page)

    async def _pages(self, query: RosterQuery) -> AsyncIterator[Sequence[CourseProgress]]:
        while page := await self._store.roster(self._edit.before.course.id, query):
            yield page
            if len(page) < query.limit:
                break
            query = replace(query, after=position_of(page[-1], query.order))

    async def _count(self, page: Sequence[CourseProgress]) -> bool:
        """Count a page. Return whether anybody on it completes the course under the edit, or may complete it."""
        verdicts = [self._edit.completes(course_progress) for course_progress in page]
        undecided = [
            course_progress for course_progress, completes in zip(page, verdicts, strict=True) if completes is None
        ]
        self.found.update(
            completes - (course_progress.completed_at is not None)
            for course_progress, completes in zip(page, verdicts, strict=True)
            if completes is not None
        )
        for first in range(0, len(undecided), _AT_A_TIME):
            some = undecided[first : first + _AT_A_TIME]
            self.found.update(await asyncio.gather(*map(self._difference, some)))
            await asyncio.sleep(0)  # lets other requests run: the reads may not have waited
        await asyncio.sleep(0)
        return any(completes is not False for completes in verdicts)

    async def _difference(self, course_progress: CourseProgress) -> int:
        reading = await self._store.lessons(course_progress.learner_id, course_progress.course_id)
        return self._edit.difference(course_progress, reading.lesson_progress, self._now)
