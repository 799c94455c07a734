"""Imports through the running service, compared with single writes of the learners."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.values import UPDATES_WITHOUT_NULLS
from headway.formats.progress_file import IMPORT_BODY_BYTES
from support.files import CSV, NDJSON, as_csv, line, ndjson

IMPORT = "/progress/import"
NOTHING = {
    "lines": 0,
    "written": 0,
    "unchanged": 0,
    "refused": 0,
    "held_back": 0,
    "errors": [],
    "ignored": [],
    "encoding": "utf-8",
    "separator": None,
}


@pytest.fixture
def ids(lesson_paths: list[str]) -> tuple[str, list[str]]:
    """Return the ids of the test's own course and its lessons."""
    return lesson_paths[0].split("/")[2], [path.rpartition("/")[2] for path in lesson_paths]


Lines = list[dict[str, Any]]
MakeLines = Callable[..., Lines]


@pytest.fixture
def some(ids: tuple[str, list[str]]) -> MakeLines:
    """Makes lines that are right, each of a new learner."""
    course_id, lesson_ids = ids
    return lambda count, **fields: [
        line(str(uuid4()), course_id, lesson_ids[number % 3], progress_percentage=number % 101, **fields)
        for number in range(count)
    ]


def send(client: httpx.Client, content: bytes, kind: dict[str, str] = NDJSON, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(IMPORT, content=content, headers=kind | named)


def lesson_progress_of(admin: httpx.Client, learner_id: str) -> Lines:
    all_progress: Lines = admin.get(f"/learners/{learner_id}/export").json()["lesson_progress"]
    return all_progress


def positioned(answer: httpx.Response) -> list[tuple[int, list[str], str]]:
    return [(error["line"], error["loc"], error["type"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_lines_become_lesson_progress_written_by_the_caller(
    admin: httpx.Client, admin_id: str, some: MakeLines, kind: str
) -> None:
    lines = some(5, user_notes='a, "b"\nc', metadata={"speed": 1.5}, is_bookmarked=True, quiz_score=70.5)
    content, header = (as_csv(lines, end="\r\n", mark="\ufeff"), CSV) if kind == "csv" else (ndjson(lines), NDJSON)
    nothing = NOTHING | {"separator": "," if kind == "csv" else None}
    assert send(admin, content, header).json() == nothing | {"lines": 5, "written": 5}
    for one in lines:
        [progress] = lesson_progress_of(admin, one["user_id"])
        assert progress.items() >= one.items()
        assert (progress["written_by"], progress["status"]) == (admin_id, "in_progress")
    assert send(admin, content, header).json() == nothing | {"lines": 5, "unchanged": 5}


def test_the_answer_says_line_by_line_what_was_refused(
    admin: httpx.Client, some: MakeLines, ids: tuple[str, list[str]]
) -> None:
    course_id, lesson_ids = ids
    good = some(3)
    unknown = str(uuid4())
    lines = [
        good[0],
        line("ada", course_id, lesson_ids[0]),
        good[1],
        line(str(uuid4()), unknown, lesson_ids[0]),
        line(str(uuid4()), course_id, unknown),
        line(str(uuid4()), course_id, lesson_ids[0], quiz_score=101, quiz_attempts=-1),
        line(str(uuid4()), course_id, lesson_ids[0], metadata={"a": "x" * 17_000}),
        good[2],
    ]
    answer = send(admin, as_csv(lines), CSV)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("lines", "written", "unchanged", "refused")} == {
        "lines": 8, "written": 3, "unchanged": 0, "refused": 5,
    }  # fmt: skip
    assert positioned(answer) == [
        (3, ["user_id"], "uuid_parsing"),
        (5, ["course_id"], "course_not_found"),
        (6, ["lesson_id"], "lesson_not_found"),
        (7, ["quiz_score"], "less_than_equal"),
        (7, ["quiz_attempts"], "greater_than_equal"),
        (8, ["metadata"], "metadata_out_of_bounds"),
    ]
    assert all(list(error) == ["line", "loc", "msg", "type"] and error["msg"] for error in answer.json()["errors"])
    assert [len(lesson_progress_of(admin, one["user_id"])) for one in good] == [1, 1, 1]


@st.composite
def _files(draw: st.DrawFn) -> list[tuple[int, int, Any]]:
    """Lines of a few learners in a few lessons: many of the same lesson progress, a few of an unknown lesson."""
    return draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), UPDATES_WITHOUT_NULLS), min_size=1, max_size=25)
    )


@pytest.mark.slow
def test_an_import_has_the_same_result_as_single_writes(admin: httpx.Client, ids: tuple[str, list[str]]) -> None:
    course_id, lesson_ids = ids
    lessons = [*lesson_ids, str(uuid4())]

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_files(), st.booleans())
    def check(file: list[tuple[int, int, Any]], is_csv: bool) -> None:
        imported, single = ([str(uuid4()) for _ in range(3)] for _ in range(2))
        lines = [line(imported[who], course_id, lessons[where], **update) for who, where, update in file]
        # In CSV an empty cell says nothing, so an empty text is none.
        sent = [{name: value for name, value in one.items() if not (is_csv and value == "")} for one in lines]
        expected = {"written": 0, "unchanged": 0, "refused": 0}
        etags: dict[tuple[int, int], str] = {}
        for (who, where, _), one in zip(file, sent, strict=True):
            body = {name: value for name, value in one.items() if not name.endswith("_id")}
            path = f"/learners/{single[who]}/progress/{course_id}/lessons/{lessons[where]}"
            put = admin.put(path, json=body)
            if put.status_code == 404:
                expected["refused"] += 1
                continue
            changed = etags.get((who, where)) != put.headers["etag"]
            etags[who, where] = put.headers["etag"]
            expected["written" if changed else "unchanged"] += 1
        content, kind = (as_csv(sent), CSV) if is_csv else (ndjson(sent), NDJSON)
        rehearsed = admin.post(IMPORT, content=content, headers=kind, params={"dry_run": "true"}).json()
        assert all(lesson_progress_of(admin, learner) == [] for learner in imported)
        report = send(admin, content, kind).json()
        assert report == rehearsed
        assert report.items() >= (expected | {"lines": len(file)}).items()
        for mine, theirs in zip(imported, single, strict=True):
            assert [_values(progress) for progress in lesson_progress_of(admin, mine)] == [
                _values(progress) for progress in lesson_progress_of(admin, theirs)
            ]

    check()


def _values(progress: dict[str, Any]) -> str:
    own = ("id", "user_id", "created_at", "updated_at", "completed_at")
    return json.dumps({name: value for name, value in progress.items() if name not in own})


@pytest.mark.parametrize("options", ["", "?atomic=true", "?dry_run=true"])
@pytest.mark.parametrize("count", [2, 100])
def test_completions_that_are_held_back_are_counted(
    author: httpx.Client, admin: httpx.Client, count: int, options: str
) -> None:
    course_id, lesson_id = str(uuid4()), str(uuid4())
    a_quiz = {"id": lesson_id, "title": "Fire safety", "kind": "quiz", "pass_mark": 80}
    author.put(f"/courses/{course_id}", json={"title": "Safety", "lessons": [a_quiz]}).raise_for_status()
    lines = [line(str(uuid4()), course_id, lesson_id, status="completed") for _ in range(count)]
    lines[0]["quiz_passed"] = True
    answer = admin.post(f"{IMPORT}{options}", content=ndjson(lines), headers=NDJSON).raise_for_status().json()
    assert answer == NOTHING | {"lines": count, "written": count, "held_back": count - 1}


def test_lines_of_one_lesson_progress_keep_their_order(admin: httpx.Client, ids: tuple[str, list[str]]) -> None:
    course_id, lesson_ids = ids
    learners = [str(uuid4()) for _ in range(4)]
    lines = [
        line(learner, course_id, lesson_ids[0], user_notes=f"note {number}", metadata={"last": number})
        for number in range(60)
        for learner in learners
    ]
    assert send(admin, ndjson(lines)).json()["written"] == 240
    for learner in learners:
        [progress] = lesson_progress_of(admin, learner)
        assert (progress["user_notes"], progress["metadata"], progress["version"]) == ("note 59", {"last": 59}, 60)


class TestDryRun:
    def test_dry_run_answers_the_report_and_writes_nothing(
        self, admin: httpx.Client, some: MakeLines, ids: tuple[str, list[str]]
    ) -> None:
        lines = [*some(300), line(str(uuid4()), ids[0], str(uuid4())), line(str(uuid4()), str(uuid4()), ids[1][0])]
        answer = admin.post(f"{IMPORT}?dry_run=true", content=ndjson(lines), headers=NDJSON)
        assert answer.json().items() >= {"lines": 302, "written": 300, "unchanged": 0, "refused": 2}.items()
        assert [position for _, position, _ in positioned(answer)] == [["lesson_id"], ["course_id"]]
        assert all(lesson_progress_of(admin, one["user_id"]) == [] for one in lines[::50])

    def test_dry_run_applies_lines_to_each_other_and_to_stored_progress(
        self, admin: httpx.Client, ids: tuple[str, list[str]]
    ) -> None:
        learner = str(uuid4())
        one = line(learner, ids[0], ids[1][0], quiz_score=50)
        lines = [one, one, one | {"metadata": {"a": "x" * 9_000}}, one | {"metadata": {"b": "x" * 9_000}}]
        for _ in range(2):
            answer = admin.post(f"{IMPORT}?dry_run=true", content=ndjson(lines), headers=NDJSON)
            assert answer.json().items() >= {"written": 2, "unchanged": 1, "refused": 1}.items()
            assert positioned(answer) == [(4, ["metadata"], "metadata_out_of_bounds")]
        assert send(admin, ndjson(lines[:1])).json()["written"] == 1
        answer = admin.post(f"{IMPORT}?dry_run=true", content=ndjson(lines), headers=NDJSON)
        assert answer.json().items() >= {"written": 1, "unchanged": 2, "refused": 1}.items()

    def test_dry_run_does_not_use_the_key(self, admin: httpx.Client, some: MakeLines) -> None:
        content, key = ndjson(some(2)), {"Idempotency-Key": str(uuid4())}
        for path, verb in ((f"{IMPORT}?dry_run=true", "dry"), (IMPORT, "real")):
            answer = admin.post(path, content=content, headers=NDJSON | key)
            assert answer.json()["written"] == 2, verb


class TestAtomic:
    def _send(self, admin: httpx.Client, lines: Sequence[Any], **headers: str) -> httpx.Response:
        return admin.post(f"{IMPORT}?atomic=true", content=ndjson(lines), headers=NDJSON | headers)

    def _rehearse(self, admin: httpx.Client, lines: Sequence[Any]) -> tuple[int, Any]:
        """Return the answer of the same request as a dry run."""
        answer = admin.post(f"{IMPORT}?atomic=true&dry_run=true", content=ndjson(lines), headers=NDJSON)
        return answer.status_code, answer.json()

    @pytest.mark.slow
    def test_atomic_import_writes_all_lines(self, admin: httpx.Client, admin_id: str, some: MakeLines) -> None:
        lines = some(700)
        rehearsed = self._rehearse(admin, lines)
        assert lesson_progress_of(admin, lines[-1]["user_id"]) == []
        assert self._send(admin, lines).json() == NOTHING | {"lines": 700, "written": 700} == rehearsed[1]
        assert lesson_progress_of(admin, lines[-1]["user_id"])[0]["written_by"] == admin_id
        assert self._send(admin, lines).json() == NOTHING | {"lines": 700, "unchanged": 700}

    @pytest.mark.parametrize("fault", ["value", "lesson", "course", "metadata"])
    def test_atomic_import_with_one_wrong_line_writes_nothing(
        self, admin: httpx.Client, some: MakeLines, ids: tuple[str, list[str]], fault: str
    ) -> None:
        learner = str(uuid4())
        bad, position = {
            "value": (line(learner, ids[0], ids[1][0], quiz_score=-1), "quiz_score"),
            "lesson": (line(learner, ids[0], str(uuid4())), "lesson_id"),
            "course": (line(learner, str(uuid4()), ids[1][0]), "course_id"),
            "metadata": (line(learner, ids[0], ids[1][0], metadata={"a": "x" * 17_000}), "metadata"),
        }[fault]
        lines = [*some(300), bad, *some(20)]
        refused = self._send(admin, lines)
        assert refused.status_code == 422
        assert [error["loc"] for error in refused.json()["detail"]] == [["body", 301, position]]
        assert self._rehearse(admin, lines) == (refused.status_code, refused.json())
        assert all(lesson_progress_of(admin, one["user_id"]) == [] for one in (lines[0], lines[299], lines[-1]))

    def test_atomic_import_names_every_malformed_line(self, admin: httpx.Client, some: MakeLines) -> None:
        lines = some(5)
        lines[1]["quiz_score"], lines[3]["user_id"] = 101, "ada"
        refused = self._send(admin, lines)
        assert [error["loc"] for error in refused.json()["detail"]] == [
            ["body", 2, "quiz_score"],
            ["body", 4, "user_id"],
        ]
        assert self._rehearse(admin, lines) == (refused.status_code, refused.json())

    @pytest.mark.slow
    def test_atomic_import_refuses_more_than_10_000_lines(
        self, admin: httpx.Client, ids: tuple[str, list[str]]
    ) -> None:
        one = line(str(uuid4()), ids[0], ids[1][0])
        refused = self._send(admin, [one] * 10_001)
        assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "too_many_lines")
        assert self._rehearse(admin, [one] * 10_001) == (refused.status_code, refused.json())
        assert lesson_progress_of(admin, one["user_id"]) == []

    def test_refused_atomic_import_leaves_its_key_free(self, admin: httpx.Client, some: MakeLines) -> None:
        lines, key = some(3), {"Idempotency-Key": str(uuid4())}
        wrong = [*lines, lines[0] | {"quiz_score": 101}]
        assert self._send(admin, wrong, **key).status_code == 422
        assert self._send(admin, lines, **key).json()["written"] == 3
        assert self._send(admin, lines, **key).json()["written"] == 3


class TestKeys:
    def test_the_same_key_answers_the_same_and_writes_nothing_again(
        self, admin: httpx.Client, some: MakeLines, ids: tuple[str, list[str]]
    ) -> None:
        lines = [*some(3), line(str(uuid4()), ids[0], str(uuid4()))]
        key = str(uuid4())
        first = send(admin, ndjson(lines), Idempotency_Key=key)
        admin.delete(f"/learners/{lines[0]['user_id']}").raise_for_status()
        again = send(admin, ndjson(lines), Idempotency_Key=key)
        assert (again.status_code, again.json()) == (200, first.json())
        assert first.json().items() >= {"written": 3, "refused": 1}.items()
        assert lesson_progress_of(admin, lines[0]["user_id"]) == []
        assert send(admin, ndjson(lines), Idempotency_Key=key + "x").json()["written"] == 1

    def test_the_same_key_with_another_body_is_refused(self, admin: httpx.Client, some: MakeLines) -> None:
        lines, key = some(2), f'"{uuid4()}"'
        assert send(admin, ndjson(lines), Idempotency_Key=key).status_code == 200
        other = some(1)
        for content, kind, query in (
            (ndjson(other), NDJSON, ""),
            (as_csv(lines), CSV, ""),
            (ndjson(lines), NDJSON, "?atomic=true"),
        ):
            refused = admin.post(IMPORT + query, content=content, headers=kind | {"Idempotency-Key": key})
            assert refused.status_code == 422
            [fault] = refused.json()["detail"]
            assert (fault["loc"], fault["type"]) == (["header", "Idempotency-Key"], "idempotency_key_reused")
        assert lesson_progress_of(admin, other[0]["user_id"]) == []

    def test_each_caller_has_separate_keys(
        self, client_of: Callable[..., httpx.Client], admin: httpx.Client, some: MakeLines
    ) -> None:
        key = str(uuid4())
        for caller in (admin, client_of(str(uuid4()), "learners:admin")):
            assert send(caller, ndjson(some(1)), Idempotency_Key=key).json()["written"] == 1

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
    def test_a_malformed_key_is_refused(self, admin: httpx.Client, some: MakeLines, key: str) -> None:
        headers = {name.encode(): value.encode() for name, value in (NDJSON | {"Idempotency-Key": key}).items()}
        refused = admin.post(IMPORT, content=ndjson(some(1)), headers=headers)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]


class TestRefusals:
    @pytest.mark.parametrize("scopes", [(), ("courses:write",)])
    def test_an_import_without_the_scope_is_refused(
        self, client_of: Callable[..., httpx.Client], scopes: tuple[str, ...]
    ) -> None:
        assert send(client_of(str(uuid4()), *scopes), b"", {}).status_code == 403

    @pytest.mark.parametrize("kind", [None, "application/xml", "text/plain", "csv", "text/csv2"])
    def test_an_unknown_content_type_is_refused_with_the_known_ones(
        self, admin: httpx.Client, kind: str | None
    ) -> None:
        refused = send(admin, b"", {"Content-Type": kind} if kind else {})
        assert refused.status_code == 415
        assert "text/csv" in refused.json()["detail"]

    @pytest.mark.parametrize("kind", ["TEXT/CSV", "text/csv;header=present", "text/csv ; charset=utf-8"])
    def test_the_content_type_may_have_parameters_and_any_letter_case(self, admin: httpx.Client, kind: str) -> None:
        answer = send(admin, b"user_id,course_id,lesson_id\r\n", {"Content-Type": kind})
        assert (answer.status_code, answer.json()) == (200, NOTHING | {"separator": ","})

    def test_a_wrong_header_is_named_and_nothing_is_written(self, admin: httpx.Client, some: MakeLines) -> None:
        lines = some(2, colour="red")
        refused = send(admin, as_csv(lines), CSV)
        [fault] = refused.json()["detail"]
        assert (refused.status_code, fault["loc"], fault["type"]) == (422, ["body", 1, "colour"], "unknown_column")
        assert "colour" in fault["msg"]
        assert lesson_progress_of(admin, lines[0]["user_id"]) == []

    def test_an_empty_file_has_no_lines_and_needs_a_header_as_csv(self, admin: httpx.Client) -> None:
        assert send(admin, b"").json() == NOTHING
        assert send(admin, b"", CSV).status_code == 422

    @pytest.mark.parametrize("query", ["dry_run=perhaps", "atomic=", "dry_run=true&atomic=2"])
    def test_a_malformed_parameter_is_refused(self, admin: httpx.Client, query: str) -> None:
        refused = admin.post(f"{IMPORT}?{query}", content=b"", headers=NDJSON)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"][0] == "query"

    def test_an_unknown_parameter_is_ignored(self, admin: httpx.Client) -> None:
        assert admin.post(f"{IMPORT}?a=b&c", content=b"", headers=NDJSON).status_code == 200

    @pytest.mark.slow
    def test_a_file_over_its_bound_is_refused(self, admin: httpx.Client) -> None:
        assert send(admin, b"\n" * IMPORT_BODY_BYTES).json() == NOTHING
        assert send(admin, b"\n" * (IMPORT_BODY_BYTES + 1)).status_code == 413

    def test_the_first_faults_are_listed_and_all_are_counted(self, admin: httpx.Client) -> None:
        answer = send(admin, b"{}\n" * 1_500).json()
        assert (answer["lines"], answer["refused"], len(answer["errors"])) == (1_500, 1_500, 1_000)

    def test_other_methods_of_the_import_path_mean_a_course(self, admin: httpx.Client) -> None:
        assert admin.get(IMPORT).status_code == 422
        assert admin.put(IMPORT).status_code == 405

    def test_the_report_has_the_encoding_and_the_separator_of_a_spreadsheets_file(
        self, admin: httpx.Client, some: MakeLines
    ) -> None:
        content = as_csv(some(2)).decode().replace(",", ";").encode("utf-16")
        report = send(admin, content, CSV).json()
        assert report == NOTHING | {"lines": 2, "written": 2, "encoding": "utf-16", "separator": ";"}
