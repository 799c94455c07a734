"""Services behind PgBouncer in transaction mode: each transaction gets any free connection."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from support.load import Written, new_lesson_progress, players, stored
from support.postgres import pgbouncer
from support.program import forked_headway_serve
from support.running import Running, course, eventually, lesson


@pytest.fixture
def services(folder: Path, postgres_url: str) -> Iterator[Sequence[Running]]:
    """Two services, each with more connections to the pooler than that has to the server."""
    with pgbouncer(postgres_url, pool_size=2) as url, ExitStack() as started:
        services = [
            started.enter_context(
                forked_headway_serve(folder, database_url=url, transaction_pooler=True, postgres_connections=4)
            )
            for _ in range(2)
        ]
        yield services
        for service in services:
            assert "error" not in "".join(service.log)


def test_a_write_through_one_service_is_read_through_the_other(services: Sequence[Running]) -> None:
    all_progress = [new_lesson_progress(service) for service in services]
    with players(services[0], all_progress[0]) as some, players(services[1], all_progress[1]) as others:
        eventually(lambda: all(progress.acknowledged >= 20 for progress in (*all_progress[0], *all_progress[1])))
    assert [player.refusals for player in (*some, *others)] == [[]] * 6
    for service, written in zip(services, reversed(all_progress), strict=True):
        found = stored(service, written)
        assert {key: progress["quiz_attempts"] for key, progress in found.items()} == {
            (progress.learner, progress.lesson_id): progress.acknowledged for progress in written
        }


def test_a_catalogue_change_holds_for_the_next_write_through_the_other_service(
    services: Sequence[Running],
) -> None:
    one, other = services
    document = course()
    course_id = one.put_course(document)
    [progress, added] = [
        Written(str(uuid4()), course_id, lesson_id) for lesson_id in (document["lessons"][0]["id"], str(uuid4()))
    ]
    with other.client(progress.learner) as client, one.client(None, "courses:write") as author:
        assert client.put(progress.path, json={"status": "completed"}).status_code == 200

        one.put_course({**document, "lessons": [*document["lessons"], lesson(id=added.lesson_id)]}, course_id)
        assert client.put(added.path, json={}).status_code == 200
        assert client.get(f"/progress/{course_id}/summary").json()["total_lessons"] == 4

        one.put_course(document, course_id)
        assert client.put(added.path, json={"quiz_attempts": 1}).status_code == 404
        author.delete(f"/courses/{course_id}").raise_for_status()
        assert client.put(progress.path, json={"quiz_attempts": 1}).status_code == 404


def test_a_catalogue_change_is_read_through_the_other_service(
    services: Sequence[Running],
) -> None:
    one, other = services
    document = course()
    course_id = one.put_course(document)
    with other.client() as client, one.client(None, "courses:write") as author:
        summary, listed = f"/progress/{course_id}/summary", f"/progress/{course_id}"
        assert client.get(summary).json()["total_lessons"] == 3
        one.put_course({**document, "lessons": [*document["lessons"], lesson()]}, course_id)
        eventually(lambda: client.get(summary).json()["total_lessons"] == 4)
        author.delete(f"/courses/{course_id}").raise_for_status()
        eventually(lambda: client.get(listed).status_code == 404)
        one.put_course(document, course_id)
        eventually(lambda: client.get(listed).status_code == 200)
