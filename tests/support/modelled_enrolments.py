"""A model of who is enrolled, who is late, and what is counted, as docs/people.md says it.

It knows the rules from the documents alone, and uses nothing of the program. `test_model` compares the API with it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from support.modelled_lessons import Course, Learner, Lesson, Progress, shown, summary_of

Figures = dict[str, Any]


class Dates(NamedTuple):
    """From when a learner may begin, and until when the course is to be completed."""

    starts_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def are_in_order(self) -> bool:
        return self.starts_at is None or self.due_at is None or self.starts_at < self.due_at

    def document(self) -> dict[str, Any]:
        return {"starts_at": shown(self.starts_at), "due_at": shown(self.due_at)}


@dataclass
class Group:
    """A group of the model: the positions of its members, and what it enrols them in."""

    id: str
    members: set[int] = field(default_factory=set)
    courses: dict[str, Dates] = field(default_factory=dict)
    exists: bool = False

    def remove(self) -> None:
        self.members, self.courses, self.exists = set(), {}, False


class Run(NamedTuple):
    """A run: its figures, and the lesson progress by lesson."""

    figures: Figures
    lesson_progress: Mapping[str, Progress]


@dataclass
class Membership:
    """One learner in one course: what enrols the learner, how far the learner is, and the runs that have ended."""

    own: Dates | None = None
    groups: dict[str, Dates] = field(default_factory=dict)
    enrolled_at: datetime | None = None
    ended_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    run: int = 1
    run_began_at: datetime | None = None  # of a later run than the first
    ended_runs: list[Run] = field(default_factory=list)

    @property
    def is_enrolled(self) -> bool:
        return self.enrolled_at is not None and self.ended_at is None

    @property
    def is_listed(self) -> bool:
        """Whether the learner is in the roster: is enrolled now, or was, and has started."""
        return self.is_enrolled or self.started_at is not None

    @property
    def starts_at(self) -> datetime | None:
        """The learner's own date, or the earliest of those of the groups."""
        if self.own is not None and self.own.starts_at is not None:
            return self.own.starts_at
        starts = [dates.starts_at for dates in self.groups.values()]
        return None if None in starts else min((one for one in starts if one is not None), default=None)

    @property
    def due_at(self) -> datetime | None:
        """The learner's own date, or the latest of those of the groups. Dates from before the run do not count."""
        dues = [dates.due_at for dates in self.groups.values() if dates.due_at is not None]
        return self.own_due_at or max(filter(self.is_of_run, dues), default=None)

    @property
    def own_due_at(self) -> datetime | None:
        own = self.own.due_at if self.own else None
        return own if own is not None and self.is_of_run(own) else None

    def is_of_run(self, due_at: datetime) -> bool:
        return self.run_began_at is None or due_at > self.run_began_at

    @property
    def begin(self) -> datetime | None:
        """From when the days are counted after which a lesson is due."""
        begin = self.starts_at or self.enrolled_at
        return max(begin, self.run_began_at) if begin and self.run_began_at else begin

    @property
    def status(self) -> str:
        if self.completed_at is not None:
            return "completed"
        return "not_started" if self.started_at is None else "in_progress"

    def may_write(self, now: datetime) -> bool:
        """Whether the learner may write where enrolment is closed."""
        return self.is_enrolled and (self.starts_at is None or self.starts_at <= now)

    def enrol(self, group: str | None, dates: Dates, now: datetime) -> None:
        if group is None:
            self.own = dates
        else:
            self.groups[group] = dates
        if not self.is_enrolled:
            self.enrolled_at, self.ended_at = self.enrolled_at or now, None

    def end(self, group: str | None, now: datetime) -> None:
        """End one of the things that enrol the learner. A first write is a thing of its own, until there is another."""
        by_a_write = self.is_enrolled and self.own is None and not self.groups
        ends = (self.own is not None or by_a_write) if group is None else group in self.groups
        if group is None:
            self.own = None
        else:
            self.groups.pop(group, None)
        if ends and self.own is None and not self.groups:
            self.ended_at = now
            if self.started_at is None:
                self.enrolled_at = None

    def write(self, before: Figures, after: Figures, now: datetime, *, began: datetime, completed: datetime) -> bool:
        """Note a write, with the summaries before and after it. Return whether it completed the course.

        `began` is when the lesson was begun, and `completed` when the course was completed, if it is.
        """
        self.started_at = min(self.started_at or now, began)
        self.enrolled_at = self.enrolled_at or self.started_at
        if _is_complete(after):
            return self._complete(completed)
        if after["completed_lessons"] < before["completed_lessons"]:
            self.completed_at = None
        return False

    def edit(self, course: Course, summary: Figures, now: datetime) -> bool:
        """Note an edit of the course. Return whether it completed the course."""
        if _is_complete(summary):
            return self._complete(now)
        if course.reopens:
            self.completed_at = None
        return False

    def begin_run(self, dates: Dates, now: datetime, ended: Run) -> None:
        """Begin the next run. The own enrolment stays with the new dates, or is made where there are some."""
        self.ended_runs.append(ended)
        self.run, self.run_began_at = self.run + 1, now
        self.started_at = self.completed_at = None
        if self.own is not None or dates != Dates():
            self.own = dates

    def start_over(self) -> None:
        if not self.is_enrolled:
            self.enrolled_at = None
        self.started_at = self.completed_at = None

    def _complete(self, moment: datetime) -> bool:
        is_new = self.completed_at is None
        self.completed_at = min(self.completed_at or moment, moment)
        return is_new


def _is_complete(summary: Figures) -> bool:
    completed: int = summary["completed_lessons"]
    total: int = summary["total_lessons"]
    return 0 < total == completed


def lateness(due_at: datetime | None, completed_at: datetime | None, now: datetime) -> Figures:
    """Return whether something is late, or was completed late."""
    late = due_at is not None and completed_at is None and due_at < now
    return {"late": late, "completed_late": due_at is not None and completed_at is not None and completed_at > due_at}


def completion_of(learner: Learner, course: Course, completed_at: datetime | None) -> Figures:
    """Return a completion of the course that is kept."""
    scores = [one["quiz_score"] for one in learner.progress_of(course) if one["quiz_score"] is not None]
    return {
        "course_id": course.id,
        "completed_at": shown(completed_at),
        "course_version": course.version,
        "completion_percentage": 100,
        "score": round(sum(scores) / len(scores), 2) if scores else None,
        "expires_at": _expiry(course, completed_at),
    }


def enrolment_of(learner: Learner, course: Course, held: Membership, now: datetime) -> Figures:
    """Return the learner's own view of an enrolment."""
    return {
        "user_id": learner.id,
        "course_id": course.id,
        "enrolled_at": shown(held.enrolled_at),
        **Dates(held.starts_at, held.due_at).document(),
        "groups": sorted(held.groups),
        "run": held.run,
        "status": held.status,
        "completion_percentage": summary_of(learner, course)["completion_percentage"],
        "completed_at": shown(held.completed_at),
        **lateness(held.due_at, held.completed_at, now),
        "expires_at": _expiry(course, held.completed_at),
        "title": "A course",
    }


def run_of(
    learner: Learner, course: Course, held: Membership, now: datetime, ended_at: datetime | None = None
) -> Figures:
    """Return the present run, or the one that ends now."""
    return {
        "number": held.run,
        "began_at": shown(held.run_began_at or held.enrolled_at),
        "started_at": shown(held.started_at),
        "completed_at": shown(held.completed_at),
        "ended_at": shown(ended_at),
        "due_at": shown(held.due_at),
        **lateness(held.due_at, held.completed_at, now),
        "status": held.status,
        "course_version": course.version,
        **{name: value for name, value in summary_of(learner, course).items() if name != "course_id"},
    }


def runs_of(learner: Learner, course: Course, held: Membership, now: datetime) -> list[Run]:
    """Return all runs, the present one last. Without an enrolment and without a write, there is no present one."""
    if held.enrolled_at is None:
        return held.ended_runs
    return [*held.ended_runs, Run(run_of(learner, course, held, now), learner.all_progress_in(course))]


def _expiry(course: Course, completed_at: datetime | None) -> str | None:
    if completed_at is None or course.valid_for_days is None:
        return None
    return shown(completed_at + timedelta(days=course.valid_for_days))


def outline_of(learner: Learner, course: Course, held: Membership, now: datetime) -> list[Figures]:
    """Return what of an outline follows from enrolments, due dates and lessons that come first."""
    found = {one["lesson_id"]: one for one in learner.progress_of(course)}
    done = {lesson_id for lesson_id, one in found.items() if one["status"] == "completed"}
    return [_outlined(course, lesson, found.get(lesson.id), held, done, now) for lesson in course.lessons]


def _outlined(
    course: Course, lesson: Lesson, progress: Progress | None, held: Membership, done: Collection[str], now: datetime
) -> Figures:
    due_at = lesson_due_at(lesson, held)
    completed_at = datetime.fromisoformat(progress["completed_at"]) if progress and lesson.id in done else None
    missing = [] if lesson.id in done else [one for one in course.required_by(lesson) if one not in done]
    return {
        "lesson_id": lesson.id,
        "status": progress["status"] if progress else "not_started",
        "due_at": shown(due_at),
        **lateness(due_at, completed_at, now),
        "locked": bool(missing),
        "locked_by": missing,
    }


def lesson_due_at(lesson: Lesson, held: Membership) -> datetime | None:
    """Return when a lesson is due for a learner."""
    if lesson.due_at is None and lesson.due_after_days is None:
        return None
    if held.own_due_at is not None:
        return held.own_due_at
    if lesson.due_after_days is None or held.begin is None:
        return lesson.due_at
    return held.begin + timedelta(days=lesson.due_after_days)


def statistics_of(course: Course, members: Mapping[int, Membership], learners: list[Learner], now: datetime) -> Figures:
    """Return the counts of these learners in a course."""
    enrolled = [held for held in members.values() if held.is_enrolled]
    found = [one for position in members for one in learners[position].progress_of(course)]
    return {
        "learners": sum(held.started_at is not None for held in members.values()),
        "completed": sum(held.completed_at is not None for held in members.values()),
        "enrolled": len(enrolled),
        "not_started": sum(held.started_at is None for held in enrolled),
        "started": sum(held.started_at is not None for held in enrolled),
        "late": sum(lateness(held.due_at, held.completed_at, now)["late"] for held in enrolled),
        "enrolled_completion_rate": _rate(sum(held.completed_at is not None for held in enrolled), len(enrolled)),
        "lessons": [
            {"lesson_id": lesson.id, **_lesson_counts(one for one in found if one["lesson_id"] == lesson.id)}
            for lesson in course.lessons
        ],
    }


def _lesson_counts(found: Iterable[Progress]) -> Figures:
    statuses = [one["status"] for one in found]
    completed, in_progress = statuses.count("completed"), statuses.count("in_progress")
    return {"started": completed + in_progress, "completed": completed, "in_progress": in_progress}


def _rate(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


class Filters(NamedTuple):
    """What limits a roster."""

    status: str | None = None
    late: bool | None = None
    due_before: datetime | None = None

    def parameters(self) -> dict[str, str]:
        given = {
            "status": self.status,
            "late": None if self.late is None else str(self.late).lower(),
            "due_before": shown(self.due_before),
        }
        return {name: value for name, value in given.items() if value is not None}

    def admits(self, held: Membership, now: datetime) -> bool:
        """Whether the roster with these filters has the learner."""
        return (
            held.is_listed
            and self.status in {None, held.status}
            and self.late in {None, lateness(held.due_at, held.completed_at, now)["late"]}
            and (self.due_before is None or (held.due_at is not None and held.due_at < self.due_before))
        )


def roster_line_of(learner: Learner, course: Course, held: Membership, now: datetime) -> Figures:
    """Return what of a roster's line follows from the enrolment."""
    return {
        "user_id": learner.id,
        "completed_lessons": summary_of(learner, course)["completed_lessons"],
        "started_at": shown(held.started_at),
        "completed_at": shown(held.completed_at),
        "enrolled_at": shown(held.enrolled_at),
        "ended_at": shown(held.ended_at),
        "due_at": shown(held.due_at),
        **lateness(held.due_at, held.completed_at, now),
    }
