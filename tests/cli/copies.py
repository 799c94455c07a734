"""What the tests of `headway copy` share: installations, copies under way, what a copy said."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from domain.values import course, lesson, started
from headway.domain.catalogue import VersionedCourse
from headway.domain.course_progress import CourseProgress, LearnerDay, recount
from headway.domain.identifiers import LearnerId
from headway.domain.progress import LessonProgress
from storage.installations import Installation, archive_of, content, fill
from storage.stores import opened, postgres_store, sqlite_store
from support.postgres import Session
from support.program import Finished, ForkedProgram, drain, open_memory_file
from support.running import service_environment

BATCH: Final = 500
"""How much lesson progress a copy puts at once."""
PASSWORD: Final = "a-database-password"

LESSONS: Final = [lesson(number) for number in range(1, 51)]
COURSE: Final = VersionedCourse(course(*LESSONS), 1_767_225_600_000_000)


def lesson_progress_of(learners: int) -> list[LessonProgress]:
    """Return the lesson progress of each learner in fifty lessons, in the order of the keys."""
    ids = sorted(LearnerId(str(uuid4())) for _ in range(learners))
    return [started(learner_id=learner, lesson_id=each.id) for learner in ids for each in LESSONS]


def course_progress_of(all_progress: Sequence[LessonProgress]) -> list[CourseProgress]:
    by_learner: dict[LearnerId, list[LessonProgress]] = {}
    for progress in all_progress:
        by_learner.setdefault(progress.learner_id, []).append(progress)
    return [
        CourseProgress(
            learner,
            COURSE.course.id,
            recount(COURSE.course, own),
            own[0].updated_at,
            COURSE.version,
            3,
            own[0].created_at,
            None,
            LearnerDay(own[0].updated_at.date(), 1),
            enrolled_at=own[0].created_at,
        )
        for learner, own in by_learner.items()
    ]


def installation(learners: int) -> Installation:
    all_progress = lesson_progress_of(learners)
    return Installation([COURSE], all_progress, course_progress_of(all_progress), COURSE.version)


def fill_sqlite(folder: Path, filling: Installation) -> None:
    async def run() -> None:
        async with opened(sqlite_store(folder)) as store:
            await fill(archive_of(store), filling)

    asyncio.run(run())


def found_in(database: Path | str) -> Installation:
    async def run() -> Installation:
        made = sqlite_store(database) if isinstance(database, Path) else postgres_store(database)
        async with opened(made) as store:
            return await content(archive_of(store))

    return asyncio.run(run())


class Copying:
    """A copy under way."""

    def __init__(self, folder: Path, source: str, destination: str) -> None:
        self._out, self._err = open_memory_file("out"), open_memory_file("err")
        environment = service_environment(folder)
        self._process = ForkedProgram(("copy", source, destination), folder, environment, out=self._out, err=self._err)

    def finish(self) -> Finished:
        try:
            code = self._process.wait(30)
        finally:
            self._process.kill()
            said, complained = drain(self._out), drain(self._err)
        return Finished(code, said, complained)

    def kill(self) -> Finished:
        self._process.kill()
        return self.finish()


def check_table(
    finished: Finished,
    *,
    courses: int,
    all_progress: int,
    all_course_progress: int,
    groups: int = 0,
    profiles: int = 0,
    events: int = 0,
) -> None:
    """Check that the copy was complete and reported that. There was nothing else than these.

    Of `events`, any may not be published yet.
    """
    assert finished.code == 0, finished
    _heading, *lines, _closing = finished.out.splitlines()
    found = [line.replace(",", "").split()[-3:] for line in lines]
    assert found[:-4] == [
        [str(count), str(count), "0"]
        for count in (courses, all_course_progress, all_progress, 0, 0, 0, groups, profiles, 0, 0)
    ]
    assert [(here, differing) for here, _, differing in found[-4:-2]] == [(there, "0") for _, there, _ in found[-4:-2]]
    assert sum(int(here) for here, *_ in found[-4:-2]) == events
    assert found[-2:] == [["0", "0", "0"]] * 2


def copied_progress(finished: Finished) -> int:
    if "Nothing was written" in finished.out:
        return 0
    said = re.search(r"Copied ([\d,]+) rows in [\d.]+ seconds, [\d,]+ rows a second", finished.out)
    assert said, finished
    return int(said[1].replace(",", ""))


def check_refusal(refused: Finished, code: int, *said: str) -> None:
    assert refused.code == code, refused
    for what in said:
        assert what in refused.err, refused
    assert "Traceback" not in refused.err
    assert PASSWORD not in refused.err + refused.out


@contextmanager
def holding_up(connection: Session, progress: LessonProgress) -> Iterator[None]:
    """Keep whoever puts this lesson progress waiting: as long as it is not known whether there will be any."""
    columns = "user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_attempts, "
    columns += "quiz_passed, time_spent_minutes, is_bookmarked, metadata, id, created_at, updated_at, version"
    connection.execute(
        "BEGIN",
        f"INSERT INTO lesson_progress ({columns}) "
        f"VALUES ('{progress.learner_id}', '{progress.course_id}', '{progress.lesson_id}', 'completed', "
        f"0, 0, 0, false, 0, false, '{{}}', '{progress.id}', now(), now(), 1)",
    )
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def count_in(folder: Path) -> int:
    """Return the number of rows of lesson progress in a file that another process may be making."""
    try:
        with closing(sqlite3.connect(f"file:{folder}/headway.db?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM lesson_progress").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
