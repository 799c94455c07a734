"""Launches: the openings of a lesson's content in a player, and the state with which the content resumes.

A launch reports by commits. Each has the whole state of the content, and the time since the launch began. Commits come
late, twice and in any order, and a learner may have the content open in two windows. So of each launch is kept what its
last commit said, and the learner's time is the sum over all launches.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

from headway.domain.bounds import MOST_ATTEMPTS, TEN_MILLION, rounded
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.progress import ProgressUpdate
from headway.domain.scorm import Commit, Completion, ScormVersion, Success, progress_update

SILENT_AFTER: Final = timedelta(minutes=5)
"""A launch that has reported nothing for so long is shown to teachers."""
_MOST_OPEN: Final = 200
"""So many launches are told apart: far more than anybody opens of one lesson while their tokens are valid."""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By so much at most: the machines of one service read their own clocks."""


class Launch(NamedTuple):
    """One opening of a lesson's content in a player. Its token lets the content report, until `expires_at`.

    `run` is the learner's run of the course. `seconds` is the learner's time in the content before this launch.
    `after_end` says that the content had ended before, and was not to be resumed. `scorm` is the version of the
    content's interface, where it is known.
    """

    id: str
    learner_id: LearnerId
    course_id: CourseId
    lesson_id: LessonId
    run: int
    opened_at: datetime
    expires_at: datetime
    seconds: float
    after_end: bool = False
    scorm: ScormVersion | None = None

    @property
    def key(self) -> tuple[LearnerId, CourseId, LessonId]:
        """The key of the state: learner, course, lesson."""
        return self.learner_id, self.course_id, self.lesson_id


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
    nothing. `launches` are those that have reported and whose tokens may still be valid. `seconds` is the time of all
    others. `attempts` counts the attempts that had a result. `is_counted` says whether the present attempt is among
    them, and `is_over` whether it has ended. `cmi` is the state as JSON, of the SCORM version `scorm`; `None`: nothing
    yet. `made_at` is when the content made it, and `made_by` the launch that did. `version` grows with every change.
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
    scorm: ScormVersion | None = None
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
        """Return the state with the time of launches whose tokens have expired on every machine added up."""
        earliest = now - _CLOCKS_DIFFER
        open_launches = {name: account for name, account in self.launches.items() if account.expires_at > earliest}
        while len(open_launches) > _MOST_OPEN:
            del open_launches[min(open_launches, key=lambda name: open_launches[name].opened_at)]
        if len(open_launches) == len(self.launches):
            return self
        still_open = sum(account.seconds for account in open_launches.values())
        return self._replace(launches=open_launches, seconds=self.total_seconds - still_open)


class SilentLaunch(NamedTuple):
    """A learner who has opened the content of a lesson, from which nothing has come since."""

    learner_id: LearnerId
    lesson_id: LessonId
    opened_at: datetime


class Accepted(NamedTuple):
    """What a commit changes: the content's state after it, and the write of lesson progress that it means."""

    state: ContentState
    update: ProgressUpdate


def opened(before: ContentState | None, launch: Launch) -> ContentState:
    """Return the state after a launch. `before` is the state to go on with; `None`: the learner begins the lesson."""
    if before is None:
        return _begun(launch)
    state = before.settled(launch.opened_at)._replace(run=launch.run, opened_at=launch.opened_at, reported_at=None)
    if state.made_at is not None:  # an export, or a clock that was wrong, can have a time to come: none would be later
        state = state._replace(made_at=min(state.made_at, launch.opened_at))
    if not state.is_over:
        return state
    # SCORM 2004 (RTE 4th edition, 2.1.1.1) begins the next attempt with nothing. SCORM 1.2 keeps what there is.
    anew = state._replace(is_over=False, is_counted=False)
    return anew._replace(cmi=None, made_at=None, made_by=None) if state.scorm is ScormVersion.SCORM_2004 else anew


def entry_of(state: ContentState | None, launch: Launch) -> str:
    """Return how content is entered, in the words of both versions of SCORM: for the first time, to resume, or neither.

    It resumes also where its window was closed before it could ask for that.
    """
    if state is None or state.cmi is None:
        return "ab-initio"
    return "" if launch.after_end and state.made_by != launch.id else "resume"


def committed(before: ContentState | None, launch: Launch, commit: Commit, now: datetime) -> Accepted | None:
    """Return what a commit of a launch changes; `None` where it is late or repeated.

    The learner's time, status and score count in any case. The state is taken where no later one is stored.
    """
    state = (before if before and before.run == launch.run else _begun(launch)).settled(now)
    account = state.launches.get(launch.id) or LaunchAccount(launch.opened_at, launch.expires_at)
    if commit.sequence is not None and account.sequence is not None and commit.sequence <= account.sequence:
        return None
    sequence = account.sequence if commit.sequence is None else commit.sequence
    seconds = max(account.seconds, _session_seconds(commit, launch))
    state = state._replace(launches={**state.launches, launch.id: account._replace(sequence=sequence, seconds=seconds)})
    if launch.opened_at >= state.opened_at:
        state = state._replace(reported_at=state.reported_at or now)
    if not state.is_counted and _has_result(commit):
        state = state._replace(is_counted=True, attempts=min(state.attempts + 1, MOST_ATTEMPTS))
    state = _after_unchanged(state, launch, commit) if commit.is_unchanged else _with_cmi(state, launch, commit, now)
    minutes = rounded(min(state.total_seconds / 60, TEN_MILLION))
    return Accepted(state, progress_update(commit, time_spent_minutes=minutes, attempts=state.attempts))


def _begun(launch: Launch) -> ContentState:
    return ContentState(*launch.key, launch.run, launch.opened_at, seconds=launch.seconds)


def _session_seconds(commit: Commit, launch: Launch) -> float:
    """Return the time of the launch: as the content says it, or what it has added to the time of all launches."""
    if commit.session_seconds is not None:
        return commit.session_seconds
    return 0 if commit.total_seconds is None else max(commit.total_seconds - launch.seconds, 0)


def _after_unchanged(state: ContentState, launch: Launch, commit: Commit) -> ContentState:
    """Return the state after a commit of a window in which nothing has happened.

    The window has no state of its own: what it was opened with may be an old one. It can end the attempt where nothing
    later is stored.
    """
    is_as_opened = state.made_at is not None and state.made_at <= launch.opened_at
    return state._replace(is_over=True) if is_as_opened and _is_over(commit) else state


def _with_cmi(state: ContentState, launch: Launch, commit: Commit, now: datetime) -> ContentState:
    """Return the state with what a commit says, where no later one is stored."""
    made_at = now if commit.age_seconds is None else now - timedelta(seconds=commit.age_seconds)
    if not _is_latest(commit, launch, made_at, state):
        return state
    if state.made_at is not None and state.made_by == launch.id:
        made_at = max(made_at, state.made_at)  # a launch does not make its own state older
    cmi = json.dumps(commit.cmi, ensure_ascii=False, separators=(",", ":"))
    return state._replace(made_at=made_at, made_by=launch.id, scorm=commit.scorm, cmi=cmi, is_over=_is_over(commit))


def _is_latest(commit: Commit, launch: Launch, made_at: datetime, state: ContentState) -> bool:
    """Whether no later state is stored. A commit that does not say its age is as old as its launch."""
    if state.made_at is None or state.made_by == launch.id:
        return True
    if commit.age_seconds is not None:
        return made_at >= state.made_at
    maker = state.launches.get(state.made_by or "")
    return maker is None or launch.opened_at >= maker.opened_at


def _has_result(commit: Commit) -> bool:
    return commit.score is not None or commit.success is not Success.UNKNOWN


def _is_over(commit: Commit) -> bool:
    return commit.is_end and commit.exit != "suspend" and _is_finished(commit)


def _is_finished(commit: Commit) -> bool:
    """Whether the attempt has come to its end. One that is left in the middle is kept, also if content forgets to ask.

    In SCORM 1.2 every content that is not to be suspended is at its end.
    """
    is_done = commit.completion is Completion.COMPLETED or commit.success is not Success.UNKNOWN
    return is_done or commit.scorm is ScormVersion.SCORM_12
