"""Learners who need attention, in all courses and classes that the caller may see."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from headway.domain.attention import (
    INACTIVE_DAYS,
    MOST_COUNTED,
    Attention,
    AttentionPosition,
    AttentionQuery,
    Counted,
    Reason,
    counted,
)
from headway.domain.catalogue import Course, Lesson
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store
from headway.domain.principal import STATISTICS_READ, Principal
from headway.service.people import PeopleService
from headway.service.statistics import PAGE_OF_A_FILE


@dataclass(frozen=True, slots=True)
class AttentionFilters:
    """What a list of learners is limited to. `None` means everything that the token grants."""

    course_id: CourseId | None = None
    group_id: GroupId | None = None
    inactive_days: int = INACTIVE_DAYS
    learners: frozenset[LearnerId] | None = None


EVERYBODY = AttentionFilters()


class AttentionLine(NamedTuple):
    """A learner who needs attention. `lesson` is `None` where there is none, and where it has left the course."""

    attention: Attention
    profile: LearnerProfile
    course: Course
    lesson: Lesson | None


class AttentionPage(NamedTuple):
    """A page of a list.

    `first` is the position of its first line where another page comes before, `last` that of its last line where
    another page follows.
    """

    lines: Sequence[AttentionLine]
    first: AttentionPosition | None
    last: AttentionPosition | None


class AttentionService:
    """Who needs attention. Every method may raise `UnavailableError` and what its store raises.

    All need `statistics:read`. A token that names groups sees only members of these. They raise
    `CourseNotGrantedError` and `CourseNotFoundError` for a course, and `GroupNotGrantedError` and `GroupNotFoundError`
    for a group.
    """

    def __init__(
        self, store: Store, people: PeopleService, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._people = people
        self._clock = clock

    async def counts(self, principal: Principal, filters: AttentionFilters = EVERYBODY) -> Mapping[Reason, Counted]:
        """Return how many lines each list has."""
        return {reason: await self.count(principal, reason, filters) for reason in Reason}

    async def count(self, principal: Principal, reason: Reason, filters: AttentionFilters = EVERYBODY) -> Counted:
        """Return how many lines a list has."""
        query = await self._query(principal, reason, filters)
        return counted(await self._store.count_attention(replace(query, limit=MOST_COUNTED + 1)))

    async def page(
        self,
        principal: Principal,
        reason: Reason,
        filters: AttentionFilters,
        limit: int,
        after: AttentionPosition | None = None,
        before: AttentionPosition | None = None,
    ) -> AttentionPage:
        """Return a page of a list: behind a position, before one, or the first page."""
        query = await self._query(principal, reason, filters)
        found = await self._store.attention(replace(query, limit=limit + 1, after=after, before=before))
        shown = found[:limit] if before is None else found[-limit:]
        has_more = len(found) > limit
        precedes = has_more if before is not None else after is not None
        follows = has_more if before is None else True
        return AttentionPage(
            await self._lines(shown),
            shown[0].position if shown and precedes else None,
            shown[-1].position if shown and follows else None,
        )

    async def whole_list(
        self, principal: Principal, reason: Reason, filters: AttentionFilters
    ) -> AsyncGenerator[Sequence[AttentionLine], None]:
        """Yield all lines of a list, page by page. The first page may be empty."""
        position = None
        while True:
            page = await self.page(principal, reason, filters, PAGE_OF_A_FILE, position)
            yield page.lines
            position = page.last
            if position is None:
                return

    async def _query(self, principal: Principal, reason: Reason, filters: AttentionFilters) -> AttentionQuery:
        """Return the query of a list, limited to what the token grants."""
        course_id, group_id = filters.course_id, filters.group_id
        principal.require(STATISTICS_READ)
        if course_id is not None:
            principal.require_course(course_id)
        if group_id is not None or not principal.groups:
            principal.require_group(group_id)
        if course_id is not None:
            await self._store.course(course_id)
        if group_id is not None:
            await self._store.groups.find(group_id)
        return AttentionQuery(
            reason,
            self._clock(),
            filters.inactive_days,
            principal.courses if course_id is None else frozenset({course_id}),
            principal.groups if group_id is None else frozenset({group_id}),
            filters.learners,
        )

    async def _lines(self, found: Sequence[Attention]) -> list[AttentionLine]:
        """Return lines with names and titles, without those of a course that was removed meanwhile."""
        profiles = await self._people.names(list({one.learner_id for one in found}))
        courses = await self._courses({one.course_id for one in found})
        lines = []
        for one in found:
            course = courses.get(one.course_id)
            if course is not None:
                lesson = course.lessons_by_id.get(one.lesson_id) if one.lesson_id is not None else None
                lines.append(AttentionLine(one, profiles.get(one.learner_id, NO_PROFILE), course, lesson))
        return lines

    async def _courses(self, course_ids: set[CourseId]) -> dict[CourseId, Course]:
        courses = {}
        for course_id in course_ids:
            try:
                courses[course_id] = (await self._store.course(course_id)).course
            except CourseNotFoundError:
                continue
        return courses
