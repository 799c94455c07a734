"""Learner profiles in both stores: kept, changed under conditions, found by the beginnings of their words."""

import asyncio
from collections.abc import Sequence

import pytest

from headway.domain.errors import PreconditionFailedError
from headway.domain.identifiers import LearnerId
from headway.domain.people import LearnerProfile, PeopleQuery, position_of, query_words
from headway.domain.ports import Store
from headway.domain.progress import Status
from headway.domain.removals import Restart
from headway.domain.writes import Precondition
from headway.storage.shared import profiles as stored_profiles
from storage.stores import MakeStore, merge_write, new_course, new_learner, opened

WHOLE = LearnerProfile("Zoë O'Neil", "zoe@example.org", "N 47", "pt-BR", "America/Sao_Paulo")
IF_ABSENT = Precondition(none_match_any=True)


@pytest.fixture(params=["few", "many"])
def people_of_a_word(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word is one of few people, or each is one of more than few."""
    if request.param == "many":
        monkeypatch.setattr(stored_profiles, "FEW_PEOPLE", 0)
        monkeypatch.setattr(stored_profiles, "FEW_LEARNERS", 0)


async def names(store: Store, query: str = "", **fields: object) -> Sequence[str | None]:
    found = await store.profiles.search(PeopleQuery(words=query_words(query), **fields))  # type: ignore[arg-type]
    return [stored.profile.name for stored in found]


async def add(store: Store, *profiles: LearnerProfile) -> list[LearnerId]:
    learners = [new_learner() for _ in profiles]
    for learner, profile in zip(learners, profiles, strict=True):
        await store.profiles.put(learner, profile)
    return learners


async def test_a_profile_is_read_back_as_it_was_put(store: Store) -> None:
    learner = new_learner()
    assert await store.profiles.find(learner) is None
    for profile in (WHOLE, LearnerProfile(), LearnerProfile(email="zoe@example.org")):
        put = await store.profiles.put(learner, profile)
        assert put.profile == profile
        assert await store.profiles.find(learner) == put


async def test_a_profile_outlives_the_process_and_each_version_is_new(make_store: MakeStore) -> None:
    learner = new_learner()
    async with opened(make_store()) as store:
        first = await store.profiles.put(learner, WHOLE)
        assert await store.profiles.remove(learner)
    async with opened(make_store()) as store:
        second = await store.profiles.put(learner, WHOLE)
        third = await store.profiles.put(learner, WHOLE)
    assert first.version < second.version < third.version


async def test_a_condition_that_is_not_met_changes_nothing(store: Store) -> None:
    learner = new_learner()
    with pytest.raises(PreconditionFailedError):
        await store.profiles.put(learner, WHOLE, Precondition(match_any=True))
    put = await store.profiles.put(learner, WHOLE, IF_ABSENT)
    for condition in (IF_ABSENT, Precondition(match=frozenset({"1"}))):
        with pytest.raises(PreconditionFailedError):
            await store.profiles.put(learner, LearnerProfile(), condition)
        with pytest.raises(PreconditionFailedError):
            await store.profiles.remove(learner, condition)
    assert await store.profiles.find(learner) == put
    assert await names(store, "zoe") == [WHOLE.name]
    assert await store.profiles.remove(learner, Precondition(match=frozenset({put.etag})))
    assert await store.profiles.find(learner) is None


async def test_one_of_many_who_add_a_profile_at_once_succeeds(make_store: MakeStore) -> None:
    learner = new_learner()
    profiles = [LearnerProfile(f"Name{number}") for number in range(8)]
    async with opened(make_store()) as one, opened(make_store()) as other:
        results = await asyncio.gather(
            *(
                store.profiles.put(learner, profile, IF_ABSENT)
                for store, profile in zip([one, other] * 4, profiles, strict=True)
            ),
            return_exceptions=True,
        )
        [put] = [result for result in results if not isinstance(result, PreconditionFailedError)]
        assert not isinstance(put, BaseException)
        assert await names(one, "name") == [put.profile.name]
        assert await names(one, put.profile.name or "") == [put.profile.name]


async def test_claims_add_to_a_profile_and_never_replace_what_was_put(store: Store) -> None:
    learner = new_learner()
    assert await store.profiles.put_claims(learner, LearnerProfile(name="ada99", locale="en"))
    assert not await store.profiles.put_claims(learner, LearnerProfile(name="ada99"))
    assert await store.profiles.put_claims(learner, LearnerProfile(name="ada"))
    assert await names(store, "ada99") == []
    await store.profiles.put(learner, LearnerProfile(name="Ada Lovelace"))
    assert await store.profiles.put_claims(learner, LearnerProfile(name="ada99", email="ada@example.org"))
    found = await store.profiles.find(learner)
    assert found is not None
    assert found.profile == LearnerProfile(name="Ada Lovelace", email="ada@example.org")
    assert found.claimed == {"email"}
    assert await names(store, "ada@") == ["Ada Lovelace"]


@pytest.mark.usefixtures("people_of_a_word")
async def test_people_are_found_by_the_beginnings_of_all_words(store: Store) -> None:
    await add(store, WHOLE, LearnerProfile("Zoe Ábaco", external_id="47"), LearnerProfile("Ada Zöller"))
    assert await names(store, "zo") == ["Ada Zöller", "Zoe Ábaco", WHOLE.name]
    assert await names(store, "ZO a") == ["Ada Zöller", "Zoe Ábaco"]
    assert await names(store, "47 zoe") == ["Zoe Ábaco", WHOLE.name]
    assert await names(store, "zoe@example.org") == [WHOLE.name]
    assert await names(store, "neil o'neil z n") == [WHOLE.name]
    assert await names(store, "oe") == []
    assert await names(store, "zoe zoe@ ada") == []
    assert await names(store, "%") == []


@pytest.mark.usefixtures("people_of_a_word")
async def test_old_words_find_nobody(store: Store) -> None:
    [learner] = await add(store, WHOLE)
    await store.profiles.put(learner, LearnerProfile("Ada"))
    assert await names(store, "zoe") == await names(store, "47") == []
    assert await names(store, "ada") == ["Ada"]
    assert await store.profiles.remove(learner)
    assert not await store.profiles.remove(learner)
    assert await names(store, "ada") == await names(store) == []


@pytest.mark.usefixtures("people_of_a_word")
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_are_in_the_order_of_names_and_ids(store: Store, limit: int) -> None:
    wanted = ["Ábaco", "abanico", "Olga", "Olga", "Øyvind", "Zebra", None, None]
    learners = await add(store, *(LearnerProfile(name, external_id="n1") for name in wanted[::-1]))
    for words in ((), ("n1",)):
        found = await store.profiles.search(PeopleQuery(words, limit=limit))
        pages = list(found)
        while found:
            found = await store.profiles.search(PeopleQuery(words, after=position_of(found[-1]), limit=limit))
            pages += found
        assert [stored.profile.name for stored in pages] == wanted
        assert sorted(stored.learner_id for stored in pages) == sorted(learners)
        assert pages == sorted(pages, key=position_of)


@pytest.mark.usefixtures("people_of_a_word")
async def test_people_are_limited_to_courses_that_they_are_in(store: Store) -> None:
    one, other, empty = [await new_course(store) for _ in range(3)]
    ada, tim, _ = await add(store, LearnerProfile("Ada"), LearnerProfile("Tim"), LearnerProfile("Nobody"))
    await store.write(merge_write(ada, one, one.lessons[0], status=Status.COMPLETED))
    await store.write(merge_write(tim, other, other.lessons[0], status=Status.COMPLETED))
    both = frozenset({one.id, other.id})
    assert await names(store, courses=both) == ["Ada", "Tim"]
    assert await names(store, courses=frozenset({one.id, empty.id})) == ["Ada"]
    assert await names(store, "a", courses=both) == ["Ada"]
    assert await names(store, "nobody", courses=both) == []
    assert await names(store, courses=frozenset()) == await names(store, courses=frozenset({empty.id})) == []
    assert await store.profiles.is_in(ada, both)
    assert not await store.profiles.is_in(ada, frozenset({other.id}))
    assert not await store.profiles.is_in(ada, frozenset())
    await store.restart_course(Restart(ada, one.id))  # who stays enrolled
    assert await names(store, courses=both) == ["Ada", "Tim"]
    assert await names(store, courses=both, among=frozenset({ada})) == ["Ada"]
    await store.erase(ada)
    assert await names(store, courses=both) == ["Tim"]


async def test_many_profiles_are_read_at_once(store: Store) -> None:
    ada, tim = await add(store, LearnerProfile("Ada"), WHOLE)
    assert await store.profiles.find_many([ada, new_learner(), tim]) == {ada: LearnerProfile("Ada"), tim: WHOLE}
    assert await store.profiles.find_many([]) == {}


async def test_many_profiles_are_put_together_and_found_by_their_new_words(store: Store) -> None:
    word, other = f"a{new_learner()[:8]}", f"b{new_learner()[:8]}"
    [changed, kept] = await add(store, LearnerProfile(f"Old {word}"), LearnerProfile(f"Kept {word}"))
    before = await store.profiles.find(kept)
    added = [new_learner() for _ in range(3)]
    wanted = {learner: LearnerProfile(f"New {other}") for learner in (*added, changed)}
    await store.profiles.put_all(wanted | {kept: LearnerProfile(f"Kept {word}")})
    assert await store.profiles.find_many([*wanted]) == wanted
    assert await store.profiles.find(kept) == before
    assert await names(store, word) == [f"Kept {word}"]
    assert await names(store, other) == [f"New {other}"] * 4
    await store.profiles.put_all({})


async def test_profiles_that_are_put_together_at_once_are_all_stored(store: Store) -> None:
    learners = [new_learner() for _ in range(20)]
    both = [{learner: LearnerProfile(name) for learner in learners} for name in ("One", "Two")]
    await asyncio.gather(*map(store.profiles.put_all, both))
    assert await store.profiles.find_many(learners) in both
