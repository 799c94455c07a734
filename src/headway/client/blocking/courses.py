# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""The catalogue of courses."""

from collections.abc import Iterator

from headway.client.blocking.sending import Sender
from headway.client.calls import Id, Tagged, delete, get, on_condition, post_file, put
from headway.client.shapes import CourseChange, CourseDocument, CourseImpact, CourseLine


class Courses:
    """Reads the catalogue, and changes it with the scope `courses:write`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def all(self, *, page_size: int = 1_000) -> Iterator[CourseLine]:
        """Yield the courses by title."""
        for page in self._sender.pages(get(list[CourseLine], "courses", limit=page_size)):
            for course in page:
                yield course

    def get(self, course: Id) -> Tagged[CourseDocument]:
        """Return the document of a course. Raises `NotFoundError`."""
        return self._sender.tagged(get(CourseDocument, "courses", course))

    def put(
        self, course: Id, document: CourseDocument, *, if_match: str | None = None, if_none_match: str | None = None
    ) -> Tagged[CourseChange]:
        """Store the document of a course as a whole, and return what it has changed.

        `if_match` with the `etag` of the document that was edited protects the edit of another author.
        """
        call = put(CourseChange, document, "courses", course)
        return self._sender.tagged(on_condition(call, if_match, if_none_match))

    def impact(self, course: Id, document: CourseDocument) -> CourseImpact:
        """Return what storing a document would change, and for how many learners. Nothing is stored."""
        return self._sender.value(put(CourseImpact, document, "courses", course, dry_run=True))

    def validate(self, content: bytes, content_type: str = "application/json") -> CourseDocument:
        """Check a document in JSON or YAML (`application/yaml`), and return it with all defaults."""
        return self._sender.value(post_file(CourseDocument, content, content_type, "courses", "validate"))

    def remove(self, course: Id) -> None:
        """Remove a course from the catalogue. The learners' progress stays stored."""
        self._sender.done(delete("courses", course))
