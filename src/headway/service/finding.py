"""The quick search: people, courses and lessons that the caller may see, by a few words."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from headway.domain.catalogue import Course, CourseOutline, CourseQuery, Lesson
from headway.domain.enrolments import EnrolmentMode
from headway.domain.people import query_words
from headway.domain.ports import Store
from headway.domain.principal import COURSES_WRITE, STATISTICS_READ, Principal
from headway.domain.text import has_words
from headway.service.catalogue import CatalogueService
from headway.service.enrolments import EnrolmentsService
from headway.service.people import PeopleService, Person
from headway.turns import in_turns

_MOST_PAGES: Final = 5


class FoundLesson(NamedTuple):
    """A lesson of a course that the caller is in."""

    course: Course
    lesson: Lesson


class Found(NamedTuple):
    """What was found.

    `people` are those whose statistics the caller may read. `taught` are courses whose statistics the caller may read,
    `authored` those that the caller may edit, `own` those that the caller is in, `open` others in which the caller may
    begin. `lessons` are those of the caller's own courses.
    """

    people: Sequence[Person] = ()
    taught: Sequence[CourseOutline] = ()
    authored: Sequence[CourseOutline] = ()
    own: Sequence[Course] = ()
    open: Sequence[CourseOutline] = ()
    lessons: Sequence[FoundLesson] = ()


class FindingService:
    """Finds what the caller may see. It raises `UnavailableError` and what its store raises."""

    def __init__(
        self, store: Store, catalogue: CatalogueService, enrolments: EnrolmentsService, people: PeopleService
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._enrolments = enrolments
        self._people = people

    async def find(self, principal: Principal, text: str, limit: int) -> Found:
        """Return what is found by a text, at most `limit` of each kind; nothing where the text has no word.

        Raises `InvalidValueError` for too many words.
        A course or a lesson is found by parts of its title, whatever the case and the accents. Courses are looked for
        among the first thousands of the catalogue. People are found as `PeopleService.search` finds them.
        """
        words = query_words(text)
        if not words:
            return Found()
        own = [one.course for one in await self._enrolments.of_learner(principal.learner_id)]
        found = Found(
            people=await self._found_people(principal, text, limit),
            own=[course for course in own if has_words(course.title, words)][:limit],
            lessons=[one async for one in _lessons(own, words, limit)],
        )
        if STATISTICS_READ in principal.scopes or COURSES_WRITE in principal.scopes:
            return await self._with_courses_to_work_on(principal, words, limit, found)
        if self._store.enforced.enrolment is not EnrolmentMode.OPEN:
            return found
        own_ids = {course.id for course in own}
        others = [one async for one in self._courses(words) if one.id not in own_ids]
        return found._replace(open=others[:limit])

    async def _found_people(self, principal: Principal, text: str, limit: int) -> Sequence[Person]:
        if STATISTICS_READ not in principal.scopes or not self._people.is_on:
            return ()
        return await self._people.of_statistics(principal, text, limit)

    async def _with_courses_to_work_on(
        self, principal: Principal, words: Sequence[str], limit: int, found: Found
    ) -> Found:
        courses = [one async for one in self._courses(words)]
        is_teacher, is_author = STATISTICS_READ in principal.scopes, COURSES_WRITE in principal.scopes
        taught = [one for one in courses if is_teacher and principal.is_granted(one.id)]
        return found._replace(taught=taught[:limit], authored=courses[:limit] if is_author else ())

    async def _courses(self, words: Sequence[str]) -> AsyncIterator[CourseOutline]:
        """Yield the courses with these words in the title, by title."""
        query = CourseQuery()
        for _ in range(_MOST_PAGES):
            page = await self._catalogue.courses(query)
            async for one in in_turns(page.lines):
                if has_words(one.title, words):
                    yield one
            if page.last is None:
                return
            query = replace(query, after=page.last)


async def _lessons(courses: Sequence[Course], words: Sequence[str], limit: int) -> AsyncIterator[FoundLesson]:
    found = 0
    async for one in in_turns(FoundLesson(course, lesson) for course in courses for lesson in course.lessons):
        if has_words(one.lesson.title, words):
            yield one
            found += 1
        if found == limit:
            return
