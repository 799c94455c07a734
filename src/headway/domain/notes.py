"""A learner's notes over all courses."""

from typing import Final, NamedTuple

from headway.domain.identifiers import CourseId, LessonId

MOST_NOTES: Final = 1_000
"""The most notes that are read at once: those that were changed last."""

LONGEST_SEARCH: Final = 200
"""The most characters of a search that count."""


class Note(NamedTuple):
    """A learner's note in a lesson. `etag` is that of the lesson progress that has it."""

    course_id: CourseId
    lesson_id: LessonId
    text: str
    etag: str
