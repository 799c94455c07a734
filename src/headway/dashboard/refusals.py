"""The sentences with which pages say why they can not be shown, or why nothing was changed."""

from typing import Final

from headway.dashboard.words import marked
from headway.domain import errors
from headway.formats.identifiers import InvalidIdentifierError
from headway.formats.queries import InvalidQueryError

NO_PAGE: Final = marked("There is no such page.")
FAULT: Final = marked("The fault is in the service. Its log has the details.")

_NOT_VALID: Final = marked("A value in the address or in the form is not valid.")
_OTHERS: Final = marked("That is not possible. Go back, load the page again, then try again.")
# The first class of which a refusal is. The API's own sentences name ids and scopes, which are for programmers.
_SENTENCES: Final[tuple[tuple[type[errors.HeadwayError], str], ...]] = (
    (errors.CourseNotFoundError, marked("There is no such course. It may have been removed.")),
    (errors.LessonNotFoundError, marked("There is no such lesson in this course. It may have been removed.")),
    (errors.LearnerNotFoundError, marked("This learner is not in this course, or in no course that you may see.")),
    (errors.GroupNotFoundError, marked("There is no such class. It may have been removed.")),
    (errors.ProfilesOffError, marked("Headway keeps no names of learners here.")),
    (errors.NotFoundError, NO_PAGE),
    (
        errors.ForgedRequestError,
        marked("This change does not come from a page of this session. Load the page again, then try again."),
    ),
    (errors.NotEnrolledError, marked("You are not enrolled in this course, or your enrolment has ended.")),
    (errors.LessonLockedError, marked("This lesson is locked until other lessons are completed.")),
    (errors.PreconditionFailedError, marked("Somebody else changed this meanwhile. Load the page again.")),
    (errors.InvalidValueError, _NOT_VALID),
    (InvalidQueryError, _NOT_VALID),
    (InvalidIdentifierError, _NOT_VALID),
    (errors.UnavailableError, marked("The service cannot answer now. Please try again in a moment.")),
)


def sentence_of(refusal: errors.HeadwayError) -> str:
    """Return the message, to translate, that tells people why a request was refused."""
    return next((sentence for kind, sentence in _SENTENCES if isinstance(refusal, kind)), _OTHERS)
