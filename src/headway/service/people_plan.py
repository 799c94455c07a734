"""Plans an import of people: what it would change of what is stored now. Stores nothing."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

from headway.domain.catalogue import Course
from headway.domain.course_progress import CourseProgress, EnrolmentSource
from headway.domain.enrolments import EnrolmentChange, check_dates
from headway.domain.errors import (
    CourseNotFoundError,
    GroupNotFoundError,
    HeadwayError,
    InvalidValueError,
    Problem,
)
from headway.domain.groups import Group, GroupChange, GroupEnrolment, GroupQuery, check_size, position_of
from headway.domain.identifiers import CourseId, GroupId, LearnerId, is_canonical_uuid
from headway.domain.people import (
    LONGEST_PAGE_OF_PEOPLE,
    MOST_QUERY_WORDS,
    NO_PROFILE,
    LearnerProfile,
    PeopleQuery,
    StoredProfile,
    query_words,
)
from headway.domain.people import position_of as position_of_person
from headway.domain.people_import import (
    PeopleFile,
    PeoplePlan,
    PeopleReport,
    PersonLine,
    WantedPerson,
    imported_group_id,
)
from headway.domain.ports import Store
from headway.turns import in_turns

NotifyDone = Callable[[int], None]
"""Is called with how many lines, or changes, were done since the last call."""

T = TypeVar("T")

_READ_TOGETHER: Final = 256  # learners whose enrolments and profiles are read by one statement


class _Members(NamedTuple):
    """Who is to join groups, and who is to leave them."""

    joining: dict[GroupId, set[LearnerId]]
    leaving: dict[GroupId, set[LearnerId]]


class Planner:
    """Makes the plan of one file, and collects the problems of its lines."""

    def __init__(self, store: Store, learner_of: Callable[[str], LearnerId], file: PeopleFile) -> None:
        self._store = store
        self._learner_of = learner_of
        self._file = file
        self._people: dict[LearnerId, WantedPerson] = {}
        self._problems: list[Problem] = []
        self._by_external_id: dict[str, Sequence[LearnerId]] = {}

    async def plan(self, notify: NotifyDone) -> PeoplePlan:
        """Return the plan. Raises `InvalidValueError`."""
        await self._read_lines()
        await self._check_courses()
        ids = await self._group_ids()
        self._refuse_problems()
        before = {group_id: await _found(self._store, group_id) for group_id in sorted({*ids.values()})}
        members = await self._members(ids)
        groups = self._group_changes(ids, before, members)
        group_enrolments, unknown = await self._group_enrolments(before)
        enrolments, added = await self._enrolments()
        self._refuse_problems()
        notify(len(self._file.lines) - len(self._people))
        profiles, new = await self._profiles(notify)
        stored = {group_id: group for group_id, group in before.items() if group is not None}
        report = PeopleReport(
            new=new,
            changed=sorted(profiles.keys() - new),
            unchanged=len(self._people) - len(profiles),
            missing=_missing(stored, members) if self._file.is_complete else (),
            groups_added=sum(change.group_id not in stored for change in groups),
            groups_renamed=sum(
                change.group_id in stored and stored[change.group_id].title != change.title for change in groups
            ),
            memberships_added=sum(len(change.joins) for change in groups),
            memberships_ended=sum(len(change.leaves) for change in groups),
            enrolments_added=added,
            enrolments_changed=len(enrolments) - added,
            group_enrolments_added=sum(one is None for one in group_enrolments.values()),
            group_enrolments_changed=sum(one is not None for one in group_enrolments.values()),
            courses_unknown=unknown,
        )
        return PeoplePlan(profiles, groups, [*group_enrolments], enrolments, report)

    def _refuse_problems(self) -> None:
        if self._problems:
            raise InvalidValueError(sorted(self._problems, key=_line_of))

    def _add_problem(self, line: PersonLine, problem: Problem) -> None:
        self._problems.append(problem._replace(location=(*line.location, *problem.location)))

    async def _read_lines(self) -> None:
        async for line in in_turns(self._file.lines):
            for problem in line.problems:
                self._add_problem(line, problem)
            learner_id = None if line.problems else await self._learner(line)
            if learner_id is None:
                continue
            for problem in self._people.setdefault(learner_id, WantedPerson(line)).add(line):
                self._add_problem(line, problem)

    async def _learner(self, line: PersonLine) -> LearnerId | None:
        """Return the line's learner; `None` where there is no such learner, which is then a problem."""
        if line.name is not None:
            return self._learner_of(line.name)
        found = await self._with_external_id(line.external_id or "")
        if len(found) == 1:
            return found[0]
        reason = f"{len(found) or 'No'} learners have this external id in the profiles. It has to be one."
        self._add_problem(line, Problem(("userSourcedId",), reason, "unknown_user"))
        return None

    async def _with_external_id(self, external_id: str) -> Sequence[LearnerId]:
        if external_id not in self._by_external_id:
            self._by_external_id[external_id] = [
                stored.learner_id
                async for stored in self._with_words_of(external_id)
                if stored.profile.external_id == external_id
            ]
        return self._by_external_id[external_id]

    async def _with_words_of(self, text: str) -> AsyncIterator[StoredProfile]:
        """Yield all profiles that a search for the first words of a text finds."""
        words = query_words(" ".join(text.split()[:MOST_QUERY_WORDS]))
        query = PeopleQuery(words=words, limit=LONGEST_PAGE_OF_PEOPLE)
        while words and (page := await self._store.profiles.search(query)):
            for stored in page:
                yield stored
            query = replace(query, after=position_of_person(page[-1]))

    async def _check_courses(self) -> None:
        named = {course_id for person in self._people.values() for course_id in person.courses}
        known = await self._known_courses(named)
        unknown = {course_id: CourseNotFoundError(course_id) for course_id in named - known.keys()}
        self._refuse_named(unknown, "courses", "course_not_found", lambda line: line.courses)

    async def _group_ids(self) -> Mapping[str, GroupId]:
        """Return the ids of the groups that the file names, by these names: ids or titles."""
        defined: dict[str, GroupId] = {group_id: group_id for group_id in self._file.titles}
        names = {name for person in self._people.values() for name in (*person.joins, *person.leaves)} - defined.keys()
        by_title = await self._groups_by_title() if any(not is_canonical_uuid(name.lower()) for name in names) else {}
        unknown: dict[str, HeadwayError] = {}
        ambiguous: dict[str, HeadwayError] = {}
        for name in names:
            found = by_title.get(name, [])
            if is_canonical_uuid(name.lower()):
                defined[name] = GroupId(name.lower())
                if await _found(self._store, defined[name]) is None:
                    unknown[name] = GroupNotFoundError(defined[name])
            elif len(found) > 1:
                ambiguous[name] = HeadwayError(
                    f"{len(found)} groups have the title {name!r}. Name the group by its id."
                )
            else:
                defined[name] = found[0] if found else imported_group_id(name)
        self._refuse_named(unknown, "groups", "group_not_found", lambda line: (*line.joins, *line.leaves))
        self._refuse_named(ambiguous, "groups", "ambiguous_group", lambda line: (*line.joins, *line.leaves))
        return defined

    async def _groups_by_title(self) -> Mapping[str, list[GroupId]]:
        found: dict[str, list[GroupId]] = {}
        query = GroupQuery()
        while page := await self._store.groups.page(query):
            for outline in page:
                found.setdefault(outline.title, []).append(outline.id)
            query = GroupQuery(after=position_of(page[-1]))
        return found

    def _refuse_named(
        self, refused: Mapping[T, HeadwayError], field: str, kind: str, named: Callable[[PersonLine], Sequence[T]]
    ) -> None:
        """Add a problem for each line that names something that is refused."""
        for line in self._file.lines if refused else ():
            for name in named(line):
                if name in refused:
                    self._add_problem(line, Problem((field,), str(refused[name]), kind))

    async def _members(self, ids: Mapping[str, GroupId]) -> _Members:
        members = _Members({}, {})
        async for learner_id, person in in_turns(self._people.items()):
            for name in person.joins:
                members.joining.setdefault(ids[name], set()).add(learner_id)
            for name in person.leaves:
                members.leaving.setdefault(ids[name], set()).add(learner_id)
        return members

    def _group_changes(
        self, ids: Mapping[str, GroupId], before: Mapping[GroupId, Group | None], named: _Members
    ) -> Sequence[GroupChange]:
        """Return the groups that change, with those who join or leave them."""
        titles = {group_id: name for name, group_id in ids.items()}
        titles.update(self._file.titles)
        changes: list[GroupChange] = []
        for group_id, group in before.items():
            members = frozenset(group.members) if group else frozenset()
            title = self._file.titles.get(group_id, group.title) if group else titles[group_id]
            joining = frozenset(named.joining.get(group_id, ())) - members
            leaving = frozenset(named.leaving.get(group_id, ())) & members
            self._check_size(len(members) + len(joining) - len(leaving), joining)
            if group is None or joining or leaving or title != group.title:
                changes.append(GroupChange(group_id, title, joining, leaving))
        return changes

    def _check_size(self, members: int, joining: frozenset[LearnerId]) -> None:
        try:
            check_size(members)
        except InvalidValueError as error:
            first = min((self._people[learner_id].line for learner_id in joining), key=lambda line: line.number)
            for problem in error.problems:
                self._add_problem(first, problem._replace(location=("groups",)))

    async def _enrolments(self) -> tuple[Sequence[EnrolmentChange], int]:
        """Return the enrolments to store, and how many of them are new."""
        changes: list[EnrolmentChange] = []
        added = 0
        enrolled = [learner_id for learner_id, person in self._people.items() if person.courses]
        for learners in portions(enrolled, _READ_TOGETHER):
            found = await self._store.enrolments_among(learners)
            present = {(progress.learner_id, progress.course_id): progress for progress in found}
            for learner_id in learners:
                for course_id, due_at in self._people[learner_id].courses.items():
                    own = _own_source(present.get((learner_id, course_id)))
                    source = own or EnrolmentSource()
                    if due_at is not None:
                        source = source._replace(due_at=due_at)
                    if source == own or not self._has_possible_dates(self._people[learner_id].line, source):
                        continue
                    changes.append(EnrolmentChange(learner_id, course_id, source))
                    added += own is None
        return sorted(changes, key=_by_course), added

    async def _group_enrolments(
        self, before: Mapping[GroupId, Group | None]
    ) -> tuple[Mapping[tuple[GroupId, GroupEnrolment], GroupEnrolment | None], int]:
        """Return the enrolments of groups to store, each with the present one, and how many courses are unknown."""
        known = await self._known_courses({course_id for one in self._file.courses for course_id in one.courses})
        changes: dict[tuple[GroupId, GroupEnrolment], GroupEnrolment | None] = {}
        unknown: set[str] = set()
        for wanted in self._file.courses:
            course = next((known[course_id] for course_id in wanted.courses if course_id in known), None)
            if course is None:
                unknown.add(wanted.name)
                continue
            group = before.get(wanted.group_id)
            enrolments = group.enrolments if group else ()
            present = next((one for one in enrolments if one.course_id == course.id), None)
            enrolment = wanted.enrolment(course, present)
            source = EnrolmentSource(wanted.group_id, enrolment.starts_at, enrolment.due_at)
            if enrolment != present and self._has_possible_dates(wanted.line, source):
                changes[wanted.group_id, enrolment] = present
        return changes, len(unknown)

    async def _known_courses(self, course_ids: Iterable[CourseId]) -> Mapping[CourseId, Course]:
        found: dict[CourseId, Course] = {}
        for course_id in sorted(course_ids):
            with suppress(CourseNotFoundError):
                found[course_id] = (await self._store.course(course_id)).course
        return found

    def _has_possible_dates(self, line: PersonLine, source: EnrolmentSource) -> bool:
        try:
            check_dates(source)
        except InvalidValueError as error:
            for problem in error.problems:
                self._add_problem(line, problem)
            return False
        return True

    async def _profiles(self, notify: NotifyDone) -> tuple[Mapping[LearnerId, LearnerProfile], Sequence[LearnerId]]:
        """Return the profiles to store, and who has none now."""
        profiles: dict[LearnerId, LearnerProfile] = {}
        new: list[LearnerId] = []
        for learners in portions(sorted(self._people), _READ_TOGETHER):
            stored = await self._store.profiles.find_many(learners)
            for learner_id in learners:
                before = stored.get(learner_id, NO_PROFILE)
                after = before._replace(**self._people[learner_id].fields)
                if after != before:
                    profiles[learner_id] = after
                    if learner_id not in stored:
                        new.append(learner_id)
            notify(len(learners))
        return profiles, new


async def _found(store: Store, group_id: GroupId) -> Group | None:
    try:
        return await store.groups.find(group_id)
    except GroupNotFoundError:
        return None


def _missing(stored: Mapping[GroupId, Group], named: _Members) -> Sequence[LearnerId]:
    """Return the members of the groups whom the file does not name as members."""
    nobody: set[LearnerId] = set()
    return sorted(
        {
            member
            for group_id, group in stored.items()
            for member in {*group.members} - named.joining.get(group_id, nobody) - named.leaving.get(group_id, nobody)
        }
    )


def _own_source(progress: CourseProgress | None) -> EnrolmentSource | None:
    sources = progress.sources if progress else ()
    return next((source for source in sources if source.group_id is None), None)


def portions(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Return the values in portions of this size; the last one may be smaller."""
    return (values[start : start + size] for start in range(0, len(values), size))


def _by_course(asked: EnrolmentChange) -> tuple[CourseId, LearnerId]:
    """Return the key that brings enrolments together which a database stores together."""
    return asked.course_id, asked.learner_id


def _line_of(problem: Problem) -> tuple[str | int, ...]:
    """Return the file and the line of a problem, by which problems are sorted."""
    return problem.location[: 2 if isinstance(problem.location[0], str) else 1]
