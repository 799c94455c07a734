"""What is read from a store: all that it holds of one learner, and the keys and counts of a whole database."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from headway.domain.catalogue import Course
from headway.domain.completions import Completion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress, LearnerDay
from headway.domain.events import NewEvent
from headway.domain.goals import Goal
from headway.domain.groups import GroupOutline
from headway.domain.identifiers import ConsumerId, CourseId, LearnerId, LessonId
from headway.domain.launches import ContentState
from headway.domain.people import LearnerProfile
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.domain.webhooks import Webhook

LessonKey = tuple[LearnerId, CourseId, LessonId]
CourseProgressKey = tuple[LearnerId, CourseId]
LearnerDayKey = tuple[LearnerId, CourseId, date]
CompletionKey = tuple[LearnerId, CourseId, datetime]
RunKey = tuple[LearnerId, CourseId, int]
HeldEventKey = tuple[str, str]
DeliveryKey = tuple[ConsumerId, int]
FEW_CHARACTERS: Final = 1_000_000
"""The most characters of notes and metadata that are read and rendered at once. It takes a few milliseconds."""


class HeldDay(NamedTuple):
    """A finished day of a learner in a course."""

    learner_id: LearnerId
    course_id: CourseId
    day: LearnerDay


class FeedMarks(NamedTuple):
    """The numbers of the last event that was published, and of the last one that was removed because of its age."""

    last: int
    removed: int


class HeldEvent(NamedTuple):
    """An event that is not published yet. The revision and the position are its place in the order."""

    new: NewEvent
    revision: int
    position: int


class HeldWebhook(NamedTuple):
    """A webhook, and the number of the last event that was handed out to it."""

    webhook: Webhook
    position: int


class Holdings(NamedTuple):
    """How many values of each kind a database holds."""

    courses: int
    lesson_progress: int
    course_progress: int
    days: int
    completions: int
    runs: int
    groups: int
    profiles: int
    goals: int
    content_states: int
    events: int
    unpublished_events: int
    webhooks: int
    deliveries: int


class Recounted(NamedTuple):
    """A count of some learners' progress, and the course progress that does not agree with their lesson progress.

    `lessons` is how much lesson progress was counted. Course progress of another version is not compared while its
    course is recalculated. `ahead`: the learner's last day is in the future.
    """

    lessons: int
    counters: Counters
    wrong: Sequence[CourseProgressKey]
    ahead: Sequence[CourseProgressKey]


class LessonReading(NamedTuple):
    """A course, and the learner's progress in one of its lessons (`None`: not written yet)."""

    course: Course
    lesson_progress: LessonProgress | None


class LessonsReading(NamedTuple):
    """A course, and all the learner's lesson progress in it, hidden lessons included, in no order."""

    course: Course
    lesson_progress: Sequence[LessonProgress]


class CourseProgressReading(NamedTuple):
    """A course, and the learner's progress in it (`None`: not written yet)."""

    course: Course
    progress: CourseProgress | None


class LearnerRecord(NamedTuple):
    """All that is kept of a learner, in the order of the keys.

    The groups that the learner is in are by title. The profile and the goal are `None` where there is none. `runs` are
    those that have ended.
    """

    lesson_progress: Sequence[LessonProgress]
    course_progress: Sequence[CourseProgress]
    days: Sequence[tuple[CourseId, LearnerDay]]
    completions: Sequence[Completion] = ()
    groups: Sequence[GroupOutline] = ()
    profile: LearnerProfile | None = None
    runs: Sequence[EndedRun] = ()
    goal: Goal | None = None
    content_states: Sequence[ContentState] = ()
