"""Files to import: how bytes become lines, without a service."""

import contextlib
import csv
import io
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, LESSON, METADATA, VALUES
from headway.domain.bounds import plain
from headway.domain.errors import InvalidValueError
from headway.domain.imports import Line
from headway.domain.writes import LessonWrite
from headway.formats.progress_file import FileFormat, read_lines, text_form
from support.files import as_csv, line, ndjson

READABLE = [FileFormat.CSV, FileFormat.NDJSON]
ONE = line(LEARNER, COURSE, LESSON)


def read(content: bytes, file_format: FileFormat = FileFormat.CSV) -> list[Line]:
    return list(read_lines(io.BytesIO(content), file_format))


def only(content: bytes, file_format: FileFormat = FileFormat.CSV) -> Line:
    [found] = read(content, file_format)
    return found


def said(found: Line) -> dict[str, Any]:
    """Return the fields of a line that was read."""
    assert isinstance(found.write, LessonWrite), found.problems
    assert found.write.update is not None
    return line(found.write.learner_id, found.write.course_id, found.write.lesson_id, **found.write.update)


def faults(content: bytes, file_format: FileFormat = FileFormat.CSV) -> list[tuple[int, tuple[Any, ...], str]]:
    return [
        (one.number, problem.location, problem.kind) for one in read(content, file_format) for problem in one.problems
    ]


def refusal(content: bytes) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(InvalidValueError) as refused:
        read(content)
    return [(problem.location, problem.kind) for problem in refused.value.problems]


# An empty cell says nothing, so a text that is sent has something in it; spreadsheets end their lines in any way.
# Of control characters a note has line breaks and tabs alone.
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), min_size=1, max_size=20)
_NAMED = st.fixed_dictionaries(
    {},
    optional=VALUES | {"user_notes": _TEXT, "metadata": METADATA | st.dictionaries(_TEXT, _TEXT, max_size=2)},
)
_LINES = st.lists(
    st.builds(
        lambda learner, fields: line(str(learner), COURSE, LESSON, **fields),
        st.uuids() | st.just(UUID(LEARNER)),
        _NAMED,
    ),
    max_size=6,
)


def taken(given_line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it is read: its numbers are rounded to the millionth."""
    return {field: plain(round(value, 6)) if isinstance(value, float) else value for field, value in given_line.items()}


def same(one: object, other: object) -> bool:
    """Return whether both are the same JSON. In Python, `True == 1`."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@example([line(LEARNER, COURSE, LESSON, progress_percentage=1.0078125, quiz_score=57.99999999999999)], "\n", "")
@given(_LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_lines_written_as_csv_are_read_back(lines: list[dict[str, Any]], end: str, mark: str) -> None:
    assert same([said(one) for one in read(as_csv(lines, end=end, mark=mark))], [taken(one) for one in lines])


@example([line(LEARNER, COURSE, LESSON, progress_percentage=1.0078125, quiz_score=57.99999999999999)], b"\n", b"")
@given(_LINES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \r\n\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_lines_written_as_ndjson_are_read_back(lines: list[dict[str, Any]], end: bytes, mark: bytes) -> None:
    content = mark + ndjson(lines).replace(b"\n", end)
    found = read(content, FileFormat.NDJSON)
    assert same([said(one) for one in found], [taken(one) for one in lines])
    texts = content.split(b"\n")
    assert all(taken(json.loads(texts[one.number - 1].removeprefix(mark))) == said(one) for one in found)


@given(st.lists(_TEXT, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_csv_lines_have_the_numbers_that_an_editor_shows(notes: list[str], end: str) -> None:
    lines = [line(LEARNER, COURSE, LESSON, user_notes=text) for text in notes]
    expected, number = [], 2
    for text in notes:
        expected.append(number)
        number += len(io.StringIO(text + "|", newline="").readlines())
    assert [one.number for one in read(as_csv(lines, end=end))] == (expected if notes else [])


def test_empty_cells_and_empty_lines_are_ignored() -> None:
    content = f"\nuser_id,course_id,lesson_id,status,quiz_score\n\n{LEARNER},{COURSE},{LESSON},,\n\n\n".encode()
    found = only(content)
    assert (found.number, said(found)) == (4, ONE)


@pytest.mark.parametrize("file_format", READABLE)
def test_an_id_in_another_form_is_the_same_learner(file_format: FileFormat) -> None:
    given = line(LEARNER.upper(), COURSE.replace("-", ""), LESSON)
    content = as_csv([given]) if file_format is FileFormat.CSV else ndjson([given])
    assert said(only(content, file_format)) == ONE


@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", True), ("TRUE", True), ("False", False), ("FALSE", False)],
)
def test_booleans_are_read_as_spreadsheets_write_them(cell: str, value: bool) -> None:
    assert said(only(as_csv([ONE | {"is_bookmarked": cell, "quiz_passed": cell}]))) == ONE | {
        "is_bookmarked": value,
        "quiz_passed": value,
    }


@pytest.mark.parametrize(
    ("cell", "printed"), [("50", "50"), ("50.0", "50"), ("42.5", "42.5"), ("1e1", "10"), ("0", "0"), ("-0", "0")]
)
def test_numbers_are_read_in_every_form_of_json(cell: str, printed: str) -> None:
    assert json.dumps(said(only(as_csv([ONE | {"quiz_score": cell}])))["quiz_score"]) == printed


@pytest.mark.parametrize(
    ("name", "cell", "kind"),
    [
        ("user_id", "", "missing"),
        ("user_id", "ada", "uuid_parsing"),
        ("course_id", "1", "uuid_parsing"),
        ("lesson_id", f"{LESSON}0", "uuid_parsing"),
        ("progress_percentage", "100.01", "less_than_equal"),
        ("progress_percentage", "-1", "greater_than_equal"),
        ("progress_percentage", "50%", "float_type"),
        ("progress_percentage", " 50", "float_type"),
        ("progress_percentage", "1_0", "float_type"),
        ("progress_percentage", "\u0665\u0660", "float_type"),
        ("progress_percentage", "NaN", "float_type"),
        ("video_position_seconds", "1e999", "finite_number"),
        ("time_spent_minutes", "9" * 2_000, "float_type"),
        ("quiz_attempts", "9" * 900, "less_than_equal"),
        ("quiz_attempts", "1.5", "int_type"),
        ("quiz_passed", "yes", "bool_type"),
        ("quiz_passed", "1", "bool_type"),
        ("status", "done", "enum"),
        ("user_notes", "x" * 10_001, "string_too_long"),
        ("user_notes", "a\0b", "string_pattern_mismatch"),
        ("metadata", "{", "dict_type"),
        ("metadata", "[1]", "dict_type"),
        ("metadata", "{'a': 1}", "dict_type"),
        ("metadata", '{"a": "\\ud800"}', "dict_type"),
        ("metadata", '{"a": ' + "[" * 5_000, "dict_type"),
    ],
)
def test_a_wrong_cell_is_a_fault_of_its_line(name: str, cell: str, kind: str) -> None:
    content = as_csv([ONE, ONE | {name: cell}, ONE])
    assert faults(content) == [(3, (name,), kind)]
    assert [one.number for one in read(content) if one.write] == [2, 4]


def test_every_fault_of_a_line_is_named() -> None:
    content = as_csv([ONE | {"quiz_score": 101, "quiz_attempts": -1, "user_id": "x"}])
    assert {position for _, position, _ in faults(content)} == {("quiz_score",), ("quiz_attempts",), ("user_id",)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"a,b", "cell_count"),
        (b"a,b,c,d", "cell_count"),
        (b'"a"b,c,d', "csv_invalid"),
        (b'"', "csv_invalid"),
        (b"\xff,b,c", "utf8_invalid"),
        (b"a" * 200_000 + b",b,c", "csv_invalid"),
    ],
)
def test_an_unreadable_csv_line_is_a_fault_of_this_line(text: bytes, kind: str) -> None:
    good = f"{LEARNER},{COURSE},{LESSON}\n".encode()
    content = b"user_id,course_id,lesson_id\n" + good + text + (b"" if text == b'"' else b"\n" + good)
    assert next((number, found) for number, _, found in faults(content)) == (3, kind)
    assert read(content)[0].write is not None
    assert text == b'"' or read(content)[-1].write is not None


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"null", b"1", b"{}{}", b"\xff", b'{"user_notes": "\xff"}', b"NaN", b"{'a': 1}", b"," * 9]
)
def test_invalid_ndjson_is_a_fault_of_its_line(text: bytes) -> None:
    good = ndjson([ONE])
    found = read(good + text + b"\n" + good, FileFormat.NDJSON)
    assert [(one.number, one.write is None) for one in found] == [(1, False), (2, True), (3, False)]
    assert found[1].problems


def test_ndjson_ignores_fields_that_can_not_be_written() -> None:
    content = ndjson([ONE | {"id": str(uuid4()), "version": 3, "completed_at": None, "written_by": None}])
    assert said(only(content, FileFormat.NDJSON)) == ONE


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {("user_id",): "missing", ("course_id",): "missing", ("lesson_id",): "missing"}),
        ("user_id,course_id", {("lesson_id",): "missing"}),
        ("user_id,course_id,lesson_id,colour", {("colour",): "unknown_column"}),
        ("user_id;course_id;lesson_id;colour", {("colour",): "unknown_column"}),
        ("User_id,course_id,lesson_id", {("User_id",): "unknown_column", ("user_id",): "missing"}),
        ("user_id,course_id,lesson_id,id", {("id",): "unknown_column"}),
        ("user_id,course_id,lesson_id,status,status,status", {("status",): "duplicate_column"}),
        ('user_id,"course_id', {(): "csv_invalid"}),
        ('"a"b,course_id', {(): "csv_invalid"}),
        ("\udcff,course_id", {(): "unknown_column"}),
        ("x" * 5_000, {(): "unknown_column"}),
        (",".join("abcdefg" * 100_000), {(): "unknown_column"}),
    ],
)
def test_a_wrong_header_is_named(header: str, expected: dict[tuple[str, ...], str] | None) -> None:
    found = refusal(header.encode("utf-8", "surrogateescape") + (b"\n1,2,3\n" if header else b""))
    assert all(position[0] == 1 for position, _ in found)
    if expected is not None:
        assert {position[1:]: kind for position, kind in found} == expected
    assert "\udcff" not in str(found)


def test_a_file_with_only_a_header_has_no_lines() -> None:
    assert read(b"user_id,course_id,lesson_id\n") == []
    assert read(b"", FileFormat.NDJSON) == read(b"\n \r\n", FileFormat.NDJSON) == []


@pytest.mark.slow
@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text('ab",\r\n', max_size=60).map(str.encode), st.sampled_from(READABLE))
def test_any_bytes_are_read_or_refused(content: bytes, file_format: FileFormat) -> None:
    assert all(one.problems for one in read(b"user_id,course_id,lesson_id\n" + content, file_format))
    with contextlib.suppress(InvalidValueError):
        assert all(one.problems for one in read(content, file_format))
    assert csv.field_size_limit() == 131_072  # nobody's settings were changed


HEADER = "user_id,course_id,lesson_id,user_notes,progress_percentage"
ROW = f"{LEARNER},{COURSE},{LESSON},hé,42.5"
WHOLE = ONE | {"user_notes": "hé", "progress_percentage": 42.5}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("encoding", "mark", "name"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "\ufeff", "utf-8"),
        ("utf-16-le", "\ufeff", "utf-16"),
        ("utf-16-be", "\ufeff", "utf-16"),
        ("utf-16-le", "", "utf-16"),
        ("utf-16-be", "", "utf-16"),
    ],
)
def test_separators_and_encodings_are_found_from_the_header(
    separator: str, encoding: str, mark: str, name: str
) -> None:
    content = (mark + f"{HEADER}\r\n{ROW}\r\n".replace(",", separator)).encode(encoding)
    assert said(only(content)) == WHOLE
    form = text_form(io.BytesIO(content), FileFormat.CSV)
    assert (form.name, form.separator) == (name, separator)


def test_separators_in_the_cells_do_not_decide() -> None:
    content = f'{HEADER}\n{LEARNER},{COURSE},{LESSON},"a;b;c;d;e;f\tg",1\n'.encode()
    assert said(only(content))["user_notes"] == "a;b;c;d;e;f\tg"
    names = ";".join(f'"{name}"' for name in HEADER.split(","))
    quoted = f'{names}\n"{LEARNER}";"{COURSE}";"{LESSON}";"a,b";"1,5"\n'
    assert said(only(quoted.encode())) == ONE | {"user_notes": "a,b", "progress_percentage": 1.5}


@pytest.mark.parametrize(("cell", "number"), [("42,5", 42.5), ("42.5", 42.5), ("0,0", 0), ("-0,0", 0), ("7", 7)])
def test_decimals_have_a_comma_where_semicolons_separate(cell: str, number: float) -> None:
    content = f"{HEADER}\n{ROW}\n".replace(",", ";").replace("42.5", cell).encode()
    assert said(only(content))["progress_percentage"] == number


@pytest.mark.parametrize(
    ("separator", "cell"), [(";", "1.234,5"), (";", "1,234,5"), (";", ",5"), (";", "5,"), (";", "1,2.3"), ("\t", "1,5")]
)
def test_a_number_that_may_be_a_thousand_is_refused(separator: str, cell: str) -> None:
    content = f"{HEADER}\n{ROW}\n".replace(",", separator).replace("42.5", cell).encode()
    assert faults(content) == [(2, ("progress_percentage",), "float_type")]


def test_cells_that_a_spreadsheet_shows_as_empty_are_skipped() -> None:
    content = f"{',' * 6}\n{HEADER},,\n{ROW},,\n,,,,,,\n , ,,,,,\n{ROW}\n{ROW},,,,,\n{',' * 6}\n".encode()
    assert [(one.number, said(one)) for one in read(content)] == [(number, WHOLE) for number in (3, 6, 7)]
    inside = f"user_id,,course_id,lesson_id\n{LEARNER},,{COURSE},{LESSON}\n".encode()
    assert said(only(inside)) == ONE


def test_a_value_in_a_column_without_a_name_is_a_fault_of_its_line() -> None:
    content = f"user_id,,course_id,lesson_id\n{LEARNER},x,{COURSE},{LESSON}\n".encode()
    assert faults(content) == [(2, ("column 2",), "unnamed_column")]
    assert faults(f"{HEADER},\n{ROW},x\n".encode()) == [(2, ("column 6",), "unnamed_column")]


def test_an_unknown_encoding_is_refused_with_advice() -> None:
    [problem] = only(f"{HEADER}\n{ROW}\n".encode("windows-1252")).problems
    assert (problem.location, problem.kind) == (("user_notes",), "utf8_invalid")
    assert "Save the file as UTF-8." in problem.reason


def test_half_a_character_of_utf_16_is_a_fault_of_its_line() -> None:
    content = f"\ufeff{HEADER}\n{ROW}\n".encode("utf-16-le")
    assert faults(content.replace("é".encode("utf-16-le"), b"\x00\xd8")) == [(2, ("user_notes",), "utf8_invalid")]
