"""The bounds of the fields, each written once: the domain names them, the front ends enforce them.

The percentages' bounds follow the reference's samples; the others keep a value storable everywhere (32 bits) and
far beyond any real lesson.
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

# Whole numbers are kept as int (see `plain`), which Python's typing counts as float.
Number = float
Percentage = Annotated[float, Ge(0), Le(100)]
Threshold = Annotated[float, Gt(0), Le(100)]
Seconds = Annotated[float, Ge(0), Le(TEN_MILLION)]
Minutes = Annotated[float, Ge(0), Le(TEN_MILLION)]
Attempts = Annotated[int, Ge(0), Le(MOST_ATTEMPTS)]
Notes = Annotated[str, MaxLen(NOTES_CHARACTERS)]
Title = Annotated[str, MinLen(1), MaxLen(500)]
COURSE_LESSONS: Final = 5_000


def plain(value: float) -> Number:
    """The number as the reference prints it: whole ones without a fraction (`0`, `100`), others as they are."""
    return int(value) if value == int(value) else value


def freed_of_dust(value: float) -> float:
    """A number that came in, to the millionth, as every rule and every row has it.

    What a client adds up in binary may miss a whole number or a mark by less than anybody meant: twelve twelfths of a
    hundred come to 99.99999999999999. Bounds are looked at afterwards, so that 100.00000000000001 is 100.
    """
    return round(value, 6)


def shown(value: float, decimals: int = 0, marks: Iterable[float | None] = (100,)) -> Number:
    """The value as people are shown it: the nearest figure that says of every mark what the value says of it.

    A figure has `decimals` decimals. It has reached a mark exactly where the value (0 or more) has, and is 0 exactly
    where the value is: 99.99 is shown as 99, 57.9 under a mark of 58 as 57, 0.001 as 1. Where no figure with so few
    decimals is right, it has as many as it needs: 0.3 under a mark of 0.5 is shown as 0.3. `None` is no mark.

    Name every mark that a decision on the value is made by, and 100 with them where the value is a percentage.
    """
    limits = [mark for mark in marks if mark is not None]
    return next(
        plain(figure)
        for positions in count(decimals)
        for figure in _neighbours(value, positions)
        if _says_the_same(figure, value, limits)
    )


def _neighbours(value: float, decimals: int) -> tuple[float, float]:
    """The figures with so many decimals on both sides of a value, the nearest first."""
    nearest, step = round(value, decimals), 10**-decimals
    return nearest, round(nearest - step if nearest > value else nearest + step, decimals)


def _says_the_same(figure: float, value: float, marks: Iterable[float]) -> bool:
    return (figure > 0) is (value > 0) and all((figure >= mark) is (value >= mark) for mark in marks)
