"""Progress on behalf of learners, of the token's own learner, and of many learners at once."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from headway.client import ME, AsyncClient, ConditionFailedError, HeadwayError, NotFoundError, learner_id
from support.clients import made
from support.faulty import Reply, faulty
from support.running import token


async def test_progress_on_behalf(client: AsyncClient, learner: str, course_id: str, lessons: list[str]) -> None:
    written = await client.progress.write(learner, course_id, lessons[1], {"quiz_score": 40, "quiz_attempts": 1})
    assert (written.progress["status"], written.progress["quiz_score"]) == ("in_progress", 40)
    assert written.written_by == learner_id("backend@example.org")
    again = await client.progress.write(learner, course_id, lessons[1], {"quiz_score": 30, "quiz_attempts": 2})
    assert again.kept == ("quiz_score",)
    assert again.progress["quiz_score"] == 40
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    assert [one["lesson_id"] for one in await client.progress.of(learner, course_id)] == lessons[:2]
    summary = await client.progress.summary(learner, course_id)
    assert (summary["completed_lessons"], summary["completion_percentage"]) == (1, 50)
    assert await client.progress.courses(learner) == [summary]
    explained = await client.progress.explained_summary(learner, course_id)
    assert [one["counted"] for one in explained["explanation"]["lessons"]] == [True, True, False]
    outline = await client.progress.outline(learner, course_id)
    assert [one["status"] for one in outline] == ["completed", "in_progress", "not_started"]


async def test_a_conditional_write_may_go_back_and_is_refused_when_the_progress_has_changed(
    client: AsyncClient, learner: str, course_id: str, lessons: list[str]
) -> None:
    await client.progress.write(learner, course_id, lessons[0], {"progress_percentage": 80})
    read = await client.progress.lesson(learner, course_id, lessons[0])
    back = await client.progress.write(learner, course_id, lessons[0], {"progress_percentage": 10}, if_match=read.etag)
    assert back.progress["progress_percentage"] == 10
    with pytest.raises(ConditionFailedError) as refused:
        await client.progress.write(learner, course_id, lessons[0], {"progress_percentage": 5}, if_match=read.etag)
    assert (refused.value.status, refused.value.code) == (412, "precondition_failed")
    with pytest.raises(ConditionFailedError):
        await client.progress.remove(learner, course_id, lessons[0], if_match=read.etag)
    await client.progress.remove(learner, course_id, lessons[0], if_match=back.etag)
    with pytest.raises(NotFoundError) as missing:
        await client.progress.lesson(learner, course_id, lessons[0])
    assert missing.value.code == "progress_not_found"
    assert missing.value.detail


async def test_a_course_is_started_over(client: AsyncClient, learner: str, course_id: str, lessons: list[str]) -> None:
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    with pytest.raises(HeadwayError) as refused:
        await client.progress.start_over(learner, course_id, run=2)
    assert (refused.value.status, refused.value.code) == (409, "other_run")
    await client.progress.start_over(learner, course_id, run=1)
    assert await client.progress.of(learner, course_id) == []


async def test_me_is_the_tokens_own_learner(
    client_of: Callable[..., AsyncClient], learner: str, course_id: str, lessons: list[str]
) -> None:
    own = client_of(learner)
    written = await own.progress.write(ME, course_id, lessons[0], {"status": "completed"})
    assert written.progress["user_id"] == learner
    assert written.written_by is None
    await own.progress.write(ME, course_id, lessons[1], {"quiz_passed": True})
    [completion] = await own.progress.completions(ME)
    assert completion["course_id"] == course_id


async def test_faults_are_listed_and_nothing_of_what_was_sent_is_repeated(
    client: AsyncClient, learner: str, course_id: str, lessons: list[str]
) -> None:
    secret: Any = {"progress_percentage": "a secret", "metadata": 5}
    with pytest.raises(HeadwayError) as refused:
        await client.progress.write(learner, course_id, lessons[0], secret)
    error = refused.value
    assert (error.status, error.code) == (422, None)
    assert [fault["loc"] for fault in error.faults] == [["body", "progress_percentage"], ["body", "metadata"]]
    assert "progress_percentage" in str(error)
    assert "secret" not in str(error) + repr(vars(error))


async def test_many_lines_are_written_and_refused_ones_are_numbered(
    client: AsyncClient, course_id: str, lessons: list[str]
) -> None:
    learners = [str(uuid4()) for _ in range(3)]
    lines: Any = [
        {"user_id": one, "course_id": course_id, "lesson_id": lessons[0], "status": "completed"} for one in learners
    ]
    lines.insert(1, lines[0] | {"lesson_id": str(uuid4())})
    report = await client.progress.write_many(iter(lines))
    assert (report["lines"], report["written"], report["refused"]) == (4, 3, 1)
    assert [(fault["line"], fault["type"]) for fault in report["errors"]] == [(2, "lesson_not_found")]
    summary = await client.progress.summary(learners[2], course_id)
    assert summary["completed_lessons"] == 1
    with pytest.raises(HeadwayError) as refused:
        await client.progress.write_many(lines, atomic=True)
    assert [fault["loc"][:2] for fault in refused.value.faults] == [["body", 2]]
    tried = await client.progress.write_many([lines[0] | {"time_spent_minutes": 4}], dry_run=True)
    assert tried["written"] == 1
    [stored] = await client.progress.of(learners[0], course_id)
    assert stored["time_spent_minutes"] == 0
    assert (await client.progress.write_many([]))["lines"] == 0


async def test_lines_beyond_one_import_are_divided_and_their_reports_added_up(kind: str) -> None:
    report = {
        "lines": 2, "written": 1, "unchanged": 0, "refused": 1, "held_back": 0, "ignored": ["colour"],
        "errors": [{"line": 2, "loc": ["status"], "msg": "Wrong", "type": "enum"}],
        "encoding": "utf-8", "separator": None,
    }  # fmt: skip
    line: Any = {"user_id": "u", "course_id": "c", "lesson_id": "l", "user_notes": "x" * 4_000_000}
    with faulty(Reply(200, report)) as server:
        client = made(kind, server.address, "a token")
        total = await client.progress.write_many([line] * 4, key="autumn")
        await client.aclose()
    assert [request.body.count(b"\n") for request in server.received] == [1, 1]
    assert [request.headers["idempotency-key"] for request in server.received] == ["autumn-0", "autumn-1"]
    assert (total["lines"], total["written"], total["ignored"]) == (4, 2, ["colour"])
    assert [fault["line"] for fault in total["errors"]] == [2, 4]


async def test_an_export_is_imported_for_another_learner(
    client: AsyncClient, learner: str, course_id: str, lessons: list[str]
) -> None:
    await client.progress.write(learner, course_id, lessons[0], {"status": "completed"})
    export = await client.people.export(learner)
    other = str(uuid4())
    content = json.dumps(export).encode()
    await client.progress.import_file(content, "application/json", learner=other)
    assert [one["status"] for one in await client.progress.of(other, course_id)] == ["completed"]
    csv = f"user_id,course_id,lesson_id,quiz_score\n{other},{course_id},{lessons[1]},80\n".encode()
    first = await client.progress.import_file(csv, "text/csv", key=str(uuid4()))
    assert (first["written"], first["separator"]) == (1, ",")
    await client.people.erase(other)
    assert await client.progress.of(other, course_id) == []


async def test_writes_of_a_device_have_the_time_at_which_they_were_made(
    client_of: Callable[..., AsyncClient], learner: str, course_id: str, lessons: list[str]
) -> None:
    made_at = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)
    ids = {"course_id": course_id, "made_at": made_at.isoformat()}
    writes: Any = [
        {"key": "first", **ids, "lesson_id": lessons[0], "progress": {"status": "completed"}},
        {"key": "second", **ids, "lesson_id": str(uuid4()), "progress": {"status": "completed"}},
    ]
    device = client_of(learner)
    results = await device.progress.sync(writes)
    assert [(one["key"], one["status"]) for one in results] == [("first", 200), ("second", 404)]
    assert results[0]["error"] is None
    stored = results[0]["lesson_progress"]
    assert stored is not None
    assert abs(datetime.fromisoformat(stored["completed_at"] or "") - made_at) < timedelta(minutes=1)
    assert await device.progress.sync(writes) == results
    assert await device.progress.of(ME, course_id) == [stored]


async def test_writes_of_a_device_are_sent_in_parts_with_the_time_of_sending(kind: str) -> None:
    writes: Any = [
        {"key": str(number), "course_id": "c", "lesson_id": "l", "progress": {"progress_percentage": 1}}
        for number in range(501)
    ]
    replies = [
        Reply(503, {"detail": "Later", "code": "store_unavailable"}, {"Retry-After": "0"}),
        Reply(200, {"results": [{"key": str(number), "status": 200} for number in range(500)]}),
        Reply(200, {"results": [{"key": "500", "status": 404, "error": {"code": "lesson_not_found"}}]}),
    ]
    with faulty(*replies) as server:
        client = made(kind, server.address, token("ada"))
        results = await client.progress.sync(writes)
        await client.aclose()
    assert [result["key"] for result in results] == [write["key"] for write in writes]
    assert results[-1]["status"] == 404
    bodies = server.bodies()
    assert [len(body["writes"]) for body in bodies] == [500, 500, 1]
    assert {request.path for request in server.received} == {"/api/v1/education/progress/sync"}
    sent = [datetime.fromisoformat(body["sent_at"]) for body in bodies]
    assert sent[0] < sent[1] < sent[2] <= datetime.now(UTC)
