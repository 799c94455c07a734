# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""Statistics of courses, and lists of the learners in them."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Unpack

from headway.client.blocking.sending import Sender
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

    def courses(self, *, group: Id | None = None, page_size: int = 1_000) -> Iterator[CourseFigures]:
        """Yield the figures of all courses that the token may see, by title."""
        call = get(list[CourseFigures], "statistics", group=group, limit=page_size)
        for page in self._sender.pages(call):
            for course in page:
                yield course

    def course(self, course: Id, *, group: Id | None = None) -> CourseStatistics:
        """Return the figures of a course and of its lessons."""
        return self._sender.value(get(CourseStatistics, "statistics", course, group=group))

    def silent_launches(self, course: Id, *, group: Id | None = None) -> list[SilentLaunchLine]:
        """Return who has opened a lesson's content that has reported nothing for five minutes, the newest first."""
        call = get(list[SilentLaunchLine], "statistics", course, "silent-launches", group=group)
        return self._sender.value(call)

    def compare(self, course: Id, *, groups: Sequence[Id] = (), courses: Sequence[Id] = ()) -> list[ComparedStatistics]:
        """Return the figures of groups of a course, or of a course and others, side by side."""
        call = get(list[ComparedStatistics], "statistics", course, "compare", group=groups, course=courses)
        return self._sender.value(call)

    def activity(
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
        return self._sender.value(call)

    def roster(self, course: Id, *, page_size: int = 200, **filters: Unpack[RosterFilter]) -> Iterator[RosterLine]:
        """Yield the learners of a course with how far they are."""
        call = get(Roster, "statistics", course, "learners", limit=page_size, **parameters(filters))
        for page in self._sender.pages(call):
            for line in page["learners"]:
                yield line

    def grid(self, course: Id, *, page_size: int = 200, **filters: Unpack[RosterFilter]) -> Iterator[Grid]:
        """Yield pages of the learners of a course with their result in each lesson, in the order of `lessons`."""
        call = get(Grid, "statistics", course, "grid", limit=page_size, **parameters(filters))
        for page in self._sender.pages(call):
            yield page

    def learner(self, course: Id, learner: Id, *, explain: bool = False) -> LearnerDetail:
        """Return one learner in a course, with the lesson progress; with `explain`, which lessons counted."""
        call = get(LearnerDetail, "statistics", course, "learners", learner, explain=explain)
        return self._sender.value(call)

    def attention(
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
        return self._sender.value(call)

    def needing_attention(
        self,
        reason: Reason,
        *,
        course: Id | None = None,
        group: Id | None = None,
        inactive_days: int | None = None,
        user_ids: Sequence[Id] | None = None,
    ) -> Iterator[AttentionLine]:
        """Yield the learners who need attention for a reason."""
        call = get(
            AttentionList, "statistics", "attention", reason,
            course=course, group=group, inactive_days=inactive_days, user_ids=listed(user_ids), limit=200,
        )  # fmt: skip
        for page in self._sender.pages(call):
            for line in page["learners"]:
                yield line
