"""Reads OneRoster 1.2 bundles, in a zip file or not.

A user is a learner: `userMasterIdentifier`, or else `sourcedId`, is the `sub` of the learner's tokens, and `sourcedId`
is the external id. A class is a group. The enrolment of a student is a membership. The course of a class enrols the
group in the course of Headway that has the same id, from the first day of the class's terms until they end. The
organisations are only checked. In a file that the manifest calls `delta`, the status `tobedeleted` ends a membership;
a `bulk` file of enrolments names all members.
"""

import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import BinaryIO, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import CourseId, GroupId, is_canonical_uuid
from headway.domain.people_import import ClassCourse, PeopleFile, PersonLine, imported_group_id
from headway.formats.people_file import learner_problems, profile_problems, title_problems
from headway.formats.spreadsheets import cells_of, form_of, table_of

MOST_UNPACKED_BYTES: Final = 64 * 1024 * 1024
MOST_ENTRIES: Final = 100

_MANIFEST: Final = ("propertyName", "value")
_REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    "orgs": ("sourcedId", "name", "type"),
    "academicSessions": ("sourcedId", "title", "type", "startDate", "endDate"),
    "courses": ("sourcedId", "title"),
    "users": ("sourcedId", "givenName", "familyName"),
    "classes": ("sourcedId", "title"),
    "enrollments": ("classSourcedId", "userSourcedId", "role"),
}
"""The files that are read, in this order, each after those that it refers to, and the values that a row needs."""
_REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "orgs": {"parentSourcedId": "orgs"},
    "academicSessions": {"parentSourcedId": "academicSessions"},
    "courses": {"orgSourcedId": "orgs", "schoolYearSourcedId": "academicSessions"},
    "classes": {"courseSourcedId": "courses", "schoolSourcedId": "orgs", "termSourcedIds": "academicSessions"},
    "enrollments": {"schoolSourcedId": "orgs"},
}
"""The columns that name rows of other files. They are checked where that file is complete, which `bulk` says."""
_NEEDED_OF_REMOVED: Final = ("sourcedId", "classSourcedId", "userSourcedId", "role")
_DATES: Final = ("startDate", "endDate", "beginDate")
_HAVE_IDS: Final = ("orgs", "academicSessions", "courses", "classes")
_MODES: Final = ("bulk", "delta", "absent")
_STATUSES: Final = (None, "active", "tobedeleted")
_ENCRYPTED: Final = 0x1
_LEAVES: Final = "tobedeleted"
_MOMENT: Final[TypeAdapter[AwareDatetime]] = TypeAdapter(AwareDatetime)

_Cells = Mapping[str, str]


class _Row(NamedTuple):
    """A row of a file: the file's name without its ending, the number of the line, and the cells that are not empty."""

    name: str
    number: int
    cells: _Cells

    @property
    def is_removed(self) -> bool:
        """Whether the row says that what it describes is not there any more."""
        return self.cells.get("status") == _LEAVES

    def line(self, problems: Sequence[Problem]) -> PersonLine:
        """Return a line with problems."""
        return PersonLine(self.number, problems=problems, file=f"{self.name}.csv")


class _Term(NamedTuple):
    """When a term begins, and the first day after it."""

    begins_on: date
    ends_before: date


def read_bundle(file: BinaryIO) -> PeopleFile:
    """Read a zip file. Raises `InvalidValueError` for one that is harmful or broken, and for wrong files in it."""
    return read_files(_unpacked(file))


def read_files(files: Mapping[str, bytes]) -> PeopleFile:
    """Read the files of a bundle, by their names. Raises `InvalidValueError` for wrong files."""
    manifest = {row.cells.get("propertyName", ""): row.cells.get("value", "") for row in _rows(files, "manifest")}
    modes = {name: manifest.get(f"file.{name}", "absent").lower() for name in _REQUIRED}
    if not manifest.get("oneroster.version", "").startswith("1."):
        raise _refusal("manifest.csv", "The property oneroster.version has to be 1.2.", "oneroster_version")
    if not {*modes.values()} <= {*_MODES}:
        raise _refusal("manifest.csv", f"The mode of a file is one of {', '.join(_MODES)}.", "unknown_mode")
    rows = {name: list(_rows(files, name)) for name, mode in modes.items() if mode != "absent"}
    complete = {name: {row.cells.get("sourcedId") for row in rows[name]} for name in rows if modes[name] == "bulk"}
    reader = _Reader(complete)
    for row in (row for found in rows.values() for row in found):
        reader.read(row)
    return PeopleFile(reader.lines, reader.titles, modes["enrollments"] == "bulk", reader.courses)


class _Reader:
    """Turns the rows of the files into lines. `complete` has the ids in the files that name everything there is."""

    def __init__(self, complete: Mapping[str, set[str | None]]) -> None:
        self.lines: list[PersonLine] = []
        self.titles: dict[GroupId, str] = {}
        self.courses: list[ClassCourse] = []
        self._complete = complete
        self._known: set[tuple[str, str]] = set()
        self._subs: dict[str, str] = {}
        self._terms: dict[str, _Term] = {}
        self._codes: dict[str, str | None] = {}

    def read(self, row: _Row) -> None:
        """Read a row. One with a problem becomes a line with it."""
        problems = [*_problems(row), *self._reference_problems(row), *self._id_problems(row)]
        if problems:
            self.lines.append(row.line(problems))
            return
        match row.name:
            case "academicSessions":
                self._read_term(row)
            case "courses":
                self._codes[row.cells["sourcedId"]] = None if row.is_removed else row.cells.get("courseCode")
            case "users":
                self._read_user(row)
            case "classes":
                self._read_class(row)
            case "enrollments":
                self._read_membership(row)

    def _reference_problems(self, row: _Row) -> Iterator[Problem]:
        for column, file in _REFERENCES.get(row.name, {}).items():
            for sourced_id in _ids(row.cells.get(column)) if file in self._complete else ():
                if sourced_id not in self._complete[file]:
                    yield Problem((column,), f"There is no row with this sourcedId in {file}.csv.", "unknown_reference")

    def _id_problems(self, row: _Row) -> Iterator[Problem]:
        if row.name not in _HAVE_IDS:
            return
        key = row.name, row.cells.get("sourcedId", "")
        if key in self._known:
            yield Problem(("sourcedId",), "An earlier row has the same sourcedId.", "duplicate_id")
        self._known.add(key)

    def _read_term(self, row: _Row) -> None:
        if row.is_removed:
            return
        begins_on, ends_before = (date.fromisoformat(row.cells[column]) for column in ("startDate", "endDate"))
        if ends_before <= begins_on:
            reason = "The end must be after the start: it is the first day after the term."
            self.lines.append(row.line([Problem(("endDate",), reason, "end_before_start")]))
        else:
            self._terms[row.cells["sourcedId"]] = _Term(begins_on, ends_before)

    def _read_user(self, row: _Row) -> None:
        """Read a user. One who is to be deleted stays as stored: enrolments say which memberships end."""
        cells = row.cells
        sub = self._subs[cells["sourcedId"]] = cells.get("userMasterIdentifier", cells["sourcedId"])
        if row.is_removed:
            return
        given = cells.get("preferredGivenName") or cells["givenName"]
        family = cells.get("preferredFamilyName") or cells["familyName"]
        fields = {"name": f"{given} {family}", "external_id": cells["sourcedId"]}
        if "email" in cells:
            fields["email"] = cells["email"]
        problems = [*learner_problems(sub), *profile_problems(fields)]
        self.lines.append(PersonLine(row.number, sub, fields, problems=problems, file="users.csv"))

    def _read_class(self, row: _Row) -> None:
        """Read a class. One that is to be deleted stays a group, because its figures are kept."""
        if row.is_removed:
            return
        problems = list(title_problems("title", row.cells["title"]))
        if problems:
            self.lines.append(row.line(problems))
            return
        group_id = imported_group_id(row.cells["sourcedId"])
        self.titles[group_id] = row.cells["title"]
        self._read_course_of(row, group_id)

    def _read_course_of(self, row: _Row, group_id: GroupId) -> None:
        sourced_id = row.cells.get("courseSourcedId", "")
        names = (name.lower() for name in (sourced_id, self._codes.get(sourced_id)) if name)
        courses = [CourseId(name) for name in names if is_canonical_uuid(name)]
        terms = [self._terms[one] for one in _ids(row.cells.get("termSourcedIds")) if one in self._terms]
        begins_on = min((term.begins_on for term in terms), default=None)
        ends_before = max((term.ends_before for term in terms), default=None)
        if sourced_id:
            self.courses.append(ClassCourse(row.line(()), group_id, sourced_id, courses, begins_on, ends_before))

    def _read_membership(self, row: _Row) -> None:
        """Read an enrolment in a class. Those of teachers and others are no memberships."""
        if row.cells["role"] != "student":
            return
        user, group = row.cells["userSourcedId"], [imported_group_id(row.cells["classSourcedId"])]
        named = self._subs.get(user)
        joins, leaves = ((), group) if row.is_removed else (group, ())
        unnamed = None if named else user
        line = PersonLine(row.number, named, joins=joins, leaves=leaves, external_id=unnamed, file="enrollments.csv")
        self.lines.append(line)


def _ids(cell: str | None) -> Sequence[str]:
    """Return the ids in a cell, which has a comma between two."""
    return [part for part in map(str.strip, cell.split(",")) if part] if cell else ()


def _problems(row: _Row) -> Iterator[Problem]:
    """Yield the problems of the values that are needed, and of those that every file has."""
    for column in _REQUIRED[row.name]:
        if column not in row.cells and not (row.is_removed and column not in _NEEDED_OF_REMOVED):
            yield Problem((column,), f"The line needs a value of {column}.", "missing")
    if row.cells.get("status") not in _STATUSES:
        yield Problem(("status",), "The status is active or tobedeleted.", "unknown_status")
    if "dateLastModified" in row.cells and not _is_moment(row.cells["dateLastModified"]):
        reason = "This is not a date and time with an offset from UTC, such as 2026-09-01T08:00:00Z."
        yield Problem(("dateLastModified",), reason, "datetime_parsing")
    for column in _DATES:
        if column in row.cells and not _is_date(row.cells[column]):
            yield Problem((column,), "This is not a date, such as 2026-09-01.", "date_parsing")


def _is_moment(text: str) -> bool:
    try:
        _MOMENT.validate_strings(text)
    except ValidationError:
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _rows(files: Mapping[str, bytes], name: str) -> Iterator[_Row]:
    """Yield the rows of a file. Raises `InvalidValueError` for a wrong file."""
    file = f"{name}.csv"
    if file not in files:
        raise _refusal(file, f"The bundle has no {file}.", "missing")
    columns = _REQUIRED.get(name, _MANIFEST)
    content = BytesIO(files[file])
    try:
        table = table_of(content, form_of(content, columns), columns, columns, may_have_others=True)
    except InvalidValueError as error:
        problems = [problem._replace(location=(file, *problem.location)) for problem in error.problems]
        raise InvalidValueError(problems) from None
    for number, row in table.rows:
        cells = cells_of(row, table.header)
        if isinstance(cells, Problem):
            raise InvalidValueError([cells._replace(location=(file, number, *cells.location))])
        yield _Row(name, number, {column: cell.strip() for column, cell in cells.items() if cell.strip()})


def _unpacked(file: BinaryIO) -> Mapping[str, bytes]:
    """Return the CSV files in a zip file by name. Raises `InvalidValueError` before anything harmful is unpacked."""
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return {entry.filename: archive.read(entry) for entry in entries if entry.filename.endswith(".csv")}
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise _refusal("zip", "This is not a zip file, or it is damaged.", "zip_invalid") from error


def _check_entries(entries: Sequence[ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise _refusal("zip", f"A bundle has at most {MOST_ENTRIES} files.", "zip_too_many_files")
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES:
        raise _refusal("zip", f"The files have over {MOST_UNPACKED_BYTES // 1024**2} MiB unpacked.", "zip_too_large")
    if len({entry.filename for entry in entries}) < len(entries):
        raise _refusal("zip", "The zip file has two files of the same name.", "zip_duplicate_name")
    for entry in entries:
        path = entry.filename.replace("\\", "/")
        if path.startswith("/") or ".." in path.split("/") or ":" in path:
            raise _refusal("zip", "A path in the zip file leads out of it.", "zip_path")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _refusal("zip", "The zip file has a link.", "zip_link")
        if path.lower().endswith(".zip"):
            raise _refusal("zip", "The zip file has another zip file in it.", "zip_nested")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise _refusal("zip", "The zip file is encrypted, or compressed by an unusual method.", "zip_encrypted")


def _refusal(file: str, reason: str, kind: str) -> InvalidValueError:
    return InvalidValueError([Problem((file,), reason, kind)])
