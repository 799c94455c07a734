"""The learner's first page with the goal of the week, and the catalogue in which learners enrol themselves."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from headway.dashboard.learner_views import CalendarView
from headway.dashboard.page import Visit, page_asked_for
from headway.domain.catalogue import CourseQuery
from headway.domain.course_progress import EnrolmentSource
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.goals import MOST_DAYS
from headway.service import Offer

COURSES_OF_A_PAGE: Final = 24
_FEW_COURSES: Final = 6
_FEW_DUE_DATES: Final = 3
_FEW_LESSONS: Final = 12
_DAYS: Final = {str(days): days for days in range(MOST_DAYS + 1)}
"""What a form may send as a goal; 0 removes it."""


async def home(visit: Visit) -> Response:
    """Show what the learner takes: what to go on with, what is due, the goal of the week, the active days."""
    found = await visit.services.overview.home(visit.principal, visit.reader.first_weekday)
    return await visit.show(
        "learner/home.html", home=found, calendar=CalendarView.of(found.calendar), most_days=MOST_DAYS,
        few_due=_FEW_DUE_DATES, offers=await _few_offers(visit) if found.is_empty else (), few_lessons=_FEW_LESSONS,
    )  # fmt: skip


async def _few_offers(visit: Visit) -> Sequence[Offer]:
    """Return all courses in which the learner may enrol, where they are few; else none: then the catalogue has them."""
    page = await visit.services.overview.offers(visit.principal, CourseQuery(_FEW_COURSES))
    return page.lines if page.last is None else ()


async def set_goal(visit: Visit) -> Response:
    """Set the learner's goal of the week, or remove it. Raises `InvalidValueError`."""
    days = _DAYS.get(visit.form.get("days_per_week", ""))
    if days is None:
        raise InvalidValueError([Problem(("days_per_week",), f"A goal is 1 to {MOST_DAYS} days.", "goal_parsing")])
    learner_id, goals = visit.principal.learner_id, visit.services.goals
    if days:
        await goals.put(visit.principal, learner_id, days, visit.reader.first_weekday)
    else:
        await goals.remove(visit.principal, learner_id)
    return visit.to("#goal")


async def catalogue(visit: Visit) -> Response:
    """Show a page of the courses in which learners may enrol."""
    asked = page_asked_for(visit).model_copy(update={"limit": COURSES_OF_A_PAGE})
    page = await visit.services.overview.offers(visit.principal, asked.to_query())
    return await visit.show(
        "learner/catalogue.html", offers=page.lines, asked=asked, following=asked.next_page(page.last),
        is_open=visit.services.enrolments.is_open, few_lessons=_FEW_LESSONS,
    )  # fmt: skip


async def enrol(visit: Visit) -> Response:
    """Enrol the learner in a course, and show it. Raises as `EnrolmentsService.enrol`."""
    learner_id = visit.principal.learner_id
    await visit.services.enrolments.enrol(visit.principal, visit.course_id, learner_id, EnrolmentSource())
    return visit.to(f"/courses/{visit.course_id}")
