"""The quick search: a page of its own, and the part of it that the dialog in each page's head shows."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from starlette.responses import Response

from headway.dashboard.page import Visit
from headway.dashboard.words import marked
from headway.domain.catalogue import Course, CourseOutline
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import CourseId, LessonId
from headway.domain.people import LONGEST_QUERY
from headway.service import Found, FoundLesson, Person

PART: Final = "quick-results"
_FEW: Final = 6
_MANY: Final = 50


class Hit(NamedTuple):
    """Something that was found. `title` is `None` for a learner without a name; `about` tells who or what it is.

    `below` is its address below the path of the pages. A lesson has its ids instead: it may be on the platform.
    """

    title: str | None
    about: str | None
    below: str | None
    lesson: tuple[CourseId, LessonId] | None = None


class Kind(NamedTuple):
    """What was found of one kind. `title` is a message to translate; the first hit has the number `first`.

    `has_more` says that there are more hits than are shown.
    """

    title: str
    hits: Sequence[Hit]
    first: int
    has_more: bool


async def search(visit: Visit) -> Response:
    """Show what a text finds: as a page, or only the part with what was found."""
    text = visit.request.query_params.get("q", "")[:LONGEST_QUERY]
    is_part = visit.request.headers.get("hx-target") == PART
    shown = _FEW if is_part else _MANY
    try:
        found, fault = await visit.services.finding.find(visit.principal, text, shown + 1), None
    except InvalidValueError:
        found, fault = Found(), marked("Please use fewer words.")
    template = "quick_results.html" if is_part else "search.html"
    return await visit.show(template, text=text, kinds=list(_kinds(found, shown)), fault=fault)


def _kinds(found: Found, shown: int) -> Iterator[Kind]:
    """Yield the kinds of which something was found, each with the first hits, numbered through."""
    kinds = (
        (marked("People"), list(map(_person, found.people))),
        (marked("Statistics"), [_course(one, "/statistics") for one in found.taught]),
        (marked("My courses"), [_course(one, "/courses") for one in found.own]),
        (marked("Other courses"), [_course(one, "/courses") for one in found.open]),
        (marked("Lessons"), list(map(_lesson, found.lessons))),
        (marked("Authoring"), [_course(one, "/authoring") for one in found.authored]),
    )
    first = 0
    for title, hits in kinds:
        if hits:
            yield Kind(title, hits[:shown], first, len(hits) > shown)
            first += len(hits[:shown])


def _person(person: Person) -> Hit:
    profile = person.profile
    return Hit(profile.name, profile.email or profile.external_id, f"/statistics/learners/{person.learner_id}")


def _course(course: Course | CourseOutline, below: str) -> Hit:
    return Hit(course.title, None, f"{below}/{course.id}")


def _lesson(found: FoundLesson) -> Hit:
    return Hit(found.lesson.title, found.course.title, None, (found.course.id, found.lesson.id))
