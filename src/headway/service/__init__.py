"""The use cases, one transaction each, and the only callers of storage from above."""

from collections.abc import Callable
from typing import NamedTuple, Self

from headway.service.learners import LearnersService
from headway.service.overview import CoursesUnderWay, CourseUnderWay, OverviewService, OwnCourse
from headway.service.progress import CatalogueEntry, ProgressService, Recorded
from headway.service.rederivation import Rederiver
from headway.service.standings import ExplainedSummary, LearnerReading, LessonRow
from headway.service.statistics import Activity, LearnerDetail, RosterLine, RosterPage, StatisticsService
from headway.storage.port import Store

__all__ = [
    "Activity",
    "CatalogueEntry",
    "CourseUnderWay",
    "CoursesUnderWay",
    "ExplainedSummary",
    "LearnerDetail",
    "LearnerReading",
    "LearnersService",
    "LessonRow",
    "OverviewService",
    "OwnCourse",
    "ProgressService",
    "Recorded",
    "Rederiver",
    "RosterLine",
    "RosterPage",
    "Services",
    "StatisticsService",
]


class Services(NamedTuple):
    """What learners and authors do and are shown, what is told of courses, and what is done for learners."""

    progress: ProgressService
    statistics: StatisticsService
    learners: LearnersService
    overview: OverviewService

    @classmethod
    def over(cls, store: Store, course_changed: Callable[[], None]) -> Self:
        """The use cases over a store; `course_changed` is called after the catalogue took another document."""
        return cls(
            ProgressService(store, course_changed),
            StatisticsService(store),
            LearnersService(store),
            OverviewService(store),
        )
