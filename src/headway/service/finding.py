"""The quick search: people, courses and lessons that the caller may see, by a few words."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from headway.domain.catalogue import Course, CourseOutline, Lesson
from headway.domain.identifiers import CourseId
from headway.domain.people import query_words
from headway.domain.principal import COURSES_WRITE, STATISTICS_READ, Principal
from headway.domain.text import has_words
from headway.service.catalogue import CatalogueService
from headway.service.enrolments import EnrolmentsService
from headway.service.people import PeopleService, Person
from headway.turns import in_turns


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


class _Courses:
    """Courses of one kind, as they are found: at most `limit`, and only those that `may_see` says."""

    def __init__(self, limit: int, may_see: Callable[[CourseId], bool]) -> None:
        self.found: list[CourseOutline] = []
        self._limit = limit
        self._may_see = may_see

    @property
    def is_full(self) -> bool:
        """Whether no more are wanted."""
        return len(self.found) >= self._limit

    def take(self, one: CourseOutline) -> None:
        """Add a course, if it is wanted."""
        if not self.is_full and self._may_see(one.id):
            self.found.append(one)


class FindingService:
    """Finds what the caller may see. It raises `UnavailableError` and what its store raises."""

    def __init__(self, catalogue: CatalogueService, enrolments: EnrolmentsService, people: PeopleService) -> None:
        self._catalogue = catalogue
        self._enrolments = enrolments
        self._people = people

    async def find(self, principal: Principal, text: str, limit: int) -> Found:
        """Return what is found by a text, at most `limit` of each kind; nothing where the text has no word.

        A course or a lesson is found by parts of its title, whatever the case and the accents. Courses are looked for
        as `CatalogueService.each` yields them. People are found as `PeopleService.search` finds them.

        Raises `InvalidValueError` for too many words.
        """
        words = query_words(text)
        if not words:
            return Found()
        own = [one.course for one in await self._enrolments.of_learner(principal.learner_id)]
        is_teacher, is_author = STATISTICS_READ in principal.scopes, COURSES_WRITE in principal.scopes
        is_open = not is_teacher and not is_author and self._enrolments.is_open
        own_ids = {course.id for course in own}
        taught = _Courses(limit if is_teacher else 0, principal.is_granted)
        authored = _Courses(limit if is_author else 0, lambda _: True)
        others = _Courses(limit if is_open else 0, lambda course_id: course_id not in own_ids)
        await self._fill(words, taught, authored, others)
        return Found(
            people=await self._people.of_statistics(principal, text, limit)
            if is_teacher and self._people.is_on
            else (),
            taught=taught.found,
            authored=authored.found,
            own=[course for course in own if has_words(words, course.title)][:limit],
            open=others.found,
            lessons=[one async for one in _lessons(own, words, limit)],
        )

    async def _fill(self, words: Sequence[str], *kinds: _Courses) -> None:
        """Look for courses with these words in the title, by title, until all kinds are full."""
        async for one in self._catalogue.each():
            if all(kind.is_full for kind in kinds):
                return
            if has_words(words, one.title):
                for kind in kinds:
                    kind.take(one)


async def _lessons(courses: Sequence[Course], words: Sequence[str], limit: int) -> AsyncIterator[FoundLesson]:
    found = 0
    async for one in in_turns(FoundLesson(course, lesson) for course in courses for lesson in course.lessons):
        if has_words(words, one.lesson.title):
            yield one
            found += 1
        if found == limit:
            return
