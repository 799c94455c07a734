"""The bounds of the fields, each written once: the domain names them, the front ends enforce them.

The percentages' bounds follow the reference's samples; the others keep a value storable everywhere (32 bits) and
far beyond any real lesson.
"""

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
