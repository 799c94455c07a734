"""The teacher's pages of a course: its four tabs."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from headway.dashboard.page import Visit
from headway.dashboard.roster_views import BY_NAME, DUE_BEFORE, LABELS, PARAMETERS, RosterView, moment_of
from headway.dashboard.statistics_views import (
    DAYS,
    GROUP,
    ActivityView,
    Address,
    FiguresView,
)
from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import GroupId
from headway.formats import statistics as formats
from headway.formats.queries import InvalidQueryError, query_of
from headway.formats.roster_query import ActivityParameters, GroupParameters, RosterParameters
from headway.formats.shapes import to_json
from headway.http.engine.event_streams import state_of

_MOVED: Final = 308


class View(Protocol):
    """What a tab shows of a course."""

    @property
    def course(self) -> Course:
        """The course."""


class Tab(NamedTuple):
    """A tab of a course. `part` is the id and the template of the element that a request may ask for alone."""

    name: str
    part: str
    read: Callable[[Visit, GroupId | None], Awaitable[View]]
    filters_groups: bool = False


async def overview(visit: Visit) -> Response:
    """Show a course's most important figures. An address of the time when all was on one page leads to its tab."""
    moved = _moved(visit)
    return RedirectResponse(moved, _MOVED) if moved else await _show(visit, _OVERVIEW)


async def lessons(visit: Visit) -> Response:
    """Show the figures of a course's lessons, by section."""
    return await _show(visit, _LESSONS)


async def roster(visit: Visit) -> Response:
    """Show a page of a course's learners."""
    return await _show(visit, _LEARNERS)


async def activity(visit: Visit) -> Response:
    """Show the activity in a course, by day."""
    return await _show(visit, _ACTIVITY)


async def _show(visit: Visit, tab: Tab) -> Response:
    """Show a tab, or only its part where the request asks for that."""
    group_id = _group_id(visit)
    is_limited = visit.principal.groups is not None
    if group_id is None and is_limited and (granted := await visit.services.groups.of_statistics(visit.principal)):
        return RedirectResponse(_address(visit, PARAMETERS + DAYS).other(**{GROUP: granted[0].id}), 303)
    view = await tab.read(visit, group_id)
    values: dict[str, Any] = {
        "course": view.course,
        "of_group": f"?{GROUP}={group_id}" if group_id else "",
        tab.part: view,
    }
    if visit.request.headers.get("hx-target") == tab.part:
        return await visit.show(f"statistics/{tab.part}.html", **values)
    groups = await visit.services.groups.of_statistics(visit.principal) if tab.filters_groups else ()
    group = await visit.services.groups.group(visit.principal, group_id) if group_id else None
    return await visit.show(
        f"statistics/{tab.name}.html", tab_name=tab.name, part=tab.part, group=group, groups=groups, **values
    )


async def _figures(visit: Visit, group_id: GroupId | None) -> FiguresView:
    statistics = await visit.services.statistics.course(visit.principal, visit.course_id, group_id)
    figures = to_json(formats.course(statistics))
    return FiguresView(statistics, figures.decode(), state_of(figures))


async def _activity(visit: Visit, group_id: GroupId | None) -> ActivityView:
    address = _address(visit, (GROUP, *DAYS))
    statistics = visit.services.statistics
    fault = None
    try:
        asked = query_of(ActivityParameters, address.query)
        found = await statistics.activity(visit.principal, visit.course_id, asked.first, asked.last, group_id)
    except (InvalidQueryError, InvalidValueError) as refusal:
        fault = str(refusal)
        found = await statistics.activity(visit.principal, visit.course_id, None, None, group_id)
    return ActivityView(address, found.course.date_of(datetime.now(UTC)), found, fault)


async def _roster(visit: Visit, group_id: GroupId | None) -> RosterView:
    visit.principal.require_statistics(visit.course_id, group_id)
    course = (await visit.services.catalogue.course(visit.course_id)).course
    address = _address(visit, PARAMETERS)
    has_names = visit.services.people.is_on
    given = {name: moment_of(value, course) if name == DUE_BEFORE else value for name, value in address.query.items()}
    try:
        asked = query_of(RosterParameters, {**BY_NAME, **given} if has_names and "sort" not in given else given)
        page = await visit.services.statistics.roster(visit.principal, course.id, asked.to_query(), asked.stalled_days)
    except (InvalidQueryError, InvalidValueError) as refusal:
        return RosterView(address, course, RosterParameters(), has_names, fault=_in_words_of_the_form(refusal))
    cursor = asked.cursor_to(page.last) if page.last else None
    return RosterView(address, course, asked, has_names, page.lines, cursor)


def _in_words_of_the_form(refusal: InvalidQueryError | InvalidValueError) -> str:
    """Return what is wrong with the filters, in the words of the page's labels."""
    if isinstance(refusal, InvalidValueError) and any(one.kind == "missing_lesson" for one in refusal.problems):
        return f"Choose under “{LABELS['incomplete_lesson']}” which lesson the failed attempts are of."
    return str(refusal)


_OVERVIEW: Final = Tab("overview", "figures", _figures)
_LESSONS: Final = Tab("lessons", "funnel", _figures)
_LEARNERS: Final = Tab("learners", "roster", _roster, filters_groups=True)
_ACTIVITY: Final = Tab("activity", "days", _activity, filters_groups=True)


def _moved(visit: Visit) -> str | None:
    """Return the address of the tab that shows what an address of the one page showed; `None` for the overview.

    The fragment is not sent. A browser keeps it.
    """
    path = visit.request.url.path
    of_roster = _address(visit, PARAMETERS).query
    if of_roster.keys() - {GROUP}:
        return f"{path}/learners?{urlencode({'sort': 'last_seen', **of_roster})}"
    of_days = _address(visit, (GROUP, *DAYS)).query
    return f"{path}/activity?{urlencode(of_days)}" if of_days.keys() - {GROUP} else None


def _address(visit: Visit, names: Sequence[str]) -> Address:
    """Return the page's address with the known parameters of the query. Empty ones are left out: forms send them."""
    given = visit.request.query_params
    return Address(visit.request.url.path, {name: given[name] for name in names if given.get(name)})


def _group_id(visit: Visit) -> GroupId | None:
    """Return the group whose members the page is about; `None` for all learners. Raises `InvalidQueryError`."""
    return query_of(GroupParameters, _address(visit, (GROUP,)).query).group_id
