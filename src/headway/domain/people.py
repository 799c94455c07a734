"""Learner profiles: who a learner is, the rules of the fields, and what a search compares."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from headway.domain.bounds import LONGEST_EMAIL, LONGEST_LOCALE, LONGEST_NAME
from headway.domain.catalogue import zone_problems
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.text import EMAIL_PATTERN, LANGUAGE_PATTERN, folded, sort_key, title_fault

PAGE_OF_PEOPLE: Final = 50
LONGEST_PAGE_OF_PEOPLE: Final = 1_000
MOST_QUERY_WORDS: Final = 6
LONGEST_QUERY: Final = 500
UNNAMED: Final = b"\xff"
"""The sort key of a profile without a name. It comes after the sort keys of all names."""

_MOST_NAME_WORDS: Final = 32
_LONGEST_WORD: Final = 100
_EMAIL: Final = re.compile(EMAIL_PATTERN)
_LOCALE: Final = re.compile(LANGUAGE_PATTERN)
_SIGNS: Final = re.compile(r"[\W_]+")
_AROUND_QUERY_WORDS: Final = ",;()\"'"


class ProfilesMode(StrEnum):
    """Which learner profiles are kept: none, those that the API is given, or also those of tokens' claims."""

    OFF = "off"
    ADMIN = "admin"
    CLAIMS = "claims"


class LearnerProfile(NamedTuple):
    """Who a learner is. Each field is optional. `external_id` is the platform's own number of the learner."""

    name: str | None = None
    email: str | None = None
    external_id: str | None = None
    locale: str | None = None
    time_zone: str | None = None

    def checked(self) -> "LearnerProfile":
        """Return this profile. Raises `InvalidValueError` where a field breaks a rule."""
        problems = [problem for name, value in self._asdict().items() for problem in field_problems(name, value)]
        if problems:
            raise InvalidValueError(problems)
        return self

    @property
    def sort_key(self) -> bytes:
        """The key that sorts the profile in lists: by the name, without a name after all others."""
        return UNNAMED if self.name is None else sort_key(self.name)

    @property
    def words(self) -> frozenset[str]:
        """The words by whose beginnings a search finds the profile: of the name, the e-mail and the external id."""
        of_name = [word for part in _split(self.name) for word in (part, *_SIGNS.split(part))][:_MOST_NAME_WORDS]
        whole = (*of_name, *_split(self.email), *_split(self.external_id))
        return frozenset(word[:_LONGEST_WORD] for word in whole if word)


NO_PROFILE: Final = LearnerProfile()


class ProfileRestore(NamedTuple):
    """A learner's profile as an export holds it."""

    learner_id: LearnerId
    profile: LearnerProfile

    def after(self, present: LearnerProfile) -> LearnerProfile:
        """Return the profile after the restore: what is stored stays, and fields that are empty are filled."""
        stored = {name: value for name, value in present._asdict().items() if value is not None}
        return self.profile._replace(**stored)


class StoredProfile(NamedTuple):
    """A profile as it is kept.

    `claimed` names the fields that come from a token's claims. The version changes with every change, and no version is
    used twice.
    """

    learner_id: LearnerId
    profile: LearnerProfile
    claimed: frozenset[str]
    version: int

    @property
    def etag(self) -> str:
        """The opaque part of the entity tag."""
        return str(self.version)


class PersonPosition(NamedTuple):
    """The position of a person in a list: the sort key of the profile, and the learner's id."""

    sort_key: bytes
    learner_id: LearnerId


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """A page of the learners who have a profile, by name. Learners without a name come last, by id.

    - `words`: each is the beginning of a word of the profile; see `query_words`.
    - `courses`: learners who have progress in one of these courses; `None` means no such limit.
    - `among`: these learners only; `None` means no such limit.
    - `after`: the position of the person before the page; `None` for the first page.
    """

    words: tuple[str, ...] = ()
    courses: frozenset[CourseId] | None = None
    among: frozenset[LearnerId] | None = None
    after: PersonPosition | None = None
    limit: int = PAGE_OF_PEOPLE


def field_problems(name: str, value: str | None) -> Iterator[Problem]:
    """Yield the problems of one field of a profile. `None` has none."""
    if value is not None:
        yield from _RULES[name](name, value)


def query_words(query: str) -> tuple[str, ...]:
    """Return the beginnings of words that a query asks for. Raises `InvalidValueError` where there are too many."""
    text = query.replace("\0", " ")  # PostgreSQL takes no text with NUL
    words = [word.strip(_AROUND_QUERY_WORDS)[:_LONGEST_WORD] for word in _split(text)]
    found = tuple(dict.fromkeys(filter(None, words)))
    if len(found) > MOST_QUERY_WORDS:
        reason = f"A query has at most {MOST_QUERY_WORDS} words."
        raise InvalidValueError([Problem(("query",), reason, "too_many_words")])
    return found


def position_of(stored: StoredProfile) -> PersonPosition:
    """Return the position of a profile in a list."""
    return PersonPosition(stored.profile.sort_key, stored.learner_id)


def given(before: StoredProfile | None, learner_id: LearnerId, profile: LearnerProfile, now: datetime) -> StoredProfile:
    """Return the profile after an administrator has put it: no field comes from claims any more."""
    return _next(before, learner_id, profile, frozenset(), now)


def claimed(
    before: StoredProfile | None, learner_id: LearnerId, claims: LearnerProfile, now: datetime
) -> StoredProfile | None:
    """Return the profile after a token's claims; `None` where they change nothing.

    A claim sets a field that is empty, or that an earlier claim has set. It never changes what an administrator has
    put, and a claim that is missing changes nothing.
    """
    present = before.profile if before else NO_PROFILE
    by_claims = before.claimed if before else frozenset()
    taken = {
        name: value
        for name, value in claims._asdict().items()
        if value is not None and (getattr(present, name) is None or name in by_claims)
    }
    profile = present._replace(**taken)
    if profile == present:
        return None
    return _next(before, learner_id, profile, by_claims | taken.keys(), now)


def _next(
    before: StoredProfile | None,
    learner_id: LearnerId,
    profile: LearnerProfile,
    by_claims: frozenset[str],
    now: datetime,
) -> StoredProfile:
    version = int(now.timestamp() * 1_000_000)
    return StoredProfile(learner_id, profile, by_claims, max(version, before.version + 1 if before else 1))


def _split(text: str | None) -> Sequence[str]:
    return folded(text or "").split()


def _line_problems(name: str, text: str) -> Iterator[Problem]:
    if len(text) > LONGEST_NAME:
        yield Problem((name,), f"The text has at most {LONGEST_NAME} characters.", "string_too_long")
    fault = title_fault(text)
    if fault:
        yield Problem((name,), fault, "string_pattern_mismatch")


def _email_problems(name: str, text: str) -> Iterator[Problem]:
    if len(text) > LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        yield Problem((name,), "This is not an e-mail address, such as ada@example.org.", "email_parsing")


def _locale_problems(name: str, text: str) -> Iterator[Problem]:
    if len(text) > LONGEST_LOCALE or not _LOCALE.fullmatch(text):
        yield Problem((name,), "This is not a language tag, such as de or pt-BR.", "locale_parsing")


def _zone_problems(_name: str, text: str) -> Iterator[Problem]:
    return zone_problems(text)


_RULES: Final[Mapping[str, Callable[[str, str], Iterator[Problem]]]] = {
    "name": _line_problems,
    "email": _email_problems,
    "external_id": _line_problems,
    "locale": _locale_problems,
    "time_zone": _zone_problems,
}
