"""The service and its OpenAPI document agree with the printed reference."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from domain.values import lesson as lesson_of
from domain.values import started
from headway.formats.progress import LessonProgress, lesson_progress
from support.running import course, lesson

REFERENCE = Path(__file__).with_name("reference.txt").read_text(encoding="utf-8")

_HEADING = re.compile(r"^(?P<title>.+)\n\n(?P<method>[A-Z]+)\n(?P<path>/\S+)$", re.MULTILINE)
_BODY_FIELD = re.compile(r"^(\w+)\?\|$", re.MULTILINE)
_CURL = re.compile(r"^curl -X .*$", re.MULTILINE)
_CURL_BODY = re.compile(r"-d '(.*)'")
_CURL_HEADER = re.compile(r'-H "(\S+): (.*?)"')
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class PrintedOperation:
    """An operation as the reference prints it: its heading, its curl line, the answer and the refusal under it."""

    title: str
    method: str
    path: str
    body_fields: list[str]
    curl: str
    answer: Any
    refusal: Any

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


def _read_operations() -> list[PrintedOperation]:
    headings = list(_HEADING.finditer(REFERENCE))
    ends = [following.start() for following in headings[1:]] + [len(REFERENCE)]
    return [_read_operation(heading, end) for heading, end in zip(headings, ends, strict=True)]


def _read_operation(heading: re.Match[str], end: int) -> PrintedOperation:
    section = REFERENCE[heading.end() : end]
    curl = _CURL.search(section)
    assert curl is not None
    answer, refusal = _read_examples(section[curl.end() :])
    return PrintedOperation(
        heading["title"], heading["method"], heading["path"], _BODY_FIELD.findall(section), curl[0], answer, refusal
    )


def _read_examples(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    examples = []
    while text := text.strip():
        example, end = decoder.raw_decode(text)
        examples.append(example)
        text = text[end:]
    return examples


OPERATIONS = _read_operations()
LIST, UPDATE, SUMMARY = OPERATIONS
PROGRESS: dict[str, Any] = UPDATE.answer
each_operation = pytest.mark.parametrize("printed", OPERATIONS, ids=lambda printed: printed.title)


def _kind(value: object) -> str:
    """Return the kind of a value, as exactly as the reference's examples show it."""
    if isinstance(value, str):
        return "moment" if _MOMENT.fullmatch(value) else "uuid" if _UUID.fullmatch(value) else "text"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def _kinds(example: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, _kind(value)) for name, value in example.items()]


def _printed_numbers(content: bytes, field: str) -> list[str]:
    """Return a field's numbers with the same characters as in the answer."""
    return re.findall(rf'"{field}":([^,}}]+)', content.decode())


@pytest.fixture
def quiz() -> dict[str, Any]:
    return lesson(kind="quiz", pass_mark=60)


@pytest.fixture
def document(quiz: dict[str, Any]) -> dict[str, Any]:
    return course(quiz, lesson(), lesson())


@pytest.fixture
def openapi(visitor: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = visitor.get("/openapi.json").json()
    return document


def _schema(openapi: Mapping[str, Any], printed: PrintedOperation, status: str) -> dict[str, Any]:
    """Return the schema of an answer, with all schemas that it refers to."""
    described = openapi["paths"][printed.path][printed.method.lower()]["responses"][status]
    return {**described["content"]["application/json"]["schema"], "components": openapi["components"]}


def _properties(openapi: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an object, or of a list's objects. References are followed; of several, the first."""
    schema = schema.get("anyOf", [schema])[0]
    while reference := schema.get("$ref") or schema.get("items", {}).get("$ref"):
        schema = openapi["components"]["schemas"][reference.rpartition("/")[2]]
    properties: dict[str, Any] = schema["properties"]
    return properties


def test_the_reference_prints_three_operations() -> None:
    assert [(printed.method, printed.path.removeprefix("/api/v1/education")) for printed in OPERATIONS] == [
        ("GET", "/progress/{course_id}"),
        ("PUT", "/progress/{course_id}/lessons/{lesson_id}"),
        ("GET", "/progress/{course_id}/summary"),
    ]
    assert [len(printed.body_fields) for printed in OPERATIONS] == [0, 10, 0]


def test_openapi_opens_with_the_references_operations_in_its_order(openapi: dict[str, Any]) -> None:
    paths = list(openapi["paths"].items())[: len(OPERATIONS)]
    assert [(next(iter(methods)).upper(), path) for path, methods in paths] == [
        (printed.method, printed.path) for printed in OPERATIONS
    ]


@each_operation
def test_openapi_names_an_operation_as_the_reference_does(openapi: dict[str, Any], printed: PrintedOperation) -> None:
    operation = openapi["paths"][printed.path][printed.method.lower()]
    assert operation["summary"] == printed.title
    assert operation["tags"] == ["Education Progress"]


def test_openapi_describes_the_tag_as_the_reference_does(openapi: dict[str, Any]) -> None:
    tag = openapi["tags"][0]
    assert f"\n{tag['name']}\n\n{tag['description']}\n" in REFERENCE


@each_operation
def test_openapi_asks_for_the_references_authorization(openapi: dict[str, Any], printed: PrintedOperation) -> None:
    assert "\nHTTPBearer\nAuthorizationBearer <token>\n" in REFERENCE
    assert openapi["paths"][printed.path][printed.method.lower()]["security"] == [{"HTTPBearer": []}]
    assert openapi["components"]["securitySchemes"]["HTTPBearer"] == {"type": "http", "scheme": "bearer"}


@each_operation
def test_openapi_asks_for_the_references_path_parameters(openapi: dict[str, Any], printed: PrintedOperation) -> None:
    parameters = openapi["paths"][printed.path][printed.method.lower()]["parameters"]
    in_path = [one for one in parameters if one["in"] == "path"]
    assert [one["name"] for one in in_path] == printed.parameters
    assert all(one["required"] and one["schema"]["format"] == "uuid" for one in in_path)
    assert all(f"{name}*string\nFormatuuid\n" in REFERENCE for name in printed.parameters)


def test_openapi_takes_the_references_body_with_every_field_optional(openapi: dict[str, Any]) -> None:
    content = openapi["paths"][UPDATE.path]["put"]["requestBody"]["content"]
    assert list(content) == ["application/json"]
    schema = content["application/json"]["schema"]
    assert list(_properties(openapi, schema)) == UPDATE.body_fields
    jsonschema.validate({}, schema | {"components": openapi["components"]})
    jsonschema.validate(dict.fromkeys(UPDATE.body_fields), schema | {"components": openapi["components"]})


@each_operation
@pytest.mark.parametrize("status", ["200", "422"])
def test_the_references_examples_follow_openapi_field_by_field(
    openapi: dict[str, Any], printed: PrintedOperation, status: str
) -> None:
    schema, example = _schema(openapi, printed, status), printed.answer if status == "200" else printed.refusal
    jsonschema.validate(example, schema, format_checker=jsonschema.FormatChecker())
    fields = example[0] if isinstance(example, list) else example
    assert list(_properties(openapi, schema)) == list(fields)


def test_openapi_lists_the_fields_of_a_fault_in_the_references_order(openapi: dict[str, Any]) -> None:
    faults = openapi["components"]["schemas"]["HTTPValidationError"]["properties"]["detail"]
    assert list(_properties(openapi, faults)) == list(UPDATE.refusal["detail"][0])


def test_the_body_of_the_curl_line_makes_the_references_lesson_progress(
    learner: httpx.Client, lesson_path: str
) -> None:
    sent = _CURL_BODY.search(UPDATE.curl)
    assert sent is not None
    answer = learner.put(lesson_path, content=sent[1], headers=dict(_CURL_HEADER.findall(UPDATE.curl)))
    assert answer.status_code == 200
    progress = answer.json()
    unset = {"quiz_score": None, "user_notes": None, "completed_at": None}
    assert {name: progress[name] for name in [*UPDATE.body_fields, "completed_at"]} == {
        name: PROGRESS[name] for name in UPDATE.body_fields
    } | unset


def test_complete_lesson_progress_has_the_references_fields_in_order_and_type(
    learner: httpx.Client, course_path: str, lesson_path: str
) -> None:
    filled = {"status": "completed", "quiz_score": 100, "user_notes": "Read it twice.", "metadata": {"speed": 1.5}}
    answer = learner.put(lesson_path, json=filled)
    assert answer.headers["content-type"] == "application/json"
    assert _kinds(answer.json()) == _kinds(PROGRESS)
    [progress] = learner.get(course_path).json()
    assert _kinds(progress) == _kinds(LIST.answer[0])


def test_a_summary_has_the_references_fields_in_order_and_type(
    learner: httpx.Client, course_path: str, lesson_path: str
) -> None:
    learner.put(lesson_path, json={})
    assert _kinds(learner.get(f"{course_path}/summary").json()) == _kinds(SUMMARY.answer)
    [summary] = learner.get("/progress").json()
    assert _kinds(summary) == _kinds(SUMMARY.answer)


def test_a_list_is_empty_before_the_first_write(learner: httpx.Client, course_path: str) -> None:
    answer = learner.get(course_path)
    assert (answer.status_code, answer.content) == (200, b"[]")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/progress/none/lessons/none", {}, id="in the path"),
        pytest.param(None, {"progress_percentage": 101}, id="in a field"),
        pytest.param(None, [], id="in the whole body"),
    ],
)
def test_a_fault_has_the_references_fields_in_order_and_type(
    learner: httpx.Client, lesson_path: str, path: str | None, body: object
) -> None:
    answer = learner.put(path or lesson_path, json=body)
    printed = UPDATE.refusal["detail"][0]
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == list(UPDATE.refusal)
    [fault] = answer.json()["detail"]
    assert list(fault) == list(printed)
    fields_of_a_kind = ("loc", "msg", "type", "ctx")
    assert [_kind(fault[name]) for name in fields_of_a_kind] == [_kind(printed[name]) for name in fields_of_a_kind]
    assert all(isinstance(position, str | int) for position in fault["loc"])


@pytest.mark.parametrize("field", ["progress_percentage", "video_position_seconds", "quiz_score", "time_spent_minutes"])
@pytest.mark.parametrize(
    ("sent", "printed"),
    [("50", "50"), ("50.0", "50"), ("5e1", "50"), ("42.5", "42.5"), ("0.1", "0.1"), ("-0.0", "0")],
)
def test_numbers_are_printed_without_a_needless_fraction(
    learner: httpx.Client, course_path: str, lesson_paths: list[str], field: str, sent: str, printed: str
) -> None:
    answer = learner.put(lesson_paths[1], content=f'{{"{field}": {sent}}}')
    assert _printed_numbers(answer.content, field) == [printed]
    assert _printed_numbers(learner.get(course_path).content, field) == [printed]


@pytest.mark.parametrize("sent", ["3", "3.0", "30e-1"])
def test_a_count_is_a_whole_number_however_it_was_written(learner: httpx.Client, lesson_path: str, sent: str) -> None:
    answer = learner.put(lesson_path, content=f'{{"quiz_attempts": {sent}}}')
    assert _printed_numbers(answer.content, "quiz_attempts") == ["3"]


def test_a_summarys_numbers_are_printed_without_a_needless_fraction(
    learner: httpx.Client, course_path: str, lesson_paths: list[str]
) -> None:
    learner.put(lesson_paths[1], json={"status": "completed", "time_spent_minutes": 1.25})
    third = learner.get(f"{course_path}/summary").content
    learner.put(lesson_paths[2], json={"status": "completed", "time_spent_minutes": 0.75})
    learner.put(lesson_paths[0], json={"status": "completed", "quiz_passed": True})
    whole = learner.get(f"{course_path}/summary").content
    assert _printed_numbers(third, "completion_percentage") == ["33.33"]
    assert _printed_numbers(third, "total_time_spent_minutes") == ["1.25"]
    assert _printed_numbers(whole, "completion_percentage") == ["100"]
    assert _printed_numbers(whole, "total_time_spent_minutes") == ["2"]


def test_uuids_are_answered_in_canonical_form_however_they_were_given(
    author: httpx.Client, learner: httpx.Client
) -> None:
    course_id, lesson_id, content_id = (str(uuid4()) for _ in range(3))
    document = course(lesson(id=lesson_id.upper(), content_id=content_id.upper()), id=course_id.upper())
    author.put(f"/courses/{course_id.upper()}", json=document).raise_for_status()
    progress = learner.put(f"/progress/{course_id.upper()}/lessons/{lesson_id.upper()}", json={}).json()
    assert (progress["course_id"], progress["lesson_id"], progress["content_id"]) == (course_id, lesson_id, content_id)
    assert author.get(f"/courses/{course_id}").json()["id"] == course_id


def test_a_lesson_without_a_content_id_answers_its_own_id(learner: httpx.Client, lesson_path: str) -> None:
    progress = learner.put(lesson_path, json={}).json()
    assert progress["content_id"] == progress["lesson_id"]


def test_times_are_those_of_the_write(learner: httpx.Client, course_path: str, lesson_path: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    progress = learner.put(lesson_path, json={"status": "completed", "quiz_passed": True}).json()
    after = datetime.now(UTC)
    assert progress["created_at"] == progress["updated_at"] == progress["completed_at"]
    assert before <= datetime.fromisoformat(progress["created_at"]) <= after
    assert learner.get(f"{course_path}/summary").json()["last_accessed"] == progress["updated_at"]


def test_lesson_progress_is_rendered_as_its_shape_says() -> None:
    assert list(lesson_progress(started(), lesson_of(1))) == list(LessonProgress.model_fields)
