"""Sign-in codes in both stores: each works once, and only in time."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from headway.domain.identifiers import CourseId, GroupId
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.sign_in import SignIn, digest_of, new_code
from storage.stores import Clock, MakeStore, new_learner, opened

A_MINUTE = timedelta(minutes=1)
LATER = datetime(2090, 1, 1, tzinfo=UTC)


def anybody(*scopes: str) -> SignIn:
    return SignIn(Principal(new_learner(), frozenset(scopes)), None)


@pytest.mark.parametrize(
    "courses", [None, frozenset[CourseId](), frozenset([CourseId(str(uuid4())), CourseId(str(uuid4()))])]
)
@pytest.mark.parametrize("ends_at", [None, datetime(2030, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)])
async def test_a_code_signs_in_the_learner_it_was_made_for(
    store: Store, courses: frozenset[CourseId] | None, ends_at: datetime | None
) -> None:
    scopes = frozenset({"statistics:read", 'a "scope" with ✎ and spaces', ""})
    let_in = SignIn(Principal(new_learner(), scopes, courses), ends_at)
    await store.sign_in_codes.put("digest", let_in, LATER)
    assert await store.sign_in_codes.take("digest") == let_in


async def test_a_code_keeps_the_groups_to_which_the_scopes_are_limited(store: Store) -> None:
    groups = frozenset([GroupId(str(uuid4())), GroupId(str(uuid4()))])
    for limit in (groups, frozenset[GroupId]()):
        let_in = SignIn(Principal(new_learner(), frozenset({"statistics:read"}), groups=limit), None)
        await store.sign_in_codes.put("digest", let_in, LATER)
        assert await store.sign_in_codes.take("digest") == let_in


async def test_an_unknown_code_signs_nobody_in(store: Store) -> None:
    assert await store.sign_in_codes.take("digest") is None


async def test_one_of_many_concurrent_uses_of_a_code_succeeds(make_store: MakeStore) -> None:
    let_in = anybody()
    async with opened(make_store()) as one, opened(make_store()) as other:
        for _ in range(5):
            digest = digest_of(new_code())
            await one.sign_in_codes.put(digest, let_in, LATER)
            await asyncio.sleep(0.02)  # another process's writes may be seen so much later
            taken = await asyncio.gather(*(store.sign_in_codes.take(digest) for store in [one, other] * 5))
            assert sorted(taken, key=lambda found: found is None) == [let_in, *[None] * 9]


async def test_an_expired_code_signs_nobody_in(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        await store.sign_in_codes.put("over", anybody(), clock.now + A_MINUTE)
        await store.sign_in_codes.put("in time", anybody(), clock.now + 2 * A_MINUTE)
        clock.now += A_MINUTE
        assert await store.sign_in_codes.take("over") is None
        assert await store.sign_in_codes.take("in time") is not None


async def test_expired_codes_are_removed(make_store: MakeStore) -> None:
    clock = Clock()
    async with opened(make_store(clock=clock)) as store:
        await store.sign_in_codes.put("over", anybody(), clock.now + A_MINUTE)
        await store.sign_in_codes.put("in time", anybody(), clock.now + timedelta(hours=2))
        clock.now += timedelta(hours=1)
        await store.sign_in_codes.put("new", anybody(), clock.now + A_MINUTE)
        await store.sweep()
        clock.now -= timedelta(hours=1)  # only what is kept no more is gone in time's reverse, too
        assert await store.sign_in_codes.take("over") is None
        assert await store.sign_in_codes.take("in time") is not None
        assert await store.sign_in_codes.take("new") is not None


async def test_all_codes_of_one_learner_can_be_removed(store: Store) -> None:
    mine, theirs = anybody(), anybody()
    for digest, let_in in (("one", mine), ("two", mine), ("another's", theirs)):
        await store.sign_in_codes.put(digest, let_in, LATER)
    await store.sign_in_codes.forget_all(mine.principal.learner_id)
    assert [await store.sign_in_codes.take(digest) for digest in ("one", "two", "another's")] == [None, None, theirs]


async def test_a_code_outlives_the_process_that_gave_it(make_store: MakeStore) -> None:
    let_in = anybody("courses:write")
    async with opened(make_store()) as store:
        await store.sign_in_codes.put("digest", let_in, LATER)
    async with opened(make_store()) as store:
        assert await store.sign_in_codes.take("digest") == let_in
