"""The values that the template of one lesson shows to teachers."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from headway.dashboard.roster_views import Mark, mark_of
from headway.dashboard.statistics_views import GROUP, LOSING_LESSONS, LessonView
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import GroupId
from headway.domain.roster import LessonResult
from headway.domain.statistics import lose_most
from headway.service import LessonDetail, SilentLearner


@dataclass(frozen=True)
class OneLessonView:
    """A lesson, and the identifier of the state of the course's figures.

    `silent` are the learners who have opened its content, which has reported nothing since.
    """

    detail: LessonDetail
    group_id: GroupId | None
    state: str
    silent: Sequence[SilentLearner] = ()

    @property
    def course(self) -> Course:
        """The course."""
        return self.detail.course

    @property
    def lesson(self) -> Lesson:
        """The lesson."""
        return self.detail.lesson.lesson

    @property
    def view(self) -> LessonView:
        """The lesson's figures."""
        return LessonView(self.detail.position, self.detail.lesson)

    @property
    def is_stuck(self) -> bool:
        """Whether the lesson is one of those at which most learners have stopped."""
        return self.detail.lesson in lose_most(self.detail.statistics.lessons, LOSING_LESSONS)

    @property
    def before(self) -> Lesson | None:
        """The lesson before."""
        return self.course.lessons[self.detail.position - 1] if self.detail.position else None

    @property
    def after(self) -> Lesson | None:
        """The lesson after."""
        return next(iter(self.course.lessons[self.detail.position + 1 :]), None)

    @property
    def stopped_query(self) -> str:
        """The query of the roster of all learners who are at the lesson."""
        return self._query(at_lesson=self.lesson.id)

    @property
    def failed_query(self) -> str:
        """The query of the roster of all learners who failed the lesson."""
        return self._query(incomplete_lesson=self.lesson.id, failed_at_least="1")

    @property
    def incomplete_query(self) -> str:
        """The query of the roster of all learners who started the lesson and have not completed it."""
        return self._query(incomplete_lesson=self.lesson.id)

    def mark(self, result: LessonResult | None) -> Mark:
        """Return how a result is shown."""
        return mark_of(result)

    def _query(self, **filters: str) -> str:
        of_group = {GROUP: self.group_id} if self.group_id else {}
        return urlencode({**of_group, **filters, "sort": "last_seen", "order": "asc"})
