"""Learner profiles: the Profiles protocol."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from headway.domain.errors import StoreUnavailableError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.people import (
    MOST_QUERY_WORDS,
    LearnerProfile,
    PeopleQuery,
    PersonPosition,
    StoredProfile,
    claimed,
    given,
)
from headway.domain.writes import UNCONDITIONAL, Precondition
from headway.storage.shared import statements as sql
from headway.storage.shared.ids import FIRST_ID
from headway.storage.shared.profile_statements import ProfileStatements
from headway.storage.shared.session import Each, Reading, Row, Session, Step

FEW_PEOPLE: Final = 6_000
"""Up to so many people are found by a word first and sorted then. More people are read by name and filtered."""
FEW_LEARNERS: Final = 2_000
"""The same of the learners of courses: reading them by name takes less where the courses have many of all people."""

_AFTER_BEGINNING: Final = "\U0010ffff"  # after the beginning of a word, it makes a text after all words that begin so


_BEFORE_ALL: Final = PersonPosition(b"", LearnerId(FIRST_ID))
_ATTEMPTS: Final = 5


class StoredProfiles:
    """The profiles in a database."""

    def __init__(self, session: Session, statements: ProfileStatements, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._statements = statements
        self._clock = clock

    async def find(self, learner_id: LearnerId) -> StoredProfile | None:
        """Return a learner's profile; `None` where there is none."""
        found = await self._session.fetch(sql.FIND_PROFILE, learner_id)
        return to_profile(found[0]) if found else None

    async def find_many(self, learner_ids: Sequence[LearnerId]) -> Mapping[LearnerId, LearnerProfile]:
        """Return the profiles of those learners who have one, by one statement."""
        return {learner_id: stored.profile for learner_id, stored in (await self._stored(learner_ids)).items()}

    async def put(
        self, learner_id: LearnerId, profile: LearnerProfile, precondition: Precondition = UNCONDITIONAL
    ) -> StoredProfile:
        """Store a profile, new or in place of the present one."""
        for _ in range(_ATTEMPTS):
            before = await self.find(learner_id)
            precondition.check_profile(before.etag if before else None)
            after = given(before, learner_id, profile, self._clock())
            if await self._store(before, after):
                return after
        raise StoreUnavailableError

    async def put_all(self, profiles: Mapping[LearnerId, LearnerProfile]) -> None:
        """Store many profiles in one transaction, and those that others changed meanwhile in another one."""
        for _ in range(_ATTEMPTS):
            before = await self._stored(profiles)
            different = {key: profile for key, profile in profiles.items() if not _holds(before.get(key), profile)}
            if not different:
                return
            now = self._clock()
            after = [given(before.get(key), key, profile, now) for key, profile in sorted(different.items())]
            await self._store_all(before, after)
        raise StoreUnavailableError

    async def put_claims(self, learner_id: LearnerId, claims: LearnerProfile) -> bool:
        """Store what a token's claims add to the profile. Return whether they add anything."""
        for _ in range(_ATTEMPTS):
            before = await self.find(learner_id)
            after = claimed(before, learner_id, claims, self._clock())
            if after is None:
                return False
            if await self._store(before, after):
                return True
        raise StoreUnavailableError

    async def remove(self, learner_id: LearnerId, precondition: Precondition = UNCONDITIONAL) -> bool:
        """Remove a profile. Return whether there was one."""
        for _ in range(_ATTEMPTS):
            before = await self.find(learner_id)
            precondition.check_profile(before.etag if before else None)
            if before is None:
                return False
            removed, _words = await self._session.change_all(
                Step(sql.REMOVE_PROFILE, learner_id, before.version),
                Step(sql.FORGET_WORDS, learner_id, before.version),
            )
            if removed:
                return True
        raise StoreUnavailableError

    async def search(self, query: PeopleQuery) -> Sequence[StoredProfile]:
        """Return a page of people, by name."""
        reading = _page(self._statements, query)
        try:
            step = next(reading)
            while True:
                step = reading.send(await self._session.scan(step.statement, *step.values))
        except StopIteration as end:
            rows: Sequence[Row] = end.value
            return list(map(to_profile, rows))

    async def is_in(self, learner_id: LearnerId, courses: frozenset[CourseId]) -> bool:
        """Whether a learner has progress in one of some courses."""
        return bool(await self._session.fetch(self._statements.in_courses, sorted(courses), learner_id))

    async def _stored(self, learner_ids: Collection[LearnerId]) -> Mapping[LearnerId, StoredProfile]:
        if not learner_ids:
            return {}
        rows = await self._session.scan(self._statements.profiles_of, list(learner_ids))
        return {stored.learner_id: stored for stored in map(to_profile, rows)}

    async def _store_all(self, before: Mapping[LearnerId, StoredProfile], after: Sequence[StoredProfile]) -> None:
        """Store profiles with their words. One that is not the one that was read any more stays as it is."""
        rows = {stored.learner_id: from_profile(stored) for stored in after}
        changed = [(*rows[key][1:], key, before[key].version) for key in rows if key in before]
        await self._session.change_all(
            Each(sql.ADD_PROFILE, [row for key, row in rows.items() if key not in before]),
            Each(sql.CHANGE_PROFILE, changed),
            Each(sql.FORGET_WORDS, [(one.learner_id, one.version) for one in after if one.learner_id in before]),
            Each(self._statements.add_words, list(map(words_of, rows.values()))),
        )

    async def _store(self, before: StoredProfile | None, after: StoredProfile) -> bool:
        """Store a profile with its words. Return whether it was still the one that was read."""
        row = key, *columns = from_profile(after)
        stored, *_words = await self._session.change_all(
            Step(sql.CHANGE_PROFILE, *columns, key, before.version) if before else Step(sql.ADD_PROFILE, key, *columns),
            Step(sql.FORGET_WORDS, key, after.version),
            Step(self._statements.add_words, *words_of(row)),
        )
        return bool(stored)


def _holds(stored: StoredProfile | None, profile: LearnerProfile) -> bool:
    return stored is not None and stored.profile == profile


def padded(words: Sequence[str]) -> Sequence[str]:
    """Return the words as the statements take them: each with a space before it, padded with empty ones."""
    return [*(f" {word}" for word in words), *[""] * (MOST_QUERY_WORDS - len(words))]


def learners_with(words: Sequence[str]) -> Reading[frozenset[LearnerId] | None]:
    """Return the learners who have words that begin so, where at most `FEW_PEOPLE` have one of these; else `None`.

    The words that more people have are not looked at.
    """
    found: frozenset[LearnerId] | None = None
    for word in words:
        between = word, word + _AFTER_BEGINNING
        [(count,)] = yield Step(sql.COUNT_WORDS, *between, FEW_PEOPLE + 1)
        if count > FEW_PEOPLE:
            continue
        learners = learners_of((yield Step(sql.LEARNERS_WITH_WORD, *between)))
        found = learners if found is None else found & learners
    return found


def to_profile(columns: Row) -> StoredProfile:
    """Return a row of `profiles`."""
    learner_id, *fields, by_claims, _sort_key, _words, version = columns
    profile = LearnerProfile(*fields)
    return StoredProfile(LearnerId(str(learner_id)), profile, frozenset(by_claims.split()), version)


def from_profile(stored: StoredProfile) -> Row:
    """Return the columns of `profiles`, in the table's order."""
    by_claims = " ".join(sorted(stored.claimed))
    words = "".join(f" {word}" for word in sorted(stored.profile.words))
    return (stored.learner_id, *stored.profile, by_claims, stored.profile.sort_key, words, stored.version)


def words_of(row: Row) -> Sequence[object]:
    """Return the values with which `add_words` stores the words in a row of `profiles`."""
    learner_id, *_, words, version = row
    return words.split(), learner_id, version


def _page(statements: ProfileStatements, query: PeopleQuery) -> Reading[Sequence[Row]]:
    courses = None if query.courses is None else sorted(query.courses)
    learners = yield from _few(statements, query, courses)
    asked = (*(query.after or _BEFORE_ALL), *padded(query.words), courses)
    if learners is None:
        return (yield Step(statements.walk, *asked, query.limit))
    return (yield Step(statements.search_among, *asked, sorted(learners), query.limit))


def _few(
    statements: ProfileStatements, query: PeopleQuery, courses: Sequence[CourseId] | None
) -> Reading[frozenset[LearnerId] | None]:
    """Return those who come into question, where they are few; else `None`."""
    found = yield from learners_with(query.words)
    if query.among is not None:
        return query.among if found is None else found & query.among
    if found is not None or courses is None:
        return found
    [(count,)] = yield Step(statements.count_in_courses, courses, FEW_LEARNERS + 1)
    return learners_of((yield Step(statements.learners_in_courses, courses))) if count <= FEW_LEARNERS else None


def learners_of(rows: Sequence[Row]) -> frozenset[LearnerId]:
    """Return the ids in rows of one column."""
    return frozenset(LearnerId(str(learner_id)) for (learner_id,) in rows)
