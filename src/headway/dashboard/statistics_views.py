"""The values that the templates of the teacher's pages show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from markupsafe import Markup

from headway.dashboard.charts import Chart, Step, Tick
from headway.dashboard.rendering import Reader
from headway.domain.catalogue import Course, Lesson, LessonKind, by_section
from headway.domain.counters import HIGHEST_SCORE
from headway.domain.statistics import CourseStatistics, LessonStatistics, lose_most
from headway.domain.text import isolated

DAYS: Final = ("from", "to")
GROUP: Final = "group"
BIN: Final = 10
LOSING_LESSONS: Final = 3
UNFOLDED_SECTIONS: Final = 6
"""Where a course has more sections, they are folded at first."""
_ENCODED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def as_data(json: str) -> Markup:
    """Return JSON that is safe in a `script` element, whatever texts it contains."""
    return Markup(json.translate(_ENCODED))  # noqa: S704 - no character is left that could end the element


class Bin(NamedTuple):
    """The number of learners whose best score is from `first` to `last`, in whole points."""

    first: int
    last: int
    learners: int


def bins_of(distribution: Mapping[int, int]) -> list[Bin]:
    """Group a distribution of scores into bins of ten points. The last bin also contains the highest score."""
    ends = [(first, first + BIN - 1) for first in range(0, HIGHEST_SCORE, BIN)]
    ends[-1] = (ends[-1][0], HIGHEST_SCORE)
    return [
        Bin(first, last, sum(count for points, count in distribution.items() if first <= points <= last))
        for first, last in ends
    ]


class LessonView(NamedTuple):
    """A lesson's figures. `position` is its position in the course, from 0."""

    position: int
    statistics: LessonStatistics

    @property
    def is_quiz(self) -> bool:
        """Whether the lesson is a quiz, or has a pass mark or scores."""
        lesson = self.statistics.lesson
        return lesson.kind is LessonKind.QUIZ or lesson.pass_mark is not None or bool(self.statistics.distribution)

    def chart(self, reader: Reader) -> Chart:
        """Return the chart of the learners by their best score."""
        title = reader.gettext(
            "Learners by their best score in %(lesson)s", lesson=isolated(self.statistics.lesson.title)
        )
        tips = [
            reader.ngettext(
                "%(first)s to %(last)s points\n%(shown)s learner",
                "%(first)s to %(last)s points\n%(shown)s learners",
                one.learners,
                first=reader.number(one.first),
                last=reader.number(one.last),
                shown=reader.number(one.learners),
            )
            for one in self.bins
        ]
        steps = [Step(f"{one.first}\N{EN DASH}{one.last}", tip) for one, tip in zip(self.bins, tips, strict=True)]
        pass_mark = self.statistics.lesson.pass_mark
        mark = None if pass_mark is None else Tick(reader.gettext("Pass mark"), pass_mark / BIN)
        is_mirrored = reader.words.direction == "rtl"
        return Chart(title, title, steps, [one.learners for one in self.bins], from_right=is_mirrored, mark=mark)

    @property
    def bins(self) -> list[Bin]:
        """The learners by their best score."""
        return bins_of(self.statistics.distribution)


class SectionView(NamedTuple):
    """Consecutive lessons under one heading, or under none (`None`)."""

    title: str | None
    lessons: Sequence[LessonView]

    @property
    def stopped_here(self) -> int:
        """The number of learners who have stopped at one of the lessons."""
        return sum(lesson.statistics.stopped_here for lesson in self.lessons)

    @property
    def quizzes(self) -> list[LessonView]:
        """The lessons that have scores, or may have."""
        return [lesson for lesson in self.lessons if lesson.is_quiz]


@dataclass(frozen=True)
class FiguresView:
    """A course's figures, the same figures as the API's JSON, and the identifier of their state.

    `silent` are lessons whose content some learners have opened, which has reported nothing; with their number.
    """

    statistics: CourseStatistics
    json: str
    state: str
    silent: Sequence[tuple[Lesson, int]] = ()

    @property
    def course(self) -> Course:
        """The course."""
        return self.statistics.course

    @property
    def data(self) -> Markup:
        """The figures for the page's scripts."""
        return as_data(self.json)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has ever been in the course."""
        return not self.statistics.learners and not self.statistics.enrolled

    @property
    def losing_most(self) -> list[LessonView]:
        """The lessons at which most learners have stopped."""
        positions = self.course.positions
        lessons = lose_most(self.statistics.lessons, LOSING_LESSONS)
        return [LessonView(positions[lesson.lesson.id], lesson) for lesson in lessons]

    @cached_property
    def stuck(self) -> frozenset[int]:
        """The positions of these lessons."""
        return frozenset(lesson.position for lesson in self.losing_most)

    @property
    def are_unfolded(self) -> bool:
        """Whether the sections are few, and so unfolded at first."""
        return len(self.sections) <= UNFOLDED_SECTIONS

    @cached_property
    def most_started(self) -> int:
        """The number of learners who started the lesson that most learners started; at least 1."""
        return max([1, *(lesson.started for lesson in self.statistics.lessons)])

    @cached_property
    def sections(self) -> list[SectionView]:
        """All lessons by section, in the course's order."""
        lessons = (LessonView(*numbered) for numbered in enumerate(self.statistics.lessons))
        return [SectionView(*section) for section in by_section(lessons, lambda one: one.statistics.lesson)]
