"""The route table: every operation of the API, by subject."""

from typing import Final

from headway.formats.events import SOURCE
from headway.http.api import (
    attention,
    courses,
    enrolments,
    events,
    goals,
    groups,
    launches,
    learners,
    packages,
    people,
    progress,
    sign_in,
    statistics,
    sync,
    webhooks,
)

PREFIX: Final = SOURCE
_SUBJECTS: Final = (
    progress, sync, launches, learners, people, courses, packages, enrolments, attention, statistics, groups, goals,
    sign_in, events, webhooks,
)  # fmt: skip

TAGS: Final = [tag for subject in _SUBJECTS for tag in subject.TAGS]
OPERATIONS: Final = tuple(operation for subject in _SUBJECTS for operation in subject.OPERATIONS)
