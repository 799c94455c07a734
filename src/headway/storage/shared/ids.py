"""The first, the last and the next id. Ids have the same order as text and as UUIDs."""

from typing import Final
from uuid import UUID

from headway.domain.identifiers import LearnerId

FIRST_ID: Final = str(UUID(int=0))
LAST_ID: Final = str(UUID(int=2**128 - 1))
BEFORE_ALL_COURSES: Final = (b"", FIRST_ID)
"""The position before the first course of a list by title: no title has an empty sort key."""


def next_learner(learner_id: LearnerId) -> LearnerId | None:
    """Return the smallest id that is greater; `None` where there is none."""
    return None if learner_id == LAST_ID else LearnerId(str(UUID(int=UUID(learner_id).int + 1)))


def previous_learner(learner_id: LearnerId) -> LearnerId | None:
    """Return the greatest id that is smaller; `None` where there is none."""
    return None if learner_id == FIRST_ID else LearnerId(str(UUID(int=UUID(learner_id).int - 1)))
