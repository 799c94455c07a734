"""What the content of lessons has stored, in both stores."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from headway.domain.identifiers import CourseId, LessonId
from headway.domain.launches import ContentState, LaunchAccount, SilentLaunch
from headway.domain.ports import Store
from headway.domain.scorm import ScormVersion
from storage.stores import MakeStore, new_learner, opened

NOW = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SUSPENDED = '{"suspend_data":"' + "a\\u2028\U0001f600 " * 9_000 + '"}'


def opened_content(**fields: Any) -> ContentState:
    state = ContentState(new_learner(), CourseId(str(uuid4())), LessonId(str(uuid4())), 1, NOW)
    return state._replace(**fields)


async def test_a_state_is_read_back_exactly_and_replaced_only_by_who_has_read_it(store: Store) -> None:
    states = store.content_states
    asked = opened_content()
    assert await states.find(*asked.key) is None
    first = await states.put(asked, None)
    assert first == asked._replace(version=first.version if first else 0)
    assert await states.find(*asked.key) == first
    assert await states.put(asked._replace(run=9), None) is None  # another process was first
    account = {"one": LaunchAccount(NOW, NOW + timedelta(hours=1), 7, 330.5), "two": LaunchAccount(NOW, NOW)}
    changed = asked._replace(
        run=2, reported_at=NOW, launches=account, seconds=0.1, attempts=2, is_counted=True, is_over=True,
        made_at=NOW, made_by="one", scorm=ScormVersion.SCORM_2004, cmi=SUSPENDED,
    )  # fmt: skip
    second = await states.put(changed, first)
    assert second is not None
    assert first is not None
    assert second == changed._replace(version=second.version)
    assert second.version > first.version
    assert await states.put(changed._replace(run=3), first) is None
    assert await states.find(*asked.key) == second


async def test_of_many_who_change_a_state_at_once_one_succeeds(make_store: MakeStore) -> None:
    async with opened(make_store()) as one, opened(make_store()) as other:
        asked = opened_content()
        before = await one.content_states.put(asked, None)
        both = [one, other] * 4
        done = await asyncio.gather(
            *(store.content_states.put(asked._replace(run=2 + n), before) for n, store in enumerate(both))
        )
        [stored] = filter(None, done)
        assert await other.content_states.find(*asked.key) == stored


async def test_silent_launches_are_those_of_the_course_from_which_nothing_came_the_newest_first(store: Store) -> None:
    course = CourseId(str(uuid4()))

    async def put(minutes: int, **fields: object) -> SilentLaunch:
        moment = NOW - timedelta(minutes=minutes)
        made = await store.content_states.put(opened_content(course_id=course, opened_at=moment, **fields), None)
        assert made is not None
        return SilentLaunch(made.learner_id, made.lesson_id, made.opened_at)

    older, newer = await put(60), await put(6)
    await put(30, reported_at=NOW)
    await put(4)
    await store.content_states.put(opened_content(opened_at=NOW - timedelta(days=1)), None)  # of another course
    before = NOW - timedelta(minutes=5)
    assert await store.content_states.silent(course, before, 10) == [newer, older]
    assert await store.content_states.silent(course, before, 1) == [newer]


async def test_everything_of_one_learner_is_read_and_erased(store: Store) -> None:
    learner = new_learner()
    mine = [await store.content_states.put(opened_content(learner_id=learner), None) for _ in range(3)]
    other = await store.content_states.put(opened_content(), None)
    assert other is not None
    found = await store.content_states.all_of(learner)
    assert sorted(found) == sorted(filter(None, mine))
    assert [state.key for state in found] == sorted(state.key for state in found)
    await store.content_states.erase(learner)
    await store.content_states.erase(learner)
    assert await store.content_states.all_of(learner) == []
    assert await store.content_states.find(*other.key) == other


async def test_many_states_that_are_stored_at_once_are_all_stored(store: Store) -> None:
    asked = [opened_content() for _ in range(150)]
    stored = await asyncio.gather(*(store.content_states.put(one, None) for one in asked))
    found = [await store.content_states.find(*one.key) for one in asked]
    assert found == stored
    assert [one and one.key for one in found] == [one.key for one in asked]
