"""Keeps what verified tokens say about their learners, in the background: no request waits for it."""

from collections import OrderedDict
from typing import Final

from headway.domain.errors import UnavailableError
from headway.domain.identifiers import LearnerId
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store

MOST_WAITING: Final = 10_000
"""Of more learners, those who came first are forgotten. Each comes again with the next token."""


class ClaimsKeeper:
    """Looks once a second for learners whose tokens were verified since the last look.

    `add` takes what a token says. Where the store is not available, it is kept and tried again.
    """

    name = "keep_claims"
    seconds_between_looks = 1.0

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: OrderedDict[LearnerId, LearnerProfile] = OrderedDict()

    def add(self, learner_id: LearnerId, claims: LearnerProfile) -> None:
        """Remember a learner's claims for the next look. It never raises and never waits."""
        if claims == NO_PROFILE:
            return
        self._waiting[learner_id] = claims
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    async def work(self) -> bool:
        """Store one learner's claims. Return whether there are more."""
        if not self._waiting:
            return False
        learner_id, claims = self._waiting.popitem(last=False)
        try:
            await self._store.profiles.put_claims(learner_id, claims)
        except UnavailableError:
            self._waiting.setdefault(learner_id, claims)
            raise
        return bool(self._waiting)
