"""What the content of lessons has stored for learners: the ContentStates protocol."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from headway.domain.dating import microseconds
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.launches import ContentState, LaunchAccount, SilentLaunch
from headway.domain.scorm import ScormVersion
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Row, Session, Step, to_moment

_FIRST_OF_ACCOUNT: Final = ContentState._fields.index("launches")
_ACCOUNT: Final = ContentState._fields[_FIRST_OF_ACCOUNT : ContentState._fields.index("cmi")]
"""The fields that are stored together, as JSON: no statement asks for them."""


class StoredContentStates:
    """The content states in a database.

    `at_once` is how many states are stored in one transaction: more than one where a database has one writer, so that
    the states of many learners wait for the disk together.
    """

    def __init__(self, session: Session, clock: Callable[[], datetime], at_once: int = 1) -> None:
        self._session = session
        self._clock = clock
        self._at_once = at_once
        self._waiting: list[tuple[Step, asyncio.Future[Sequence[Row]]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def find(self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId) -> ContentState | None:
        """Return what the content of a lesson has stored for a learner; `None` where there is nothing."""
        found = await self._session.fetch(sql.FIND_CONTENT_STATE, learner_id, course_id, lesson_id)
        return to_content_state(found[0]) if found else None

    async def all_of(self, learner_id: LearnerId) -> Sequence[ContentState]:
        """Return everything that content has stored for a learner."""
        return list(map(to_content_state, await self._session.fetch(sql.CONTENT_STATES_OF, learner_id)))

    async def put(self, state: ContentState, before: ContentState | None) -> ContentState | None:
        """Store a state in place of `before`. Return it with its version; `None` where another one is stored."""
        # A state that is made again after it was removed has a later version than any before it: copies compare them.
        stored = state._replace(version=max(microseconds(self._clock()), before.version + 1 if before else 0))
        values = from_content_state(stored)
        if before is None:
            step = Step(sql.ADD_CONTENT_STATE, *values)
        else:
            step = Step(sql.CHANGE_CONTENT_STATE, *values[3:], *values[:3], before.version)
        return stored if await self._store(step) else None

    async def _store(self, step: Step) -> Sequence[Row]:
        if self._at_once == 1:
            return await self._session.change(step.statement, *step.values)
        done: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, done))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_waiting())
        return await done

    async def _store_waiting(self) -> None:
        """Store the states that wait, so many at once, until none is left."""
        try:
            while self._waiting:
                some, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
                await self._store_some(some)
        finally:
            self._storing = None

    async def _store_some(self, some: Sequence[tuple[Step, asyncio.Future[Sequence[Row]]]]) -> None:
        try:
            found = await self._session.change_all(*(step for step, _ in some))
        except Exception as error:  # noqa: BLE001 - whoever waits for it handles it
            for _, done in some:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), rows in zip(some, found, strict=True):
            if not done.done():  # nobody waits any more
                done.set_result(rows)

    async def silent(self, course_id: CourseId, opened_before: datetime, limit: int) -> Sequence[SilentLaunch]:
        """Return the last launches in a course before a time from which nothing has come, the newest first."""
        found = await self._session.scan(sql.SILENT_LAUNCHES, course_id, opened_before, limit)
        return [
            SilentLaunch(LearnerId(str(learner)), LessonId(str(lesson)), to_moment(opened_at))
            for learner, lesson, opened_at in found
        ]

    async def erase(self, learner_id: LearnerId) -> None:
        """Remove everything that content has stored for a learner."""
        await self._session.change(sql.ERASE_CONTENT_STATES, learner_id)


def from_content_state(state: ContentState) -> tuple[Any, ...]:
    """Return the columns of `content_states`."""
    account = {name: getattr(state, name) for name in _ACCOUNT}
    return (
        *state[:_FIRST_OF_ACCOUNT],
        orjson.dumps(account, default=tuple).decode(),
        state.cmi,
        state.version,
    )


def to_content_state(columns: Row) -> ContentState:
    """Return a row of `content_states`."""
    learner, course, lesson, run, opened_at, reported_at, account, cmi, version = columns
    said = orjson.loads(account)
    said["launches"] = {name: _to_account(*values) for name, values in said["launches"].items()}
    said["scorm"] = said["scorm"] and ScormVersion(said["scorm"])
    said["made_at"] = said["made_at"] and datetime.fromisoformat(said["made_at"])
    return ContentState(
        LearnerId(str(learner)),
        CourseId(str(course)),
        LessonId(str(lesson)),
        run,
        to_moment(opened_at),
        None if reported_at is None else to_moment(reported_at),
        cmi=cmi,
        version=version,
        **said,
    )


def _to_account(opened_at: str, expires_at: str, sequence: int | None, seconds: float) -> LaunchAccount:
    opened, expires = (datetime.fromisoformat(moment).astimezone(UTC) for moment in (opened_at, expires_at))
    return LaunchAccount(opened, expires, sequence, seconds)
