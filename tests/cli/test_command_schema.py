import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from support.documents import course_document, document_file, full_document
from support.program import forked_headway_serve, headway
from support.running import lesson

GOOD: dict[str, dict[str, Any]] = {
    "plain": course_document(),
    "full": full_document(),
    "nothing but what is asked for": {
        "id": str(uuid4()),
        "title": "T",
        "lessons": [{"id": str(uuid4()), "title": "L"}],
    },
    "nulls": course_document(lesson(content_id=None, section=None, duration_seconds=None, pass_mark=None)),
    "longest title": course_document(title="\U0001f600" * 500),
    "every kind": course_document(*(lesson(kind=kind) for kind in ("video", "article", "quiz", "assignment", "other"))),
    "pass mark at its bounds": course_document(*(lesson(kind="quiz", pass_mark=mark) for mark in (0, 100))),
    "completed at the least": course_document(lesson(complete_at=0.5)),
    "completed by no percentage": course_document(lesson(complete_at=None)),
    "another zone": course_document(time_zone="Europe/Berlin"),
    "reopened by edits": course_document(on_edit="reopen"),
    "as it was shown": course_document(version=1_790_000_000_000_000, recalculation={"learners": 3, "done": 1}),
    "as it was shown, all done": course_document(version=5, recalculation=None),
    "the longest video": course_document(lesson(duration_seconds=10_000_000)),
}
BAD: dict[str, Any] = {
    "no object": [],
    "no title": {"id": str(uuid4()), "lessons": [lesson()]},
    "no lessons": {"id": str(uuid4()), "title": "T"},
    "empty lessons": course_document() | {"lessons": []},
    "null title": course_document() | {"title": None},
    "blank title": course_document(title=" \n"),
    "title with U+0000": course_document(title="a\0b"),
    "title too long": course_document(title="x" * 501),
    "id that is none": course_document(id="no-uuid"),
    "unknown field": course_document(tags=[]),
    "lesson without an id": course_document({"title": "L"}),
    "lesson without a title": course_document({"id": str(uuid4())}),
    "unknown field of a lesson": course_document(lesson(tags=[])),
    "empty section": course_document(lesson(section="")),
    "unknown kind": course_document(lesson(kind="song")),
    "text for a duration": course_document(lesson(duration_seconds="90")),
    "negative duration": course_document(lesson(duration_seconds=-1)),
    "endless duration": course_document(lesson(duration_seconds=10_000_001)),
    "number for required": course_document(lesson(required=1)),
    "pass mark too high": course_document(lesson(kind="quiz", pass_mark=100.5)),
    "pass mark of no quiz": course_document(lesson(kind="video", pass_mark=50)),
    "null for a zone": course_document(time_zone=None),
    "a zone too long": course_document(time_zone="Z" * 101),
    "unknown effect of edits": course_document(on_edit="Keep"),
    "text for a version": course_document(version="2"),
    "completed at nothing": course_document(lesson(complete_at=0)),
    "completed beyond all": course_document(lesson(complete_at=101)),
}
TWICE = str(uuid4())
BEYOND_A_SCHEMA = {
    "a zone that is none": course_document(time_zone="Europe/Bern"),
    "a lesson twice": course_document(lesson(id=TWICE), lesson(id=TWICE)),
    "without an id, which over HTTP the path gives": {"title": "T", "lessons": [lesson()]},
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    printed = headway(tmp_path_factory.mktemp("schema"), "courses", "schema")
    assert printed.code == 0
    document: dict[str, Any] = json.loads(printed.out)
    return document


def test_the_schema_is_valid_and_describes_each_field(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"title", "lessons"} <= set(schema["properties"])


def test_the_schema_is_the_one_that_the_service_publishes(folder: Path, schema: dict[str, Any]) -> None:
    with forked_headway_serve(folder) as running, running.client() as client:
        assert client.get("/schemas/course").json() == schema


def test_valid_documents_are_accepted_by_schema_and_program(folder: Path, schema: dict[str, Any]) -> None:
    assert {name: faults(schema, document) for name, document in GOOD.items()} == {name: [] for name in GOOD}
    for document in GOOD.values():
        document_file(folder / "courses" / f"{document['id']}.json", document)
    assert headway(folder, "courses", "put", "courses").code == 0


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_an_invalid_document_is_refused_by_schema_and_program(
    folder: Path, schema: dict[str, Any], document: Any
) -> None:
    assert faults(schema, document)
    assert put(folder, document) == 2


@pytest.mark.parametrize("document", BEYOND_A_SCHEMA.values(), ids=BEYOND_A_SCHEMA)
def test_the_program_refuses_faults_that_the_schema_can_not_express(
    folder: Path, schema: dict[str, Any], document: dict[str, Any]
) -> None:
    assert faults(schema, document) == []
    assert put(folder, document) == 2


def faults(schema: dict[str, Any], document: Any) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [fault.message for fault in validator.iter_errors(document)]


def put(folder: Path, document: Any) -> int:
    file = folder / "course.json"
    file.write_text(json.dumps(document))
    return headway(folder, "courses", "put", str(file)).code
