"""A learner's notes over all courses."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headway.domain.catalogue import Course, Lesson, position_of
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId
from headway.domain.notes import LONGEST_SEARCH, MOST_NOTES, Note
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.text import has_words, search_words


class PlacedNote(NamedTuple):
    """A note and where it belongs. What has left the catalogue or its course since is `None`."""

    note: Note
    course: Course | None
    lesson: Lesson | None


class OwnNotes(NamedTuple):
    """The notes that a search has found, by course and in its order.

    `total` is the number of all notes. `is_cut` says that the learner has more notes than are read at once.
    """

    found: Sequence[PlacedNote]
    total: int
    is_cut: bool


class NotesService:
    """Learners' own notes. May raise `UnavailableError` and what its store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, principal: Principal, wanted: str) -> OwnNotes:
        """Return the caller's notes that have each word of `wanted` in their text, lesson or course."""
        notes = await self._store.notes(principal.learner_id, MOST_NOTES + 1)
        courses = await self._courses({note.course_id for note in notes})
        read = notes[:MOST_NOTES]
        # In a thread: all notes together may have megabytes.
        found = await asyncio.to_thread(_found, read, courses, search_words(wanted[:LONGEST_SEARCH]))
        return OwnNotes(found, len(read), is_cut=len(notes) > MOST_NOTES)

    async def _courses(self, course_ids: Iterable[CourseId]) -> Mapping[CourseId, Course]:
        """Return those of the courses that are in the catalogue."""
        found = {}
        for course_id in course_ids:
            try:
                found[course_id] = (await self._store.course(course_id)).course
            except CourseNotFoundError:
                continue
        return found


def _found(notes: Iterable[Note], courses: Mapping[CourseId, Course], words: Sequence[str]) -> list[PlacedNote]:
    placed = (_placed(note, courses.get(note.course_id)) for note in notes)
    return sorted((one for one in placed if has_words(words, *_texts(one))), key=_order)


def _placed(note: Note, course: Course | None) -> PlacedNote:
    return PlacedNote(note, course, course.lessons_by_id.get(note.lesson_id) if course else None)


def _texts(placed: PlacedNote) -> Iterable[str]:
    yield placed.note.text
    if placed.course:
        yield placed.course.title
    if placed.lesson:
        yield placed.lesson.title


def _order(placed: PlacedNote) -> tuple[bool, bytes, str, int, str]:
    """Sort by course title, then in the course's order. What is not there any more comes last."""
    note, course, lesson = placed
    if course is None:
        return True, b"", note.course_id, 0, note.lesson_id
    position = course.positions[lesson.id] if lesson else len(course.lessons)
    return False, position_of(course).sort_key, course.id, position, note.lesson_id
