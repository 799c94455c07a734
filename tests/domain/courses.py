"""Courses as authors make and edit them: strategies that draw them."""

from dataclasses import replace as with_fields
from typing import Final

from hypothesis import strategies as st

from domain.values import course, lessons
from headway.domain.catalogue import Course, Lesson, OnEdit

NUMBERS: Final = range(1, 5)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True))
    found = course(*(draw(lessons(number)) for number in numbers))
    return with_fields(found, on_edit=draw(st.sampled_from(OnEdit)), title=draw(st.sampled_from(["Old", "New"])))


@st.composite
def later(draw: st.DrawFn, before: Course) -> Course:
    """Draw an edit of a course: some lessons stay, some change, some are removed, and some are new."""
    after = draw(courses())
    old = before.lessons_by_id
    kept = [
        draw(st.sampled_from([old[one.id], one, eased(old[one.id])])) if one.id in old else one for one in after.lessons
    ]
    return with_fields(after, lessons=tuple(kept))


def eased(found: Lesson) -> Lesson:
    """Return the lesson with the conditions that are easiest to meet."""
    return with_fields(found, complete_at=0.5, pass_mark=None if found.pass_mark is None else 0)
