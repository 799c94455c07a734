"""Schemathesis: the running process answers valid and invalid requests as the OpenAPI document says."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import settings
from pydantic import ValidationError
from referencing.jsonschema import DRAFT202012
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests

from headway import Settings, create_router
from headway.formats.event_query import EventParameters
from headway.http.api.routes import OPERATIONS
from support.program import forked_headway_serve
from support.running import PATIENCE, PREFIX, SECRET, STORES, Running, authorization, course, token

pytestmark = pytest.mark.slow

# A condition that is well-formed may still not hold: 304 and 412 are documented, and no fault of the service. Any
# number is a cursor, also of another feed: 410.
CHECKS = {"positive_data_acceptance": {"expected-statuses": ["2xx", "304", "404", "409", "410", "412"]}}
# A course that was started over is still there: by contract its list is empty, its summary counts from zero, and the
# next write makes lesson progress again, which Schemathesis does not take for making anew what was deleted. A learner
# who was erased is one of whom nothing is stored, and has empty lists.
_OF_A_COURSE = ["get_user_course_progress", "get_course_completion_stats", "get_lesson_progress", "get_course_outline"]
_OF_A_LEARNER = [f"{name}_of_learner" for name in (*_OF_A_COURSE, "get_user_courses", "list_completions")]
ANSWERED_AFTER_DELETE = {
    "include-operation-id": [*_OF_A_COURSE, *_OF_A_LEARNER, "export_learner"],
    "checks": {"use_after_free": {"enabled": False}},
}
# Files are texts to the document: that they are CSV or NDJSON its description alone says. Other methods of their path
# are those of a course's path, with a word for an id.
FILES = {
    "include-operation-id": ["import_progress", "import_people", "validate_course"],
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "422"]},
        "negative_data_rejection": {"enabled": False},  # any text is a file, with lines that are refused
        "unsupported_method": {"enabled": False},
        "allow_header_conformance": {"enabled": False},
    },
}
# A fault of one write is an answer for that write alone. Its path, too, is a course's with a word for an id.
SYNC = {
    "include-operation-id": ["sync_progress"],
    "checks": {
        name: {"enabled": False}
        for name in ("negative_data_rejection", "unsupported_method", "allow_header_conformance")
    },
}
# Every request brings a token: what is left out of a request by intention is never that.
_GENERATION = {"with-security-parameters": False}
_ANY_DATA = {"checks": CHECKS, "operations": [FILES, SYNC]}
ANY_DATA = SchemathesisConfig.from_dict(_ANY_DATA | {"generation": _GENERATION | {"max-examples": 10}})
# The requests that the phase `coverage` counts off are the same ones each time, and nearly all of them are refused
# before a store is asked: PostgreSQL is asked some of the others.
FEW_DATA = SchemathesisConfig.from_dict(
    _ANY_DATA | {"generation": _GENERATION | {"max-examples": 5}, "phases": {"coverage": {"enabled": False}}}
)
VALID_DATA = SchemathesisConfig.from_dict(
    {"generation": {"mode": "positive"}, "checks": CHECKS, "operations": [ANSWERED_AFTER_DELETE, FILES, SYNC]}
)


@cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document, made in the tests' process."""
    application = FastAPI()
    application.include_router(create_router(Settings(jwt_secret=SECRET)))
    return application.openapi()


@schemathesis.serializer("text/csv", "application/x-ndjson", "application/yaml", "application/zip")
def _as_it_is(_context: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


WORDS = {
    *jsonschema.Draft202012Validator.VALIDATORS,
    "contentMediaType", "default", "deprecated", "description", "else", "examples", "then", "title",
}  # fmt: skip
"""The keywords of JSON Schema (2020-12): those that check something, and those that describe."""
NAMES = [f"{one.method} {PREFIX}{one.path}" for one in OPERATIONS]
SCOPES = (
    "courses:write", "enrolments:write", "groups:write", "learners:admin", "statistics:read", "events:read",
    "webhooks:write",
)  # fmt: skip
CATALOGUE_WRITES = ("put_course", "remove_course")


@pytest.fixture(scope="module")
def known(running: Running) -> dict[str, str]:
    """Return a course and a lesson that exist, and the id of a webhook, by the names of the path parameters."""
    document = course()
    return {
        "course_id": running.put_course(document),
        "lesson_id": document["lessons"][0]["id"],
        "webhook_id": str(uuid4()),
    }


@pytest.fixture(scope="module")
def caller() -> dict[str, str]:
    """Return the headers of a learner who is also an author, a teacher and an administrator."""
    return authorization(str(uuid4()), *SCOPES)


def _caller_of(case: Case[Any], caller: dict[str, str]) -> dict[str, str]:
    """Return the caller's headers. For a stream the token ends soon, because the stream ends with it."""
    if not case.path.endswith("/stream"):
        return caller
    return {"Authorization": f"Bearer {token(str(uuid4()), *SCOPES, lifetime=timedelta(seconds=5))}"}


def _examples(name: str, config: SchemathesisConfig) -> int:
    """Return how many requests are drawn. A stream gets few, because each lasts as long as its token."""
    return 3 if name.endswith("/stream") else config.projects.default.generation.max_examples or 1


def _is_valid(case: Case[Any], part: ParameterLocation) -> bool:
    """Return whether Schemathesis means this part of the request to follow the document."""
    found = case.meta.components.get(part) if case.meta else None
    return found is None or found.mode is GenerationMode.POSITIVE


def _name_what_exists(case: Case[Any], known: dict[str, str]) -> None:
    """Three times in four ask for a course and a lesson that exist, instead of any."""
    if case.operation.definition.raw["operationId"] in CATALOGUE_WRITES:
        return
    for name in case.path_parameters.keys() & known.keys():
        if UUID(case.path_parameters[name]).int % 4:
            case.path_parameters[name] = known[name]


def _keep_the_rules_that_no_schema_can_state(case: Case[Any]) -> None:  # noqa: C901 - a case for each operation
    """Change a body such that it keeps these rules.

    A profile has the name of a zone that there is. A course document has that, the path's id, no lesson twice, and no
    lesson that requires others. A due date has a year from 2 to 9998, and is after the start. Times that a write brings
    are in order, and a lesson that was completed then is completed. A webhook has an address of https, and types of
    events that are recorded.
    """
    if not isinstance(case.body, dict):
        return
    body: dict[str, Any] = case.body
    match case.operation.definition.raw["operationId"]:
        case "put_group":
            body |= dict.fromkeys(body.keys() & {"id"})
            body.pop("courses", None)
        case "update_learners_lesson_progress":
            for name in ("created_at", "completed_at", "updated_at"):
                body.pop(name, None)
        case "put_enrolment" | "enrol_group" | "begin_run":
            body |= dict.fromkeys(body.keys() & {"starts_at", "due_at"})
        case "put_profile" if body.get("time_zone") is not None:
            body["time_zone"] = "Europe/Berlin"
        case "put_webhook":
            # It is not sent to: a receiver that no test has would be a name that is looked up again and again.
            body |= {"address": "https://lms.example/hooks", "enabled": False}
            if body.get("types") is not None:
                body["types"] = ["course.completed"]
        case "commit":
            body.pop("runtimeData", None)
            body["cmi"] = {"completion_status": "completed"}
        case "put_course":
            _keep_the_rules_of_courses(body, case.path_parameters["course_id"])


def _keep_the_rules_of_courses(document: dict[str, Any], course_id: str) -> None:
    if document.get("id") is not None:
        document["id"] = course_id
    if "time_zone" in document:
        document["time_zone"] = "Europe/Berlin"
    for position, lesson in enumerate(document["lessons"]):
        lesson["id"] = str(uuid5(UUID(course_id), str(position)))
        for name in ("due_at", "requires"):
            lesson.pop(name, None)


def _ask_for_what_can_be_asked(case: Case[Any], known: dict[str, str]) -> None:
    """Change a query such that it keeps these rules.

    Days are in order and few, a cursor is one that was answered, a query has few words, two groups are compared.
    """
    case.query.pop("cursor", None)
    case.query.pop("before", None)
    if case.operation.definition.raw["operationId"] == "compare_course_statistics":
        case.query = {"group": [str(uuid4()), str(uuid4())]}
    if "query" in case.query:
        case.query["query"] = "ada love"
    if "from" in case.query:
        case.query["to"] = case.query["from"]
    is_known = case.path_parameters.get("course_id") == known["course_id"]
    for name in ("at_lesson", "incomplete_lesson"):
        if name in case.query and is_known:
            case.query[name] = known["lesson_id"]
        else:
            case.query.pop(name, None)


def _let_nobody_wait(case: Case[Any]) -> None:
    """Ask at once for events: many requests that wait would take longer than a test may.

    Also where the query is meant to be invalid: it may be so by another parameter, or be valid for the service.
    """
    wait = case.query.get("wait")
    if isinstance(wait, list):
        case.query["wait"] = [_not_waiting(one) for one in wait]
    elif wait is not None:
        case.query["wait"] = _not_waiting(wait)


def _not_waiting(wait: Any) -> Any:
    """Return 0 for a time that the service takes, and a value that it refuses as it is."""
    try:
        EventParameters.model_validate_strings({"wait": str(wait)})
    except ValidationError:
        return wait
    return 0


def _drop_metadata_out_of_bounds(case: Case[Any]) -> None:
    """Metadata is any JSON to the document; its description alone says that U+0000 and over 64 bits are not stored."""
    if isinstance(case.body, dict) and re.search(r"\\u0000|\d{19}", json.dumps(case.body.get("metadata"))):
        del case.body["metadata"]


def _drop_misfilled_headers(case: Case[Any]) -> None:
    """Schemathesis 4 fills a header whose pattern it can not narrow with 0, and takes it for valid."""
    parameters = case.operation.definition.raw.get("parameters", [])
    patterns = {one["name"]: one["schema"].get("pattern", "") for one in parameters}
    for name in case.headers.keys() & patterns.keys():
        if not re.search(patterns[name], str(case.headers[name])):
            del case.headers[name]


def _amend(case: Case[Any], known: dict[str, str]) -> None:
    """Make valid requests as valid as the service means it, and leave the invalid ones alone."""
    if _is_valid(case, ParameterLocation.PATH):
        _name_what_exists(case, known)
        if _is_valid(case, ParameterLocation.BODY):
            _keep_the_rules_that_no_schema_can_state(case)
    if _is_valid(case, ParameterLocation.BODY):
        _drop_metadata_out_of_bounds(case)
    if _is_valid(case, ParameterLocation.QUERY):
        _ask_for_what_can_be_asked(case, known)
    _let_nobody_wait(case)
    is_valid_as_a_whole = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if is_valid_as_a_whole or _is_valid(case, ParameterLocation.HEADER):
        _drop_misfilled_headers(case)


def test_the_checked_document_is_the_one_of_the_service(visitor: httpx.Client) -> None:
    shown = visitor.get("/openapi.json").json()
    document = _document()
    assert (shown["paths"], shown["components"]) == (document["paths"], document["components"])
    described = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
    assert sorted(described) == sorted(NAMES)


def test_schemas_say_every_bound_in_a_word_of_json_schema() -> None:
    """A bound in another word is one that no reader of the document knows."""
    schemas = [*_document()["components"]["schemas"].values(), *_values_of("schema", _document()["paths"])]
    assert {word for schema in schemas for word in _words_of(schema)} - WORDS == set()


def _values_of(name: str, part: Any) -> Iterator[Any]:
    """Yield what has this name, wherever it is in a part of the document."""
    if isinstance(part, list):
        for one in part:
            yield from _values_of(name, one)
    if isinstance(part, dict):
        for key, value in part.items():
            yield from [value] if key == name else _values_of(name, value)


def _words_of(schema: Any) -> Iterator[str]:
    """Yield the keywords of a schema and of those in it."""
    if isinstance(schema, dict):
        yield from schema
    for one in DRAFT202012.subresources_of(schema):
        yield from _words_of(one)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("running", "config"), [("sqlite", ANY_DATA), ("postgres", FEW_DATA)], indirect=["running"], ids=STORES
)
def test_every_operation_answers_as_documented(
    name: str, config: SchemathesisConfig, running: Running, known: dict[str, str], caller: dict[str, str]
) -> None:
    def answers(case: Case[Any]) -> None:
        _amend(case, known)
        case.call_and_validate(base_url=running.base_url, headers=_caller_of(case, caller))

    # As Schemathesis's `parametrize` does it, which makes the requests of all operations while tests are collected.
    # Excluded are the others: to include one does nothing where the configuration names operations.
    api = schemathesis.openapi.from_dict(_document(), config=config)
    operation = api.exclude(lambda other: other.operation.label != name)
    few = settings(deadline=None, max_examples=_examples(name, config))
    [made] = get_all_tests(schema=operation, test_func=answers, settings=few, given_kwargs=None)
    assert isinstance(made, Ok)
    _, test = made.ok()
    test()


def test_sequences_of_operations_answer_as_documented(folder: Path, connections: httpx.HTTPTransport) -> None:
    document = course()
    known = {"course_id": str(uuid4()), "lesson_id": document["lessons"][0]["id"]}
    machine = schemathesis.openapi.from_dict(_document(), config=VALID_DATA).as_state_machine()

    class Sequences(machine):  # type: ignore[misc, valid-type]
        def setup(self) -> None:
            """Begin with one course and a new learner: Hypothesis repeats sequences, and expects the same answers."""
            self.caller = authorization(str(uuid4()), *SCOPES)
            api = httpx.Client(
                base_url=service.base_url + PREFIX, headers=self.caller, transport=connections, timeout=PATIENCE
            )
            for line in api.get("/courses").json():
                api.delete(f"/courses/{line['id']}").raise_for_status()
            api.put(f"/courses/{known['course_id']}", json=document).raise_for_status()

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"base_url": service.base_url, "headers": _caller_of(case, self.caller)}

        def before_call(self, case: Case[Any]) -> None:
            _amend(case, known)
            for name in ("at_lesson", "incomplete_lesson", "failed_at_least"):  # no course need have kept its lessons
                case.query.pop(name, None)

    with forked_headway_serve(folder) as service:
        Sequences.run(settings=settings(max_examples=8, stateful_step_count=12, deadline=None))
