"""Reads CSV files of people, and has the formats of such files. A wrong line has problems; see `PersonLine`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from headway.domain.errors import Problem
from headway.domain.identifiers import CourseId
from headway.domain.people import field_problems
from headway.domain.people_import import MOST_LISTED, PeopleFile, PeopleReport, PersonLine
from headway.domain.text import title_fault
from headway.formats.fields import Moment
from headway.formats.groups import GroupTitle
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier
from headway.formats.spreadsheets import Row, cells_of, form_of, table_of

PROFILE_COLUMNS: Final[Sequence[str]] = ("name", "email", "external_id")
COLUMNS: Final = ("sub", "user_id", *PROFILE_COLUMNS, "groups", "courses", "due_at")
LONGEST_SUB: Final = 255  # as OpenID Connect bounds it

_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
_TITLE: Final[TypeAdapter[str]] = TypeAdapter(GroupTitle)
_BETWEEN: Final = "|"
_TITLES: Final = 1_000  # that are not checked again, because many lines name the same groups


class PeopleFormat(StrEnum):
    """The format of a file of people."""

    CSV = "csv"
    ONEROSTER = "oneroster"


PEOPLE_FORMATS: Final[Mapping[str, PeopleFormat]] = {
    "text/csv": PeopleFormat.CSV,
    "application/zip": PeopleFormat.ONEROSTER,
}


class PeopleImportReport(BaseModel):
    """What the import has changed, or would change with `dry_run`."""

    people_new: int = Field(ge=0, description="Learners who get a profile.")
    people_changed: int = Field(ge=0, description="Learners whose profile changes.")
    people_unchanged: int = Field(ge=0, description="Learners whose profile stays as it is.")
    people_missing: int = Field(ge=0, description="Members of the file's groups whom a OneRoster bundle leaves out.")
    groups_added: int = Field(ge=0)
    groups_renamed: int = Field(ge=0)
    memberships_added: int = Field(ge=0, description="Learners who become members of groups.")
    memberships_ended: int = Field(ge=0, description="Members who leave groups.")
    enrolments_added: int = Field(ge=0)
    enrolments_changed: int = Field(ge=0, description="Enrolments that get another due date.")
    group_enrolments_added: int = Field(ge=0, description="Courses in which groups enrol their members.")
    group_enrolments_changed: int = Field(ge=0, description="Enrolments of groups that get other dates.")
    courses_unknown: int = Field(ge=0, description="Courses of classes that are not in the catalogue.")
    new: list[str] = Field(description=f"The ids of those learners; here and below, the first {MOST_LISTED:,}.")
    changed: list[str]
    missing: list[str] = Field(description="They stay members.")


def read_people(file: BinaryIO) -> PeopleFile:
    """Read a CSV file of people. Raises `InvalidValueError` for a wrong header."""
    table = table_of(file, form_of(file, COLUMNS), COLUMNS, ())
    return PeopleFile([_line(number, row, table.header) for number, row in table.rows])


def report_document(report: PeopleReport) -> dict[str, Any]:
    """Return the report of an import as JSON values."""
    counts = report._asdict()
    lists = {name: counts.pop(name) for name in ("new", "changed", "missing")}
    people = {f"people_{name}": len(ids) for name, ids in lists.items()} | {"people_unchanged": counts.pop("unchanged")}
    return people | counts | {name: list(ids[:MOST_LISTED]) for name, ids in lists.items()}


def _line(number: int, row: Row, header: Sequence[str]) -> PersonLine:
    found = cells_of(row, header)
    if isinstance(found, Problem):
        return PersonLine(number, problems=[found])
    cells = {name: cell.strip() for name, cell in found.items() if cell.strip()}
    fields = {name: cells[name] for name in PROFILE_COLUMNS if name in cells}
    groups, courses = _parts(cells, "groups"), _parts(cells, "courses")
    problems = [
        *learner_problems(cells.get("sub"), cells.get("user_id")),
        *profile_problems(fields),
        *_group_problems(groups),
        *_course_problems(courses),
        *_date_problems(cells),
    ]
    if problems:
        return PersonLine(number, problems=problems)
    return PersonLine(
        number,
        parse_identifier("user_id", cells["user_id"]) if "user_id" in cells else cells["sub"],
        fields,
        groups,
        courses=[CourseId(parse_identifier("courses", course)) for course in courses],
        due_at=_MOMENT.validate_strings(cells["due_at"]) if "due_at" in cells else None,
    )


def learner_problems(sub: str | None, user_id: str | None = None) -> Iterator[Problem]:
    """Yield the problems of what names a learner. One of the two is needed, and no more."""
    if sub is None and user_id is None:
        yield Problem(("sub",), "The line needs a sub or a user_id.", "missing")
    if sub is not None and user_id is not None:
        yield Problem(("user_id",), "The line has a sub and a user_id. Give one of them.", "two_names")
    if sub is not None and (len(sub) > LONGEST_SUB or title_fault(sub)):
        reason = f"A sub has at most {LONGEST_SUB} characters, and no control characters."
        yield Problem(("sub",), reason, "sub_parsing")
    if user_id is not None:
        yield from _id_problems("user_id", user_id)


def profile_problems(fields: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the problems of the fields of a profile."""
    for name, value in fields.items():
        yield from field_problems(name, value)


def title_problems(name: str, title: str) -> Iterator[Problem]:
    """Return the problems of a group's title in the column `name`."""
    return (Problem((name,), *fault) for fault in _title_faults(title))


@lru_cache(_TITLES)
def _title_faults(title: str) -> Sequence[tuple[str, str]]:
    """Return the reason and the kind of each problem of a title."""
    try:
        _TITLE.validate_python(title)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return [(fault["msg"], fault["type"]) for fault in faults]
    return ()


def _group_problems(groups: Sequence[str]) -> Iterator[Problem]:
    for group in groups:
        yield from title_problems("groups", group)


def _course_problems(courses: Sequence[str]) -> Iterator[Problem]:
    for course in courses:
        yield from _id_problems("courses", course)


def _id_problems(name: str, text: str) -> Iterator[Problem]:
    try:
        parse_identifier(name, text)
    except InvalidIdentifierError as error:
        yield Problem((name,), str(error), "uuid_parsing")


def _date_problems(cells: Mapping[str, str]) -> Iterator[Problem]:
    if "due_at" not in cells:
        return
    if "courses" not in cells:
        yield Problem(("due_at",), "A due date needs a course on the same line.", "due_without_course")
    try:
        _MOMENT.validate_strings(cells["due_at"])
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            yield Problem(("due_at",), fault["msg"], fault["type"])


def _parts(cells: Mapping[str, str], name: str) -> Sequence[str]:
    return [part.strip() for part in cells.get(name, "").split(_BETWEEN) if part.strip()]
