"""What the tests of the stores share: making them, writing to them, and asking whether their figures are exact."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, cast
from uuid import uuid4

from domain.values import course as course_of
from headway.domain.catalogue import Course, Lesson
from headway.domain.course_progress import NOTHING, Tally, recount
from headway.domain.enrolments import NOT_ENFORCED, Enforcement
from headway.domain.events import Recording
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress, ProgressUpdate
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition
from headway.storage.committer import CommitObserver
from headway.storage.postgres import PostgresStore
from headway.storage.sqlite import SqliteStore

USUAL_EVENTS = Recording(days=30)
"""As the service records by default."""
ALL_EVENTS = Recording(days=30, progress=True)

PATIENCE = 20
"""Seconds after which a test gives up waiting."""


class Batches:
    """An observer that remembers the batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.seconds: list[float] = []

    def batch_committed(self, size: int, seconds: float) -> None:
        self.sizes.append(size)
        self.seconds.append(seconds)


class Clock:
    """Shows a second more with every look at it, or whatever it is set to."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def system_clock() -> datetime:
    return datetime.now(UTC)


class MakeStore(Protocol):
    """Makes a store on the test's database; it is the caller's to open and to close."""

    def __call__(
        self,
        *,
        queue_limit: int = 1_000,
        batch_limit: int = 64,
        clock: Callable[[], datetime] = system_clock,
        recording: Recording = USUAL_EVENTS,
        enforced: Enforcement = NOT_ENFORCED,
    ) -> Store: ...


def sqlite_store(  # noqa: PLR0913 - what tests choose
    folder: Path,
    *,
    queue_limit: int = 1_000,
    batch_limit: int = 64,
    clock: Callable[[], datetime] = system_clock,
    lock_seconds: float = 20,
    read_seconds: float = 20,
    observer: CommitObserver | None = None,
    recording: Recording = USUAL_EVENTS,
    enforced: Enforcement = NOT_ENFORCED,
) -> SqliteStore:
    """Return a store on the file `headway.db`."""
    return SqliteStore(
        folder / "headway.db",
        queue_limit=queue_limit,
        batch_limit=batch_limit,
        lock_seconds=lock_seconds,
        read_seconds=read_seconds,
        observer=observer or Batches(),
        clock=clock,
        recording=recording,
        enforced=enforced,
    )


def postgres_store(  # noqa: PLR0913 - what tests choose
    url: str,
    *,
    queue_limit: int = 1_000,
    batch_limit: int = 64,
    clock: Callable[[], datetime] = system_clock,
    timeout_seconds: float = 20,
    transaction_pooler: bool = False,
    observer: CommitObserver | None = None,
    recording: Recording = USUAL_EVENTS,
    enforced: Enforcement = NOT_ENFORCED,
) -> PostgresStore:
    """Return a store on a PostgreSQL database."""
    return PostgresStore(
        url,
        queue_limit=queue_limit,
        batch_limit=batch_limit,
        connections=4,
        timeout_seconds=timeout_seconds,
        transaction_pooler=transaction_pooler,
        observer=observer or Batches(),
        clock=clock,
        recording=recording,
        enforced=enforced,
    )


def stores_on(database_url: str, folder: Path) -> MakeStore:
    """Stores on one database, which is that of the folder where it is no server's."""
    if database_url.startswith("postgresql:"):
        return partial(postgres_store, database_url)
    return partial(sqlite_store, folder)


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """Yield the store, open until the block is left."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def new_learner() -> LearnerId:
    return LearnerId(str(uuid4()))


async def new_course(store: Store, *lessons: Lesson, title: str = "A course") -> Course:
    """Put a course with a new id, of three plain lessons where none is given, and return it."""
    course = course_of(*lessons, course_id=CourseId(str(uuid4())), title=title)
    await store.put_course(course)
    return course


def merge_write(learner: LearnerId, course: Course, lesson: Lesson | LessonId, **fields: Any) -> LessonWrite:
    """Return a merge write: its writer has not seen the lesson progress."""
    return LessonWrite(learner, course.id, _id_of(lesson), cast("ProgressUpdate", fields))


def conditional(progress: LessonProgress, **fields: Any) -> LessonWrite:
    """Return a conditional write: its writer has seen this lesson progress."""
    seen = Precondition(match=frozenset([progress.etag]))
    return LessonWrite(
        progress.learner_id, progress.course_id, progress.lesson_id, cast("ProgressUpdate", fields), seen
    )


def removal(
    learner: LearnerId, course: Course, lesson: Lesson | LessonId, precondition: Precondition = UNCONDITIONAL
) -> LessonWrite:
    """Return a write that removes the lesson progress."""
    return LessonWrite(learner, course.id, _id_of(lesson), None, precondition)


def _id_of(lesson: Lesson | LessonId) -> LessonId:
    return lesson.id if isinstance(lesson, Lesson) else lesson


async def written(store: Store, write: LessonWrite) -> LessonProgress:
    """Make a write, and return the lesson progress after it."""
    after = (await store.write(write)).after
    assert after is not None
    return after


async def lesson_progress_of(store: Store, learner: LearnerId, course: Course) -> dict[LessonId, LessonProgress]:
    """Return all the learner's lesson progress in a course, hidden lessons included."""
    found = (await store.lessons(learner, course.id)).lesson_progress
    by_lesson = {progress.lesson_id: progress for progress in found}
    assert len(by_lesson) == len(found), "one lesson progress for each lesson"
    return by_lesson


async def exact_tally(store: Store, learner: LearnerId, course: Course) -> Tally:
    """Return the learner's tally, and check that a recount gives the same."""
    catalogued, progress = await store.course_progress(learner, course.id)
    tally = progress.tally if progress else NOTHING
    assert tally == recount(catalogued, (await lesson_progress_of(store, learner, course)).values())
    return tally


async def outcomes(store: Store, writes: Iterable[LessonWrite]) -> list[Any]:
    """Send all writes before any is answered. Return their results, refusals included."""
    return await asyncio.gather(*(store.write(write) for write in writes), return_exceptions=True)


async def catalogued(store: Store, course_id: CourseId) -> Course:
    """Return the course as the catalogue has it."""
    return (await store.course(course_id)).course


async def soon(question: Callable[[], Awaitable[Any]], answer: object) -> None:
    """Ask until the answer is this one: what another process did may be seen a little later."""
    deadline = monotonic() + PATIENCE
    while (found := await question()) != answer:
        assert monotonic() < deadline, found
        await asyncio.sleep(0.001)
