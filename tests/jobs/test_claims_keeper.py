"""The job that keeps what tokens say: in the background, again after trouble, and in bounded memory."""

from typing import Any, cast
from uuid import uuid4

import pytest

from headway.domain.errors import StoreUnavailableError
from headway.domain.identifiers import LearnerId
from headway.domain.people import LearnerProfile
from headway.domain.ports import Store
from headway.jobs import claims
from headway.jobs.claims import ClaimsKeeper


class Kept:
    """Profiles in memory, which are not available as often as `failures` says."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.claims: list[tuple[LearnerId, str | None]] = []
        self.profiles = self

    async def put_claims(self, learner_id: LearnerId, claims: LearnerProfile) -> bool:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError
        self.claims.append((learner_id, claims.name))
        return True


def _keeper(kept: Kept) -> ClaimsKeeper:
    return ClaimsKeeper(cast("Store", cast("Any", kept)))


async def _work_on(keeper: ClaimsKeeper) -> None:
    while await keeper.work():
        pass


def _learners(count: int) -> list[LearnerId]:
    return [LearnerId(str(uuid4())) for _ in range(count)]


async def test_each_learners_last_claims_are_kept() -> None:
    kept, (ada, tim, nobody) = Kept(), _learners(3)
    keeper = _keeper(kept)
    for learner, name in ((ada, "ada"), (tim, "Tim"), (ada, "Ada"), (nobody, None)):
        keeper.add(learner, LearnerProfile(name=name))
    await _work_on(keeper)
    assert sorted(kept.claims) == sorted([(ada, "Ada"), (tim, "Tim")])
    assert not await keeper.work()


async def test_claims_wait_until_the_store_is_available() -> None:
    kept, [ada] = Kept(failures=1), _learners(1)
    keeper = _keeper(kept)
    keeper.add(ada, LearnerProfile(name="Ada"))
    with pytest.raises(StoreUnavailableError):
        await keeper.work()
    assert kept.claims == []
    await _work_on(keeper)
    assert kept.claims == [(ada, "Ada")]


async def test_of_too_many_learners_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_WAITING", 2)
    kept, learners = Kept(), _learners(3)
    keeper = _keeper(kept)
    for learner in learners:
        keeper.add(learner, LearnerProfile(name="Ada"))
    await _work_on(keeper)
    assert [learner for learner, _ in kept.claims] == learners[1:]
