"""The teacher's home: who needs attention in all courses, each list in full, and the courses."""

from collections.abc import Sequence

from starlette.responses import Response

from headway.dashboard.page import PageNotFoundError, Visit
from headway.dashboard.statistics_views import GROUP
from headway.dashboard.teacher_home_views import (
    COURSES,
    FEW,
    LISTED,
    AttentionCard,
    AttentionView,
    CoursesView,
)
from headway.domain.attention import Reason
from headway.domain.groups import GroupOutline
from headway.formats.attention import AttentionListParameters
from headway.formats.course_list import CourseListParameters
from headway.formats.queries import InvalidQueryError, query_of
from headway.service import AttentionFilters


async def home(visit: Visit) -> Response:
    """Show who needs attention, a few of each list, and a page of the courses."""
    address = visit.address(GROUP, *COURSES)
    try:
        asked = query_of(CourseListParameters, address.query)
    except InvalidQueryError:
        asked = query_of(CourseListParameters, visit.address(GROUP).query)
    filters = AttentionFilters(group_id=asked.group_id)
    courses = await visit.services.course_list.courses(visit.principal, asked.to_query())
    return await visit.show(
        "statistics/home.html",
        cards=[await _card(visit, reason, filters) for reason in Reason],
        courses=CoursesView(address, asked, courses),
        groups=await _groups(visit),
        group_id=asked.group_id,
    )


async def attention(visit: Visit) -> Response:
    """Show a page of the learners who need attention for one reason."""
    try:
        reason = Reason(visit.request.path_params["reason"])
    except ValueError:
        raise PageNotFoundError from None
    address = visit.address(*LISTED)
    asked = query_of(AttentionListParameters, address.query)
    service = visit.services.attention
    after, before = asked.positions(reason)
    page = await service.page(visit.principal, reason, asked.filters, asked.limit, after, before)
    return await visit.show(
        "statistics/attention.html",
        attention=AttentionView(
            address,
            reason,
            asked,
            await service.count(visit.principal, reason, asked.filters),
            page,
        ),
        groups=await _groups(visit),
        courses=await visit.services.catalogue.granted(visit.principal),
    )


async def _card(visit: Visit, reason: Reason, filters: AttentionFilters) -> AttentionCard:
    service = visit.services.attention
    counted = await service.count(visit.principal, reason, filters)
    lines = (await service.page(visit.principal, reason, filters, FEW)).lines if counted.number else ()
    return AttentionCard(reason, counted, lines)


async def _groups(visit: Visit) -> Sequence[GroupOutline]:
    """Return the classes that can be chosen."""
    return await visit.services.groups.of_statistics(visit.principal)
