"""The teacher's pages of a course: its four tabs."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, Protocol

from starlette.responses import RedirectResponse, Response

from headway.dashboard.activity_views import COMPARE, ActivityView, Series, compared_with, fault_of
from headway.dashboard.activity_views import PARAMETERS as ACTIVITY
from headway.dashboard.addresses import with_query
from headway.dashboard.lesson_views import OneLessonView
from headway.dashboard.page import Visit
from headway.dashboard.roster_views import (
    BY_NAME,
    COLUMNS_CHOSEN,
    DUE_BEFORE,
    PARAMETERS,
    GridView,
    RosterView,
    moment_of,
)
from headway.dashboard.statistics_views import DAYS, GROUP, FiguresView
from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.roster import PAGE
from headway.formats import statistics as formats
from headway.formats.identifiers import InvalidIdentifierError
from headway.formats.queries import InvalidQueryError, query_of
from headway.formats.roster_query import ActivityParameters, GroupParameters, RosterParameters
from headway.formats.shapes import to_json
from headway.http.engine.event_streams import state_of
from headway.service import Activity

_MOVED: Final = 308
_LISTS: Final = (COLUMNS_CHOSEN,)
"""The parameters that a form sends several times."""
# A page of a grid has about so many cells: a browser shows them without a delay.
_CELLS: Final = 5_000
_FEWEST_OF_A_GRID: Final = 5


class View(Protocol):
    """What a tab shows of a course."""

    @property
    def course(self) -> Course:
        """The course."""


class Tab(NamedTuple):
    """A tab of a course, or a page within one. `name` is its template.

    `part` is the id of the element that a request may ask for alone, and `template` is that element's.
    """

    name: str
    part: str
    read: Callable[[Visit, GroupId | None], Awaitable[View]]
    filters_groups: bool = False
    compares_courses: bool = False
    template: str | None = None


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


async def grid(visit: Visit) -> Response:
    """Show a page of a course's learners with their result in each lesson."""
    return await _show(visit, _GRID)


async def lesson(visit: Visit) -> Response:
    """Show one lesson: its figures, who is at it, and who failed it."""
    return await _show(visit, _LESSON)


async def activity(visit: Visit) -> Response:
    """Show the activity in a course, by day."""
    return await _show(visit, _ACTIVITY)


async def _show(visit: Visit, tab: Tab) -> Response:
    """Show a tab, or only its part where the request asks for that."""
    group_id = _group_id(visit)
    is_limited = visit.principal.groups is not None
    if group_id is None and is_limited and (granted := await visit.services.groups.of_statistics(visit.principal)):
        return RedirectResponse(
            visit.address(*PARAMETERS, *ACTIVITY, lists=_LISTS).other(**{GROUP: granted[0].id}), 303
        )
    view = await tab.read(visit, group_id)
    values: dict[str, Any] = {
        "course": view.course,
        "of_group": f"?{GROUP}={group_id}" if group_id else "",
        tab.part: view,
    }
    if visit.request.headers.get("hx-target") == tab.part:
        return await visit.show(f"statistics/{tab.template or tab.part}.html", **values)
    groups = await visit.services.groups.of_statistics(visit.principal) if tab.filters_groups else ()
    group = await visit.services.groups.group(visit.principal, group_id) if group_id else None
    if tab.compares_courses:
        values["courses"] = await visit.services.catalogue.granted(visit.principal)
    return await visit.show(
        f"statistics/{tab.name}.html", tab_name=tab.name, part=tab.part, group=group, groups=groups, **values
    )


async def _figures(visit: Visit, group_id: GroupId | None) -> FiguresView:
    statistics = await visit.services.statistics.course(visit.principal, visit.course_id, group_id)
    figures = to_json(formats.course(statistics))
    return FiguresView(statistics, figures.decode(), state_of(figures))


async def _figures_of_lessons(visit: Visit, group_id: GroupId | None) -> FiguresView:
    view = await _figures(visit, group_id)
    silent = await visit.services.launches.silent(visit.principal, visit.course_id, group_id)
    counts = Counter(one.lesson.id for one in silent)
    return replace(view, silent=[(one, counts[one.id]) for one in view.course.lessons if one.id in counts])


async def _activity(visit: Visit, group_id: GroupId | None) -> ActivityView:
    address = visit.address(GROUP, *ACTIVITY)
    asked, fault = ActivityParameters(), None
    try:
        asked = query_of(ActivityParameters, address.query)
        series = await _series(visit, asked, group_id, address.query.get(COMPARE))
    except (InvalidQueryError, InvalidValueError, InvalidIdentifierError) as refusal:
        fault = fault_of(refusal, visit.reader)
        series = await _series(visit, ActivityParameters(), group_id, None)
    today = series[0].activity.course.date_of(datetime.now(UTC))
    return ActivityView(address, visit.reader, today, asked.by, series, fault)


async def _series(
    visit: Visit, asked: ActivityParameters, group_id: GroupId | None, compared: str | None
) -> Sequence[Series]:
    """Return the activity that is asked for, and the one that it is compared with."""
    services = visit.services

    async def read(course_id: CourseId, of: GroupId | None, first: date | None, last: date | None) -> Activity:
        return await services.statistics.activity(visit.principal, course_id, first, last, of)

    async def title(of: GroupId | None) -> str | None:
        return None if of is None else (await services.groups.group(visit.principal, of)).title

    found = await read(visit.course_id, group_id, asked.first, asked.last)
    if compared is None:
        return [Series(None, found)]
    other = compared_with(compared)
    if other.course_id is not None:
        # The same dates, also where the other course has another time zone, and so perhaps another today.
        beside = await read(other.course_id, group_id, *found.period)
        return [Series(found.course.title, found), Series(beside.course.title, beside)]
    beside = await read(visit.course_id, other.group_id, *found.period)
    return [Series(await title(group_id), found), Series(await title(other.group_id), beside)]


async def _roster(visit: Visit, group_id: GroupId | None) -> RosterView:
    view = await _roster_view(visit, group_id)
    if view.faults:
        return view
    asked = view.asked
    try:
        page = await visit.services.statistics.roster(
            visit.principal, visit.course_id, asked.to_query(), asked.stalled_days, counted=True
        )
    except (InvalidQueryError, InvalidValueError) as refusal:
        return replace(view, faults=_faults(refusal))
    return replace(view, page=page, cursors=asked.cursors_of(page))


async def _grid(visit: Visit, group_id: GroupId | None) -> GridView:
    found = await _roster_view(visit, group_id)
    view = GridView(**vars(found))
    if view.faults:
        return view
    asked = view.asked
    query = replace(asked.to_query(), limit=max(_FEWEST_OF_A_GRID, min(PAGE, _CELLS // len(view.course.lessons))))
    try:
        page = await visit.services.results.grid(
            visit.principal, visit.course_id, query, asked.stalled_days, counted=True
        )
    except (InvalidQueryError, InvalidValueError) as refusal:
        return replace(view, faults=_faults(refusal))
    return replace(view, course=page.course, page=page.roster, cursors=asked.cursors_of(page.roster), grid=page.lines)


async def _roster_view(visit: Visit, group_id: GroupId | None) -> RosterView:
    """Return what a page of learners asks for, without the learners."""
    visit.principal.require_statistics(visit.course_id, group_id)
    course = (await visit.services.catalogue.course(visit.course_id)).course
    address = visit.address(*PARAMETERS, lists=_LISTS)
    has_names = visit.services.people.is_on
    given = {name: moment_of(value, course) if name == DUE_BEFORE else value for name, value in address.query.items()}
    given.pop(COLUMNS_CHOSEN, None)
    try:
        asked = query_of(RosterParameters, {**BY_NAME, **given} if has_names and "sort" not in given else given)
        asked.to_query()
    except InvalidQueryError as refusal:
        return RosterView(address, visit.reader, course, RosterParameters(), has_names, faults=_faults(refusal))
    return RosterView(address, visit.reader, course, asked, has_names)


def _faults(refusal: InvalidQueryError | InvalidValueError) -> Sequence[str]:
    """Return the names of the parameters that can not be used."""
    if isinstance(refusal, InvalidQueryError):
        return [fault.name for fault in refusal.faults]
    return [str(problem.location[0]) for problem in refusal.problems]


async def _one_lesson(visit: Visit, group_id: GroupId | None) -> OneLessonView:
    found = await visit.services.results.lesson(visit.principal, visit.course_id, visit.lesson_id, group_id)
    silent = await visit.services.launches.silent(visit.principal, visit.course_id, group_id)
    here = [one for one in silent if one.lesson.id == visit.lesson_id]
    return OneLessonView(found, group_id, state_of(to_json(formats.course(found.statistics))), here)


_OVERVIEW: Final = Tab("overview", "figures", _figures)
_LESSONS: Final = Tab("lessons", "funnel", _figures_of_lessons)
_LEARNERS: Final = Tab("learners", "roster", _roster, filters_groups=True)
_ACTIVITY: Final = Tab("activity", "days", _activity, filters_groups=True, compares_courses=True)
_GRID: Final = Tab("grid", "roster", _grid, filters_groups=True, template="grid_table")
_LESSON: Final = Tab("one_lesson", "lesson", _one_lesson)


def _moved(visit: Visit) -> str | None:
    """Return the address of the tab that shows what an address of the one page showed; `None` for the overview.

    The fragment is not sent. A browser keeps it.
    """
    path = visit.request.url.path
    of_roster = visit.address(*PARAMETERS, lists=_LISTS).query
    if of_roster.keys() - {GROUP}:
        return with_query(f"{path}/learners", {"sort": "last_seen", **of_roster})
    of_days = visit.address(GROUP, *DAYS).query
    return with_query(f"{path}/activity", of_days) if of_days.keys() - {GROUP} else None


def _group_id(visit: Visit) -> GroupId | None:
    """Return the group whose members the page is about; `None` for all learners. Raises `InvalidQueryError`."""
    return query_of(GroupParameters, visit.address(GROUP).query).group_id
