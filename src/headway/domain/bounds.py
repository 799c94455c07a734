"""The bounds of the fields, and how numbers are rounded. The front ends enforce the bounds.

The bounds of percentages follow the samples of the reference. The other bounds are far above the values of any real
lesson and fit into 32 bits, so every store can hold them.
"""

from collections.abc import Iterable
from itertools import count
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

TEN_MILLION: Final = 10_000_000
NOTES_CHARACTERS: Final = 10_000
METADATA_BYTES: Final = 16 * 1024
METADATA_DEPTH: Final = 32
MOST_ATTEMPTS: Final = 2**31 - 1

# Whole numbers are kept as int (see `plain`). Python's typing accepts an int where a float is declared.
Number = float
Percentage = Annotated[float, Ge(0), Le(100)]
Threshold = Annotated[float, Gt(0), Le(100)]
Seconds = Annotated[float, Ge(0), Le(TEN_MILLION)]
Minutes = Annotated[float, Ge(0), Le(TEN_MILLION)]
Attempts = Annotated[int, Ge(0), Le(MOST_ATTEMPTS)]
Notes = Annotated[str, MaxLen(NOTES_CHARACTERS)]
Title = Annotated[str, MinLen(1), MaxLen(500)]
COURSE_LESSONS: Final = 5_000
MOST_RUNS: Final = 999_999_999
MOST_DAYS: Final = 36_500
"""A hundred years: the most days after which something is due, or for which it counts."""
LONGEST_NAME: Final = 200
Name = Annotated[str, MinLen(1), MaxLen(LONGEST_NAME)]
LONGEST_EMAIL: Final = 254
LONGEST_LOCALE: Final = 35


def plain(value: float) -> Number:
    """Return the number as the reference prints it: a whole number without a fraction (`0`, `100`)."""
    return int(value) if value == int(value) else value


def rounded(value: float) -> float:
    """Round a number that a client sent to six decimals. All rules and all stores use the rounded number.

    Sums of binary fractions can miss a whole number by a very small amount: twelve twelfths of 100 give
    99.99999999999999. Bounds are checked after rounding, so 100.00000000000001 is accepted as 100.
    """
    return round(value, 6)


def shown(value: float, decimals: int = 0, marks: Iterable[float | None] = (100,)) -> Number:
    """Round a value for people such that the rounded figure is on the same side of every mark.

    `value` is 0 or more. The figure has `decimals` decimals. It reaches a mark exactly where the value does, and it is
    0 exactly where the value is 0: 99.99 is shown as 99, 57.9 with a mark of 58 as 57, 0.001 as 1. Where no figure with
    so few decimals is right, it gets more: 0.3 with a mark of 0.5 is shown as 0.3.

    `marks` are all values that a decision depends on, and 100 where the value is a percentage. `None` is ignored.
    """
    limits = [mark for mark in marks if mark is not None]
    return next(
        plain(figure)
        for positions in count(decimals)
        for figure in _neighbours(value, positions)
        if _says_the_same(figure, value, limits)
    )


def _neighbours(value: float, decimals: int) -> tuple[float, float]:
    """Return the two figures with so many decimals next to the value, the nearest first."""
    nearest, step = round(value, decimals), 10**-decimals
    return nearest, round(nearest - step if nearest > value else nearest + step, decimals)


def _says_the_same(figure: float, value: float, marks: Iterable[float]) -> bool:
    return (figure > 0) is (value > 0) and all((figure >= mark) is (value >= mark) for mark in marks)
