"""Parses and checks arguments and options that several commands take."""

from datetime import timedelta
from typing import Final

from headway.cli.console import fail
from headway.domain.identifiers import CourseId
from headway.formats.identifiers import InvalidIdentifierError, parse_identifier

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def course_id_of(text: str) -> CourseId:
    """Return the course id in an argument COURSE. Ends the program where it is not a valid id."""
    try:
        return CourseId(parse_identifier("COURSE", text))
    except InvalidIdentifierError as error:
        fail(str(error), 2)


def lifetime_of(text: str) -> timedelta:
    """Return the duration in an option --expires. Ends the program where it is not valid."""
    unit = _UNITS.get(text[-1:])
    number = text[:-1]
    if unit is None or not (number.isascii() and number.isdigit()) or not 0 < int(number) < 10**6:
        fail("--expires takes a whole number and a unit: 90s, 15m, 12h or 30d.", 2)
    return timedelta(**{unit: int(number)})
