"""A course's learners, one line each: which ones are asked for, and in which order."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import LearnerId, LessonId

PAGE: Final = 50
LONGEST_PAGE: Final = 1_000
FEW: Final = 5_000
"""So many learners, those of some ids, are found by their ids and sorted then; more of them come along in any order."""

_DIGITS: Final = 32
_BEFORE_ALL_LEARNERS: Final = LearnerId("00000000-0000-0000-0000-000000000000")


class RosterOrder(StrEnum):
    """What a roster is sorted by: lessons completed, the day last seen, or the moment the course was completed.

    Within the same by the learner's id. Who has not completed the course comes last by completion, whichever way.
    """

    PROGRESS = "progress"
    LAST_SEEN = "last_seen"
    COMPLETED = "completed"


class RosterPosition(NamedTuple):
    """A line's place in a roster: what it is sorted by, and the learner."""

    value: int | date | datetime | None
    learner_id: LearnerId


class LearnerIds(NamedTuple):
    """All ids from the first to the last, both of them included."""

    first: LearnerId
    last: LearnerId


def ids_beginning(digits: str) -> LearnerIds:
    """The ids that begin with these hexadecimal digits, 32 at most."""
    first, last = (LearnerId(str(UUID(digits.ljust(_DIGITS, filler)))) for filler in "0f")
    return LearnerIds(first, last)


@dataclass(frozen=True, slots=True)
class RosterQuery:
    """A page of a roster.

    `after` is the place of the line before it. `completed` asks for those who have, or have not, completed the course;
    `last_seen_before` for those who have not and were last seen before a day; `at_lesson` for those who have not and
    started nothing behind a lesson, but the lesson itself; `incomplete_lesson` for those who have started a lesson and
    not completed it, `failed_at_least` for those of them who attempted its quiz so many times and have not passed;
    `learners` for those who have one of these ids.
    """

    order: RosterOrder = RosterOrder.LAST_SEEN
    descending: bool = True
    limit: int = PAGE
    after: RosterPosition | None = None
    completed: bool | None = None
    last_seen_before: date | None = None
    at_lesson: LessonId | None = None
    incomplete_lesson: LessonId | None = None
    failed_at_least: int | None = None
    learners: LearnerIds | None = None

    @property
    def of_incomplete(self) -> bool:
        """Whether it asks for those alone who have not completed the course."""
        return self.completed is False or self.last_seen_before is not None or self.at_lesson is not None


def position_of(course_progress: CourseProgress, order: RosterOrder) -> RosterPosition:
    """Where course progress is in a roster."""
    match order:
        case RosterOrder.PROGRESS:
            return RosterPosition(course_progress.tally.completed_lessons, course_progress.learner_id)
        case RosterOrder.LAST_SEEN:
            return RosterPosition(course_progress.day.date, course_progress.learner_id)
        case RosterOrder.COMPLETED:
            return RosterPosition(course_progress.completed_at, course_progress.learner_id)


def stalled(query: RosterQuery, today: date, days: int) -> RosterQuery:
    """The query, of those alone who have not been seen on `days` days, today included.

    By the day last seen, the latest first, it begins behind all who have been seen since, however many they are.
    """
    before = today - timedelta(days=days - 1)
    query = replace(query, last_seen_before=before)
    if query.order is RosterOrder.LAST_SEEN and query.descending and query.after is None:
        return replace(query, after=RosterPosition(before, _BEFORE_ALL_LEARNERS))
    return query
