"""`headway events tail`: what happened, with a running service and without one."""

import json
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema  # type: ignore[import-untyped]
import pytest

from headway.formats.events import event_schema
from support.documents import course_document, document_file
from support.program import Finished, Program, headway
from support.running import HEADWAY, lesson, service_environment


def enrolled(program: Program, document: dict[str, Any]) -> str:
    learner = str(uuid4())
    assert program("enrolments", "put", document["id"], learner).code == 0
    return learner


def go_on(program: Program, printed: Finished) -> Finished:
    """Run the command that was printed to go on with, as a shell reads it."""
    _, _, command = printed.err.partition("Go on with: headway ")
    return program(*shlex.split(command))


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_happened_is_printed_without_a_running_service(program: Program, document: dict[str, Any]) -> None:
    learner = enrolled(program, document)
    printed = program("events", "tail", "--no-follow")
    assert printed.code == 0
    published, enrolment = printed.out.splitlines()
    assert "  course.published " in published
    assert published.endswith(f"  {document['title']}")
    assert "  enrolment.created  " in enrolment
    assert learner in enrolment
    assert enrolment.endswith("  (on behalf)")
    assert printed.err.startswith("Go on with: headway events tail --after ")


def test_documents_are_one_a_line_and_the_cursor_goes_on(program: Program, document: dict[str, Any]) -> None:
    first = program("events", "tail", "--no-follow", "--json")
    [published] = documents(first.out)
    jsonschema.Draft202012Validator(event_schema()).validate(published)
    assert published["type"] == "course.published"
    learner = enrolled(program, document)
    [created] = documents(go_on(program, first).out)
    assert (created["type"], created["data"]["user_id"]) == ("enrolment.created", learner)
    assert program("events", "tail", "--after", "newest", "--no-follow").out == ""


def test_the_command_to_go_on_with_has_the_same_options(program: Program, document: dict[str, Any]) -> None:
    other = course_document(lesson())
    assert program("courses", "put", str(document_file(program.folder / "other.json", other))).code == 0
    first, _, second = [enrolled(program, one) for one in (document, other, document)]
    options = ("--types", "enrolment.created, run.started", "--course", document["id"], "--limit", "1", "--json")
    printed = program("events", "tail", "--after", "0", *options)
    assert printed.err.endswith(
        f" --types 'enrolment.created, run.started' --course {document['id']} --limit 1 --json\n"
    )
    for one, learner in ((printed, first), (go_on(program, printed), second)):
        [created] = documents(one.out)
        assert (created["type"], created["data"]["user_id"]) == ("enrolment.created", learner)
    assert program("events", "tail", "--no-follow", "--types", "enrolment.created").err.endswith(
        " --types enrolment.created --no-follow\n"
    )


def test_options_select(program: Program, document: dict[str, Any]) -> None:
    other = course_document(lesson())
    assert program("courses", "put", str(document_file(program.folder / "other.json", other))).code == 0
    for one in (document, other):
        enrolled(program, one)
    of_course = program("events", "tail", "--no-follow", "--json", "--course", other["id"])
    assert [one["type"] for one in documents(of_course.out)] == ["course.published", "enrolment.created"]
    of_type = program("events", "tail", "--no-follow", "--json", "--types", "enrolment.created,run.started")
    assert {one["type"] for one in documents(of_type.out)} == {"enrolment.created"}
    assert len(documents(program("events", "tail", "--after", "0", "--limit", "3", "--json").out)) == 3


def test_a_removed_course_is_named_by_its_id(program: Program, document: dict[str, Any]) -> None:
    assert program("courses", "remove", document["id"]).code == 0
    printed = program("events", "tail", "--no-follow", "--types", "course.removed")
    assert document["id"] in printed.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--after", "soon"), "--after soon is not a cursor"),
        (("--types", "lesson"), "--types lesson: Input should be types"),
        (("--types", "webhook.test"), "learner.erased, progress.updated."),
        (("--course", "none"), "COURSE"),
        (("--limit", "0"), "greater than or equal to 1"),
    ],
)
def test_wrong_options_are_refused(folder: Path, options: tuple[str, ...], complaint: str) -> None:
    refused = headway(folder, "events", "tail", "--no-follow", *options)
    assert refused.code == 2
    assert complaint in refused.err
    assert refused.out == ""


def test_events_that_are_off_or_gone_are_a_clear_error(folder: Path) -> None:
    off = headway(folder, "events", "tail", events_days=0)
    assert (off.code, off.out) == (1, "")
    assert "HEADWAY_EVENTS_DAYS" in off.err
    gone = headway(folder, "events", "tail", "--after", "999999")
    assert (gone.code, gone.out) == (1, "")
    assert "no longer kept" in gone.err


def heed_interrupts() -> None:
    """Undo that interrupts are ignored where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def tailing(program: Program, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the installed command until the block is left."""
    environment = service_environment(program.folder, database_url=program.database_url)
    process = subprocess.Popen(
        [HEADWAY, "events", "tail", *options],
        cwd=program.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - no thread of the tests holds a lock that this needs
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("is_served", [False, True], ids=["alone", "beside a service"])
def test_it_follows_until_it_is_interrupted(program: Program, document: dict[str, Any], is_served: bool) -> None:
    with tailing(program, "--after", "0", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "course.published"
        if is_served:
            with program.serve() as running, running.client() as client:
                path = f"/progress/{document['id']}/lessons/{document['lessons'][0]['id']}"
                client.put(path, json={"status": "completed"}).raise_for_status()
                found = [json.loads(process.stdout.readline())["type"] for _ in range(4)]
            assert found == ["enrolment.created", "course.started", "lesson.started", "lesson.completed"]
        else:
            learner = enrolled(program, document)
            assert json.loads(process.stdout.readline())["data"]["user_id"] == learner
        process.send_signal(signal.SIGINT)
        rest, complaint = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert complaint.startswith("Go on with: headway events tail --after ")
    assert len(complaint.splitlines()) == 1
