"""What commands take on the command line, checked."""

from headway.cli.console import fail
from headway.domain.identifiers import CourseId
from headway.http.requests import InvalidIdentifierError, parse_identifier


def course_id_of(text: str) -> CourseId:
    """The id that an argument COURSE gives; ends the program where it is none."""
    try:
        return CourseId(parse_identifier("COURSE", text))
    except InvalidIdentifierError as error:
        fail(str(error), 2)
