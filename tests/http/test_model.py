"""The API against a model of it that fits on two pages, driven by Hypothesis.

The model knows the write rule from the design alone. After every step each list and each summary of two learners in
two courses has to be what the model says, to the last field.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from support.running import PREFIX, Running, authorization, eventually

pytestmark = pytest.mark.slow

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

    def document(self) -> dict[str, Any]:
        given = {} if self.complete_at == NOT_GIVEN else {"complete_at": self.complete_at}
        rules = {"required": self.required, "pass_mark": self.pass_mark}
        return {"id": self.id, "title": "A quiz", "kind": "quiz", **rules, **given}

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

    @property
    def path(self) -> str:
        return f"/progress/{self.id}"

    @property
    def lessons(self) -> list[Lesson]:
        return [self.pool[position] for position in self.positions]

    def document(self) -> dict[str, Any]:
        return {"title": "A course", "lessons": [lesson.document() for lesson in self.lessons]}


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


def _same(one: object, other: object) -> bool:
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


def _as_a_merge_write(row: Row, body: Body, lesson: Lesson) -> Row:
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


def _conditional(row: Row, body: Body, lesson: Lesson) -> Row:
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


def _derived(row: Row, lesson: Lesson) -> Row:
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


def _summary(learner: Learner, course: Course) -> dict[str, Any]:
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


_percentages = st.sampled_from([None, 0, 0.5, 40, 59.9, 60, 79.9, 80, 100])
_values: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from([None, *STATUSES]),
    "progress_percentage": _percentages,
    "video_position_seconds": st.sampled_from([None, 0, 1.5, 90]),
    "quiz_score": _percentages,
    "quiz_attempts": st.sampled_from([None, 0, 1, 2, 3]),
    "quiz_passed": st.sampled_from([None, False, True]),
    "time_spent_minutes": st.sampled_from([None, 0, 0.1, 0.2, 1, 7.25, 1_000]),
    "user_notes": st.sampled_from([None, "", "One.", "Zwölf ✓"]),
    "is_bookmarked": st.sampled_from([None, False, True]),
    "metadata": st.sampled_from([None, {}, {"a": 1}, {"a": True}, {"a": None, "b": [2]}, {"b": {"c": 1.5}}]),
}
_a_field_or_two = st.lists(st.sampled_from(sorted(_values)), min_size=1, max_size=2, unique=True)
bodies = _a_field_or_two.flatmap(
    lambda fields: st.fixed_dictionaries({name: _values[name] for name in fields})
) | st.fixed_dictionaries({}, optional=_values)
two = st.integers(0, 1)
three = st.integers(0, 2)
# How many changes ago a writer saw the row: never (a merge write), just now, or too long ago.
ages = st.sampled_from([None, None, 0, 0, 1, 2])


class Api(RuleBasedStateMachine):
    """The running service beside the model; a step does the same to both."""

    connect: ClassVar[Callable[..., httpx.Client]]

    def __init__(self) -> None:
        super().__init__()
        self.author = self.connect(str(uuid4()), "courses:write")
        ids = (str(uuid4()), str(uuid4()))
        self.learners = [Learner(self.connect(learner_id), learner_id) for learner_id in ids]
        self.courses = [Course(), Course()]

    @initialize()
    def publish_both(self) -> None:
        for course in self.courses:
            self._publish(course)

    @rule(learner=two, course=two, position=three, writes=st.lists(st.tuples(bodies, ages), min_size=4, max_size=8))
    def write_in_one_lesson(
        self, learner: int, course: int, position: int, writes: list[tuple[Body, int | None]]
    ) -> None:
        for body, age in writes:
            self._write(self.learners[learner], self.courses[course], position, body, age)

    @rule(course=two, writes=st.lists(st.tuples(two, three, bodies, ages), min_size=4, max_size=8))
    def write_in_several_lessons(self, course: int, writes: list[tuple[int, int, Body, int | None]]) -> None:
        for learner, position, body, age in writes:
            self._write(self.learners[learner], self.courses[course], position, body, age)

    @rule(learner=two, course=two, position=three, age=ages)
    def delete(self, learner: int, course: int, position: int, age: int | None) -> None:
        who, where = self.learners[learner], self.courses[course]
        headers, refused = self._condition(who, where, position, age)
        answer = who.client.delete(f"{where.path}/lessons/{where.pool[position].id}", headers=headers)
        assert answer.status_code == (refused or 204)
        key = (where.id, where.pool[position].id)
        if not refused and key in who.rows:
            del who.rows[key]
            who.touch(where)

    @rule(learner=two, course=two)
    def start_over(self, learner: int, course: int) -> None:
        who, where = self.learners[learner], self.courses[course]
        assert who.client.delete(where.path).status_code == 204
        who.rows = {key: row for key, row in who.rows.items() if key[0] != where.id}
        who.touched = [one for one in who.touched if one != where.id]

    @rule(course=two, positions=st.lists(three, min_size=1, unique=True))
    def choose_lessons(self, course: int, positions: list[int]) -> None:
        self.courses[course].positions = positions
        self._publish(self.courses[course])

    @rule(
        course=two,
        position=three,
        required=st.booleans(),
        pass_mark=st.sampled_from([None, 0, 60]),
        complete_at=st.sampled_from([NOT_GIVEN, None, 80]),
    )
    def change_lesson(
        self, course: int, position: int, required: bool, pass_mark: float | None, complete_at: object
    ) -> None:
        lesson = self.courses[course].pool[position]
        lesson.required, lesson.pass_mark, lesson.complete_at = required, pass_mark, complete_at
        self._publish(self.courses[course])

    @rule(course=two)
    def remove_course_and_put_it_back(self, course: int) -> None:
        where = self.courses[course]
        assert self.author.delete(f"/courses/{where.id}").status_code == 204
        for learner in self.learners:
            assert learner.client.get(where.path).status_code == 404
            assert learner.client.get(f"{where.path}/summary").status_code == 404
            listed = [summary["course_id"] for summary in learner.client.get("/progress").json()]
            assert listed == [one for one in learner.touched if one != where.id]
        where.published.clear()
        self._publish(where)

    @invariant()
    def every_list_and_every_summary_is_the_models(self) -> None:
        for learner in self.learners:
            summaries = {course.id: self._same_summary(learner, course) for course in self.courses}
            for course in self.courses:
                assert _same(learner.client.get(course.path).json(), learner.rows_of(course))
            assert learner.client.get("/progress").json() == [summaries[course_id] for course_id in learner.touched]

    def _same_summary(self, learner: Learner, course: Course) -> dict[str, Any]:
        summary: dict[str, Any] = learner.client.get(f"{course.path}/summary").json()
        assert (summary["last_accessed"] is not None) == (course.id in learner.touched)
        assert {name: value for name, value in summary.items() if name != "last_accessed"} == _summary(learner, course)
        return summary

    def _publish(self, course: Course) -> None:
        path = f"/courses/{course.id}"
        self.author.put(path, json=course.document()).raise_for_status()
        eventually(lambda: self.author.get(path).json()["recalculation"] is None)
        changed = [lesson for lesson in course.lessons if course.published.get(lesson.id) != lesson.criteria]
        course.published = {lesson.id: lesson.criteria for lesson in course.lessons}
        for learner in self.learners:
            for lesson in changed:
                self._derive(learner, course, lesson)

    def _derive(self, learner: Learner, course: Course, lesson: Lesson) -> None:
        key = (course.id, lesson.id)
        before = learner.rows.get(key)
        if before is None:
            return
        after = _derived(before, lesson)
        if after == before:
            return
        answer = learner.client.get(f"{course.path}/lessons/{lesson.id}")
        learner.rows[key] = row = answer.json()
        learner.tags[key].append(answer.headers["etag"])
        assert (row["completed_at"] is not None) == (row["status"] == "completed")
        moments = {name: row[name] for name in ("completed_at", "updated_at")}
        assert _same(row, after | moments)

    def _condition(
        self, learner: Learner, course: Course, position: int, age: int | None
    ) -> tuple[dict[str, str], int | None]:
        """The header with the row's tag of so many changes ago, and the status to be refused with, if any."""
        key = (course.id, course.pool[position].id)
        tags = learner.tags.get(key, [])
        tag = None if age is None else tags[-1 - age] if age < len(tags) else '"never"'
        headers = {} if tag is None else {"If-Match": tag}
        if position not in course.positions:
            return headers, 404
        current = tags[-1] if key in learner.rows else None
        return headers, 412 if tag is not None and tag != current else None

    def _write(self, learner: Learner, course: Course, position: int, body: Body, age: int | None) -> None:
        lesson = course.pool[position]
        headers, refused = self._condition(learner, course, position, age)
        answer = learner.client.put(f"{course.path}/lessons/{lesson.id}", json=body, headers=headers)
        assert answer.status_code == (refused or 200), answer.text
        if refused:
            return
        before = learner.rows.get((course.id, lesson.id))
        decide = _as_a_merge_write if age is None else _conditional
        after = decide({name: (before or DEFAULTS)[name] for name in DEFAULTS}, body, lesson)
        self._note(learner, course, lesson, before, answer)
        assert _same({name: answer.json()[name] for name in DEFAULTS}, {name: after[name] for name in DEFAULTS})

    def _note(
        self, learner: Learner, course: Course, lesson: Lesson, before: Row | None, answer: httpx.Response
    ) -> None:
        """Check what the service alone decides, ids, moments and the tag, and keep the row as it was answered."""
        key, row, tag = (course.id, lesson.id), answer.json(), answer.headers["etag"]
        assert (row["user_id"], row["course_id"], row["lesson_id"]) == (learner.id, *key)
        assert (row["completed_at"] is not None) == (row["status"] == "completed")
        if before:
            assert (row["id"], row["created_at"]) == (before["id"], before["created_at"])
            assert (tag == learner.tags[key][-1]) == _same(row, before)
            if before["completed_at"] and row["completed_at"]:
                assert row["completed_at"] == before["completed_at"]
        learner.rows[key] = row
        if tag not in learner.tags.setdefault(key, []):
            learner.tags[key].append(tag)
        learner.touch(course)


def test_the_api_does_what_the_model_does(running: Running, connections: httpx.HTTPTransport) -> None:
    def client_of(learner_id: str, *scopes: str) -> httpx.Client:
        headers = authorization(learner_id, *scopes)
        return httpx.Client(base_url=running.base_url + PREFIX, headers=headers, transport=connections, timeout=20)

    class RunningApi(Api):
        connect = staticmethod(client_of)

    bounded = settings(
        max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(RunningApi, settings=bounded)
