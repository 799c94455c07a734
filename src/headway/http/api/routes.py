"""The route table: every operation of the API, by subject."""

from typing import Final

from headway.http.api import (
    attention,
    courses,
    enrolments,
    goals,
    groups,
    learners,
    people,
    progress,
    sign_in,
    statistics,
    webhooks,
)

PREFIX: Final = "/api/v1/education"
_SUBJECTS: Final = (
    progress,
    learners,
    people,
    courses,
    enrolments,
    attention,
    statistics,
    groups,
    goals,
    sign_in,
    webhooks,
)

TAGS: Final = [tag for subject in _SUBJECTS for tag in subject.TAGS]
OPERATIONS: Final = tuple(operation for subject in _SUBJECTS for operation in subject.OPERATIONS)
