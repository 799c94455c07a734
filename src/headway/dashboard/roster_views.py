"""The values that the template of a course's learners shows: a page of the roster, its filters, its other pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from urllib.parse import urlencode

from headway.dashboard.statistics_views import GROUP, Address
from headway.domain.catalogue import Course
from headway.domain.roster import RosterOrder
from headway.formats.roster_query import Direction, RosterParameters
from headway.service import RosterLine

DUE_BEFORE: Final = "due_before"
LABELS: Final[Mapping[str, str]] = {
    "query": "Name or e-mail",
    "status": "Status",
    "late": "Late",
    "stalled_days": "Days not seen",
    DUE_BEFORE: "Due before",
    "expiring_within_days": "Completion expires within days",
    "at_lesson": "Stopped at lesson",
    "incomplete_lesson": "Lesson started, not completed",
    "failed_at_least": "Failed attempts, at least",
    "learner": "Learner's id begins with",
    "completed": "Completed the course",
}
"""The filters: the parameters of the API, and their labels in the form."""

STATUSES: Final[Mapping[str, str]] = {
    "not_started": "not started",
    "in_progress": "in progress",
    "completed": "completed",
}
PARAMETERS: Final = (GROUP, "sort", "order", "cursor", *LABELS)
"""The query parameters of the page. They mean the same as in the API; `due_before` may also be a date."""

BY_NAME: Final[Mapping[str, str]] = {"sort": RosterOrder.NAME.value, "order": Direction.ASCENDING.value}
_FLAGS: Final[Mapping[str, str]] = {"true": "yes", "false": "no"}
_FEW: Final = frozenset({"query", "status", "late"})
_IN_WORDS: Final = {
    (RosterOrder.PROGRESS, Direction.ASCENDING): "least completed lessons first",
    (RosterOrder.PROGRESS, Direction.DESCENDING): "most completed lessons first",
    (RosterOrder.LAST_SEEN, Direction.ASCENDING): "not seen for longest first",
    (RosterOrder.LAST_SEEN, Direction.DESCENDING): "last seen first",
    (RosterOrder.COMPLETED, Direction.ASCENDING): "who completed the course earliest first",
    (RosterOrder.COMPLETED, Direction.DESCENDING): "who completed the course latest first",
    (RosterOrder.NAME, Direction.ASCENDING): "by name",
    (RosterOrder.NAME, Direction.DESCENDING): "by name, from the last to the first",
}


def moment_of(text: str, course: Course) -> str:
    """Return the moment at which a date begins in the course, for the API. Any other text stays as it is."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, course.zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


class Column(NamedTuple):
    """A heading of the roster. `address` sorts by it; `aria_sort` says how the roster is sorted by it, if at all."""

    address: str
    aria_sort: str | None


class Filter(NamedTuple):
    """A filter that is set: its name, its label, its value in words, and the address without it."""

    name: str
    label: str
    value: str
    without: str


@dataclass(frozen=True)
class RosterView:
    """A page of a roster, and its filters. `fault` says what is wrong with the filters, if anything.

    `has_names` says that learner profiles are kept.
    """

    address: Address
    course: Course
    asked: RosterParameters
    has_names: bool
    lines: Sequence[RosterLine] = ()
    cursor: str | None = None
    fault: str | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the filters, by the names of the parameters."""
        return LABELS

    @property
    def statuses(self) -> Mapping[str, str]:
        """The words for how far learners are."""
        return STATUSES

    @property
    def filters(self) -> Iterator[Filter]:
        """The filters that are set, without the group."""
        for name, label in LABELS.items():
            if name in self.address.query:
                without = self.address.other(**{name: None, "cursor": None})
                yield Filter(name, label, self._in_words(name), without)

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is set, or a group."""
        return GROUP in self.address.query or any(self.filters)

    @property
    def has_more_filters(self) -> bool:
        """Whether a filter is set that the form shows only when it is unfolded."""
        return any(one.name not in _FEW for one in self.filters)

    @property
    def due_day(self) -> date | None:
        """The date of `due_before` in the course."""
        return self.course.date_of(self.asked.due_before) if self.asked.due_before else None

    @property
    def first_address(self) -> str | None:
        """The address of the first page; `None` where this is the first page."""
        return self.address.other(cursor=None) if "cursor" in self.address.query else None

    @property
    def next_address(self) -> str | None:
        """The address of the next page; `None` where this is the last page."""
        return self.address.other(**self._order, cursor=self.cursor) if self.cursor else None

    @property
    def unfiltered_address(self) -> str:
        """The address of the roster of all learners, in the same order."""
        return self.address.other(cursor=None, **dict.fromkeys((GROUP, *LABELS)))

    @property
    def file_query(self) -> str:
        """The query with which the API returns the same learners in the same order as CSV."""
        query = {**self.address.without("cursor"), **self._order, "format": "csv"}
        if self.asked.due_before:
            query[DUE_BEFORE] = self.asked.due_before.isoformat()
        return urlencode(query)

    def column(self, name: str) -> Column:
        """Return the heading that sorts by `name`. Names are sorted upwards first, everything else downwards."""
        order = RosterOrder(name)
        is_sorted = self.asked.sort is order
        descending = self.asked.order is Direction.DESCENDING
        downwards = not descending if is_sorted else order is not RosterOrder.NAME
        following = Direction.DESCENDING if downwards else Direction.ASCENDING
        address = self.address.other(sort=order.value, order=following.value, cursor=None)
        return Column(address, ("descending" if descending else "ascending") if is_sorted else None)

    @property
    def in_words(self) -> str:
        """How the roster is sorted, in words."""
        return _IN_WORDS[self.asked.sort, self.asked.order]

    @property
    def _order(self) -> Mapping[str, str]:
        return {"sort": self.asked.sort.value, "order": self.asked.order.value}

    def _in_words(self, name: str) -> str:
        value = self.address.query[name]
        if name == "status":
            return STATUSES.get(value, value)
        if name in {"late", "completed"}:
            return _FLAGS.get(value, value)
        if name in {"at_lesson", "incomplete_lesson"}:
            return next((lesson.title for lesson in self.course.lessons if lesson.id == value), value)
        return value
