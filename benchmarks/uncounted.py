"""Headway that keeps no figures of courses: what the counting costs is what is missing here. For measuring alone.

Everything else is the same program, started in the same way: `python benchmarks/uncounted.py serve ...`.
"""

from headway.cli import main
from headway.domain.counters import Counters


def _count_nothing(_counters: Counters, _before: object, _after: object) -> None:
    """In place of the change of a row or of course progress."""


Counters.change_lesson = _count_nothing  # type: ignore[method-assign,assignment]
Counters.change_course_progress = _count_nothing  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    main()
