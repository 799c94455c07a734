"""Statistics of courses, and lists of the learners in them."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Unpack

from headway.client.aio.sending import Sender
from headway.client.calls import Id, get
from headway.client.filters import RosterFilter, listed, parameters
from headway.client.shapes import (
    Activity,
    AttentionCounts,
    AttentionLine,
    AttentionList,
    ComparedStatistics,
    CourseFigures,
    CourseStatistics,
    Grid,
    Interval,
    LearnerDetail,
    Reason,
    Roster,
    RosterLine,
    SilentLaunchLine,
)


class Statistics:
    """Reads statistics. Needs `statistics:read`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def courses(self, *, group: Id | None = None, page_size: int = 1_000) -> AsyncIterator[CourseFigures]:
        """Yield the figures of all courses that the token may see, by title."""
        call = get(list[CourseFigures], "statistics", group=group, limit=page_size)
        async for page in self._sender.pages(call):
            for course in page:
                yield course

    async def course(self, course: Id, *, group: Id | None = None) -> CourseStatistics:
        """Return the figures of a course and of its lessons."""
        return await self._sender.value(get(CourseStatistics, "statistics", course, group=group))

    async def silent_launches(self, course: Id, *, group: Id | None = None) -> list[SilentLaunchLine]:
        """Return who has opened a lesson's content that has reported nothing for five minutes, the newest first."""
        call = get(list[SilentLaunchLine], "statistics", course, "silent-launches", group=group)
        return await self._sender.value(call)

    async def compare(
        self, course: Id, *, groups: Sequence[Id] = (), courses: Sequence[Id] = ()
    ) -> list[ComparedStatistics]:
        """Return the figures of groups of a course, or of a course and others, side by side."""
        call = get(list[ComparedStatistics], "statistics", course, "compare", group=groups, course=courses)
        return await self._sender.value(call)

    async def activity(
        self,
        course: Id,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        by: Interval = "day",
        group: Id | None = None,
    ) -> Activity:
        """Return what learners did on each day from the first to the last, by default in the last 30 days."""
        call = get(Activity, "statistics", course, "activity", from_=first, to=last, by=by, group=group)
        return await self._sender.value(call)

    async def roster(
        self, course: Id, *, page_size: int = 200, **filters: Unpack[RosterFilter]
    ) -> AsyncIterator[RosterLine]:
        """Yield the learners of a course with how far they are."""
        call = get(Roster, "statistics", course, "learners", limit=page_size, **parameters(filters))
        async for page in self._sender.pages(call):
            for line in page["learners"]:
                yield line

    async def grid(self, course: Id, *, page_size: int = 200, **filters: Unpack[RosterFilter]) -> AsyncIterator[Grid]:
        """Yield pages of the learners of a course with their result in each lesson, in the order of `lessons`."""
        call = get(Grid, "statistics", course, "grid", limit=page_size, **parameters(filters))
        async for page in self._sender.pages(call):
            yield page

    async def learner(self, course: Id, learner: Id, *, explain: bool = False) -> LearnerDetail:
        """Return one learner in a course, with the lesson progress; with `explain`, which lessons counted."""
        call = get(LearnerDetail, "statistics", course, "learners", learner, explain=explain)
        return await self._sender.value(call)

    async def attention(
        self,
        *,
        course: Id | None = None,
        group: Id | None = None,
        inactive_days: int | None = None,
        user_ids: Sequence[Id] | None = None,
    ) -> AttentionCounts:
        """Return how many learners need attention, by reason."""
        call = get(
            AttentionCounts, "statistics", "attention",
            course=course, group=group, inactive_days=inactive_days, user_ids=listed(user_ids),
        )  # fmt: skip
        return await self._sender.value(call)

    async def needing_attention(
        self,
        reason: Reason,
        *,
        course: Id | None = None,
        group: Id | None = None,
        inactive_days: int | None = None,
        user_ids: Sequence[Id] | None = None,
    ) -> AsyncIterator[AttentionLine]:
        """Yield the learners who need attention for a reason."""
        call = get(
            AttentionList, "statistics", "attention", reason,
            course=course, group=group, inactive_days=inactive_days, user_ids=listed(user_ids), limit=200,
        )  # fmt: skip
        async for page in self._sender.pages(call):
            for line in page["learners"]:
                yield line
