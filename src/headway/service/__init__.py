"""The use cases, one transaction each, and the only callers of storage from above."""

from collections.abc import Callable
from typing import NamedTuple, Self

from headway.service.learners import LearnersService
from headway.service.progress import CatalogueEntry, ProgressService, Recorded
from headway.service.rederivation import Rederiver
from headway.service.standings import ExplainedSummary, LessonRow
from headway.service.statistics import Activity, LearnerDetail, RosterLine, RosterPage, StatisticsService
from headway.storage.port import Store

__all__ = [
    "Activity",
    "CatalogueEntry",
    "ExplainedSummary",
    "LearnerDetail",
    "LearnersService",
    "LessonRow",
    "ProgressService",
    "Recorded",
    "Rederiver",
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
    def over(cls, store: Store, course_changed: Callable[[], None]) -> Self:
        """The use cases over a store; `course_changed` is called after the catalogue took another document."""
        return cls(ProgressService(store, course_changed), StatisticsService(store), LearnersService(store))
