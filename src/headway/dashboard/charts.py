"""Charts that the server draws as SVG: bars, and a line beside them, over steps. They need no script.

Everything is in percent of the room that the chart gets, so a chart fits any width. The template `charts.html` draws
it, and `chart-tips.js` adds tips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Final, NamedTuple

_MOST_TICKS: Final = 6
_ROUND: Final = (1, 2, 5)
_MOST_STEPS_NAMED: Final = 6
_MOST_POINTS: Final = 62
_MOST_BARS_APART: Final = 120
_GAP: Final = 0.2


class Step(NamedTuple):
    """A step of a chart: its short name on the axis, and what its tip says."""

    name: str
    tip: str


class Tick(NamedTuple):
    """A name at a place of a chart, and where it is, in percent from the left."""

    name: str
    at: float


class Point(NamedTuple):
    """A place in a chart, in percent from the left and from the top."""

    x: float
    y: float


def round_ticks(highest: float) -> range:
    """Return the whole numbers on an axis, from 0 on: round, equally far apart, and the last above all values."""
    for power in count():
        for factor in _ROUND:
            step = factor * 10**power
            intervals = int(highest // step) + 1
            if intervals <= _MOST_TICKS:
                return range(0, (intervals + 1) * step, step)
    raise AssertionError  # `count` does not end


@dataclass(frozen=True)
class Chart:
    """A chart. `description` says what it shows, for those who do not see it.

    `bars` and `line` have a value for each step; there may be no line. `from_right` says that the first step is on the
    right, as where the language is written from right to left. `mark` is a named place, in steps from the first.
    """

    title: str
    description: str
    steps: Sequence[Step]
    bars: Sequence[float]
    line: Sequence[float] | None = None
    from_right: bool = False
    mark: Tick | None = None

    @cached_property
    def ticks(self) -> range:
        """The numbers on the axis of values, the lowest first."""
        return round_ticks(max([*self.bars, *(self.line or ())], default=0))

    @property
    def top(self) -> int:
        """The value at the top of the chart."""
        return self.ticks[-1]

    @property
    def lines(self) -> list[float]:
        """Where the lines of the ticks are, from the top, in percent."""
        return [100 - 100 * tick / self.top for tick in self.ticks]

    @property
    def names(self) -> list[Tick]:
        """The names of some steps, equally far apart."""
        every = -(-len(self.steps) // _MOST_STEPS_NAMED)
        return [
            Tick(step.name, self._middle(position)) for position, step in enumerate(self.steps) if position % every == 0
        ]

    @property
    def tips(self) -> list[str]:
        """What the tips say, from left to right."""
        tips = [step.tip for step in self.steps]
        return tips[::-1] if self.from_right else tips

    @property
    def outline(self) -> str:
        """The bars as one SVG path, in a view box of one unit for each step and for each unit of the values."""
        gap = 0 if self.is_dense else _GAP
        places = ((self._place(position) + gap / 2, value) for position, value in enumerate(self.bars) if value)
        return "".join(f"M{x:g} {self.top}v{-value:g}h{1 - gap:g}v{value:g}z" for x, value in places)

    @property
    def is_dense(self) -> bool:
        """Whether there are so many bars that gaps would hide them."""
        return len(self.steps) > _MOST_BARS_APART

    @property
    def course_of_line(self) -> str:
        """The line as an SVG path in the same view box."""
        places = (
            f"{self._place(position) + 0.5:g} {self.top - value:g}" for position, value in enumerate(self.line or ())
        )
        return f"M{'L'.join(places)}" if self.line else ""

    @property
    def points(self) -> list[Point]:
        """The points of the line, where they are few enough to be told apart."""
        if self.line is None or len(self.steps) > _MOST_POINTS:
            return []
        return [Point(self._middle(position), 100 - 100 * value / self.top) for position, value in enumerate(self.line)]

    @property
    def marker(self) -> Tick | None:
        """The named place, in percent."""
        if self.mark is None:
            return None
        at = 100 * self.mark.at / len(self.steps)
        return Tick(self.mark.name, 100 - at if self.from_right else at)

    def _place(self, position: int) -> int:
        return len(self.steps) - 1 - position if self.from_right else position

    def _middle(self, position: int) -> float:
        return round(100 * (self._place(position) + 0.5) / len(self.steps), 2)
