import json
import resource
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headway.domain.bounds import COURSE_LESSONS
from support.database import read_only, write_lock
from support.documents import as_written, course_document, document_file, full_document
from support.program import (
    Finished,
    ForkedProgram,
    Program,
    check_refusal,
    drain,
    headway,
    installed_headway,
    on_a_terminal,
    open_memory_file,
)
from support.running import lesson, service_environment

GIBIBYTE = 1024**3


@pytest.mark.parametrize("name", ["course.json", "course.yaml", "course.yml", "course"])
def test_a_document_becomes_the_course(program: Program, name: str) -> None:
    document = full_document()
    put = program("courses", "put", str(document_file(program.folder / name, document)))
    assert put.code == 0
    assert put.err == ""
    assert document["id"] in put.out
    assert put.out.endswith(": created, 2 added\n")
    assert shown(program, document["id"]) == document


def test_a_title_is_printed_unchanged(program: Program) -> None:
    document = course_document(title="[bold]Brackets[/] and [more]")
    assert document["title"] in put(program, document).out


def test_a_name_between_colons_stays_what_it_is(program: Program) -> None:
    document = course_document(title="Ratios :rocket: 1:2")
    assert document["title"] in put(program, document).out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_installed_script_puts_what_another_run_shows(program: Program) -> None:
    document = full_document()
    file = document_file(program.folder / "course.yaml", document)
    assert installed_headway(program.folder, "courses", "put", str(file), database_url=program.database_url).code == 0
    assert shown(program, document["id"]) == document


def test_missing_fields_get_their_defaults(program: Program) -> None:
    plain, quiz = lesson(), lesson(kind="quiz", pass_mark=50)
    document = course_document(plain, quiz)
    assert put(program, document).code == 0
    defaults: dict[str, Any] = {
        "section": None,
        "kind": "other",
        "duration_seconds": None,
        "required": True,
        "pass_mark": None,
    }
    defaults |= {"requires": [], "due_at": None, "due_after_days": None}
    assert shown(program, document["id"])["lessons"] == [
        {"content_id": plain["id"], "complete_at": 100} | defaults | plain,
        {"content_id": quiz["id"], "complete_at": None} | defaults | quiz,
    ]


def test_a_directory_is_read_with_its_subdirectories(program: Program) -> None:
    documents = [course_document(title=f"Course {number}") for number in range(4)]
    for document, name in zip(documents, ["a.json", "b.yaml", "below/c.yml", "below/deeper/d.json"], strict=True):
        document_file(program.folder / "courses" / name, document)
    (program.folder / "courses" / "README.md").write_text("No document.")
    assert program("courses", "put", "courses").out.count(": created, 3 added\n") == 4
    assert all(shown(program, document["id"])["title"] == document["title"] for document in documents)


def test_files_and_directories_may_be_named_together(folder: Path) -> None:
    first, second = course_document(), course_document()
    document_file(folder / "first.yaml", first)
    document_file(folder / "courses" / "second.json", second)
    lines = headway(folder, "courses", "put", "first.yaml", "courses").out.splitlines()
    assert [line.split()[0] for line in lines] == [first["id"], second["id"]]


def test_changes_are_printed(program: Program) -> None:
    document = course_document()
    first, second, third = document["lessons"]
    assert put(program, document).out.endswith(": created, 3 added\n")
    assert put(program, document).out.endswith(": unchanged\n")
    assert put(program, document | {"title": "Another title"}).out.endswith(": renamed\n")
    assert put(program, document | {"lessons": [third, first, second]}).out.endswith(": reordered, renamed\n")
    changed = [third | {"required": False}, lesson(), first]
    assert put(program, document | {"lessons": changed}).out.endswith(": 1 added, 1 removed, 1 changed\n")


def test_many_documents_in_a_pipe_show_no_bar(folder: Path) -> None:
    many_documents(folder)
    many = headway(folder, "courses", "put", "courses")
    assert many.code == 0
    assert many.err == ""
    assert [line.rpartition(": ")[2] for line in many.out.splitlines()] == ["created, 3 added"] * 5


def test_many_documents_on_a_terminal_show_a_bar(folder: Path) -> None:
    many_documents(folder)
    code, printed = on_a_terminal(folder, "courses", "put", "courses")
    assert code == 0
    assert "Reading" in printed
    assert "Putting" in printed
    assert "100%" in printed
    assert printed.count(": created, 3 added") == 5


def test_few_documents_on_a_terminal_show_no_bar(folder: Path) -> None:
    file = document_file(folder / "course.yaml", course_document())
    code, printed = on_a_terminal(folder, "courses", "put", str(file))
    assert code == 0
    assert "Putting" not in printed
    assert ": created, 3 added" in printed


LESSON_ID = str(uuid4())


@pytest.mark.parametrize(
    ("changes", "positions"),
    [
        ({"title": None}, ["title"]),
        ({"id": None}, ["id"]),
        ({"id": "no-uuid"}, ["id"]),
        ({"lessons": []}, ["lessons"]),
        ({"surprise": 1}, ["surprise"]),
        ({"lessons": [lesson(), lesson(kind="song")]}, ["lessons.1.kind"]),
        ({"lessons": [lesson(id=LESSON_ID), lesson(id=LESSON_ID)]}, ["lessons.1.id", LESSON_ID]),
        ({"lessons": [lesson(kind="video", pass_mark=50)]}, ["lessons.0.pass_mark", "quiz"]),
        ({"lessons": [lesson(complete_at=0)]}, ["lessons.0.complete_at"]),
        ({"lessons": [lesson(duration_seconds="90")]}, ["lessons.0.duration_seconds"]),
        ({"lessons": [lesson(surprise=1)]}, ["lessons.0.surprise"]),
        ({"title": "", "lessons": [lesson(title=""), {}]}, ["title", "lessons.0.title", "lessons.1.id"]),
    ],
)
def test_a_wrong_document_after_a_valid_one_stores_neither(
    folder: Path, changes: dict[str, Any], positions: list[str]
) -> None:
    document_file(folder / "courses" / "good.json", course_document())
    document_file(folder / "courses" / "not-so-good.yaml", course_document() | changes)
    refused = headway(folder, "courses", "put", "courses")
    check_refusal(refused, "courses/not-so-good.yaml", *positions)
    assert stored_courses(folder) == 0


def test_a_refused_document_keeps_the_stored_course_unchanged(program: Program) -> None:
    document = course_document()
    assert put(program, document).code == 0
    before = program("courses", "list").out
    document_file(program.folder / "renamed.json", document | {"title": "Another title"})
    document_file(program.folder / "bad.json", course_document() | {"lessons": []})
    for files in (["renamed.json", "bad.json"], ["bad.json", "renamed.json"]):
        check_refusal(program("courses", "put", *files), "bad.json")
    assert program("courses", "list").out == before
    assert shown(program, document["id"])["title"] == document["title"]


def test_more_lessons_than_a_course_may_have_are_refused(program: Program) -> None:
    document = course_document(*(lesson() for _ in range(COURSE_LESSONS + 1)))
    check_refusal(put(program, document), "lessons", str(COURSE_LESSONS))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"", ["JSON", "line 1"]),
        ("a.json", b'{"title": "x",\n  }', ["JSON", "line 2"]),
        ("a.json", b'{"title": NaN}', ["title"]),
        ("a.json", b'{"title": "\xff"}', ["JSON"]),
        ("a.json", b"[" * 10_000, ["JSON"]),
        ("a.json", b"title: YAML under another name", ["JSON"]),
        ("a.yaml", b"", ["object"]),
        ("a.yaml", b"title: [unclosed", ["YAML", "line 1"]),
        ("a.yaml", b"title: x\n---\ntitle: y", ["YAML"]),
        ("a.yaml", b"title: *absent", ["YAML", "absent"]),
        ("a.yaml", b"title: \xff\xfe\xff", ["YAML"]),
        ("a.yaml", b"title: !!binary aGVsbG8=", ["YAML"]),
        ("a.yaml", b"1: one", ["YAML"]),
        ("a.yaml", b"title: 99999999999999999999999", ["YAML"]),
        ("a.yaml", b'title: "\\ud800"', ["YAML"]),
        ("a.yaml", b"title: &loop [*loop]", ["YAML"]),
    ],
)
def test_a_file_that_holds_no_document_is_named_with_what_is_wrong(
    folder: Path, name: str, content: bytes, said: list[str]
) -> None:
    (folder / name).write_bytes(content)
    check_refusal(headway(folder, "courses", "put", name), name, *said)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("title: 2026-02-30", id="a day that does not exist"),
        pytest.param("title: !!int x", id="an integer that is none"),
        pytest.param("title: !!bool x", id="a truth value that is none"),
        pytest.param("title: " + "[" * 5_000, id="deeper than the parser goes"),
    ],
)
def test_wrong_yaml_is_refused_with_a_sentence(folder: Path, content: str) -> None:
    (folder / "a.yaml").write_text(content)
    check_refusal(headway(folder, "courses", "put", "a.yaml"), "a.yaml", "YAML")


@pytest.mark.parametrize(
    ("field", "number"), [("complete_at", ".inf"), ("pass_mark", "-.inf"), ("duration_seconds", ".nan")]
)
def test_a_number_that_json_does_not_have_is_refused(folder: Path, field: str, number: str) -> None:
    quiz = lesson(kind="quiz")
    text = document_file(folder / "a.yaml", course_document(quiz)).read_text()
    (folder / "a.yaml").write_text(text.replace("kind: quiz", f"kind: quiz\n  {field}: {number}"))
    check_refusal(headway(folder, "courses", "put", "a.yaml"), "a.yaml", f"lessons.0.{field}")


@pytest.mark.parametrize(
    ("first", "level"),
    [
        pytest.param("[x, x]", "[{}]", id="in a list"),
        pytest.param("{x: x}", "{{<<: [{}]}}", id="merged"),
    ],
)
def test_aliases_that_multiply_are_refused_before_they_take_all_time_and_memory(
    folder: Path, first: str, level: str
) -> None:
    levels = [f"a{number}: &a{number} " + level.format(", ".join([f"*a{number - 1}"] * 9)) for number in range(1, 12)]
    (folder / "a.yaml").write_text("\n".join([f"a0: &a0 {first}", *levels]))
    out, err = open_memory_file("out"), open_memory_file("err")
    program = ForkedProgram(("courses", "put", "a.yaml"), folder, service_environment(folder), out=out, err=err)
    try:
        resource.prlimit(program.pid, resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE))
        code = program.wait(20)
    finally:
        program.kill()
        finished = (drain(out), drain(err))
    check_refusal(Finished(code, *finished), "a.yaml")


def test_aliases_and_merge_keys_spare_repetition(program: Program) -> None:
    ids = [str(uuid4()) for _ in range(3)]
    (program.folder / "a.yaml").write_text(
        f"id: {ids[0]}\ntitle: T\nlessons:\n"
        f"- &first {{id: {ids[1]}, title: &name One, kind: video}}\n"
        f"- {{<<: *first, id: {ids[2]}, section: *name}}\n"
    )
    assert program("courses", "put", "a.yaml").code == 0
    lessons = shown(program, ids[0])["lessons"]
    assert [(one["title"], one["kind"], one["section"]) for one in lessons] == [
        ("One", "video", None),
        ("One", "video", "One"),
    ]


def test_a_date_for_a_title_is_the_text_that_it_was(program: Program) -> None:
    document = course_document(title="the title")
    text = document_file(program.folder / "a.yaml", document).read_text()
    (program.folder / "a.yaml").write_text(text.replace("the title", "2026-03-01"))
    assert program("courses", "put", "a.yaml").code == 0
    assert shown(program, document["id"])["title"] == "2026-03-01"


def test_a_missing_path_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    file = document_file(folder / "course.json", course_document())
    for path, said in (("absent.yaml", "does not exist"), ("empty", "no .json, .yaml or .yml")):
        check_refusal(headway(folder, "courses", "put", str(file), path), path, said)
    assert stored_courses(folder) == 0


def test_a_locked_database_is_said_to_be_unavailable_on_standard_error(folder: Path) -> None:
    program = Program(folder, f"sqlite:///{folder}/headway.db")
    assert put(program, course_document()).code == 0
    with write_lock(folder):
        refused = put(program, course_document(), lock_seconds=0.1)
    assert refused.code == 1
    assert refused.out == ""
    assert "not available" in refused.err
    assert "Traceback" not in refused.err


def put(program: Program, document: dict[str, Any], **settings: object) -> Finished:
    file = document_file(program.folder / "put.json", document)
    return program("courses", "put", str(file), **settings)


def shown(program: Program, course_id: str) -> dict[str, Any]:
    return as_written(json.loads(program("courses", "show", course_id).out))


def many_documents(folder: Path) -> None:
    for number in range(5):
        document_file(folder / "courses" / f"{number}.json", course_document())


def stored_courses(folder: Path) -> int:
    if not (folder / "headway.db").exists():
        return 0
    with closing(read_only(folder)) as connection:
        [[count]] = connection.execute("SELECT count(*) FROM courses").fetchall()
    return int(count)
