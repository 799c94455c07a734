"""Learners' goals in both stores."""

import asyncio
from datetime import date

from headway.domain.goals import Goal
from headway.domain.ports import Store
from storage.stores import MakeStore, new_learner, opened

FIRST, LATER = date(2026, 11, 23), date(2026, 12, 7)


async def test_a_goal_is_read_back_and_a_change_keeps_its_day(store: Store) -> None:
    learner = new_learner()
    assert await store.goals.find(learner) is None
    first = await store.goals.put(learner, 3, FIRST)
    assert first == Goal(learner, 3, FIRST, first.version)
    second = await store.goals.put(learner, 7, LATER)
    assert second == Goal(learner, 7, FIRST, second.version)
    assert second.version > first.version
    assert await store.goals.find(learner) == second


async def test_a_goal_that_was_removed_is_set_anew(store: Store) -> None:
    learner, other = new_learner(), new_learner()
    kept = await store.goals.put(other, 1, FIRST)
    await store.goals.put(learner, 3, FIRST)
    await store.goals.remove(learner)
    await store.goals.remove(learner)
    assert await store.goals.find(learner) is None
    assert (await store.goals.put(learner, 3, LATER)).since == LATER
    assert await store.goals.find(other) == kept


async def test_an_export_restores_a_goal_only_where_there_is_none(store: Store) -> None:
    learner = new_learner()
    assert await store.goals.restore(learner, 5, FIRST)
    assert not await store.goals.restore(learner, 2, LATER)
    found = await store.goals.find(learner)
    assert found is not None
    assert found[:3] == (learner, 5, FIRST)


async def test_of_many_who_set_a_goal_at_once_the_last_one_stays(make_store: MakeStore) -> None:
    learner = new_learner()
    async with opened(make_store()) as one, opened(make_store()) as other:
        put = await asyncio.gather(
            *(store.goals.put(learner, 1 + number, FIRST) for number, store in enumerate([one, other] * 3))
        )
        assert len({goal.version for goal in put}) == len(put)
        assert await one.goals.find(learner) == max(put, key=lambda goal: goal.version)
