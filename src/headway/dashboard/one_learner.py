"""The teacher's page of one learner: all courses that the session may see, and one of them in full."""

from datetime import UTC, datetime

from starlette.responses import Response

from headway.dashboard.one_learner_views import FEW_COURSES, LearnerView
from headway.dashboard.page import Visit
from headway.domain.identifiers import CourseId
from headway.domain.principal import OPERATOR_ID


async def learner(visit: Visit) -> Response:
    """Show a learner with the course that was seen last."""
    return await _show(visit, None)


async def learner_in_course(visit: Visit) -> Response:
    """Show a learner with the course of the address."""
    return await _show(visit, visit.course_id)


async def _show(visit: Visit, course_id: CourseId | None) -> Response:
    first_weekday = visit.reader.first_weekday
    found = await visit.services.one_learner.learner(visit.principal, visit.learner_id, course_id, first_weekday)
    return await visit.show(
        "statistics/learner.html",
        learner=LearnerView(found, datetime.now(UTC)),
        in_course=course_id is not None,
        few_courses=FEW_COURSES,
        operator_id=OPERATOR_ID,
    )
