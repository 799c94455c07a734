"""Reads OneRoster 1.2 bundles: manifest.csv, users.csv, classes.csv and enrollments.csv, in a zip file or not.

A user is a learner: `userMasterIdentifier`, or else `sourcedId`, is the `sub` of the learner's tokens, and `sourcedId`
is the external id. A class is a group. The enrolment of a student is a membership. In a file that the manifest calls
`delta`, the status `tobedeleted` ends a membership; a `bulk` file of enrolments names all members.
"""

import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.identifiers import GroupId
from headway.domain.people_import import PeopleFile, PersonLine, imported_group_id
from headway.formats.people_file import learner_problems, profile_problems, title_problems
from headway.formats.spreadsheets import cells_of, form_of, table_of

MOST_UNPACKED_BYTES: Final = 64 * 1024 * 1024
MOST_ENTRIES: Final = 100

_MANIFEST: Final = ("propertyName", "value")
_REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    "users": ("sourcedId", "givenName", "familyName"),
    "classes": ("sourcedId", "title"),
    "enrollments": ("classSourcedId", "userSourcedId", "role"),
}
_MODES: Final = ("bulk", "delta", "absent")
_ENCRYPTED: Final = 0x1
_LEAVES: Final = "tobedeleted"

_Cells = Mapping[str, str]


def read_bundle(file: BinaryIO) -> PeopleFile:
    """Read a zip file. Raises `InvalidValueError` for one that is harmful or broken, and for wrong files in it."""
    return read_files(_unpacked(file))


def read_files(files: Mapping[str, bytes]) -> PeopleFile:
    """Read the files of a bundle, by their names. Raises `InvalidValueError` for wrong files."""
    manifest = {cells.get("propertyName", ""): cells.get("value", "") for _, cells in _rows(files, "manifest")}
    modes = {name: manifest.get(f"file.{name}", "absent").lower() for name in _REQUIRED}
    if not manifest.get("oneroster.version", "").startswith("1."):
        raise _refusal("manifest.csv", "The property oneroster.version has to be 1.2.", "oneroster_version")
    if not {*modes.values()} <= {*_MODES}:
        raise _refusal("manifest.csv", f"The mode of a file is one of {', '.join(_MODES)}.", "unknown_mode")
    reader = _Reader()
    for name, read in (("users", reader.user), ("classes", reader.group), ("enrollments", reader.membership)):
        for number, cells in _rows(files, name) if modes[name] != "absent" else ():
            line = read(f"{name}.csv", number, cells)
            if line is not None:
                reader.lines.append(line)
    return PeopleFile(reader.lines, reader.titles, is_complete=modes["enrollments"] == "bulk")


class _Reader:
    """Turns the rows of the files into lines. Users and classes are read before enrolments, which name them."""

    def __init__(self) -> None:
        self.lines: list[PersonLine] = []
        self.titles: dict[GroupId, str] = {}
        self._subs: dict[str, str] = {}

    def user(self, file: str, number: int, cells: _Cells) -> PersonLine | None:
        """Read a user. One who is to be deleted stays as stored: enrolments say which memberships end."""
        sourced_id = cells.get("sourcedId", "")
        sub = cells.get("userMasterIdentifier", sourced_id)
        self._subs[sourced_id] = sub
        if cells.get("status") == _LEAVES:
            return None
        given = cells.get("preferredGivenName") or cells.get("givenName", "")
        family = cells.get("preferredFamilyName") or cells.get("familyName", "")
        fields = {"name": f"{given} {family}".strip(), "email": cells.get("email", ""), "external_id": sourced_id}
        present = {name: value for name, value in fields.items() if value}
        problems = [*_missing(cells, "users"), *learner_problems(sub or None), *profile_problems(present)]
        return PersonLine(number, sub, present, problems=problems, file=file)

    def group(self, file: str, number: int, cells: _Cells) -> PersonLine | None:
        """Read a class. One that is to be deleted stays a group, because its figures are kept."""
        if cells.get("status") == _LEAVES:
            return None
        title = cells.get("title", "")
        problems = [*_missing(cells, "classes"), *(title_problems("title", title) if title else ())]
        if problems:
            return PersonLine(number, problems=problems, file=file)
        self.titles[imported_group_id(cells["sourcedId"])] = title
        return None

    def membership(self, file: str, number: int, cells: _Cells) -> PersonLine | None:
        """Read an enrolment in a class. Those of teachers and others are no memberships."""
        problems = list(_missing(cells, "enrollments"))
        if problems:
            return PersonLine(number, problems=problems, file=file)
        if cells["role"] != "student":
            return None
        user, group = cells["userSourcedId"], [imported_group_id(cells["classSourcedId"])]
        ends = cells.get("status") == _LEAVES
        named = self._subs.get(user)
        joins, leaves = ((), group) if ends else (group, ())
        return PersonLine(number, named, joins=joins, leaves=leaves, external_id=None if named else user, file=file)


def _missing(cells: _Cells, name: str) -> Iterator[Problem]:
    for column in _REQUIRED[name]:
        if column not in cells:
            yield Problem((column,), f"The line needs a value of {column}.", "missing")


def _rows(files: Mapping[str, bytes], name: str) -> Iterator[tuple[int, _Cells]]:
    """Yield the rows of a file, with the numbers of their lines. Raises `InvalidValueError` for a wrong file."""
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
        yield number, {column: cell.strip() for column, cell in cells.items() if cell.strip()}


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
