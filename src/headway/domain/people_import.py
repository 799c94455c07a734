"""The import of people from one file: its lines, what it says of each learner, what it would change, its report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from headway.domain.catalogue import Course
from headway.domain.enrolments import EnrolmentChange
from headway.domain.errors import Problem
from headway.domain.groups import GroupChange, GroupEnrolment
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.people import LearnerProfile

MOST_LISTED: Final = 1_000
"""How many learners each list of a report names over HTTP."""

_GROUPS: Final = UUID("5c1f5e0e-6a0b-5d0c-9a51-6c0f3b2b7f10")  # the namespace of the ids of imported groups


class PersonLine(NamedTuple):
    """What a line of a file says of one learner, or its problems.

    - `file` is the name of the file in a bundle; `None` where there is only one file.
    - `name` names the learner: an id, or the `sub` of the learner's tokens. `external_id` names the learner by the
      profile that is stored, where `name` is `None`.
    - `fields` has the fields of the profile that the line gives; the others stay as they are.
    - `joins` and `leaves` are groups, by id or by title.
    - `courses` are courses that the learner is enrolled in, until `due_at`; `None`: the date stays as it is.
    """

    number: int
    name: str | None = None
    fields: Mapping[str, str] = {}
    joins: Sequence[str] = ()
    leaves: Sequence[str] = ()
    courses: Sequence[CourseId] = ()
    due_at: datetime | None = None
    problems: Sequence[Problem] = ()
    external_id: str | None = None
    file: str | None = None

    @property
    def location(self) -> tuple[str | int, ...]:
        """Where the line is: the file, where there are several, and the number."""
        return (self.number,) if self.file is None else (self.file, self.number)


class ClassCourse(NamedTuple):
    """The course of a class, which enrols the class's group where the catalogue has one of the ids in `courses`.

    - `line`: where the file says it. `name`: the file's own name of the course.
    - `begins_on`, `ends_before`: the first day of the class's terms, and the first day after them, in the course's time
      zone. `None`: the dates stay as they are.
    """

    line: PersonLine
    group_id: GroupId
    name: str
    courses: Sequence[CourseId]
    begins_on: date | None
    ends_before: date | None

    def enrolment(self, course: Course, before: GroupEnrolment | None) -> GroupEnrolment:
        """Return how the group is enrolled, after it was enrolled like `before` (`None`: it was not)."""
        enrolled = before or GroupEnrolment(course.id)
        if self.begins_on is None or self.ends_before is None:
            return enrolled
        starts_at, due_at = (
            datetime.combine(day, time.min, course.zone).astimezone(UTC) for day in (self.begins_on, self.ends_before)
        )
        return enrolled._replace(starts_at=starts_at, due_at=due_at)


class PeopleFile(NamedTuple):
    """The lines of a file. `titles` has the groups that the file defines, by id, and `courses` the courses of these.

    `is_complete` says that the file names all members of its groups. The others are then reported as missing.
    """

    lines: Sequence[PersonLine]
    titles: Mapping[GroupId, str] = {}
    is_complete: bool = False
    courses: Sequence[ClassCourse] = ()


class PeopleReport(NamedTuple):
    """What an import changes, or would change.

    `new` are learners who get a profile, `changed` those whose profile changes, and `unchanged` is the number of the
    others. `missing` are members of the file's groups whom a complete file does not name; they stay members.
    `courses_unknown` is the number of courses of classes that are not in the catalogue; they enrol nobody.
    """

    new: Sequence[LearnerId] = ()
    changed: Sequence[LearnerId] = ()
    unchanged: int = 0
    missing: Sequence[LearnerId] = ()
    groups_added: int = 0
    groups_renamed: int = 0
    memberships_added: int = 0
    memberships_ended: int = 0
    enrolments_added: int = 0
    enrolments_changed: int = 0
    group_enrolments_added: int = 0
    group_enrolments_changed: int = 0
    courses_unknown: int = 0


class PeoplePlan(NamedTuple):
    """All that an import is going to store, and its report. Nothing in it is stored already."""

    profiles: Mapping[LearnerId, LearnerProfile]
    groups: Sequence[GroupChange]
    group_enrolments: Sequence[tuple[GroupId, GroupEnrolment]]
    enrolments: Sequence[EnrolmentChange]
    report: PeopleReport

    @property
    def size(self) -> int:
        """How many changes there are to store."""
        return sum(map(len, (self.profiles, self.groups, self.group_enrolments, self.enrolments)))


@dataclass
class WantedPerson:
    """What all lines of a file together say of one learner. `line` is the first line that names the learner."""

    line: PersonLine
    fields: dict[str, str] = field(default_factory=dict)
    joins: set[str] = field(default_factory=set)
    leaves: set[str] = field(default_factory=set)
    courses: dict[CourseId, datetime | None] = field(default_factory=dict)

    def add(self, line: PersonLine) -> Iterator[Problem]:
        """Add a line. Yields a problem where an earlier line says otherwise."""
        for name, value in line.fields.items():
            if self.fields.setdefault(name, value) != value:
                yield _conflict(name)
        self.joins.update(line.joins)
        self.leaves.update(line.leaves)
        if not self.joins.isdisjoint(self.leaves):
            yield _conflict("groups")
        for course_id in line.courses:
            due_at = self.courses.get(course_id)
            if due_at is not None and line.due_at not in {None, due_at}:
                yield _conflict("due_at")
            self.courses[course_id] = due_at or line.due_at


def imported_group_id(name: str) -> GroupId:
    """Return the id that a group gets by an import: always the same for the same name."""
    return GroupId(str(uuid5(_GROUPS, name)))


def _conflict(name: str) -> Problem:
    return Problem((name,), "An earlier line of the same learner says otherwise.", "conflicting_lines")
