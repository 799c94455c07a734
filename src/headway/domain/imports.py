"""Many learners' progress from one file: what a line says, what became of it, and how far an import is."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from headway.domain.errors import (
    CourseNotFoundError,
    HeadwayError,
    InvalidValueError,
    LessonNotFoundError,
    Problem,
    RefusedWriteError,
)
from headway.domain.identifiers import LearnerId
from headway.domain.presence import CourseProgressRestore
from headway.domain.progress import Status
from headway.domain.writes import LessonWrite, Written

LINES_AT_ONCE: Final = 256
"""How many lines are under way at once, and how many a broken-off import may do again."""
MOST_LINES_TOGETHER: Final = 10_000
"""How many lines may be stored together or not at all."""
MOST_FAULTS: Final = 1_000
"""How many faults a report lists; lines are counted beyond it."""
LEASE: Final = timedelta(seconds=10)
"""How long an import belongs to whoever noted its progress last."""
MOST_IGNORED: Final = 100
"""How many names of fields that are not taken a report lists."""
KEPT: Final = timedelta(days=7)
"""How long an import is remembered after its last progress."""


class Line(NamedTuple):
    """A line of a file by its number, from 1: a write, or what is wrong with it, and what of it is not taken."""

    number: int
    write: LessonWrite | CourseProgressRestore | None
    problems: Sequence[Problem] = ()
    ignored: Sequence[str] = ()


class Fault(NamedTuple):
    """One thing wrong with a line: which line, where in it, what, and a stable name for the kind of fault."""

    line: int
    location: tuple[str | int, ...]
    reason: str
    kind: str


class Outcome(NamedTuple):
    """What became of a line: refused where there are problems, else written, or as it was before.

    `ignored` are the fields of it that are not taken. It is `held_back` where it says `completed`, and a condition of
    the lesson is not met.
    """

    number: int
    changed: bool = False
    problems: Sequence[Problem] = ()
    ignored: Sequence[str] = ()
    held_back: bool = False


class Report(NamedTuple):
    """What became of the lines so far. The faults are those of the first lines that were refused.

    `ignored` are the fields that are not taken, the first of them, each once. `held_back` counts the lines that say
    `completed` of a lesson of which a condition is not met.
    """

    lines: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    faults: tuple[Fault, ...] = ()
    ignored: tuple[str, ...] = ()
    held_back: int = 0

    def plus(self, outcomes: Sequence[Outcome]) -> "Report":
        """The report with more lines, in their order."""
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
    """What an import is known by: the key that its caller gave it."""

    caller: LearnerId
    key: str


class ImportState(NamedTuple):
    """How far an import is. `line` is the number of the last line that is through.

    `digest` tells the file and its options apart from others, `holder` is who works on it (`None`: nobody), which
    counts for `LEASE` after its last progress.
    """

    digest: str
    holder: str | None
    line: int
    report: Report
    finished: bool


def outcome_of(number: int, work: LessonWrite | CourseProgressRestore, written: Written | bool) -> Outcome:
    """What became of a line that was written, or restored and did change something or not."""
    if isinstance(written, bool) or isinstance(work, CourseProgressRestore):
        return Outcome(number, changed=bool(written))
    is_completion = (work.update or {}).get("status") is Status.COMPLETED
    held_back = is_completion and "status" in written.kept
    return Outcome(number, changed=written.after != written.before, held_back=held_back)


def refusal_of(number: int, refusal: HeadwayError) -> Outcome:
    """What became of a line that was refused."""
    return Outcome(number, problems=problems_of(refusal))


def problems_of(refusal: HeadwayError) -> Sequence[Problem]:
    """What is wrong with a line whose write was refused."""
    match refusal:
        case InvalidValueError(problems=problems):
            return problems
        case CourseNotFoundError():
            return [Problem(("course_id",), str(refusal), "course_not_found")]
        case LessonNotFoundError():
            return [Problem(("lesson_id",), str(refusal), "lesson_not_found")]
        case RefusedWriteError(refusal=cause):
            return problems_of(cause)
    raise refusal


def together_or_not(outcomes: Sequence[Outcome]) -> None:
    """Raise `InvalidValueError` naming the lines that are wrong, where any is."""
    faults = list(_faults(outcomes))[:MOST_FAULTS]
    if faults:
        raise InvalidValueError([Problem((fault.line, *fault.location), fault.reason, fault.kind) for fault in faults])


def _few_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:MOST_IGNORED]


def _faults(outcomes: Iterable[Outcome]) -> Iterable[Fault]:
    return (Fault(outcome.number, *problem) for outcome in outcomes for problem in outcome.problems)
