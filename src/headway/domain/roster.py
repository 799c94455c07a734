"""The roster of a course: a list of its learners, one line each, filtered and sorted. And what a grid shows of each."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from headway.domain.bounds import Number
from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress
from headway.domain.enrolments import EnrolmentStatus
from headway.domain.identifiers import GroupId, LearnerId, LessonId
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.progress import Status

PAGE: Final = 50
LONGEST_PAGE: Final = 1_000
MOST_COUNTED: Final = 10_000
"""The learners that match a roster's filters are counted up to so many."""
MOST_CHOSEN: Final = 1_000
"""A roster can be limited to so many named learners."""
FEW: Final = 5_000
"""Up to so many learners with ids in a range are found by their ids first and sorted then.

Where there are more, the list is read in its order and filtered by id.
"""

_DIGITS: Final = 32
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_BEFORE_ALL_LEARNERS: Final = LearnerId("00000000-0000-0000-0000-000000000000")


class RosterOrder(StrEnum):
    """What a roster is sorted by: lessons completed, the day last seen, when the course was completed, or the name.

    Lines with the same value are sorted by the learner's id. Learners who have not completed the course come last in
    the order by completion, ascending and descending. So do learners without a name in the order by name.
    """

    PROGRESS = "progress"
    LAST_SEEN = "last_seen"
    COMPLETED = "completed"
    NAME = "name"


class RosterPosition(NamedTuple):
    """A line's position in a roster: the value it is sorted by, and the learner's id."""

    value: int | date | datetime | bytes | None
    learner_id: LearnerId


class LessonResult(NamedTuple):
    """What a grid shows of a learner's lesson progress. `worked_at` is when the learner last worked in the lesson."""

    status: Status
    score: Number | None
    attempts: int
    passed: bool
    worked_at: datetime | None


class LearnerIds(NamedTuple):
    """All ids from `first` to `last`, both included."""

    first: LearnerId
    last: LearnerId


def ids_beginning(digits: str) -> LearnerIds:
    """Return the ids that begin with these hexadecimal digits, at most 32."""
    first, last = (LearnerId(str(UUID(digits.ljust(_DIGITS, filler)))) for filler in "0f")
    return LearnerIds(first, last)


@dataclass(frozen=True, slots=True)
class RosterQuery:
    """A page of a roster: its order, its position and its filters. `None` means no filter.

    - `after`: the position of the line before the page; `None` for the first page.
    - `before`: the position of the line after the page, in place of `after`.
    - `completed`: learners who have, or have not, completed the course.
    - `last_seen_before`: learners who have not completed the course and were last seen before this day.
    - `at_lesson`: learners who have not completed the course, and of whom this is the last lesson they started.
    - `incomplete_lesson`: learners who have started this lesson and not completed it.
    - `failed_at_least`: of those, learners who attempted its quiz at least so many times and have not passed it. Where
      no lesson is named, learners of whom this holds for any lesson that is in the course.
    - `learners`: learners with an id in this range.
    - `started`: learners who have, or have not, started the course.
    - `due_before`: learners who are to complete the course until before this moment.
    - `expiring_within_days`: learners whose completion counts for at most so many days more, or has expired. From this
      follows `completed_before`, the moment before which they have completed the course.
    - `late`: learners who are late, or not late, at the moment `now`: enrolled, without completion, and due before.
    - `group`: members of this group.
    - `words`: learners whose profile has words that begin so; see `people.query_words`.
    - `chosen`: these learners.
    """

    order: RosterOrder = RosterOrder.LAST_SEEN
    descending: bool = True
    limit: int = PAGE
    after: RosterPosition | None = None
    before: RosterPosition | None = None
    completed: bool | None = None
    last_seen_before: date | None = None
    at_lesson: LessonId | None = None
    incomplete_lesson: LessonId | None = None
    failed_at_least: int | None = None
    learners: LearnerIds | None = None
    started: bool | None = None
    due_before: datetime | None = None
    expiring_within_days: int | None = None
    completed_before: datetime | None = None
    late: bool | None = None
    now: datetime | None = None
    group: GroupId | None = None
    words: tuple[str, ...] = ()
    chosen: frozenset[LearnerId] | None = None

    @property
    def of_incomplete(self) -> bool:
        """Whether the filters leave only learners who have not completed the course."""
        others = self.last_seen_before is not None or self.at_lesson is not None or self.late is True
        return self.completed is False or others


def resolved(query: RosterQuery, course: Course, now: datetime) -> RosterQuery:
    """Return the query with the moments that its filters mean at the time `now`.

    A completion expires for nobody where it counts for ever.
    """
    if query.late is None and query.expiring_within_days is None:
        return query
    if query.expiring_within_days is None:
        return replace(query, now=now)
    if course.valid_for_days is None:
        return replace(query, now=now, completed_before=_NEVER)
    return replace(
        query, now=now, completed_before=now + timedelta(days=query.expiring_within_days - course.valid_for_days)
    )


def of_status(query: RosterQuery, status: EnrolmentStatus) -> RosterQuery:
    """Limit the query to learners who are so far."""
    if status is EnrolmentStatus.COMPLETED:
        return replace(query, completed=True)
    return replace(query, completed=False, started=status is EnrolmentStatus.IN_PROGRESS)


def position_of(
    course_progress: CourseProgress, order: RosterOrder, profile: LearnerProfile = NO_PROFILE
) -> RosterPosition:
    """Return the position in a roster of the learner with this course progress and profile."""
    match order:
        case RosterOrder.PROGRESS:
            return RosterPosition(course_progress.tally.completed_lessons, course_progress.learner_id)
        case RosterOrder.LAST_SEEN:
            return RosterPosition(course_progress.day.date, course_progress.learner_id)
        case RosterOrder.COMPLETED:
            return RosterPosition(course_progress.completed_at, course_progress.learner_id)
        case RosterOrder.NAME:
            sort_key = None if profile.name is None else profile.sort_key
            return RosterPosition(sort_key, course_progress.learner_id)


def stalled(query: RosterQuery, today: date, days: int) -> RosterQuery:
    """Limit the query to learners who have not completed the course and were not seen on the last `days` days.

    Today is the last of these days. Where the latest day last seen comes first, the query starts behind all learners
    who were seen since, so that the store need not read them.
    """
    before = not_seen_since(today, days)
    query = replace(query, last_seen_before=before)
    is_first_page = query.after is None and query.before is None
    if query.order is RosterOrder.LAST_SEEN and query.descending and is_first_page:
        return replace(query, after=RosterPosition(before, _BEFORE_ALL_LEARNERS))
    return query


def not_seen_since(today: date, days: int) -> date:
    """Return the day before which a learner was last seen who was not seen on the last `days` days, today included."""
    return today - timedelta(days=days - 1)
