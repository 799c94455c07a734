"""Which learners of a course are listed, and in which order."""

from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict, cast

from headway.client.calls import Id, Moment, Parameter
from headway.client.shapes import Direction, EnrolmentStatus, RosterOrder


class RosterFilter(TypedDict):
    """Which learners of a course are listed, and in which order. What is left out limits nothing."""

    sort: NotRequired[RosterOrder]
    order: NotRequired[Direction]
    group: NotRequired[Id]
    query: NotRequired[str]
    """Words that a learner's profile has, or words that begin so."""
    user_ids: NotRequired[Sequence[Id]]
    """At most 1,000."""
    learner: NotRequired[str]
    """The beginning of a learner's id."""
    status: NotRequired[EnrolmentStatus]
    completed: NotRequired[bool]
    late: NotRequired[bool]
    due_before: NotRequired[Moment]
    expiring_within_days: NotRequired[int]
    stalled_days: NotRequired[int]
    at_lesson: NotRequired[Id]
    incomplete_lesson: NotRequired[Id]
    failed_at_least: NotRequired[int]


def parameters(filter_: RosterFilter) -> dict[str, Parameter]:
    """Return the parameters of a filter."""
    given = cast("dict[str, Parameter]", filter_)  # each of its values is one
    return given | {"user_ids": listed(filter_.get("user_ids"))}


def listed(values: Iterable[Id] | None) -> str | None:
    """Return values as one parameter, with commas between them."""
    return None if values is None else ",".join(map(str, values))
