"""All notes of a learner, on a page and as a file."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple, Self

from starlette.responses import Response

from headway.dashboard.page import Visit
from headway.dashboard.rendering import Reader
from headway.domain.notes import LONGEST_SEARCH
from headway.domain.text import visible
from headway.service import OwnNotes, PlacedNote

NOTES_OF_A_PAGE: Final = 50
_MARKDOWN: Final = "text/markdown; charset=utf-8"
_LONGEST_PAGE: Final = 4  # digits of a page's number


class NotesView(NamedTuple):
    """A page of notes. `wanted` is what is searched for, `page` the number of the page, from 1."""

    notes: OwnNotes
    wanted: str
    page: int

    @classmethod
    def of(cls, notes: OwnNotes, query: Mapping[str, str]) -> Self:
        """Make the page that a query asks for: the last page where it asks for a later one."""
        asked = query.get("page", "")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_PAGE else 1
        last = max(1, -(-len(notes.found) // NOTES_OF_A_PAGE))
        return cls(notes, wanted_of(query), min(max(1, number), last))

    @property
    def has_next(self) -> bool:
        """Whether there is another page."""
        return len(self.notes.found) > self.page * NOTES_OF_A_PAGE

    @property
    def courses(self) -> Iterator[tuple[PlacedNote, Sequence[PlacedNote]]]:
        """Yield the notes of the page by course: the first one, and all."""
        start = (self.page - 1) * NOTES_OF_A_PAGE
        return by_course(self.notes.found[start : start + NOTES_OF_A_PAGE])


def by_course(notes: Sequence[PlacedNote]) -> Iterator[tuple[PlacedNote, Sequence[PlacedNote]]]:
    """Yield sorted notes by course: the first one of each, and all."""
    for _, group in groupby(notes, key=lambda one: one.note.course_id):
        some = list(group)
        yield some[0], some


def wanted_of(query: Mapping[str, str]) -> str:
    """Return what a query searches for."""
    return query.get("q", "").strip()[:LONGEST_SEARCH]


async def notes(visit: Visit) -> Response:
    """Show the learner's notes, or those that the query `q` finds."""
    query = visit.request.query_params
    found = await visit.services.notes.find(visit.principal, wanted_of(query))
    return await visit.show("learner/notes.html", view=NotesView.of(found, query))


async def download(visit: Visit) -> Response:
    """Answer the same notes as a file of Markdown."""
    found = await visit.services.notes.find(visit.principal, wanted_of(visit.request.query_params))
    text = await asyncio.to_thread(lambda: "\n".join(_markdown(visit.reader, found.found)))
    headers = {"Content-Disposition": 'attachment; filename="headway-notes.md"'}
    return Response(text, media_type=_MARKDOWN, headers=headers)


def _markdown(reader: Reader, notes: Sequence[PlacedNote]) -> Iterator[str]:
    yield f"# {reader.gettext('My notes')}\n"
    for first, some in by_course(notes):
        no_course = reader.gettext("A course that is not in the catalogue any more")
        yield f"## {visible(first.course.title) if first.course else no_course}\n"
        for one in some:
            no_lesson = reader.gettext("A lesson that is not in the course any more")
            yield f"### {visible(one.lesson.title) if one.lesson else no_lesson}\n\n{one.note.text}\n"
