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

Row = dict[str, Any]
Body = Mapping[str, Any]

STATUSES = ["not_started", "in_progress", "completed"]
DEFAULTS: Row = {
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

    def is_completed_by(self, body: Body, row: Row, *, passed_now: bool) -> bool:
        """Return whether a write meets a condition of the lesson, and the row after it meets both conditions."""
        mark, percentage = self.criteria
        all_is_done = body.get("status") == "completed" or (body.get("quiz_passed") and mark is None)
        if all_is_done and (percentage is not None or mark is None or passed_now):
            return mark is None or row["quiz_passed"]
        reached = percentage is not None and (body.get("progress_percentage") or 0) >= percentage
        return (reached or (passed_now and mark is not None)) and self.is_met_by(row)

    def is_met_by(self, row: Row) -> bool:
        mark, percentage = self.criteria
        return (mark is None or row["quiz_passed"]) and (percentage is None or row["progress_percentage"] >= percentage)

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

    def required_by(self, lesson: Lesson) -> list[str]:
        """Return the lessons that come first: of those in the course, the ones before it in the pool."""
        return [one.id for one in self.pool[: self.pool.index(lesson)] if one in self.lessons]


@dataclass
class Learner:
    """A learner of the model: the rows as they were last answered, their tags, and the courses written in."""

    client: httpx.Client
    id: str
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    tags: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)

    def touch(self, course: Course) -> None:
        self.touched = [course.id, *(one for one in self.touched if one != course.id)]

    def rows_of(self, course: Course) -> list[Row]:
        found = ((course.id, lesson.id) for lesson in course.lessons)
        return [self.rows[key] for key in found if key in self.rows]


def shown(moment: datetime | None) -> str | None:
    """Return a moment as the API answers it."""
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def same(one: object, other: object) -> bool:
    """Return whether both are the same JSON. In Python they may be equal and still differ: `True == 1 == 1.0`."""
    return json.dumps(one) == json.dumps(other)


def _higher(one: str, other: str) -> str:
    return max(one, other, key=STATUSES.index)


def _implied(body: Body, after: Row, lesson: Lesson, *, passed: bool) -> str:
    if lesson.is_completed_by(body, after, passed_now=passed):
        return "completed"
    if body.get("status") in {"in_progress", "completed"}:
        return "in_progress"
    numbers = ("progress_percentage", "video_position_seconds", "quiz_attempts", "quiz_passed", "time_spent_minutes")
    begun = body.get("quiz_score") is not None or any(body.get(name) for name in numbers)
    return "in_progress" if begun else "not_started"


def as_a_merge_write(row: Row, body: Body, lesson: Lesson) -> Row:
    """Return the row after a merge write, which has not seen the row: nothing that was earned is lost."""
    sent = {name: value for name, value in body.items() if value is not None}
    after = row | sent
    for name in ("progress_percentage", "quiz_score", "quiz_attempts", "time_spent_minutes"):
        after[name] = max((one for one in (row[name], sent.get(name)) if one is not None), default=None)
    passed = sent.get("quiz_passed", False) or lesson.is_passed_by(sent.get("quiz_score"))
    after["quiz_passed"] = row["quiz_passed"] or passed
    after["metadata"] = row["metadata"] | sent.get("metadata", {})
    after["user_notes"] = after["user_notes"] or None
    after["status"] = _higher(row["status"], _implied(sent, after, lesson, passed=passed))
    if after["status"] == "completed" or (sent.get("status") == "completed" and lesson.criteria[1] is not None):
        after["progress_percentage"] = 100
    return after


def as_a_conditional_write(row: Row, body: Body, lesson: Lesson) -> Row:
    """Return the row after a conditional write, which has seen the row: it replaces the fields that it names."""
    after = row | {name: DEFAULTS[name] if value is None else value for name, value in body.items()}
    after["user_notes"] = after["user_notes"] or None
    if "quiz_score" in body and "quiz_passed" not in body and lesson.pass_mark is not None:
        after["quiz_passed"] = lesson.is_passed_by(after["quiz_score"])
    says_completed = body.get("status") == "completed" != row["status"]
    if "status" not in body or body["status"] == "completed":
        after["status"] = _followed(row, after, body, lesson)
    completes = after["status"] == "completed" != row["status"]
    if (completes or (says_completed and lesson.criteria[1] is not None)) and "progress_percentage" not in body:
        after["progress_percentage"] = 100
    if after["status"] == "not_started" and "status" in body:
        zero = dict.fromkeys({"progress_percentage", "video_position_seconds"} - body.keys(), 0)
        after |= zero
    return after


def _followed(row: Row, after: Row, body: Body, lesson: Lesson) -> str:
    """Return the status after a conditional write that names no status, or a completion."""
    names_quiz = not body.keys().isdisjoint({"quiz_score", "quiz_passed"})
    implied = _implied(body, after, lesson, passed=after["quiz_passed"] and names_quiz)
    enough = 100 if lesson.criteria[1] is None else lesson.criteria[1]
    taken_back = "progress_percentage" in body and after["progress_percentage"] < min(
        enough, row["progress_percentage"]
    )
    failed = lesson.pass_mark is not None and row["quiz_passed"] and not after["quiz_passed"]
    stays = "in_progress" if row["status"] == "completed" and (taken_back or failed) else row["status"]
    return _higher(stays, implied)


def derived(row: Row, lesson: Lesson) -> Row:
    """Return a row after its lesson got other conditions. A learner who has begun it can gain by that."""
    passed = row["quiz_passed"] or lesson.is_passed_by(row["quiz_score"])
    said = passed and lesson.pass_mark is None
    reached = {"quiz_passed": passed, "progress_percentage": 100 if said else row["progress_percentage"]}
    is_met = lesson.criteria != (None, None) and lesson.is_met_by(row | reached)
    if row["status"] == "not_started" or not (row["status"] == "completed" or is_met or passed != row["quiz_passed"]):
        return row
    if row["status"] != "completed" and not is_met:
        return row | {"quiz_passed": passed}
    gained = {} if row["status"] == "completed" else {"status": "completed", "progress_percentage": 100}
    return row | gained | {"quiz_passed": passed}


def summary_of(learner: Learner, course: Course) -> dict[str, Any]:
    """Return the summary counted from the rows. It has no time of the last write; `touched` has the order."""
    rows = {row["lesson_id"]: row for row in learner.rows_of(course)}
    required = [lesson.id for lesson in course.lessons if lesson.required]
    statuses = [rows[lesson_id]["status"] for lesson_id in required if lesson_id in rows]
    completed, total = statuses.count("completed"), len(required)
    return {
        "course_id": course.id,
        "total_lessons": total,
        "completed_lessons": completed,
        "in_progress_lessons": statuses.count("in_progress"),
        "completion_percentage": float(round(Fraction(100 * completed, total), 2)) if total else 0,
        "total_time_spent_minutes": round(sum(row["time_spent_minutes"] for row in rows.values()), 6),
    }
