"""What a learner looks at: the courses under way, one course, and its notes."""

from starlette.responses import Response

from headway.dashboard.page import Visit


async def courses(visit: Visit) -> Response:
    """The courses that the learner has written in, recently touched first."""
    summaries = await visit.services.progress.summaries(visit.principal)
    titles = {course.id: course.title for course in await visit.services.progress.courses()}
    return visit.show("learner/courses.html", summaries=summaries, titles=titles)
