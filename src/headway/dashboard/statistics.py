"""The teacher's pages: all courses, one course, and one learner in a course."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response

from headway.dashboard.page import Visit, page_asked_for
from headway.dashboard.statistics_views import (
    ACTIVITY_PARAMETERS,
    GROUP_PARAMETERS,
    PARAMETERS,
    ActivityView,
    Address,
    FiguresView,
    LearnerView,
    RosterView,
)
from headway.domain.catalogue import Course
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import GroupId
from headway.domain.principal import OPERATOR_ID
from headway.formats import statistics as formats
from headway.formats.queries import InvalidQueryError, query_of
from headway.formats.roster_query import ActivityParameters, GroupParameters, RosterParameters
from headway.formats.shapes import to_json
from headway.http.engine.event_streams import state_of


async def courses(visit: Visit) -> Response:
    """Show a line for each course whose statistics the session may read."""
    asked = page_asked_for(visit)
    page = await visit.services.statistics.courses(visit.principal, asked.to_query())
    following = asked.next_page(page.last)
    return await visit.show("statistics/courses.html", lines=page.lines, asked=asked, following=following)


async def course(visit: Visit) -> Response:
    """Show one course: its figures, the activity by day, and the roster; or only the part that the request asks for."""
    group_id = _group_id(visit)
    visit.principal.require_statistics(visit.course_id, group_id)
    entry = await visit.services.catalogue.course(visit.course_id)
    group = await visit.services.groups.group(visit.principal, group_id) if group_id else None
    target = visit.request.headers.get("hx-target", "")
    names = [target] if target in _PARTS else list(_PARTS)
    parts: dict[str, Any] = {name: await _PARTS[name](visit, entry.course) for name in names}
    template = target if target in _PARTS else "course"
    return await visit.show(f"statistics/{template}.html", course=entry.course, group=group, **parts)


async def learner(visit: Visit) -> Response:
    """Show one learner in a course, lesson by lesson, and how the percentage is computed."""
    detail = await visit.services.statistics.learner(visit.principal, visit.course_id, visit.learner_id)
    learner = LearnerView(detail)
    return await visit.show("statistics/learner.html", course=detail.course, learner=learner, operator_id=OPERATOR_ID)


async def _figures(visit: Visit, course: Course) -> FiguresView:
    statistics = await visit.services.statistics.course(visit.principal, course.id, _group_id(visit))
    figures = to_json(formats.course(statistics))
    return FiguresView(statistics, figures.decode(), state_of(figures))


async def _activity(visit: Visit, course: Course) -> ActivityView:
    address, group_id = _address(visit), _group_id(visit)
    today = course.date_of(datetime.now(UTC))
    try:
        asked = query_of(ActivityParameters, _only(address.query, ACTIVITY_PARAMETERS))
        activity = await visit.services.statistics.activity(
            visit.principal, course.id, asked.first, asked.last, group_id
        )
    except (InvalidQueryError, InvalidValueError) as refusal:
        usual = await visit.services.statistics.activity(visit.principal, course.id, None, None, group_id)
        return ActivityView(address, today, usual, str(refusal))
    return ActivityView(address, today, activity)


async def _roster(visit: Visit, course: Course) -> RosterView:
    address = _address(visit)
    try:
        asked = query_of(RosterParameters, _without(address.query, ACTIVITY_PARAMETERS))
        page = await visit.services.statistics.roster(visit.principal, course.id, asked.to_query(), asked.stalled_days)
    except (InvalidQueryError, InvalidValueError) as refusal:
        return RosterView(address, course, RosterParameters(), (), None, _in_words_of_the_form(refusal))
    return RosterView(address, course, asked, page.lines, asked.cursor_to(page.last) if page.last else None)


def _in_words_of_the_form(refusal: InvalidQueryError | InvalidValueError) -> str:
    """Return what is wrong with the filters, in the words of the page's labels."""
    if isinstance(refusal, InvalidValueError) and any(one.kind == "missing_lesson" for one in refusal.problems):
        return "Choose under “Lesson started, not completed” which lesson the failed attempts are of."
    return str(refusal)


_PARTS: Final[Mapping[str, Callable[[Visit, Course], Awaitable[FiguresView | ActivityView | RosterView]]]] = {
    "figures": _figures,
    "activity": _activity,
    "roster": _roster,
}
"""The parts of a course's page, by the id of their element."""


def _address(visit: Visit) -> Address:
    """Return the page's address with the known parameters of the query. Empty ones are left out: forms send them."""
    given = visit.request.query_params
    return Address(visit.request.url.path, {name: given[name] for name in PARAMETERS if given.get(name)})


def _group_id(visit: Visit) -> GroupId | None:
    """Return the group whose members the page is about; `None` for all learners. Raises `InvalidQueryError`."""
    return query_of(GroupParameters, _only(_address(visit).query, GROUP_PARAMETERS)).group_id


def _only(query: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name in names}


def _without(query: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in names}
