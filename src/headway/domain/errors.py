"""Every refusal, drawn once. What a front end makes of each (a status, an exit code) is its own affair.

HeadwayError
├── NotAuthenticatedError
├── ForgedRequestError
├── MissingScopeError
├── CourseNotGrantedError
├── NotFoundError
│   ├── CourseNotFoundError
│   ├── LessonNotFoundError
│   ├── ProgressNotFoundError
│   └── LearnerNotFoundError
├── PreconditionFailedError
├── InvalidValueError
├── RefusedWriteError
├── ImportUnderWayError
├── KeyReusedError
├── UnavailableError
│   ├── QueueFullError
│   ├── StoreUnavailableError
│   ├── TooManyStreamsError
│   ├── KeysUnavailableError
│   └── StoppingError
└── ConfigurationError
    └── SchemaTooNewError
"""

from collections.abc import Sequence
from typing import NamedTuple

from headway.domain.identifiers import CourseId, LearnerId, LessonId


class HeadwayError(Exception):
    """A refusal whose message is meant for the one who asked."""


class NotAuthenticatedError(HeadwayError):
    """No bearer token, or one that does not verify.

    `token_sent` tells the two apart: whoever sent none is told no error code (RFC 6750 section 3.1).
    """

    def __init__(self, reason: str, *, token_sent: bool = True) -> None:
        super().__init__(reason)
        self.token_sent = token_sent


class ForgedRequestError(HeadwayError):
    """A browser with a session sent a change that does not come from one of the session's own pages."""

    def __init__(self) -> None:
        super().__init__("This change does not come from a page of this session. Load the page again, then try again.")


class MissingScopeError(HeadwayError):
    """The token verifies, but does not carry the scope that the request needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope {scope!r}, which the token does not carry.")
        self.scope = scope


class CourseNotGrantedError(HeadwayError):
    """The token carries the scope, but its claim `courses` limits it to other courses."""

    def __init__(self, course_id: CourseId) -> None:
        super().__init__(f"The token's claim 'courses' does not name the course {course_id}.")


class NotFoundError(HeadwayError):
    """What the request names does not exist."""


class CourseNotFoundError(NotFoundError):
    """The course is not in the catalogue."""

    def __init__(self, course_id: CourseId) -> None:
        super().__init__(f"Course {course_id} is not in the catalogue.")


class LessonNotFoundError(NotFoundError):
    """The lesson is not in the course now."""

    def __init__(self, course_id: CourseId, lesson_id: LessonId) -> None:
        super().__init__(f"Lesson {lesson_id} is not in course {course_id}.")


class ProgressNotFoundError(NotFoundError):
    """The learner has no row for the lesson yet."""

    def __init__(self, lesson_id: LessonId) -> None:
        super().__init__(f"There is no progress in lesson {lesson_id} yet.")


class LearnerNotFoundError(NotFoundError):
    """The learner has not written in the course, or has started it over and not written in it since."""

    def __init__(self, course_id: CourseId, learner_id: LearnerId) -> None:
        super().__init__(f"Learner {learner_id} has not written in course {course_id}.")


class PreconditionFailedError(HeadwayError):
    """The row is not in the state that the request made a condition (RFC 9110 section 13.1)."""


class Problem(NamedTuple):
    """One thing wrong with a value: where, what, and a stable name for the kind of fault."""

    location: tuple[str | int, ...]
    reason: str
    kind: str


class InvalidValueError(HeadwayError):
    """A value that breaks a rule of the domain; nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "; ".join(": ".join(filter(None, (".".join(map(str, p.location)), p.reason))) for p in problems)
        )
        self.problems = tuple(problems)


class UnavailableError(HeadwayError):
    """The request is fine and can be sent again in a moment; nothing was acknowledged."""


class QueueFullError(UnavailableError):
    """More writes are waiting than the queue may hold."""

    def __init__(self) -> None:
        super().__init__("Too many writes are waiting. Try again in a moment.")


class StoreUnavailableError(UnavailableError):
    """The database does not take the work now: locked, full, or gone."""

    def __init__(self, reason: str = "The database is not available. Try again in a moment.") -> None:
        super().__init__(reason)


class TooManyStreamsError(UnavailableError):
    """As many follow courses' figures as may at once."""

    def __init__(self) -> None:
        super().__init__("Too many follow courses' figures at once. Try again in a moment.")


class KeysUnavailableError(UnavailableError):
    """The keys that tokens are verified with could never be fetched."""

    def __init__(self) -> None:
        super().__init__("The identity provider's keys can not be fetched. Try again in a moment.")


class StoppingError(UnavailableError):
    """The service stops, and has waited for this long enough."""

    def __init__(self) -> None:
        super().__init__("The service is stopping. Try again in a moment.")


class ConfigurationError(HeadwayError):
    """The service can not start or act as it is configured; the message says what to change."""


class ServerError(HeadwayError):
    """The server can not start, as where its address is taken; the message says why."""


class SchemaTooNewError(ConfigurationError):
    """The database was written by a newer Headway."""

    def __init__(self, found: int, supported: int) -> None:
        super().__init__(
            f"The database has schema version {found}, this Headway knows versions up to {supported}. "
            "Nothing was written to it. Install the Headway that wrote it, or a newer one."
        )


class RefusedWriteError(HeadwayError):
    """One of several writes, stored together or not at all, was refused; `position` is where it stands among them."""

    def __init__(self, position: int, refusal: HeadwayError) -> None:
        super().__init__(str(refusal))
        self.position = position
        self.refusal = refusal


class ImportUnderWayError(HeadwayError):
    """Somebody is at work on the import of this key, or was until a moment ago; `seconds` is how long that may be."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"The import of this key is under way. If nobody works on it any more, try again in {seconds} s."
        )
        self.seconds = seconds


class KeyReusedError(HeadwayError):
    """The key of an import was given with another file, or with other options, before."""

    def __init__(self) -> None:
        super().__init__(
            "This key was used for another file, or with other options. Give each import a key of its own."
        )
