"""Moving an installation from one database to another, by the program itself."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cli.copies import (
    BATCH,
    COURSE,
    Copying,
    check_refusal,
    check_table,
    copied_progress,
    count_in,
    fill_sqlite,
    found_in,
    holding_up,
    installation,
)
from headway.domain.removals import Restart
from storage.stores import opened, postgres_store
from support.documents import course_document
from support.postgres import Databases, Session, session
from support.program import Program, headway
from support.running import Running, eventually


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    """Return the address of a database without tables, which the program has to make."""
    return empty_postgres_url


class Player:
    """A learner who writes with the etag of what was read."""

    def __init__(self, course_id: str, lessons: Sequence[str]) -> None:
        self.learner = str(uuid4())
        self.course_id = course_id
        self.lessons = lessons
        self.etag = ""
        self.minutes = 100.0

    def begin(self, running: Running) -> None:
        with running.client(self.learner) as client:
            for number, lesson_id in enumerate(self.lessons):
                client.put(
                    f"/progress/{self.course_id}/lessons/{lesson_id}",
                    json={"time_spent_minutes": 0.1 + number, "user_notes": "✎", "metadata": {"z": 1, "a": [1.5]}},
                ).raise_for_status()
            client.delete(f"/progress/{self.course_id}/lessons/{self.lessons[-1]}").raise_for_status()
            self.etag = client.get(f"/progress/{self.course_id}/lessons/{self.lessons[0]}").headers["ETag"]

    def is_named(self, running: Running) -> None:
        with running.client(None, "learners:admin") as admin:
            admin.put(f"/learners/{self.learner}/profile", json={"name": "Zoë ✎"}).raise_for_status()

    def go_on(self, running: Running) -> None:
        """Change what was read before; after that the same etag is refused."""
        path = f"/progress/{self.course_id}/lessons/{self.lessons[0]}"
        self.minutes -= 0.5
        with running.client(self.learner) as client:
            changed = client.put(path, json={"time_spent_minutes": self.minutes}, headers={"If-Match": self.etag})
            assert changed.status_code == 200, changed.text
            assert client.put(path, json={}, headers={"If-Match": self.etag}).status_code == 412
            self.etag = changed.headers["ETag"]

    def sees(self, running: Running) -> list[Any]:
        with running.client(self.learner) as client:
            # A copy does not know what its source had still to derive, so it looks for it at every learner's.
            eventually(lambda: client.get(f"/courses/{self.course_id}").json()["recalculation"] is None)
            paths = [f"/courses/{self.course_id}", f"/progress/{self.course_id}", "/progress"]
            paths.append(f"/learners/{self.learner}/profile")
            return [client.get(path).json() for path in paths]


def test_an_installation_moves_to_postgresql_and_back(folder: Path, sqlite_url: str, postgres_url: str) -> None:
    program, moved = Program(folder, sqlite_url), Program(folder, postgres_url)
    with program.serve() as running:
        document = course_document()
        course_id, lessons = document["id"], [each["id"] for each in document["lessons"]]
        running.put_course(document, course_id)
        players = [Player(course_id, lessons) for _ in range(3)]
        for player in players:
            player.begin(running)
            player.is_named(running)
        seen = [player.sees(running) for player in players]
        running.stop()
    group_id = str(uuid4())
    members = [option for player in players for option in ("--member", player.learner)]
    assert program("groups", "put", group_id, "--title", "Class ✎", *members).code == 0
    group = program("groups", "show", group_id, "--json").out
    copied = program("copy", sqlite_url, postgres_url)
    check_table(copied, courses=1, all_progress=6, all_course_progress=3, groups=1, profiles=3, events=19)
    assert moved("groups", "show", group_id, "--json").out == group
    assert moved("groups", "drop", group_id, players[0].learner).code == 0
    with moved.serve() as running:
        assert [player.sees(running) for player in players] == seen
        for player in players:
            player.go_on(running)
        seen = [player.sees(running) for player in players]
        running.stop()
    back = moved("copy", postgres_url, sqlite_url)
    check_table(back, courses=1, all_progress=6, all_course_progress=3, groups=1, profiles=3, events=19)
    assert copied_progress(back) == 7  # lesson progress and course progress of each learner, and the group
    assert players[0].learner not in program("groups", "show", group_id).out
    with program.serve() as running:
        assert [player.sees(running) for player in players] == seen
        for player in players:
            player.go_on(running)


def test_a_copy_between_two_files_is_complete(folder: Path, sqlite_url: str) -> None:
    before = installation(2)
    fill_sqlite(folder, before)
    (folder / "to").mkdir()
    check_table(
        headway(folder, "copy", sqlite_url, "sqlite:///to/headway.db"),
        courses=1,
        all_progress=100,
        all_course_progress=2,
    )
    assert found_in(folder / "to") == before


def test_a_copy_between_two_databases_of_a_server_is_complete(
    folder: Path, sqlite_url: str, postgres_url: str, databases: Databases
) -> None:
    before = installation(2)
    fill_sqlite(folder, before)
    assert headway(folder, "copy", sqlite_url, postgres_url).code == 0
    with databases.fresh() as other_url:
        check_table(
            headway(folder, "copy", postgres_url, other_url), courses=1, all_progress=100, all_course_progress=2
        )
        assert found_in(other_url) == before


def test_a_second_copy_writes_nothing(folder: Path, sqlite_url: str, postgres_url: str, connected: Session) -> None:
    fill_sqlite(folder, installation(2))
    assert copied_progress(headway(folder, "copy", sqlite_url, postgres_url)) == 103
    versions = "SELECT xmin::text FROM lesson_progress UNION SELECT xmin::text FROM course_progress " + "".join(
        f"UNION SELECT xmin::text FROM {table} " for table in ("courses", "lessons", "catalogue")
    )
    written = sorted(connected.rows(versions))
    again = headway(folder, "copy", sqlite_url, postgres_url)
    check_table(again, courses=1, all_progress=100, all_course_progress=2)
    assert copied_progress(again) == 0
    assert sorted(connected.rows(versions)) == written
    back = headway(folder, "copy", postgres_url, sqlite_url)
    assert copied_progress(back) == 0


def test_a_killed_copy_continues(folder: Path, sqlite_url: str, postgres_url: str, connected: Session) -> None:
    before = installation(50)
    fill_sqlite(folder, before)
    assert headway(folder, "migrate", database_url=postgres_url).code == 0
    with holding_up(connected, before.all_progress[BATCH + BATCH // 2]), session(postgres_url) as looking:
        under_way = Copying(folder, sqlite_url, postgres_url)
        eventually(lambda: looking.value("SELECT count(*) FROM lesson_progress") == BATCH)
        under_way.kill()
    went_on = headway(folder, "copy", sqlite_url, postgres_url)
    check_table(went_on, courses=1, all_progress=2_500, all_course_progress=50)
    # The batch that was held up may have gone through.
    assert copied_progress(went_on) in (2_500 - BATCH, 2_500 - 2 * BATCH)
    assert found_in(postgres_url) == before


def test_a_killed_copy_to_a_file_continues(folder: Path, sqlite_url: str) -> None:
    before = installation(100)
    fill_sqlite(folder, before)
    (folder / "to").mkdir()
    destination = f"sqlite:///{folder}/to/headway.db"
    under_way = Copying(folder, sqlite_url, destination)
    eventually(lambda: count_in(folder / "to") > 0)
    under_way.kill()
    assert count_in(folder / "to") % BATCH == 0
    check_table(
        headway(folder, "copy", sqlite_url, destination), courses=1, all_progress=5_000, all_course_progress=100
    )
    assert found_in(folder / "to") == before


def test_writes_to_the_source_during_the_copy_are_reported(
    folder: Path, sqlite_url: str, postgres_url: str, connected: Session
) -> None:
    before = installation(20)
    fill_sqlite(folder, before)
    assert headway(folder, "migrate", database_url=postgres_url).code == 0
    with holding_up(connected, before.all_progress[BATCH + BATCH // 2]), session(postgres_url) as looking:
        under_way = Copying(folder, sqlite_url, postgres_url)
        eventually(lambda: looking.value("SELECT count(*) FROM lesson_progress") == BATCH)
        with closing(sqlite3.connect(folder / "headway.db")) as connection, connection:
            connection.execute(
                "UPDATE lesson_progress SET version = 1000 WHERE user_id = ?", (before.all_progress[0].learner_id,)
            )
            connection.execute(
                "DELETE FROM lesson_progress WHERE user_id = ?", (before.all_progress[BATCH - 1].learner_id,)
            )
    finished = under_way.finish()
    check_refusal(finished, 1, "written to during the copy", "run the same command again")
    assert finished.out.splitlines()[3].split()[-3:] == ["950", "1,000", "100"]


def test_a_course_that_was_started_over_is_copied_as_such(folder: Path, sqlite_url: str, postgres_url: str) -> None:
    before = installation(2)
    fill_sqlite(folder, before)
    assert headway(folder, "copy", sqlite_url, postgres_url).code == 0
    learner = before.all_progress[0].learner_id

    async def start_over() -> None:
        async with opened(postgres_store(postgres_url)) as store:
            await store.restart_course(Restart(learner, COURSE.course.id))

    asyncio.run(start_over())
    check_refusal(headway(folder, "copy", sqlite_url, postgres_url), 2, "was changed there")
    back = f"sqlite:///{folder}/back.db"
    of_both = {"courses": 1, "all_progress": 50, "all_course_progress": 2, "events": 1}
    check_table(headway(folder, "copy", postgres_url, back), **of_both)
    again = headway(folder, "copy", back, postgres_url)
    check_table(again, **of_both)
    assert copied_progress(again) == 0


def test_a_pipe_gets_lines_and_a_terminal_bars(folder: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_sqlite(folder, installation(2))
    lines = headway(folder, "copy", sqlite_url, "sqlite:///one.db").err.splitlines()
    assert lines == [
        "Checking the destination: 0 of 0",
        "Copying: 103 of 103",
        "Counting: 100 of 100",
        "Comparing: 103 of 103",
    ]
    monkeypatch.setenv("FORCE_COLOR", "1")
    finished = headway(folder, "copy", sqlite_url, "sqlite:///two.db")
    assert finished.code == 0
    assert "━" in finished.err
    assert "103/103" in finished.err
