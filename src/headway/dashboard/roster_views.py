"""The values that the templates of a course's learners show: a page of the roster or the grid, and its filters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from urllib.parse import urlencode

from headway.dashboard.addresses import Address
from headway.dashboard.rendering import Reader
from headway.dashboard.statistics_views import GROUP
from headway.dashboard.words import marked
from headway.domain.attention import Counted
from headway.domain.catalogue import Course, Lesson, by_section
from headway.domain.progress import Status
from headway.domain.roster import LessonResult, RosterOrder
from headway.formats.roster_query import Direction, RosterParameters
from headway.service import GridLine, RosterLine, RosterPage

DUE_BEFORE: Final = "due_before"
COLUMNS_CHOSEN: Final = "columns"
LABELS: Final[Mapping[str, str]] = {
    "query": marked("Name or e-mail"),
    "status": marked("Status"),
    "late": marked("Late"),
    "stalled_days": marked("Days not seen, at least"),
    DUE_BEFORE: marked("Due before"),
    "expiring_within_days": marked("Completion expires within days"),
    "at_lesson": marked("At lesson"),
    "incomplete_lesson": marked("Lesson started, not completed"),
    "failed_at_least": marked("Failed attempts, at least"),
    "learner": marked("Learner's id begins with"),
    "completed": marked("Completed the course"),
}
"""The filters: the parameters of the API, and their labels in the form."""

STATUSES: Final[Mapping[str, str]] = {
    "not_started": marked("Not started"),
    "in_progress": marked("In progress"),
    "completed": marked("Completed"),
}
_CURSORS: Final = ("cursor", "before")
PARAMETERS: Final = (GROUP, "sort", "order", *_CURSORS, COLUMNS_CHOSEN, *LABELS)
"""The query parameters of the page. They mean the same as in the API, but `due_before` may also be a date, and
`columns` names columns of the page."""

BY_NAME: Final[Mapping[str, str]] = {"sort": RosterOrder.NAME.value, "order": Direction.ASCENDING.value}
_FLAGS: Final[Mapping[str, str]] = {"true": marked("Yes"), "false": marked("No")}
_FEW: Final = frozenset({"query", "status", "late"})
_IN_WORDS: Final = {
    (RosterOrder.PROGRESS, Direction.ASCENDING): marked("Sorted by completed lessons, the fewest first."),
    (RosterOrder.PROGRESS, Direction.DESCENDING): marked("Sorted by completed lessons, the most first."),
    (RosterOrder.LAST_SEEN, Direction.ASCENDING): marked("Sorted by the day last seen, the earliest first."),
    (RosterOrder.LAST_SEEN, Direction.DESCENDING): marked("Sorted by the day last seen, the latest first."),
    (RosterOrder.COMPLETED, Direction.ASCENDING): marked("Sorted by the completion of the course, the earliest first."),
    (RosterOrder.COMPLETED, Direction.DESCENDING): marked("Sorted by the completion of the course, the latest first."),
    (RosterOrder.NAME, Direction.ASCENDING): marked("Sorted by name."),
    (RosterOrder.NAME, Direction.DESCENDING): marked("Sorted by name, from the last to the first."),
}


class Column(NamedTuple):
    """A column of the roster that can be chosen. `fields` are the fields of the file that say the same.

    `sort` is the order by which a click on its heading sorts. `of_profile` says that it is of learner profiles.
    """

    name: str
    title: str
    fields: Sequence[str]
    sort: RosterOrder | None = None
    of_profile: bool = False


COLUMNS: Final = (
    Column("email", marked("E-mail"), ["email"], of_profile=True),
    Column("external_id", marked("Id on the platform"), ["external_id"], of_profile=True),
    Column(
        "progress",
        marked("Lessons completed"),
        ["completed_lessons", "total_lessons", "completion_percentage"],
        RosterOrder.PROGRESS,
    ),
    Column("at_lesson", marked("At lesson"), ["at_lesson"]),
    Column("time", marked("Time"), ["total_time_spent_minutes"]),
    Column("last_seen", marked("Last seen"), ["last_seen"], RosterOrder.LAST_SEEN),
    Column("enrolled", marked("Enrolled"), ["enrolled_at"]),
    Column("started", marked("Started"), ["started_at"]),
    Column("due", marked("Due"), ["due_at"]),
    Column("completed", marked("Completed"), ["completed_at"], RosterOrder.COMPLETED),
)
_USUAL: Final = ("progress", "at_lesson", "time", "last_seen", "due", "completed")
_OF_LEARNER: Final = ("user_id", "name", "late", "completed_late")
"""The fields of the first column, which is always there."""


def moment_of(text: str, course: Course) -> str:
    """Return the moment at which a date begins in the course, for the API. Any other text stays as it is."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, course.zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


class Heading(NamedTuple):
    """A heading of the roster. `address` sorts by it; `aria_sort` says how the roster is sorted by it, if at all."""

    address: str
    aria_sort: str | None


class Filter(NamedTuple):
    """A filter that is set: its name, its label, its value in words, and the address without it."""

    name: str
    label: str
    value: str
    without: str


_NO_PAGE: Final = RosterPage((), None, None)


@dataclass(frozen=True)
class RosterView:
    """A page of a roster, and its filters. `faults` are the parameters that can not be used.

    `cursors` are those of the pages before and after. `has_names` says that learner profiles are kept.
    """

    address: Address
    reader: Reader
    course: Course
    asked: RosterParameters
    has_names: bool
    page: RosterPage = _NO_PAGE
    cursors: tuple[str | None, str | None] = (None, None)
    faults: Sequence[str] = ()

    @property
    def lines(self) -> Sequence[RosterLine]:
        """The learners of the page."""
        return self.page.lines

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the filters, by the names of the parameters."""
        return {name: self.reader.gettext(label) for name, label in LABELS.items()}

    @property
    def statuses(self) -> Mapping[str, str]:
        """The words for how far learners are."""
        return {name: self.reader.gettext(words) for name, words in STATUSES.items()}

    @property
    def wrong(self) -> Sequence[str]:
        """The labels of the filters that can not be used."""
        return [self.labels[name] for name in self.faults if name in LABELS]

    @property
    def filters(self) -> Iterator[Filter]:
        """The filters that are set, without the group."""
        for name, label in self.labels.items():
            if name in self.address.query:
                yield Filter(name, label, self._in_words(name), self._first_page(**{name: None}))

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
        return self._first_page() if any(name in self.address.query for name in _CURSORS) else None

    @property
    def previous_address(self) -> str | None:
        """The address of the page before; `None` where this is the first page."""
        previous, _ = self.cursors
        return self._first_page(**self._order, before=previous) if previous else None

    @property
    def next_address(self) -> str | None:
        """The address of the next page; `None` where this is the last page."""
        _, following = self.cursors
        return self._first_page(**self._order, cursor=following) if following else None

    @property
    def unfiltered_address(self) -> str:
        """The address of the roster of all learners, in the same order."""
        return self._first_page(**dict.fromkeys((GROUP, *LABELS)))

    def beside(self, path: str) -> str:
        """Return the address of another page with the same learners in the same order, from the first one on."""
        return replace(self.address, path=path).other(**dict.fromkeys(_CURSORS))

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are shown, behind that of the learner."""
        asked = self.address.query.get(COLUMNS_CHOSEN)
        wanted = _USUAL if asked is None else asked.split(",")
        return [column for column in self.all_columns if column.name in wanted]

    @property
    def all_columns(self) -> Sequence[Column]:
        """The columns that can be chosen."""
        return [column for column in COLUMNS if self.has_names or not column.of_profile]

    @property
    def kept_fields(self) -> Mapping[str, str]:
        """The query without the columns and the position, for the form that chooses columns."""
        return self.address.without(COLUMNS_CHOSEN, *_CURSORS)

    @property
    def file_fields(self) -> Mapping[str, str]:
        """The query with which the API returns the same learners in the same order with the same columns as CSV."""
        query = {**self.address.without(*_CURSORS), **self._order, "format": "csv"}
        if self.asked.due_before:
            query[DUE_BEFORE] = self.asked.due_before.isoformat()
        fields = [*_OF_LEARNER, *(name for column in self.columns for name in column.fields)]
        return query | {COLUMNS_CHOSEN: ",".join(fields)}

    @property
    def file_query(self) -> str:
        """The same query in an address."""
        return urlencode(self.file_fields)

    @property
    def chosen_fields(self) -> Mapping[str, str]:
        """The query of a file of chosen learners. Nobody is chosen at first."""
        kept = ("sort", "order", "format", GROUP, COLUMNS_CHOSEN)
        return {name: value for name, value in self.file_fields.items() if name in kept} | {"user_ids": ""}

    @property
    def grid_query(self) -> str:
        """The query with which the API returns the grid of the same learners as CSV."""
        return urlencode({name: value for name, value in self.file_fields.items() if name != COLUMNS_CHOSEN})

    def heading(self, order: RosterOrder) -> Heading:
        """Return the heading that sorts by `order`. Names are sorted upwards first, everything else downwards."""
        is_sorted = self.asked.sort is order
        descending = self.asked.order is Direction.DESCENDING
        downwards = not descending if is_sorted else order is not RosterOrder.NAME
        following = Direction.DESCENDING if downwards else Direction.ASCENDING
        address = self._first_page(sort=order.value, order=following.value)
        return Heading(address, ("descending" if descending else "ascending") if is_sorted else None)

    @property
    def by_name(self) -> Heading:
        """The heading that sorts by name."""
        return self.heading(RosterOrder.NAME)

    @property
    def total(self) -> str:
        """How many learners there are on all pages, as a sentence."""
        found, has_more = self.page.total or Counted(len(self.lines), has_more=False)
        shown = self.reader.number(found)
        if has_more:
            return self.reader.gettext("More than %(shown)s learners", shown=shown)
        if self.is_filtered:
            return self.reader.ngettext("%(shown)s learner matches", "%(shown)s learners match", found, shown=shown)
        return self.reader.ngettext("%(shown)s learner", "%(shown)s learners", found, shown=shown)

    @property
    def in_words(self) -> str:
        """How the roster is sorted, as a sentence."""
        return self.reader.gettext(_IN_WORDS[self.asked.sort, self.asked.order])

    @property
    def _order(self) -> Mapping[str, str]:
        return {"sort": self.asked.sort.value, "order": self.asked.order.value}

    def _first_page(self, **changes: str | None) -> str:
        """Return the address with these parameters changed, and without a position that is not among them."""
        return self.address.other(**{**dict.fromkeys(_CURSORS), **changes})

    def _in_words(self, name: str) -> str:
        value = self.address.query[name]
        words = STATUSES if name == "status" else _FLAGS if name in {"late", "completed"} else {}
        if value in words:
            return self.reader.gettext(words[value])
        if name in {"at_lesson", "incomplete_lesson"}:
            return next((lesson.title for lesson in self.course.lessons if lesson.id == value), value)
        return value


class Mark(NamedTuple):
    """How a result is shown: the name of its shape and colour, and a word."""

    name: str
    word: str


_MARKS: Final = (
    Mark("completed", marked("Completed")),
    Mark("in_progress", marked("In progress")),
    Mark("failed", marked("Attempted, not passed")),
    Mark("not_started", marked("Not started")),
)
_COMPLETED, _IN_PROGRESS, _FAILED, _NOT_STARTED = _MARKS


def mark_of(result: LessonResult | None) -> Mark:
    """Return how a result is shown."""
    if result is None or result.status is Status.NOT_STARTED:
        return _NOT_STARTED
    if result.status is Status.COMPLETED:
        return _COMPLETED
    return _FAILED if result.attempts and not result.passed else _IN_PROGRESS


class GridSection(NamedTuple):
    """Consecutive lessons under one heading, or under none (`None`)."""

    title: str | None
    lessons: Sequence[Lesson]


@dataclass(frozen=True)
class GridView(RosterView):
    """A page of a grid, and its filters."""

    grid: Sequence[GridLine] = ()

    @property
    def sections(self) -> Sequence[GridSection]:
        """The lessons by section, in the course's order."""
        return [GridSection(*section) for section in by_section(self.course.lessons, lambda lesson: lesson)]

    @property
    def has_sections(self) -> bool:
        """Whether a lesson is in a section."""
        return any(lesson.section for lesson in self.course.lessons)

    @property
    def marks(self) -> Sequence[Mark]:
        """The marks, for the legend."""
        return _MARKS

    def mark(self, result: LessonResult | None) -> Mark:
        """Return how a result is shown."""
        return mark_of(result)
