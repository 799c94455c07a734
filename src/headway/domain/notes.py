"""A learner's notes over all courses, and how they are searched."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from headway.domain.identifiers import CourseId, LessonId
from headway.domain.text import folded

MOST_NOTES: Final = 1_000
"""The most notes that are read at once: those that were changed last."""

MOST_WANTED: Final = 200
"""The most characters of a search that count."""


class Note(NamedTuple):
    """A learner's note in a lesson. `etag` is that of the lesson progress that has it."""

    course_id: CourseId
    lesson_id: LessonId
    text: str
    etag: str


def words_of(wanted: str) -> list[str]:
    """Return the words that a search looks for. Capitals and accents do not matter."""
    return folded(wanted[:MOST_WANTED]).split()


def has_words(words: Iterable[str], *texts: str) -> bool:
    """Whether each of the words of a search is in one of the texts."""
    found = folded("\n".join(texts))
    return all(word in found for word in words)
