"""Identifiers: UUIDs kept in their canonical text form, one type for each thing they name.

Text and not `uuid.UUID`, because every identifier arrives as text, is stored as text and leaves as text: a list
of forty lessons would otherwise build and print two hundred objects. The types differ so that mypy refuses a
lesson's id where a course's is meant.
"""

import re
from typing import Final, NewType

LearnerId = NewType("LearnerId", str)
CourseId = NewType("CourseId", str)
LessonId = NewType("LessonId", str)
ContentId = NewType("ContentId", str)
ProgressId = NewType("ProgressId", str)

_CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_canonical_uuid(text: str) -> bool:
    """Whether `text` is a UUID as RFC 9562 section 4 prints it: hyphenated, in lower case."""
    return _CANONICAL.fullmatch(text) is not None
