"""What putting a course document would do, before it is put."""

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
from headway.domain.roster import LONGEST_PAGE, RosterOrder, RosterQuery, position_of
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.storage.port import Store

_AT_A_TIME: Final = 8  # learners whose rows are read side by side: other people's requests are to go on

# The furthest first: where a whole page of them can not complete the course, nobody behind them can.
_TO_GAIN: Final = RosterQuery(order=RosterOrder.PROGRESS, limit=LONGEST_PAGE, completed=False)
_TO_LOSE: Final = replace(_TO_GAIN, completed=True)


async def impact(store: Store, course: Course, precondition: Precondition = UNCONDITIONAL) -> Impact:
    """What putting a course would do. Nobody is counted in one that the catalogue has not.

    Raises `PreconditionFailedError` where it would be refused.

    While what followed from an earlier edit is being derived, it is what this one adds to that.
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
    """Goes over the learners whose completion an edit can change; `found` counts them by what it changes."""

    def __init__(self, store: Store, edit: CourseEdit, now: datetime) -> None:
        self.found: Counter[int] = Counter()
        self._store = store
        self._edit = edit
        self._now = now

    async def go(self) -> None:
        """Count all whom the edit can give the completion to, and all whom it can take it from."""
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
        """Count a page; answers whether anybody on it has completed the course under the edit, or may have."""
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
            await asyncio.sleep(0)  # the reads need not have waited for anything
        await asyncio.sleep(0)
        return any(completes is not False for completes in verdicts)

    async def _difference(self, course_progress: CourseProgress) -> int:
        reading = await self._store.lessons(course_progress.learner_id, course_progress.course_id)
        return self._edit.difference(course_progress, reading.rows, self._now)
