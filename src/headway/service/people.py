"""Learner profiles, and finding people."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from headway.domain.errors import GroupNotFoundError, ProfileNotFoundError, ProfilesOffError
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.people import (
    NO_PROFILE,
    LearnerProfile,
    PeopleQuery,
    PersonPosition,
    StoredProfile,
    position_of,
    query_words,
)
from headway.domain.ports import Store
from headway.domain.principal import LEARNERS_ADMIN, STATISTICS_READ, Principal
from headway.domain.writes import UNCONDITIONAL, Precondition


class Person(NamedTuple):
    """A learner in a list of people. The profile is empty where the learner has none."""

    learner_id: LearnerId
    profile: LearnerProfile


class PeoplePage(NamedTuple):
    """A page of people, and the position of its last person where another page follows."""

    people: Sequence[Person]
    last: PersonPosition | None


class PeopleService:
    """Keeps learner profiles. `learner_of` returns the id of the learner who signs in with a `sub`.

    Every method may raise `UnavailableError`. Where profiles are off, every method but `names` raises
    `ProfilesOffError`.
    """

    def __init__(self, store: Store, learner_of: Callable[[str], LearnerId], *, is_on: bool) -> None:
        self._store = store
        self._learner_of = learner_of
        self._is_on = is_on

    @property
    def is_on(self) -> bool:
        """Whether profiles are kept."""
        return self._is_on

    async def profile(self, principal: Principal, learner_id: LearnerId) -> StoredProfile:
        """Return a learner's profile. Needs `learners:admin`, unless the caller is that learner.

        Raises `ProfileNotFoundError` where there is none.
        """
        if principal.learner_id != learner_id:
            principal.require(LEARNERS_ADMIN)
        self.require_on()
        found = await self._store.profiles.find(learner_id)
        if found is None:
            raise ProfileNotFoundError(learner_id)
        return found

    async def put_profile(
        self,
        principal: Principal,
        learner_id: LearnerId,
        profile: LearnerProfile,
        precondition: Precondition = UNCONDITIONAL,
    ) -> StoredProfile:
        """Store a learner's profile, in place of the present one. Needs `learners:admin`.

        Raises `InvalidValueError` and `PreconditionFailedError`.
        """
        principal.require(LEARNERS_ADMIN)
        self.require_on()
        return await self._store.profiles.put(learner_id, profile.checked(), precondition)

    async def remove_profile(
        self, principal: Principal, learner_id: LearnerId, precondition: Precondition = UNCONDITIONAL
    ) -> None:
        """Remove a learner's profile, if there is one. Needs `learners:admin`. Raises `PreconditionFailedError`."""
        principal.require(LEARNERS_ADMIN)
        self.require_on()
        await self._store.profiles.remove(learner_id, precondition)

    async def search(
        self,
        principal: Principal,
        text: str,
        query: PeopleQuery,
        course_id: CourseId | None = None,
        group_id: GroupId | None = None,
    ) -> PeoplePage:
        """Return a page of the people who are found by a text, by name; an empty text finds everybody with a profile.

        Needs `learners:admin`, or `statistics:read`, which finds learners of the courses that the token grants. With
        `course_id`, only learners of this course are found, with `group_id` only members of this group. Where the text
        is a learner's id, or the `sub` that a learner signs in with, that learner comes first, also without a profile.

        Raises `CourseNotGrantedError`, `GroupNotGrantedError`, `GroupNotFoundError`, and `InvalidValueError` for a text
        of too many words.
        """
        courses = _granted(principal, course_id, group_id)
        self.require_on()
        among = None if group_id is None else frozenset((await self._store.groups.find(group_id)).members)
        query = replace(query, words=query_words(text), courses=courses, among=among)
        found = await self._store.profiles.search(replace(query, limit=query.limit + 1))
        last = position_of(found[query.limit - 1]) if len(found) > query.limit else None
        people = [Person(stored.learner_id, stored.profile) for stored in found[: query.limit]]
        if not text.strip():
            return PeoplePage(people, last)
        named = self._learner_of(text.strip())
        is_found = query.after is None and (among is None or named in among)
        first = await self._known(named, courses) if is_found else []
        return PeoplePage([*first, *(person for person in people if person.learner_id != named)], last)

    async def of_statistics(self, principal: Principal, text: str, limit: int) -> Sequence[Person]:
        """Return the first people, by name, who are found by a text and whose statistics the caller may read.

        Needs `statistics:read`, whatever else the token grants. Where it is limited to groups, all of them are looked
        at. Raises `InvalidValueError` for a text of too many words.
        """
        principal.require(STATISTICS_READ)
        reader = replace(principal, scopes=frozenset({STATISTICS_READ}))
        found: dict[LearnerId, Person] = {}
        for group_id in [None] if principal.groups is None else sorted(principal.groups):
            with suppress(GroupNotFoundError):
                page = await self.search(reader, text, PeopleQuery(limit=limit), group_id=group_id)
                found |= {person.learner_id: person for person in page.people}
        return sorted(found.values(), key=lambda one: (one.profile.sort_key, one.learner_id))[:limit]

    async def names(self, learner_ids: Sequence[LearnerId]) -> Mapping[LearnerId, LearnerProfile]:
        """Return the profiles of those learners who have one. Where profiles are off, nothing is read."""
        return await self._store.profiles.find_many(learner_ids) if self._is_on else {}

    async def _known(self, learner_id: LearnerId, courses: frozenset[CourseId] | None) -> Sequence[Person]:
        """Return this learner, or nobody where nothing is kept of the learner, or not in these courses."""
        if courses is not None and not await self._store.profiles.is_in(learner_id, courses):
            return []
        stored = await self._store.profiles.find(learner_id)
        if stored is None and courses is None and not await self._store.learner_courses(learner_id):
            return []
        return [Person(learner_id, stored.profile if stored else NO_PROFILE)]

    def require_on(self) -> None:
        """Raise `ProfilesOffError` where no profiles are kept."""
        if not self._is_on:
            raise ProfilesOffError


def _granted(principal: Principal, course_id: CourseId | None, group_id: GroupId | None) -> frozenset[CourseId] | None:
    """Return the courses whose learners may be found; `None`: all learners.

    Raises `MissingScopeError`, `CourseNotGrantedError` and `GroupNotGrantedError`.
    """
    is_limited = LEARNERS_ADMIN not in principal.scopes
    if is_limited:
        principal.require(STATISTICS_READ)
        principal.require_group(group_id)
    if course_id is None:
        return principal.courses if is_limited else None
    if is_limited:
        principal.require_course(course_id)
    return frozenset({course_id})
