"""What SCORM content says about itself, what this means for lesson progress, and what content gets when it is resumed.

Content talks to the player by the run-time interface of SCORM 1.2 or 2004. The values are the elements of one tree, the
"CMI object". The player sends the whole tree with every commit. References: SCORM 1.2 RTE, section 3.4, and SCORM 2004
4th Edition RTE, section 4.2.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from headway.domain.bounds import Number, plain, rounded
from headway.domain.progress import ProgressUpdate, Status

SUSPEND_DATA_CHARACTERS: Final = 64_000
"""Of UTF-16, as JavaScript counts: SCORM 2004's bound. In SCORM 1.2 it is 4,096, but content and players go beyond."""
LOCATION_CHARACTERS: Final = 1_000

Cmi = Mapping[str, Any]
"""A CMI object, or a part of it: texts by name, parts by name, and collections by "0", "1" and so on."""


class ScormVersion(StrEnum):
    """The version of SCORM that content is made for."""

    SCORM_12 = "1.2"
    SCORM_2004 = "2004"


_12: Final = ScormVersion.SCORM_12


class Completion(StrEnum):
    """Whether content says that the learner has completed it."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    NOT_ATTEMPTED = "not attempted"
    UNKNOWN = "unknown"


class Success(StrEnum):
    """Whether content says that the learner has passed it."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Commit(NamedTuple):
    """What content says at one moment.

    `cmi` is the whole CMI object. `sequence` is the number of the commit in its session, where the player counts.
    `session_seconds` is the time of this session. `total_seconds` is the time of all sessions, this one too; players
    send it when content ends. `score` and `progress` are percentages. `is_end` says that content has ended. `exit` is
    how content wants to be left: "suspend", for example. `age_seconds` is how long ago `cmi` last changed.
    `is_unchanged` says that content has left its state as it was when it was opened.
    """

    scorm: ScormVersion
    cmi: Cmi
    sequence: int | None
    session_seconds: float | None
    total_seconds: float | None
    completion: Completion
    success: Success
    score: Number | None
    progress: Number | None
    is_end: bool
    exit: str
    age_seconds: float | None
    is_unchanged: bool


class ContentSettings(NamedTuple):
    """What Headway itself says to content. `None` is what the package and the platform do not say.

    `mastery_score` and `max_time_allowed` are texts in the form of the content's version of SCORM. `mastery_score` is
    of SCORM 1.2 alone, `scaled_passing_score` and `completion_threshold` are of SCORM 2004.
    """

    learner_id: str
    learner_name: str
    launch_data: str | None = None
    mastery_score: str | None = None
    scaled_passing_score: str | None = None
    completion_threshold: str | None = None
    max_time_allowed: str | None = None
    time_limit_action: str | None = None


_STATUSES_12: Final[Mapping[str, tuple[Completion, Success]]] = {
    "passed": (Completion.COMPLETED, Success.PASSED),
    "completed": (Completion.COMPLETED, Success.UNKNOWN),
    "failed": (Completion.INCOMPLETE, Success.FAILED),
    "incomplete": (Completion.INCOMPLETE, Success.UNKNOWN),
    "browsed": (Completion.INCOMPLETE, Success.UNKNOWN),
    "not attempted": (Completion.NOT_ATTEMPTED, Success.UNKNOWN),
}


def lesson_status(status: str) -> tuple[Completion, Success]:
    """Return what the one status of SCORM 1.2 says. Any other value says nothing."""
    return _STATUSES_12.get(status, (Completion.UNKNOWN, Success.UNKNOWN))


def completion_status(status: str) -> Completion:
    """Return what a completion status of SCORM 2004 says. Any other value says nothing."""
    return Completion(status) if status in set(Completion) else Completion.UNKNOWN


def success_status(status: str) -> Success:
    """Return what a success status of SCORM 2004 says. Any other value says nothing."""
    return Success(status) if status in set(Success) else Success.UNKNOWN


def score_percentage(scaled: float | None, raw: float | None, highest: float | None) -> Number | None:
    """Return a score as a percentage: the scaled one (-1 to 1), else the raw one of the highest.

    Without a highest score above 0 the raw score is one of 100. What is below 0 counts as 0, above 100 as 100.
    """
    if scaled is not None:
        return share_percentage(scaled)
    return None if raw is None else share_percentage(raw / (highest if highest and highest > 0 else 100))


def share_percentage(share: float | None) -> Number | None:
    """Return a share of 1 as a percentage from 0 to 100."""
    return None if share is None else plain(rounded(min(max(share * 100, 0.0), 100.0)))


def progress_update(commit: Commit, *, time_spent_minutes: Number, attempts: int) -> ProgressUpdate:
    """Return the merge write that a commit means.

    Content that commits has been begun, whatever status it names. A completion is reported as content says it; the
    conditions of the lesson decide. A pass is only ever added: content that failed sends no `quiz_passed`.

    Args:
        commit: What content says.
        time_spent_minutes: The learner's time in the lesson over all sessions.
        attempts: How many times the learner has tried, or 0 where this is not known.
    """
    is_completed = commit.completion is Completion.COMPLETED
    update: ProgressUpdate = {
        "status": Status.COMPLETED if is_completed else Status.IN_PROGRESS,
        "time_spent_minutes": time_spent_minutes,
    }
    if commit.progress is not None:
        update["progress_percentage"] = commit.progress
    if commit.score is not None:
        update["quiz_score"] = commit.score
    if commit.success is Success.PASSED:
        update["quiz_passed"] = True
    if attempts > 0:
        update["quiz_attempts"] = attempts
    return update


_OF_ONE_SESSION: Final = frozenset({"session_time", "total_time", "exit", "entry"})
_SAID_BY_HEADWAY: Final = frozenset(
    {
        *("student_id", "student_name", "lesson_mode"),  # SCORM 1.2; its student_data is said as a whole
        *("learner_id", "learner_name", "scaled_passing_score", "completion_threshold", "mode"),  # SCORM 2004
        *("max_time_allowed", "time_limit_action", "launch_data", "credit"),
    }
)
_NOT_KEPT: Final = _OF_ONE_SESSION | _SAID_BY_HEADWAY
_CORE: Final = "core"
"""The part of the CMI object of SCORM 1.2 that has what SCORM 2004 has at the top."""


def resumed(cmi: Cmi, scorm: ScormVersion, *, entry: str, total_seconds: float, settings: ContentSettings) -> Cmi:
    """Return the CMI object that a player loads before content begins.

    It has everything of the last commit, except what belongs to one session and what Headway itself says. Names come in
    an order in which scorm-again can load them: it refuses the answer of an interaction before its type, for example.

    Args:
        cmi: The CMI object of the last commit; empty where there is none.
        scorm: The version of SCORM that content is made for.
        entry: "ab-initio" for a new attempt, "resume" for one that goes on, or nothing.
        total_seconds: The learner's time in the content over all sessions before.
        settings: What Headway itself says.
    """
    said = _said_12(settings) if scorm is _12 else _said_2004(settings)
    session = {"entry": entry, "total_time": clock_time(total_seconds) if scorm is _12 else duration(total_seconds)}
    kept = {name: value for name, value in cmi.items() if name not in _NOT_KEPT}
    if scorm is _12:
        core = {name: value for name, value in _part(cmi, _CORE).items() if name not in _NOT_KEPT}
        return _in_order({**kept, **said, _CORE: {**core, **said[_CORE], **session}})
    return _in_order({**kept, **said, **session})


def _part(cmi: Cmi, name: str) -> Cmi:
    part = cmi.get(name)
    return part if isinstance(part, Mapping) else {}


def _said_12(settings: ContentSettings) -> dict[str, Any]:
    """Return the elements of SCORM 1.2 that Headway itself says. Lessons always count, so the credit is "credit"."""
    return {
        _CORE: {
            "student_id": settings.learner_id,
            "student_name": settings.learner_name,
            "credit": "credit",
            "lesson_mode": "normal",
        },
        **_given(launch_data=settings.launch_data),
        "student_data": _given(
            mastery_score=settings.mastery_score,
            max_time_allowed=settings.max_time_allowed,
            time_limit_action=settings.time_limit_action,
        ),
    }


def _said_2004(settings: ContentSettings) -> dict[str, Any]:
    """Return the elements of SCORM 2004 that Headway itself says."""
    return {
        "learner_id": settings.learner_id,
        "learner_name": settings.learner_name,
        "credit": "credit",
        "mode": "normal",
        **_given(
            launch_data=settings.launch_data,
            scaled_passing_score=settings.scaled_passing_score,
            completion_threshold=settings.completion_threshold,
            max_time_allowed=settings.max_time_allowed,
            time_limit_action=settings.time_limit_action,
        ),
    }


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _in_order(cmi: Cmi) -> dict[str, Any]:
    return {name: _in_order(value) if isinstance(value, Mapping) else value for name, value in _sorted(cmi)}


def _sorted(cmi: Cmi) -> Iterator[tuple[str, Any]]:
    """Yield the elements of a part: the id, the type, what is one text, then what has parts; entries by number."""
    yield from sorted(cmi.items(), key=lambda element: _position(*element))


def _position(name: str, value: object) -> tuple[object, ...]:
    entry = int(name) if name.isdecimal() else 0
    return name != "id", name != "type", isinstance(value, Mapping), entry, name


_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_HUNDREDTHS: Final = 100


def clock_time(seconds: float) -> str:
    """Return a time span in the form of SCORM 1.2, HHHH:MM:SS.SS, such as "0012:03:04.50"."""
    hundredths = round(seconds * _HUNDREDTHS)
    whole, rest = divmod(hundredths, _HUNDREDTHS)
    return f"{whole // _HOUR:04}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}.{rest:02}"


def duration(seconds: float) -> str:
    """Return a time span in the form of SCORM 2004, of ISO 8601, such as "PT12H3M4.5S"."""
    hundredths = round(seconds * _HUNDREDTHS)
    whole, rest = divmod(hundredths, _HUNDREDTHS)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    parts = [(hours, "H"), (minutes, "M"), (plain(rounded(whole % _MINUTE + rest / _HUNDREDTHS)), "S")]
    return "PT" + ("".join(f"{value}{unit}" for value, unit in parts if value) or "0S")
