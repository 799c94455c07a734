"""Identifiers: UUIDs in their canonical text form, with one type for each kind of thing.

They are text and not `uuid.UUID`, because every identifier arrives as text, is stored as text and leaves as text. A
list of forty lessons would otherwise build and print two hundred objects. The types differ so that mypy refuses the id
of a lesson where the id of a course is needed.
"""

import re
from typing import Final, NewType

LearnerId = NewType("LearnerId", str)
CourseId = NewType("CourseId", str)
LessonId = NewType("LessonId", str)
ContentId = NewType("ContentId", str)
ProgressId = NewType("ProgressId", str)
GroupId = NewType("GroupId", str)
WebhookId = NewType("WebhookId", str)

_CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_canonical_uuid(text: str) -> bool:
    """Whether `text` is a UUID in the form of RFC 9562 section 4: with hyphens, in lower case."""
    return _CANONICAL.fullmatch(text) is not None
