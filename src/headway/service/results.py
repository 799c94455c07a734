"""Results of learners lesson by lesson: a grid of learners and lessons, and one lesson with the learners in it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from headway.domain.attention import Counted
from headway.domain.catalogue import Course
from headway.domain.errors import LessonNotFoundError
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.roster import LessonResult, RosterOrder, RosterPosition, RosterQuery
from headway.domain.statistics import CourseStatistics, LessonStatistics
from headway.service.statistics import PAGE_OF_A_FILE, RosterLine, RosterPage, StatisticsService

MOST_RESULTS: Final = 20_000
"""A page of a grid has at most so many cells, but always a learner."""
FEW_LEARNERS: Final = 10
"""A lesson is shown with so many of the learners at it, and of those who failed it."""


class GridLine(NamedTuple):
    """A learner in a grid, with a result for each lesson of the course. `None`: the learner has no progress in it."""

    learner: RosterLine
    results: Sequence[LessonResult | None]


class GridPage(NamedTuple):
    """A page of a grid: the course, and its learners. `roster` has the positions of the other pages, and the total."""

    course: Course
    lines: Sequence[GridLine]
    roster: RosterPage


class LessonLearners(NamedTuple):
    """Some learners with their results in one lesson, the total of such learners, and the query that finds all."""

    lines: Sequence[GridLine]
    total: Counted


class LessonDetail(NamedTuple):
    """A lesson's figures, the learners who are at it, and those who failed it. `position` is from 0."""

    statistics: CourseStatistics
    position: int
    stopped: LessonLearners
    failed: LessonLearners

    @property
    def course(self) -> Course:
        """The course."""
        return self.statistics.course

    @property
    def lesson(self) -> LessonStatistics:
        """The lesson's figures."""
        return self.statistics.lessons[self.position]


class ResultsService:
    """Results lesson by lesson. Every method may raise what the methods of `StatisticsService` raise."""

    def __init__(self, store: Store, statistics: StatisticsService) -> None:
        self._store = store
        self._statistics = statistics

    async def grid(
        self,
        principal: Principal,
        course_id: CourseId,
        query: RosterQuery,
        stalled_days: int | None = None,
        *,
        counted: bool = False,
    ) -> GridPage:
        """Return a page of a course's learners with their result in each lesson.

        It has fewer learners than `query.limit` where the course has many lessons. Raises as `roster` does.
        """
        principal.require_statistics(course_id, query.group)
        course = (await self._store.course(course_id)).course
        page = await self._statistics.roster(
            principal, course_id, _bounded(query, course), stalled_days, counted=counted
        )
        return await self._grid(course, page)

    async def whole_grid(
        self, principal: Principal, course_id: CourseId, query: RosterQuery, stalled_days: int | None = None
    ) -> AsyncGenerator[GridPage, None]:
        """Yield all lines of a grid, page by page, all with the same lessons. The first page may be empty.

        Raises as `roster` does.
        """
        principal.require_statistics(course_id, query.group)
        course = (await self._store.course(course_id)).course
        position: RosterPosition | None = None
        while True:
            asked = _bounded(replace(query, after=position, before=None, limit=PAGE_OF_A_FILE), course)
            page = await self._statistics.roster(principal, course_id, asked, stalled_days)
            yield await self._grid(course, page)
            position = page.last
            if position is None:
                return

    async def lesson(
        self, principal: Principal, course_id: CourseId, lesson_id: LessonId, group_id: GroupId | None = None
    ) -> LessonDetail:
        """Return a lesson's figures, and some of the learners who are at it or failed it.

        They are of a group's members or of all learners (`None`). Raises `LessonNotFoundError`.
        """
        statistics = await self._statistics.course(principal, course_id, group_id)
        position = statistics.course.positions.get(lesson_id)
        if position is None:
            raise LessonNotFoundError(course_id, lesson_id)
        few = RosterQuery(RosterOrder.LAST_SEEN, descending=False, limit=FEW_LEARNERS, group=group_id)
        stopped = replace(few, at_lesson=lesson_id)
        failed = replace(few, incomplete_lesson=lesson_id, failed_at_least=1)
        return LessonDetail(
            statistics,
            position,
            await self._learners(principal, course_id, stopped, lesson_id),
            await self._learners(principal, course_id, failed, lesson_id),
        )

    async def _grid(self, course: Course, page: RosterPage) -> GridPage:
        return GridPage(course, await self._results(course.id, page.lines, [one.id for one in course.lessons]), page)

    async def _learners(
        self, principal: Principal, course_id: CourseId, query: RosterQuery, lesson_id: LessonId
    ) -> LessonLearners:
        page = await self._statistics.roster(principal, course_id, query, counted=True)
        total = page.total or Counted(len(page.lines), has_more=False)
        return LessonLearners(await self._results(course_id, page.lines, [lesson_id]), total)

    async def _results(
        self, course_id: CourseId, lines: Sequence[RosterLine], lesson_ids: Sequence[LessonId]
    ) -> Sequence[GridLine]:
        """Return the lines with the results in these lessons. One statement reads them."""
        learner_ids = [line.course_progress.learner_id for line in lines]
        found: Mapping[LearnerId, Mapping[LessonId, LessonResult]] = (
            await self._store.lesson_results(course_id, learner_ids) if learner_ids else {}
        )
        return [
            GridLine(line, [found[learner_id].get(lesson_id) for lesson_id in lesson_ids])
            for line, learner_id in zip(lines, learner_ids, strict=True)
        ]


def _bounded(query: RosterQuery, course: Course) -> RosterQuery:
    """Return the query with so many learners on a page that there are not too many results."""
    return replace(query, limit=max(1, min(query.limit, MOST_RESULTS // len(course.lessons))))
