"""Learners who need attention: why, in which order, and since when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from headway.domain.bounds import MOST_ATTEMPTS
from headway.domain.catalogue import date_in
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.roster import not_seen_since

INACTIVE_DAYS: Final = 14
MOST_COUNTED: Final = 1_000
"""Learners who need attention are counted up to this number."""
PAGE: Final = 50
LONGEST_PAGE: Final = 1_000


class Reason(StrEnum):
    """Why a learner needs attention in a course.

    The first three are of learners who are in the course now: who are enrolled and have not completed it.

    - `INACTIVE`: has started, and was not seen for some days. Who was never seen, because others wrote, is inactive.
    - `LATE`: the due date is past.
    - `NOT_STARTED`: has not started.
    - `FAILING`: the same learners, by lesson: has attempted a quiz at least twice, and has not passed it.
    """

    INACTIVE = "inactive"
    LATE = "late"
    FAILING = "failing"
    NOT_STARTED = "not_started"

    @property
    def is_descending(self) -> bool:
        """Whether the list begins with the highest value: seen or due last, most attempts.

        Who was lost last can best be won back. Who has not started has waited the longer, the earlier the enrolment.
        """
        return self is not Reason.NOT_STARTED

    @property
    def begins_with_time(self) -> bool:
        """Whether learners come onto the list because time passes: behind them in its order are some not on it yet."""
        return self in {Reason.INACTIVE, Reason.LATE}


class AttentionPosition(NamedTuple):
    """A line's position in a list: the value that it is sorted by, then the ids.

    The value is the day last seen, the due date, the time of the enrolment, or the number of attempts. Only lines of
    lessons have a lesson.
    """

    value: date | datetime | int
    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId | None = None


class Attention(NamedTuple):
    """A learner who needs attention in a course.

    - `lesson_id`: the quiz that the learner fails; otherwise the lesson that the learner is at, if any.
    - `since`: when the learner was last seen, was due, last worked on the quiz, or was enrolled. `None` where the
      learner was never seen.
    - `attempts`: how often the learner attempted the quiz; 0 for the other reasons.
    """

    position: AttentionPosition
    lesson_id: LessonId | None
    since: datetime | None
    attempts: int

    @property
    def learner_id(self) -> LearnerId:
        """The learner."""
        return self.position.learner_id

    @property
    def course_id(self) -> CourseId:
        """The course."""
        return self.position.course_id


@dataclass(frozen=True, slots=True)
class AttentionQuery:
    """A page of the learners who need attention for one reason.

    - `now`: the moment at which learners are late, or inactive for `inactive_days` days of their course.
    - `courses`: only in these courses; `None`: in all of the catalogue.
    - `groups`: only members of one of these groups; `None`: all learners.
    - `learners`: only these learners; `None`: all.
    - `after`: the position of the line before the page; `None` for the first page.
    - `before`: the position of the line behind the page, in place of `after`. The page ends there.
    """

    reason: Reason
    now: datetime
    inactive_days: int = INACTIVE_DAYS
    courses: frozenset[CourseId] | None = None
    groups: frozenset[GroupId] | None = None
    learners: frozenset[LearnerId] | None = None
    limit: int = PAGE
    after: AttentionPosition | None = None
    before: AttentionPosition | None = None

    def bound(self, zone: str) -> date | datetime | int:
        """Return the value at which the list begins, in courses of a time zone. No line has this value or is beyond.

        So nobody is listed who was due later than now, or who was seen on one of the last days.
        """
        match self.reason:
            case Reason.INACTIVE:
                return not_seen_since(date_in(zone, self.now), self.inactive_days)
            case Reason.LATE:
                return self.now
            case Reason.NOT_STARTED:
                return datetime.min.replace(tzinfo=UTC)
            case Reason.FAILING:
                return MOST_ATTEMPTS


class Counted(NamedTuple):
    """How many lines a list has: `number`, or more than that."""

    number: int
    has_more: bool


def counted(found: int) -> Counted:
    """Return the number of lines of a list of which up to one more than `MOST_COUNTED` were counted."""
    return Counted(min(found, MOST_COUNTED), found > MOST_COUNTED)
