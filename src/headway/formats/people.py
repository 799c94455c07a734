"""Learner profiles and lists of people: their shapes, the query of a search, and its cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from headway.domain.bounds import LONGEST_EMAIL, LONGEST_LOCALE
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.people import (
    LONGEST_PAGE_OF_PEOPLE,
    LONGEST_QUERY,
    PAGE_OF_PEOPLE,
    LearnerProfile,
    PeopleQuery,
    PersonPosition,
)
from headway.domain.text import EMAIL_PATTERN, LANGUAGE_PATTERN
from headway.formats.fields import Name
from headway.formats.queries import InvalidQueryError, Nothing, QueryFault, optional
from headway.formats.roster_query import SortKey
from headway.service import Person

_POSITION: Final[TypeAdapter[tuple[SortKey, UUID]]] = TypeAdapter(tuple[SortKey, UUID])


class ProfileDocument(BaseModel):
    """Who a learner is. A field that is left out, or null, is empty."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name | None = None
    email: Annotated[str | None, Field(max_length=LONGEST_EMAIL, json_schema_extra={"pattern": EMAIL_PATTERN})] = None
    external_id: Annotated[Name | None, Field(description="The platform's own number of the learner.")] = None
    locale: Annotated[
        str | None,
        Field(
            max_length=LONGEST_LOCALE,
            json_schema_extra={"pattern": LANGUAGE_PATTERN},
            description="A language tag (BCP 47), such as pt-BR.",
        ),
    ] = None
    time_zone: Annotated[str | None, Field(max_length=100, description="The IANA name of a time zone.")] = None

    def to_profile(self) -> LearnerProfile:
        """Return the profile. Raises `InvalidValueError` where a field breaks a rule."""
        return LearnerProfile(**self.model_dump()).checked()


class PersonLine(ProfileDocument):
    """A learner in a list of people: the id and the profile."""

    user_id: UUID


class People(BaseModel):
    """A page of people."""

    learners: list[PersonLine]
    next: Annotated[str | None, Field(description="The cursor of the next page; null at the end.")]


class PeopleParameters(BaseModel):
    """Which people to list."""

    query: Annotated[
        str,
        Field(
            max_length=LONGEST_QUERY,
            description="Words. Each is the beginning of a word of the name, of the e-mail or of the external id, "
            "without capitals and accents. Or a learner's id, or the `sub` that a learner signs in with.",
        ),
    ] = ""
    course: Annotated[UUID | Nothing, optional("Only learners who have progress in this course.")] = None
    group: Annotated[UUID | Nothing, optional("Only members of this group.")] = None
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE_OF_PEOPLE, description="People on a page.")] = PAGE_OF_PEOPLE
    cursor: Annotated[str | Nothing, optional("`next` of the page before, with the same other parameters.")] = None

    def to_query(self) -> PeopleQuery:
        """Return the query without its words and courses. Raises `InvalidQueryError`."""
        return PeopleQuery(after=None if self.cursor is None else _position(self.cursor), limit=self.limit)

    @property
    def course_id(self) -> CourseId | None:
        """The course whose learners are listed; `None`: any."""
        return None if self.course is None else CourseId(str(self.course))

    @property
    def group_id(self) -> GroupId | None:
        """The group whose members are listed; `None`: any."""
        return None if self.group is None else GroupId(str(self.group))


def parse_profile(body: bytes) -> LearnerProfile:
    """Parse a profile. Raises pydantic's `ValidationError`, and `InvalidValueError`."""
    return ProfileDocument.model_validate_json(body).to_profile()


def profile(found: LearnerProfile) -> Mapping[str, Any]:
    """Return a profile as JSON values."""
    return found._asdict()


def people(found: Sequence[Person], last: PersonPosition | None) -> Mapping[str, Any]:
    """Return a page of people as JSON values, and the cursor of the next page."""
    lines = [{"user_id": person.learner_id, **profile(person.profile)} for person in found]
    return {"learners": lines, "next": None if last is None else _cursor(last)}


def _cursor(position: PersonPosition) -> str:
    content = orjson.dumps([position.sort_key.hex(), position.learner_id])
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _position(cursor: str) -> PersonPosition:
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key, learner_id = _POSITION.validate_json(content, strict=True)
        return PersonPosition(bytes.fromhex(key), LearnerId(str(learner_id)))
    except ValueError:  # also pydantic's own errors
        reason = "This is not a cursor of a list of people. Send 'next' as it was answered."
        raise InvalidQueryError([QueryFault("cursor", reason, "cursor_parsing", cursor)]) from None
