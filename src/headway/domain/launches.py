"""Launches: the openings of a lesson's content in a player, and the state with which the content resumes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

from headway.domain.identifiers import CourseId, LearnerId, LessonId

SILENT_AFTER: Final = timedelta(minutes=5)
"""A launch that has reported nothing for so long is shown to teachers."""


class Launch(NamedTuple):
    """One opening of a lesson's content in a player. Its token lets the content report, until `expires_at`.

    `run` is the learner's run of the course. `seconds` is the learner's time in the content before this launch.
    """

    id: str
    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    run: int
    opened_at: datetime
    expires_at: datetime
    seconds: float


class LaunchAccount(NamedTuple):
    """What a launch has reported: the number of its last commit (`None`: it numbers none) and its time in seconds."""

    opened_at: datetime
    expires_at: datetime
    sequence: int | None = None
    seconds: float = 0


NO_LAUNCHES: Final[Mapping[str, LaunchAccount]] = {}


class ContentState(NamedTuple):
    """What the content of one lesson has stored for one learner, and what its launches have reported.

    `opened_at` is the time of the last launch, and `reported_at` the time of its first commit; `None`: it has reported
    nothing. `launches` are those whose tokens are still valid. `seconds` is the time of all others. `attempts` counts
    the attempts that had a result. `is_counted` says whether the present attempt is among them, and `is_over` whether
    it has ended. `cmi` is the state as JSON, of the SCORM version `scorm`; `None`: nothing yet. `made_at` is when the
    content made it, and `made_by` the launch that did. `version` grows with every change.
    """

    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    run: int
    opened_at: datetime
    reported_at: datetime | None = None
    launches: Mapping[str, LaunchAccount] = NO_LAUNCHES
    seconds: float = 0
    attempts: int = 0
    is_counted: bool = False
    is_over: bool = False
    made_at: datetime | None = None
    made_by: str | None = None
    scorm: str | None = None
    cmi: str | None = None
    version: int = 0

    @property
    def key(self) -> tuple[LearnerId, CourseId, LessonId]:
        """The key: learner, course, lesson."""
        return self[:3]

    @property
    def total_seconds(self) -> float:
        """The learner's time in the content, over all launches."""
        return self.seconds + sum(account.seconds for account in self.launches.values())

    def settled(self, now: datetime) -> Self:
        """Return the state with the time of launches whose tokens have expired added up."""
        open_launches = {name: account for name, account in self.launches.items() if account.expires_at > now}
        if len(open_launches) == len(self.launches):
            return self
        still_open = sum(account.seconds for account in open_launches.values())
        return self._replace(launches=open_launches, seconds=self.total_seconds - still_open)


class SilentLaunch(NamedTuple):
    """A learner who has opened the content of a lesson, from which nothing has come since."""

    learner_id: LearnerId
    lesson_id: LessonId
    opened_at: datetime
