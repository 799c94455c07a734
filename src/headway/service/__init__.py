"""The use cases, one transaction each, and the only callers of storage from above."""

from typing import NamedTuple, Self

from headway.service.learners import LearnersService
from headway.service.progress import ProgressService, Recorded
from headway.service.standings import ExplainedSummary, LessonRow
from headway.service.statistics import Activity, LearnerDetail, RosterLine, RosterPage, StatisticsService
from headway.storage.port import Store

__all__ = [
    "Activity",
    "ExplainedSummary",
    "LearnerDetail",
    "LearnersService",
    "LessonRow",
    "ProgressService",
    "Recorded",
    "RosterLine",
    "RosterPage",
    "Services",
    "StatisticsService",
]


class Services(NamedTuple):
    """What learners and authors do, what is told of courses, and what is done for learners."""

    progress: ProgressService
    statistics: StatisticsService
    learners: LearnersService

    @classmethod
    def over(cls, store: Store) -> Self:
        """The use cases over a store."""
        return cls(ProgressService(store), StatisticsService(store), LearnersService(store))
