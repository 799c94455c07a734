"""The use cases, one transaction each, and the only callers of storage from above."""

from typing import NamedTuple, Self

from headway.service.learners import LearnersService
from headway.service.progress import LessonRow, ProgressService, Recorded
from headway.service.statistics import StatisticsService
from headway.storage.port import Store

__all__ = ["LearnersService", "LessonRow", "ProgressService", "Recorded", "Services", "StatisticsService"]


class Services(NamedTuple):
    """What learners and authors do, what is told of courses, and what is done for learners."""

    progress: ProgressService
    statistics: StatisticsService
    learners: LearnersService

    @classmethod
    def over(cls, store: Store) -> Self:
        """The use cases over a store."""
        return cls(ProgressService(store), StatisticsService(store), LearnersService(store))
