"""The import of many learners' progress from one file: its lines, their outcomes, its report and its state."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from headway.domain.completions import Completion
from headway.domain.errors import (
    CourseNotFoundError,
    HeadwayError,
    InvalidValueError,
    LessonLockedError,
    LessonNotFoundError,
    NotEnrolledError,
    OtherRunError,
    Problem,
    RefusedWriteError,
)
from headway.domain.goals import GoalRestore
from headway.domain.identifiers import LearnerId
from headway.domain.launches import ContentState
from headway.domain.people import ProfileRestore
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import Status
from headway.domain.writes import LessonWrite, Written

LINES_AT_ONCE: Final = 256
"""How many lines are written at the same time. An import that was interrupted may repeat so many lines."""
MOST_LINES_TOGETHER: Final = 10_000
"""The highest number of lines in an import that stores all lines or none."""
MOST_FAULTS: Final = 1_000
"""How many faults a report lists. More refused lines are only counted."""
LEASE: Final = timedelta(seconds=10)
"""How long an import belongs to its holder after the holder last stored its state."""
MOST_IGNORED: Final = 100
"""How many names of ignored fields a report lists."""
KEPT: Final = timedelta(days=7)
"""How long the state of an import is kept after its last change."""


Restore = CourseProgressRestore | Completion | ProfileRestore | GoalRestore | ContentState
"""What an import of an export brings beside lesson progress."""


class Line(NamedTuple):
    """A line of a file. `number` counts from 1. It holds a write, or problems; `ignored` names ignored fields."""

    number: int
    write: LessonWrite | Restore | None
    problems: Sequence[Problem] = ()
    ignored: Sequence[str] = ()


class Fault(NamedTuple):
    """One fault of a line: the line, the location in it, the reason as a sentence, and a stable name for its kind."""

    line: int
    location: tuple[str | int, ...]
    reason: str
    kind: str


class Outcome(NamedTuple):
    """The result of a line: refused where there are problems, otherwise written (`changed`) or unchanged.

    `ignored` names the ignored fields. `held_back` is true where the line says `completed`, but a condition of the
    lesson is not met.
    """

    number: int
    changed: bool = False
    problems: Sequence[Problem] = ()
    ignored: Sequence[str] = ()
    held_back: bool = False


class Report(NamedTuple):
    """The numbers of lines so far by their result, and the faults of the first refused lines.

    `ignored` names the first ignored fields, each once. `held_back` is the number of lines that say `completed` where a
    condition of the lesson is not met.
    """

    lines: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    faults: tuple[Fault, ...] = ()
    ignored: tuple[str, ...] = ()
    held_back: int = 0

    def plus(self, outcomes: Sequence[Outcome]) -> "Report":
        """Return the report with the outcomes of more lines added, in the order of the lines."""
        refused = [outcome for outcome in outcomes if outcome.problems]
        written = sum(outcome.changed for outcome in outcomes)
        return Report(
            self.lines + len(outcomes),
            self.written + written,
            self.unchanged + len(outcomes) - len(refused) - written,
            self.refused + len(refused),
            (*self.faults, *_faults(refused))[:MOST_FAULTS],
            _few_names((*self.ignored, *(name for outcome in outcomes for name in outcome.ignored))),
            self.held_back + sum(outcome.held_back for outcome in outcomes),
        )


class ImportKey(NamedTuple):
    """The identity of an import: its caller, and the key that the caller chose."""

    caller: LearnerId
    key: str


class ImportState(NamedTuple):
    """The state of an import. `line` is the number of the last line that is done.

    `digest` identifies the file and its options. `holder` identifies the process that works on the import (`None`:
    none). It is valid for `LEASE` after the last change of the state.
    """

    digest: str
    holder: str | None
    line: int
    report: Report
    finished: bool


def outcome_of(number: int, work: LessonWrite | Restore, written: Written | bool) -> Outcome:
    """Return the outcome of a line that was written. For a restored line `written` says whether it changed anything."""
    if isinstance(written, bool) or not isinstance(work, LessonWrite):
        return Outcome(number, changed=bool(written))
    is_completion = (work.update or {}).get("status") is Status.COMPLETED
    held_back = is_completion and "status" in written.kept
    return Outcome(number, changed=written.after != written.before, held_back=held_back)


def refusal_of(number: int, refusal: HeadwayError) -> Outcome:
    """Return the outcome of a refused line."""
    return Outcome(number, problems=problems_of(refusal))


def problems_of(refusal: HeadwayError) -> Sequence[Problem]:
    """Return the problems of a refused line. An error that is not about the line is raised again."""
    if isinstance(refusal, InvalidValueError):
        return refusal.problems
    if isinstance(refusal, RefusedWriteError):
        return problems_of(refusal.refusal)
    if type(refusal) not in _PROBLEMS:
        raise refusal
    location, kind = _PROBLEMS[type(refusal)]
    return [Problem((location,), str(refusal), kind)]


_PROBLEMS: Final[Mapping[type[HeadwayError], tuple[str, str]]] = {
    CourseNotFoundError: ("course_id", "course_not_found"),
    LessonNotFoundError: ("lesson_id", "lesson_not_found"),
    LessonLockedError: ("lesson_id", "lesson_locked"),
    NotEnrolledError: ("user_id", "not_enrolled"),
    OtherRunError: ("run", "other_run"),
}
"""The location and the kind of the problem of a line, by the error that refused it."""
LINE_REFUSALS: Final[tuple[type[HeadwayError], ...]] = (InvalidValueError, *_PROBLEMS)
"""The errors that refuse one line, and not the file."""


def together_or_not(outcomes: Sequence[Outcome]) -> None:
    """Raise `InvalidValueError` with the faults of all refused lines, where there are any."""
    faults = list(_faults(outcomes))[:MOST_FAULTS]
    if faults:
        raise InvalidValueError([Problem((fault.line, *fault.location), fault.reason, fault.kind) for fault in faults])


def _few_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:MOST_IGNORED]


def _faults(outcomes: Iterable[Outcome]) -> Iterable[Fault]:
    return (Fault(outcome.number, *problem) for outcome in outcomes for problem in outcome.problems)
