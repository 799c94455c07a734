"""The page that plays the content of a lesson, with the lessons before and after it."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from starlette.responses import Response

from headway.dashboard.page import PageNotFoundError, Visit
from headway.domain.catalogue import Lesson
from headway.domain.identifiers import LessonId
from headway.domain.outline import OutlineLesson
from headway.domain.packages import is_packaged


class PlayView(NamedTuple):
    """A lesson that is played: how far the learner is, and the lessons beside it; `None`: there is none."""

    line: OutlineLesson
    previous: Lesson | None
    following: Lesson | None

    @classmethod
    def of(cls, lines: Sequence[OutlineLesson], lesson_id: LessonId) -> Self:
        """Return the view of a lesson in the outline of its course. Raises `PageNotFoundError`."""
        position = next((at for at, line in enumerate(lines) if line.lesson.id == lesson_id), None)
        if position is None:
            raise PageNotFoundError
        previous = lines[position - 1].lesson if position else None
        following = lines[position + 1].lesson if position + 1 < len(lines) else None
        return cls(lines[position], previous, following)


async def play(visit: Visit) -> Response:
    """Show a lesson with its content. A lesson whose content is elsewhere is shown on the page of the course."""
    lines = await visit.services.progress.outline(visit.principal, visit.course_id)
    view = PlayView.of(lines, visit.lesson_id)
    if not is_packaged(view.line.lesson.content_id):
        return visit.to(f"/courses/{visit.course_id}?lesson={visit.lesson_id}#lesson-{visit.lesson_id}")
    course = (await visit.services.catalogue.course(visit.course_id)).course
    return await visit.show("learner/play.html", view=view, course=course)
