"""The API against a model of it that fits on a few pages, driven by Hypothesis.

The model knows the rules from the documents alone: the write rule (`modelled_lessons`), and enrolments, groups, due
dates, runs, completions and figures (`modelled_enrolments`). After every step all that two learners read in two
courses, and the courses' figures, have to be what the model says, to the last field.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from support.modelled_enrolments import (
    Dates,
    Figures,
    Filters,
    Group,
    Membership,
    Run,
    completion_of,
    enrolment_of,
    outline_of,
    roster_line_of,
    run_of,
    runs_of,
    statistics_of,
)
from support.modelled_lessons import (
    DEFAULTS,
    NOT_GIVEN,
    STATUSES,
    Body,
    Course,
    Learner,
    Lesson,
    Progress,
    as_a_conditional_write,
    as_a_merge_write,
    dated,
    derived,
    last_completion,
    same,
    shown,
    summary_of,
)
from support.postgres import Databases
from support.running import STORES, eventually
from support.school import School, school

pytestmark = pytest.mark.slow

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
# How many changes ago a writer saw the lesson progress: never (a merge write), just now, or too long ago.
ages = st.sampled_from([None, None, 0, 0, 1, 2])
# From when and until when, in days from now; `None` ends what there is.
Days = tuple[float | None, float | None] | None
dates = st.none() | st.tuples(st.sampled_from([None, None, -1, 1]), st.sampled_from([None, -2, -0.5, 1, 4]))
group_changes = st.sampled_from(["put", "join", "leave", "enrol", "enrol", "remove"])
lesson_dues = st.sampled_from([("due_at", None), ("due_at", -1), ("due_at", 2), ("due_after_days", 1)])


# The number that a new run is to have: any, the next one, one too high, or that of the present run.
new_runs = st.sampled_from([None, None, 0, 0, 1, -1])
# Which run a write says that it is for: the present one, the one before, or one that is ahead.
runs = st.sampled_from([0, 0, -1, 1])
time_names = st.sampled_from(["created_at", "completed_at", "updated_at"])
# When that was: before the present run began, or in it, as a share of the time since then.
shares = st.sampled_from([None, 0, 0.5, 1])


class Api(RuleBasedStateMachine):
    """The running service beside the model; a step does the same to both."""

    school: ClassVar[School]
    is_closed: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.staff = self.school.client(
            None, "courses:write", "enrolments:write", "groups:write", "learners:admin", "statistics:read"
        )
        ids = (str(uuid4()), str(uuid4()))
        self.learners = [Learner(self.school.client(learner_id), learner_id) for learner_id in ids]
        self.courses = [Course(), Course()]
        self.groups = [Group(str(uuid4())), Group(str(uuid4()))]
        self.held = {(position, course.id): Membership() for position in range(2) for course in self.courses}
        self.completions: list[list[Figures]] = [[], []]
        self.dated_writes = 0
        self.looks = 0

    @property
    def now(self) -> datetime:
        return self.school.clock.now

    def tick(self) -> None:
        """Let time pass, so that what is done now is after all that was done before."""
        self.school.clock.now += timedelta(minutes=1)

    def in_days(self, days: float | None) -> datetime | None:
        return None if days is None else self.now + timedelta(days=days)

    @initialize(enrolled=st.booleans(), grouped=st.booleans())
    def publish_both(self, enrolled: bool, grouped: bool) -> None:
        self._name()
        for position, course in enumerate(self.courses):
            self._publish(course)
            if enrolled:
                self._enrol(position, course, (None, None))
        if not grouped:
            return
        self._put_group(self.groups[0], {0, 1})
        for course in self.courses:
            self._enrol_group(self.groups[0], course, (None, 1))
        self._follow(self.groups[0])

    @rule(learner=two, course=two, position=three, writes=st.lists(st.tuples(bodies, ages), min_size=4, max_size=8))
    def write_in_one_lesson(
        self, learner: int, course: int, position: int, writes: list[tuple[Body, int | None]]
    ) -> None:
        for body, age in writes:
            self._write(learner, self.courses[course], position, body, age)

    @rule(course=two, writes=st.lists(st.tuples(two, three, bodies, ages), min_size=4, max_size=8))
    def write_in_several_lessons(self, course: int, writes: list[tuple[int, int, Body, int | None]]) -> None:
        for learner, position, body, age in writes:
            self._write(learner, self.courses[course], position, body, age)

    @rule(learner=two, course=two, position=three, age=ages)
    def delete(self, learner: int, course: int, position: int, age: int | None) -> None:
        who, where = self.learners[learner], self.courses[course]
        headers, refused = self._condition(who, where, position, age)
        before = summary_of(who, where)
        self.tick()
        answer = who.client.delete(f"{where.path}/lessons/{where.pool[position].id}", headers=headers)
        assert answer.status_code == (refused or 204)
        key = (where.id, where.pool[position].id)
        if not refused and key in who.lesson_progress:
            del who.lesson_progress[key]
            who.access(where, self.now)
            self._advance(learner, where, before)

    @rule(
        learner=two,
        course=two,
        days=st.sampled_from([0, 0, 2]),
        begins=st.lists(st.tuples(dates, new_runs), min_size=1, max_size=2),
        writes=st.lists(st.tuples(three, bodies, ages, runs), min_size=1, max_size=3),
        dated_writes=st.lists(st.tuples(three, bodies, time_names, shares), min_size=1, max_size=3),
    )
    def do_again(
        self,
        learner: int,
        course: int,
        days: int,
        begins: list[tuple[Days, int | None]],
        writes: list[tuple[int, Body, int | None, int]],
        dated_writes: list[tuple[int, Body, str, float | None]],
    ) -> None:
        """Write something, begin the next run, and write for this run and for others."""
        where = self.courses[course]
        self._write(learner, where, where.positions[0], {"progress_percentage": 100}, None)
        self.school.clock.pass_days(days)
        for dates_of_run, ahead in begins:
            self._begin_run(learner, where, dates_of_run, ahead)
        for position, body, age, ahead_of_run in writes:
            number = max(1, self.held[learner, where.id].run + ahead_of_run)
            self._write(learner, where, position, body, age, number)
        for position, body, name, share in dated_writes:
            self._write_with_a_time(learner, where, position, body, name, share)

    @rule(learner=two, course=two, position=three, ahead=st.sampled_from([-1, 1]))
    def delete_of_another_run(self, learner: int, course: int, position: int, ahead: int) -> None:
        where = self.courses[course]
        number = self.held[learner, where.id].run + ahead
        path = f"{where.path}/lessons/{where.pool[position].id}"
        answer = self.learners[learner].client.delete(path, params={"run": number})
        assert answer.status_code == (409 if number else 422)

    @rule(course=two, writes=st.lists(st.tuples(two, three, bodies, time_names, shares), min_size=3, max_size=6))
    def write_with_a_time(self, course: int, writes: list[tuple[int, int, Body, str, float | None]]) -> None:
        for learner, position, body, name, share in writes:
            self._write_with_a_time(learner, self.courses[course], position, body, name, share)

    @rule(learner=two, course=two, erases=st.sampled_from([False, False, False, True]))
    def start_over_or_erase(self, learner: int, course: int, erases: bool) -> None:
        who, where = self.learners[learner], self.courses[course]
        if erases:
            self._erase(learner)
            return
        self.tick()
        assert who.client.delete(where.path).status_code == 204
        self.held[learner, where.id].start_over()
        who.leave(where)

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

    @rule(course=two, position=three, due=lesson_dues, valid=st.sampled_from([None, 1, 30]), reopens=st.booleans())
    def change_dates(
        self, course: int, position: int, due: tuple[str, int | None], valid: int | None, reopens: bool
    ) -> None:
        where = self.courses[course]
        name, days = due
        lesson = where.pool[position]
        lesson.due_at = self.in_days(days) if name == "due_at" else None
        lesson.due_after_days = days if name == "due_after_days" else None
        where.valid_for_days, where.reopens = valid, reopens
        self._publish(where)

    @rule(course=two)
    def remove_course_and_put_it_back(self, course: int) -> None:
        where = self.courses[course]
        assert self.staff.delete(f"/courses/{where.id}").status_code == 204
        assert self.staff.get(f"/statistics/{where.id}").status_code == 404
        for position, learner in enumerate(self.learners):
            others = [one for one in self.courses if one.id != where.id]
            assert learner.client.get("/enrolments").json() == self._enrolments(position, others)
            assert learner.client.get(where.path).status_code == 404
            assert learner.client.get(f"{where.path}/summary").status_code == 404
            assert learner.client.get(_runs_path(learner, where)).status_code == 404
            listed = [summary["course_id"] for summary in learner.client.get("/progress").json()]
            assert listed == [one for one in learner.listed if one != where.id]
        where.published.clear()
        self._publish(where)

    @rule(course=two, changes=st.lists(st.tuples(two, dates), min_size=3, max_size=6))
    def change_enrolments(self, course: int, changes: list[tuple[int, Days]]) -> None:
        for learner, days in changes:
            self._enrol(learner, self.courses[course], days)

    @rule(group=two, changes=st.lists(st.tuples(group_changes, two, two, dates), min_size=3, max_size=6))
    def change_group(self, group: int, changes: list[tuple[str, int, int, Days]]) -> None:
        for change, learner, course, days in changes:
            which = self.groups[group]
            self.tick()
            match change:
                case "put":
                    self._put_group(which, {learner, course})
                case "remove":
                    assert self.staff.delete(f"/groups/{which.id}").status_code == (204 if which.exists else 404)
                    which.remove()
                case "join" | "leave":
                    self._change_member(which, learner, joins=change == "join")
                case "enrol":
                    self._enrol_group(which, self.courses[course], days)
            self._follow(which)

    @rule(group=two)
    def enrol_group_again(self, group: int) -> None:
        """Send what a group enrols in once more, as a platform may do every night."""
        which = self.groups[group]
        for course_id, enrolled in which.courses.items():
            path = f"/courses/{course_id}/groups/{which.id}"
            self.staff.put(path, json=enrolled.document()).raise_for_status()
        self._follow(which)

    @rule(days=st.sampled_from([0.5, 1, 3]))
    def pass_days(self, days: float) -> None:
        self.school.clock.pass_days(days)

    @invariant()
    def every_list_and_every_summary_is_the_models(self) -> None:
        for learner in self.learners:
            summaries = {course.id: self._same_summary(learner, course) for course in self.courses}
            for course in self.courses:
                assert same(learner.client.get(course.path).json(), learner.progress_of(course))
            assert learner.client.get("/progress").json() == [summaries[course_id] for course_id in learner.listed]

    @invariant()
    def enrolments_outlines_and_completions_are_the_models(self) -> None:
        for position, learner in enumerate(self.learners):
            assert learner.client.get("/enrolments").json() == self._enrolments(position, self.courses)
            assert learner.client.get("/completions").json() == self.completions[position]
            for course in self.courses:
                expected = outline_of(learner, course, self.held[position, course.id], self.now)
                assert _only(expected, learner.client.get(f"{course.path}/outline").json()) == expected

    @invariant()
    def the_runs_are_the_models(self) -> None:
        """Look as the learner or as an administrator. Runs that have ended are as they were at their end."""
        for position, learner in enumerate(self.learners):
            client = self.staff if self.looks % 2 else learner.client
            for course in self.courses:
                held, path = self.held[position, course.id], _runs_path(learner, course)
                expected = runs_of(learner, course, held, self.now)
                listed = client.get(path)
                assert listed.status_code == (200 if expected else 404)
                if expected:
                    assert listed.json() == [run.figures for run in expected]
                for number, run in enumerate(expected, start=1):
                    found = client.get(f"{path}/{number}").json()
                    expected_lessons = list(map(_of_a_run, course.in_order(run.lesson_progress)))
                    assert same(found.pop("lesson_progress"), expected_lessons)
                    assert found == run.figures
                assert client.get(f"{path}/{len(expected) + 1}").status_code == 404

    @invariant()
    def the_rosters_are_the_models(self) -> None:
        """Look at the rosters with the next filters."""
        group, status, late, due_days, sort, order, limit = self._next_look()
        which = None if group is None else self.groups[group]
        filters = Filters(status, late, self.in_days(due_days))
        asked = {"sort": sort, "order": order, "limit": str(limit)} | filters.parameters() | _of_group(which)
        for course in self.courses:
            path = f"/statistics/{course.id}/learners"
            if which is not None and not which.exists:
                assert self.staff.get(path, params=asked).status_code == 404
                continue
            expected = [
                roster_line_of(self.learners[position], course, held, self.now)
                for position, held in self._members(course, which).items()
                if filters.admits(held, self.now)
            ]
            found = [{name: line[name] for name in _ROSTER_FIELDS} for line in self._all_pages(path, asked)]
            assert sorted(found, key=_by_learner) == sorted(expected, key=_by_learner)
            enrolled = self.staff.get(f"/courses/{course.id}/enrolments").json()["enrolments"]
            held_by = {self.learners[position].id: held for position, held in self._members(course, None).items()}
            assert {one["user_id"] for one in enrolled} == {key for key, held in held_by.items() if held.is_enrolled}

    @invariant()
    def the_figures_are_the_models(self) -> None:
        """Look at all learners, at one group or at the other; each time at the next of these."""
        which = (None, *self.groups)[self.looks % 3]
        for course in self.courses:
            answer = self.staff.get(f"/statistics/{course.id}", params=_of_group(which))
            if which is not None and not which.exists:
                assert answer.status_code == 404
                continue
            expected = statistics_of(course, self._members(course, which), self.learners, self.now)
            found = answer.json()
            lessons = expected.pop("lessons")
            assert _only(lessons, found["lessons"]) == lessons
            assert {name: found[name] for name in expected} == expected

    def _same_summary(self, learner: Learner, course: Course) -> dict[str, Any]:
        summary: dict[str, Any] = learner.client.get(f"{course.path}/summary").json()
        assert summary == summary_of(learner, course)
        return summary

    def _next_look(self) -> tuple[Any, ...]:
        """Choose other filters each time, in an order in which each comes together with each."""
        self.looks += 1
        return tuple(values[self.looks * prime // 7 % len(values)] for values, prime in _LOOKS)

    def _enrol(self, learner: int, course: Course, days: Days) -> None:
        """Enrol a learner, or end the learner's enrolment (`None`)."""
        path, held = f"/courses/{course.id}/enrolments/{self.learners[learner].id}", self.held[learner, course.id]
        self.tick()
        if days is None:
            assert self.staff.delete(path).status_code == 204
            held.end(None, self.now)
            return
        asked = Dates(*map(self.in_days, days))
        answer = self.staff.put(path, json=asked.document())
        assert answer.status_code == (200 if asked.are_in_order else 422)
        if asked.are_in_order:
            held.enrol(None, asked, self.now)
            expected = enrolment_of(self.learners[learner], course, held, self.now)
            assert answer.json() | {"title": expected["title"]} == expected

    def _begin_run(self, learner: int, course: Course, days: Days, ahead: int | None) -> None:
        """Begin the learner's next run, with dates (`None`: without a body) and with a number, if one is given."""
        who, held = self.learners[learner], self.held[learner, course.id]
        asked = Dates() if days is None else Dates(*map(self.in_days, days))
        number = None if ahead is None else held.run + 1 + ahead
        named = {} if number is None else {"number": number}
        document = named if days is None else asked.document() | named
        self.tick()
        answer = self.staff.post(_runs_path(who, course), json=document or None)
        conflicts = held.started_at is None or number not in {None, held.run + 1}
        refused = 422 if number == 1 or not asked.are_in_order else 404 if not held.is_enrolled else 409
        if refused != 409 or conflicts:
            assert answer.status_code == refused
            assert refused != 409 or answer.json()["code"] == "run_conflict"
            return
        assert answer.status_code == 201
        ended = Run(run_of(who, course, held, self.now, self.now), who.leave(course))
        held.begin_run(asked, self.now, ended)
        expected = enrolment_of(who, course, held, self.now)
        assert answer.json() | {"title": expected["title"]} == expected

    def _put_group(self, group: Group, members: set[int]) -> None:
        document = {"title": "A group", "members": [self.learners[member].id for member in members]}
        self.staff.put(f"/groups/{group.id}", json=document).raise_for_status()
        group.exists, group.members = True, members

    def _change_member(self, group: Group, learner: int, *, joins: bool) -> None:
        path = f"/groups/{group.id}/members/{self.learners[learner].id}"
        answer = self.staff.put(path) if joins else self.staff.delete(path)
        assert answer.status_code == (204 if group.exists else 404)
        if group.exists:
            group.members = group.members | {learner} if joins else group.members - {learner}

    def _enrol_group(self, group: Group, course: Course, days: Days) -> None:
        """Enrol a group in a course, or end that (`None`)."""
        path = f"/courses/{course.id}/groups/{group.id}"
        if days is None:
            assert self.staff.delete(path).status_code == (204 if group.exists else 404)
            group.courses.pop(course.id, None)
            return
        asked = Dates(*map(self.in_days, days))
        answer = self.staff.put(path, json=asked.document())
        assert answer.status_code == (422 if not asked.are_in_order else 200 if group.exists else 404)
        if answer.status_code == 200:
            group.courses[course.id] = asked

    def _erase(self, learner: int) -> None:
        who = self.learners[learner]
        self.tick()
        assert self.staff.delete(f"/learners/{who.id}").status_code == 204
        who.lesson_progress, who.accessed = {}, {}
        self.completions[learner] = []
        for course in self.courses:
            self.held[learner, course.id] = Membership()
        for group in self.groups:
            group.members.discard(learner)
        self._name()

    def _enrolments(self, learner: int, courses: list[Course]) -> list[Figures]:
        """The learner's own list: the first due date first, none last, then by the course's id."""
        held = [(self.held[learner, course.id], course) for course in courses]
        found = [(one, course) for one, course in held if one.is_enrolled]
        found.sort(key=lambda pair: (pair[0].due_at is None, pair[0].due_at or self.now, pair[1].id))
        return [enrolment_of(self.learners[learner], course, one, self.now) for one, course in found]

    def _members(self, course: Course, group: Group | None) -> dict[int, Membership]:
        among = range(len(self.learners)) if group is None else sorted(group.members)
        return {position: self.held[position, course.id] for position in among}

    def _all_pages(self, path: str, asked: Mapping[str, str]) -> Iterator[Figures]:
        cursor: dict[str, str] = {}
        while True:
            answer = self.staff.get(path, params={**asked, **cursor})
            answer.raise_for_status()
            yield from answer.json()["learners"]
            if answer.json()["next"] is None:
                return
            cursor = {"cursor": answer.json()["next"]}

    def _name(self) -> None:
        """Only one of the two learners has a name."""
        self.staff.put(f"/learners/{self.learners[0].id}/profile", json={"name": "Ada"}).raise_for_status()

    def _follow(self, group: Group) -> None:
        """Change the enrolments that follow from a group."""
        for (learner, course_id), held in self.held.items():
            wanted = group.courses.get(course_id) if learner in group.members else None
            if wanted is None and group.id in held.groups:
                held.end(group.id, self.now)
            if wanted is not None and held.groups.get(group.id) != wanted:
                held.enrol(group.id, wanted, self.now)

    def _advance(
        self,
        learner: int,
        course: Course,
        before: Figures,
        began: datetime | None = None,
        completed: datetime | None = None,
    ) -> None:
        """Note what a write did to the course progress, now or at the times that it brought."""
        who, held = self.learners[learner], self.held[learner, course.id]
        moments = {"began": began or self.now, "completed": completed or self.now}
        if held.write(before, summary_of(who, course), self.now, **moments):
            self._keep_completion(learner, course, held.completed_at)

    def _keep_completion(self, learner: int, course: Course, completed_at: datetime | None) -> None:
        """Keep a completion in place of one of the same moment; the last one comes first."""
        kept = completion_of(self.learners[learner], course, completed_at)
        moment = kept["course_id"], kept["completed_at"]
        others = [one for one in self.completions[learner] if (one["course_id"], one["completed_at"]) != moment]
        in_order = sorted([kept, *others], key=lambda one: str(one["course_id"]))
        self.completions[learner] = sorted(in_order, key=lambda one: str(one["completed_at"]), reverse=True)

    def _publish(self, course: Course) -> None:
        path = f"/courses/{course.id}"
        self.tick()
        self.staff.put(path, json=course.document()).raise_for_status()
        eventually(lambda: self.staff.get(path).json()["recalculation"] is None)
        before, course.version = course.version, self.staff.get(path).json()["version"]
        changed = [lesson for lesson in course.lessons if course.published.get(lesson.id) != lesson.criteria]
        course.published = {lesson.id: lesson.criteria for lesson in course.lessons}
        for position, learner in enumerate(self.learners):
            for lesson in changed:
                self._derive(learner, course, lesson)
            held = self.held[position, course.id]
            if course.version != before and held.edit(course, summary_of(learner, course), self.now):
                self._keep_completion(position, course, held.completed_at)

    def _derive(self, learner: Learner, course: Course, lesson: Lesson) -> None:
        key = (course.id, lesson.id)
        before = learner.lesson_progress.get(key)
        if before is None:
            return
        after = derived(before, lesson)
        if after == before:
            return
        answer = learner.client.get(f"{course.path}/lessons/{lesson.id}")
        learner.lesson_progress[key] = found = answer.json()
        learner.etags[key].append(answer.headers["etag"])
        assert (found["completed_at"] is not None) == (found["status"] == "completed")
        moments = {name: found[name] for name in ("completed_at", "updated_at")}
        assert same(found, after | moments)

    def _condition(
        self, learner: Learner, course: Course, position: int, age: int | None
    ) -> tuple[dict[str, str], int | None]:
        """The header with the etag of so many changes ago, and the status to be refused with, if any."""
        key = (course.id, course.pool[position].id)
        etags = learner.etags.get(key, [])
        etag = None if age is None else etags[-1 - age] if age < len(etags) else '"never"'
        headers = {} if etag is None else {"If-Match": etag}
        if position not in course.positions:
            return headers, 404
        current = etags[-1] if key in learner.lesson_progress else None
        return headers, 412 if etag is not None and etag != current else None

    def _write(
        self, learner: int, course: Course, position: int, body: Body, age: int | None, run: int | None = None
    ) -> None:
        who, lesson, held = self.learners[learner], course.pool[position], self.held[learner, course.id]
        headers, refused = self._condition(who, course, position, age)
        self.tick()
        if self.is_closed and not held.may_write(self.now):
            refused = 403
        if run not in {None, held.run}:
            refused = 409
        asked = {} if run is None else {"run": run}
        answer = who.client.put(f"{course.path}/lessons/{lesson.id}", json=body, headers=headers, params=asked)
        assert answer.status_code == (refused or 200), answer.text
        if refused:
            assert refused != 409 or answer.json()["code"] == "other_run"
            return
        before, summary = who.lesson_progress.get((course.id, lesson.id)), summary_of(who, course)
        decide = as_a_merge_write if age is None else as_a_conditional_write
        after = decide(_values_of(before), body, lesson)
        found = self._note(who, course, lesson, before, answer)
        who.access(course, self.now)
        self._advance(learner, course, summary)
        assert same(_values_of(found), _values_of(after))
        if before:
            assert found["created_at"] == before["created_at"]
            assert found["completed_at"] == before["completed_at"] or None in {
                found["completed_at"],
                before["completed_at"],
            }

    def _write_with_a_time(
        self, learner: int, course: Course, position: int, body: Body, name: str, share: float | None
    ) -> None:
        """Write for a learner, as something that was done before."""
        who, lesson, held = self.learners[learner], course.pool[position], self.held[learner, course.id]
        self.tick()
        moment = self._moment(held, share)
        before, summary = who.lesson_progress.get((course.id, lesson.id)), summary_of(who, course)
        after = dated(before, as_a_merge_write(_values_of(before), body, lesson), name, moment)
        refused = None
        if name == "completed_at" and after["status"] != "completed":
            refused = 422
        if position not in course.positions:
            refused = 404
        if self.is_closed and not held.may_write(self.now):
            refused = 403
        if held.run_began_at is not None and moment < held.run_began_at:
            refused = 409
        path = f"/learners/{who.id}{course.path}/lessons/{lesson.id}"
        answer = self.staff.put(path, json={**body, name: shown(moment)})
        assert answer.status_code == (refused or 200), answer.text
        if refused:
            assert refused != 409 or answer.json()["code"] == "other_run"
            return
        found = self._note(who, course, lesson, before, answer)
        assert same({field: found[field] for field in after}, after)
        is_changed = before is None or not same(found, before)
        if is_changed:
            who.access(course, moment)
        completed = last_completion(who, course) if is_changed else None
        self._advance(learner, course, summary, datetime.fromisoformat(found["created_at"]), completed)

    def _moment(self, held: Membership, share: float | None) -> datetime:
        """A moment before the present run began (`None`), or in it, to the second: never the same one twice."""
        self.dated_writes += 1
        second = timedelta(seconds=1 + self.dated_writes % 59)  # whatever else happens, happens in whole minutes
        begin = held.run_began_at or self.now - timedelta(days=2)
        if share is None:
            return begin - timedelta(minutes=1) + second
        minutes = (self.now - begin) // timedelta(minutes=1)
        return begin + min(int(minutes * share), minutes - 1) * timedelta(minutes=1) + second

    def _note(
        self, learner: Learner, course: Course, lesson: Lesson, before: Progress | None, answer: httpx.Response
    ) -> Progress:
        """Check the ids and the etag, which the service alone decides, and keep the lesson progress as answered."""
        key, etag = (course.id, lesson.id), answer.headers["etag"]
        found: Progress = answer.json()
        assert (found["user_id"], found["course_id"], found["lesson_id"]) == (learner.id, *key)
        assert (found["completed_at"] is not None) == (found["status"] == "completed")
        if before:
            assert found["id"] == before["id"]
            assert (etag == learner.etags[key][-1]) == same(found, before)
        learner.lesson_progress[key] = found
        if etag not in learner.etags.setdefault(key, []):
            learner.etags[key].append(etag)
        return found


# Filters of rosters, and how fast each changes: all by primes, so that they come together in every way.
_LOOKS: list[tuple[list[Any], int]] = [
    ([None, None, None, 0, None, 1], 2),
    ([None, None, None, None, *STATUSES], 3),
    ([None, None, None, False, True], 5),
    ([None, None, None, None, 0, None, 2], 7),
    (["name", "progress", "name", "last_seen", "completed"], 11),
    (["asc", "desc"], 13),
    ([1, 2], 17),
]
_ROSTER_FIELDS = (
    "user_id", "completed_lessons", "started_at", "completed_at", "enrolled_at", "ended_at", "due_at", "late",
    "completed_late",
)  # fmt: skip


def _runs_path(learner: Learner, course: Course) -> str:
    return f"/courses/{course.id}/enrolments/{learner.id}/runs"


def _values_of(progress: Progress | None) -> Progress:
    """Return the fields that a write may change."""
    return {name: (progress or DEFAULTS)[name] for name in DEFAULTS}


def _of_a_run(progress: Progress) -> Progress:
    return {name: value for name, value in progress.items() if name != "content_id"}


def _by_learner(line: Figures) -> str:
    return str(line["user_id"])


def _only(expected: list[Figures], found: list[Figures]) -> list[Figures]:
    """Return of each answer the fields that the model knows."""
    assert len(expected) == len(found)
    return [{name: one[name] for name in known} for known, one in zip(expected, found, strict=True)]


def _of_group(group: Group | None) -> dict[str, str]:
    return {} if group is None else {"group": group.id}


@pytest.mark.parametrize("enrolment", ["open", "closed"])
@pytest.mark.parametrize("store", STORES)
def test_the_api_does_what_the_model_does(
    request: pytest.FixtureRequest, connections: httpx.HTTPTransport, folder: Path, store: str, enrolment: str
) -> None:
    with ExitStack() as made:
        url = f"sqlite:///{folder}/headway.db"
        if store == "postgres":
            databases: Databases = request.getfixturevalue("databases")
            url = made.enter_context(databases.fresh())

        class RunningApi(Api):
            school = made.enter_context(school(url, connections, enrolment=enrolment))
            is_closed = enrolment == "closed"

        bounded = settings(
            max_examples=8 if store == "sqlite" else 4,
            stateful_step_count=15,
            deadline=None,
            phases=[Phase.generate],  # to find the shortest way to a fault takes longer than a test may
            suppress_health_check=[HealthCheck.too_slow],
        )
        run_state_machine_as_test(RunningApi, settings=bounded)
