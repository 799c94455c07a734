"""A model of the write rule that fits on two pages: what lesson progress and summaries have to be.

It knows the rule from the design alone, and uses nothing of the program. `test_model` compares the API with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import uuid4

import httpx

Progress = dict[str, Any]
Body = Mapping[str, Any]

STATUSES = ["not_started", "in_progress", "completed"]
DEFAULTS: Progress = {
    "status": "not_started",
    "progress_percentage": 0,
    "video_position_seconds": 0,
    "quiz_score": None,
    "quiz_attempts": 0,
    "quiz_passed": False,
    "time_spent_minutes": 0,
    "user_notes": None,
    "is_bookmarked": False,
    "metadata": {},
}
NOT_GIVEN = "not given"


@dataclass
class Lesson:
    """A lesson of the model; all are quizzes, so that any may have a pass mark."""

    id: str = field(default_factory=lambda: str(uuid4()))
    required: bool = True
    pass_mark: float | None = None
    complete_at: Any = NOT_GIVEN
    due_at: datetime | None = None
    due_after_days: int | None = None

    def document(self) -> dict[str, Any]:
        given = {} if self.complete_at == NOT_GIVEN else {"complete_at": self.complete_at}
        rules = {"required": self.required, "pass_mark": self.pass_mark, "due_after_days": self.due_after_days}
        due = {"due_at": shown(self.due_at)}
        return {"id": self.id, "title": "A quiz", "kind": "quiz", **rules, **due, **given}

    @property
    def criteria(self) -> tuple[float | None, float | None]:
        """Return the score that passes the lesson, and the percentage that completes it."""
        default = 100 if self.pass_mark is None else None
        return self.pass_mark, default if self.complete_at == NOT_GIVEN else self.complete_at

    def is_completed_by(self, body: Body, progress: Progress, *, passed_now: bool) -> bool:
        """Return whether a write meets a condition of the lesson, and the lesson progress after it meets both."""
        mark, percentage = self.criteria
        all_is_done = body.get("status") == "completed" or (body.get("quiz_passed") and mark is None)
        if all_is_done and (percentage is not None or mark is None or passed_now):
            return mark is None or progress["quiz_passed"]
        reached = percentage is not None and (body.get("progress_percentage") or 0) >= percentage
        return (reached or (passed_now and mark is not None)) and self.is_met_by(progress)

    def is_met_by(self, progress: Progress) -> bool:
        mark, percentage = self.criteria
        is_reached = percentage is None or progress["progress_percentage"] >= percentage
        return is_reached and (mark is None or progress["quiz_passed"])

    def is_passed_by(self, score: float | None) -> bool:
        return self.pass_mark is not None and score is not None and score >= self.pass_mark


@dataclass
class Course:
    """A course of the model: every lesson it ever has, and which of them it has now, in which order."""

    id: str = field(default_factory=lambda: str(uuid4()))
    pool: list[Lesson] = field(
        default_factory=lambda: [Lesson(pass_mark=60), Lesson(required=False, complete_at=80), Lesson()]
    )
    positions: list[int] = field(default_factory=lambda: [0, 1])
    published: dict[str, Any] = field(default_factory=dict)  # by lesson, what completed it so far
    reopens: bool = False
    valid_for_days: int | None = None
    version: int = 0

    @property
    def path(self) -> str:
        return f"/progress/{self.id}"

    @property
    def lessons(self) -> list[Lesson]:
        return [self.pool[position] for position in self.positions]

    def document(self) -> dict[str, Any]:
        rules = {"on_edit": "reopen" if self.reopens else "keep", "valid_for_days": self.valid_for_days}
        requires = [{"requires": self.required_by(lesson)} for lesson in self.lessons]
        lessons = [lesson.document() | more for lesson, more in zip(self.lessons, requires, strict=True)]
        return {"title": "A course", "lessons": lessons, **rules}

    def in_order(self, found: Mapping[str, Progress]) -> list[Progress]:
        """Return lesson progress in the order of the course. Lessons that have left the course come last, by id."""
        present = [lesson.id for lesson in self.lessons if lesson.id in found]
        return [found[lesson_id] for lesson_id in (*present, *sorted(found.keys() - set(present)))]

    def required_by(self, lesson: Lesson) -> list[str]:
        """Return the lessons that come first: of those in the course, the ones before it in the pool."""
        return [one.id for one in self.pool[: self.pool.index(lesson)] if one in self.lessons]


@dataclass
class Learner:
    """A learner of the model: lesson progress as it was last answered, etags, and the last access of each course."""

    client: httpx.Client
    id: str
    lesson_progress: dict[tuple[str, str], Progress] = field(default_factory=dict)
    etags: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    accessed: dict[str, datetime] = field(default_factory=dict)

    def access(self, course: Course, moment: datetime) -> None:
        """Note a write of the learner, now or before."""
        self.accessed[course.id] = max(self.accessed.get(course.id, moment), moment)

    @property
    def listed(self) -> list[str]:
        """The courses that the learner has written in, the last access first."""
        return sorted(self.accessed, key=lambda course_id: (-self.accessed[course_id].timestamp(), course_id))

    def leave(self, course: Course) -> dict[str, Progress]:
        """Take all lesson progress out of a course, and return it by lesson."""
        left = self.all_progress_in(course)
        self.lesson_progress = {key: one for key, one in self.lesson_progress.items() if key[0] != course.id}
        self.accessed.pop(course.id, None)
        return left

    def all_progress_in(self, course: Course) -> dict[str, Progress]:
        """Return all lesson progress in a course by lesson, also of lessons that have left it."""
        return {
            lesson_id: one for (course_id, lesson_id), one in self.lesson_progress.items() if course_id == course.id
        }

    def progress_of(self, course: Course) -> list[Progress]:
        """Return the lesson progress that the learner sees, in the order of the course."""
        found = ((course.id, lesson.id) for lesson in course.lessons)
        return [self.lesson_progress[key] for key in found if key in self.lesson_progress]


def shown(moment: datetime | None) -> str | None:
    """Return a moment as the API answers it."""
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def same(one: object, other: object) -> bool:
    """Return whether both are the same JSON. In Python they may be equal and still differ: `True == 1 == 1.0`."""
    return json.dumps(one) == json.dumps(other)


def _higher(one: str, other: str) -> str:
    return max(one, other, key=STATUSES.index)


def _implied(body: Body, after: Progress, lesson: Lesson, *, passed: bool) -> str:
    if lesson.is_completed_by(body, after, passed_now=passed):
        return "completed"
    if body.get("status") in {"in_progress", "completed"}:
        return "in_progress"
    numbers = ("progress_percentage", "video_position_seconds", "quiz_attempts", "quiz_passed", "time_spent_minutes")
    begun = body.get("quiz_score") is not None or any(body.get(name) for name in numbers)
    return "in_progress" if begun else "not_started"


def as_a_merge_write(before: Progress, body: Body, lesson: Lesson) -> Progress:
    """Return lesson progress after a merge write, which has not seen it: nothing that was earned is lost."""
    sent = {name: value for name, value in body.items() if value is not None}
    after = before | sent
    for name in ("progress_percentage", "quiz_score", "quiz_attempts", "time_spent_minutes"):
        after[name] = max((one for one in (before[name], sent.get(name)) if one is not None), default=None)
    passed = sent.get("quiz_passed", False) or lesson.is_passed_by(sent.get("quiz_score"))
    after["quiz_passed"] = before["quiz_passed"] or passed
    after["metadata"] = before["metadata"] | sent.get("metadata", {})
    after["user_notes"] = after["user_notes"] or None
    after["status"] = _higher(before["status"], _implied(sent, after, lesson, passed=passed))
    if after["status"] == "completed" or (sent.get("status") == "completed" and lesson.criteria[1] is not None):
        after["progress_percentage"] = 100
    return after


def as_a_conditional_write(before: Progress, body: Body, lesson: Lesson) -> Progress:
    """Return lesson progress after a conditional write, which has seen it: it replaces the fields that it names."""
    after = before | {name: DEFAULTS[name] if value is None else value for name, value in body.items()}
    after["user_notes"] = after["user_notes"] or None
    if "quiz_score" in body and "quiz_passed" not in body and lesson.pass_mark is not None:
        after["quiz_passed"] = lesson.is_passed_by(after["quiz_score"])
    says_completed = body.get("status") == "completed" != before["status"]
    if "status" not in body or body["status"] == "completed":
        after["status"] = _followed(before, after, body, lesson)
    completes = after["status"] == "completed" != before["status"]
    if (completes or (says_completed and lesson.criteria[1] is not None)) and "progress_percentage" not in body:
        after["progress_percentage"] = 100
    if after["status"] == "not_started" and "status" in body:
        zero = dict.fromkeys({"progress_percentage", "video_position_seconds"} - body.keys(), 0)
        after |= zero
    return after


def _followed(before: Progress, after: Progress, body: Body, lesson: Lesson) -> str:
    """Return the status after a conditional write that names no status, or a completion."""
    names_quiz = not body.keys().isdisjoint({"quiz_score", "quiz_passed"})
    implied = _implied(body, after, lesson, passed=after["quiz_passed"] and names_quiz)
    enough = 100 if lesson.criteria[1] is None else lesson.criteria[1]
    taken_back = "progress_percentage" in body and after["progress_percentage"] < min(
        enough, before["progress_percentage"]
    )
    failed = lesson.pass_mark is not None and before["quiz_passed"] and not after["quiz_passed"]
    stays = "in_progress" if before["status"] == "completed" and (taken_back or failed) else before["status"]
    return _higher(stays, implied)


def dated(before: Progress | None, after: Progress, name: str, moment: datetime) -> Progress:
    """Return lesson progress after a merge write that brings one time, with the times after it.

    The earliest begin and completion and the latest change are kept.
    """
    sent = str(shown(moment))
    had = before or {"created_at": sent, "completed_at": None, "updated_at": sent}
    completed_at: str = had["completed_at"] or sent
    if name == "completed_at":
        completed_at = min(completed_at, sent)
    return after | {
        "created_at": min(had["created_at"], sent),
        "completed_at": completed_at if after["status"] == "completed" else None,
        "updated_at": max(had["updated_at"], sent),
    }


def last_completion(learner: Learner, course: Course) -> datetime | None:
    """Return when the last of the lessons that count was completed."""
    required = {lesson.id for lesson in course.lessons if lesson.required}
    found = (one["completed_at"] for one in learner.progress_of(course) if one["lesson_id"] in required)
    last = max(filter(None, found), default=None)
    return None if last is None else datetime.fromisoformat(last)


def derived(before: Progress, lesson: Lesson) -> Progress:
    """Return lesson progress after its lesson got other conditions. A learner who has begun it can gain by that."""
    passed = before["quiz_passed"] or lesson.is_passed_by(before["quiz_score"])
    said = passed and lesson.pass_mark is None
    reached = {"quiz_passed": passed, "progress_percentage": 100 if said else before["progress_percentage"]}
    is_met = lesson.criteria != (None, None) and lesson.is_met_by(before | reached)
    was_completed = before["status"] == "completed"
    if before["status"] == "not_started" or not (was_completed or is_met or passed != before["quiz_passed"]):
        return before
    if not was_completed and not is_met:
        return before | {"quiz_passed": passed}
    gained = {} if was_completed else {"status": "completed", "progress_percentage": 100}
    return before | gained | {"quiz_passed": passed}


def summary_of(learner: Learner, course: Course) -> dict[str, Any]:
    """Return the summary, counted from the lesson progress."""
    found = {one["lesson_id"]: one for one in learner.progress_of(course)}
    required = [lesson.id for lesson in course.lessons if lesson.required]
    statuses = [found[lesson_id]["status"] for lesson_id in required if lesson_id in found]
    completed, total = statuses.count("completed"), len(required)
    return {
        "course_id": course.id,
        "total_lessons": total,
        "completed_lessons": completed,
        "in_progress_lessons": statuses.count("in_progress"),
        "completion_percentage": float(round(Fraction(100 * completed, total), 2)) if total else 0,
        "total_time_spent_minutes": round(sum(one["time_spent_minutes"] for one in found.values()), 6),
        "last_accessed": shown(learner.accessed.get(course.id)),
    }
