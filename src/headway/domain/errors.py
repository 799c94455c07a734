"""All errors that Headway raises on purpose. Each front end translates them into a status or an exit code.

HeadwayError
├── NotAuthenticatedError
├── ForgedRequestError
├── MissingScopeError
├── CourseNotGrantedError
├── NotEnrolledError
├── GroupNotGrantedError
├── NotFoundError
│   ├── CourseNotFoundError
│   ├── LessonNotFoundError
│   ├── ProgressNotFoundError
│   ├── LearnerNotFoundError
│   ├── EnrolmentNotFoundError
│   ├── RunNotFoundError
│   ├── GroupNotFoundError
│   ├── ProfileNotFoundError
│   ├── GoalNotFoundError
│   ├── LaunchNotFoundError
│   ├── PackagesOffError
│   └── ProfilesOffError
├── RunConflictError
├── OtherRunError
├── LessonLockedError
├── PreconditionFailedError
├── InvalidValueError
├── RefusedWriteError
├── ImportUnderWayError
│   └── PeopleImportUnderWayError
├── KeyReusedError
├── WebhookTestUnderWayError
├── UnavailableError
│   ├── QueueFullError
│   ├── StoreUnavailableError
│   ├── PackagesUnavailableError
│   ├── TooManyStreamsError
│   ├── KeysUnavailableError
│   └── StoppingError
├── ServerError
└── ConfigurationError
    └── SchemaTooNewError
"""

from collections.abc import Sequence
from typing import NamedTuple

from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId, WebhookId


class HeadwayError(Exception):
    """A refused request. The message is written for the caller."""


class NotAuthenticatedError(HeadwayError):
    """There is no bearer token, or it is not valid.

    `token_sent` says whether the request had a token. Without one, the answer has no error code (RFC 6750 section 3.1).
    """

    def __init__(self, reason: str, *, token_sent: bool = True) -> None:
        super().__init__(reason)
        self.token_sent = token_sent


class ForgedRequestError(HeadwayError):
    """A browser with a session sent a change that does not come from a page of that session."""

    def __init__(self) -> None:
        super().__init__("This change does not come from a page of this session. Load the page again, then try again.")


class MissingScopeError(HeadwayError):
    """The token is valid, but has not the scope that the request needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope {scope!r}, which the token does not have.")
        self.scope = scope


class CourseNotGrantedError(HeadwayError):
    """The token has the scope, but its claim `courses` limits it to other courses."""

    def __init__(self, course_id: CourseId | None) -> None:
        what = "limits it to some courses. Name those" if course_id is None else f"does not name the course {course_id}"
        super().__init__(f"The token's claim 'courses' {what}.")


class NotEnrolledError(HeadwayError):
    """The learner may not write in the course: is not enrolled, not yet, or not any more."""


class GroupNotGrantedError(HeadwayError):
    """The token has the scope, but its claim `groups` limits it to other groups. The reason says to which."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The token's claim 'groups' {reason}")


class NotFoundError(HeadwayError):
    """Something that the request names does not exist."""


class CourseNotFoundError(NotFoundError):
    """The course is not in the catalogue."""

    def __init__(self, course_id: CourseId) -> None:
        super().__init__(f"Course {course_id} is not in the catalogue.")


class LessonNotFoundError(NotFoundError):
    """The lesson is not in the present version of the course."""

    def __init__(self, course_id: CourseId, lesson_id: LessonId) -> None:
        super().__init__(f"Lesson {lesson_id} is not in course {course_id}.")


class ProgressNotFoundError(NotFoundError):
    """The learner has no progress in the lesson."""

    def __init__(self, lesson_id: LessonId) -> None:
        super().__init__(f"There is no progress in lesson {lesson_id} yet.")


class LearnerNotFoundError(NotFoundError):
    """The learner is not in the course: is not enrolled, and has not written in it. `None`: in no course."""

    def __init__(self, course_id: CourseId | None, learner_id: LearnerId) -> None:
        of_course = "any course" if course_id is None else f"course {course_id}"
        super().__init__(f"Learner {learner_id} is not enrolled in {of_course} and has not written in it.")


class EnrolmentNotFoundError(NotFoundError):
    """The learner is not enrolled in the course."""

    def __init__(self, course_id: CourseId, learner_id: LearnerId) -> None:
        super().__init__(f"Learner {learner_id} is not enrolled in course {course_id}.")


class RunNotFoundError(NotFoundError):
    """The learner has no run of the course with this number."""

    def __init__(self, course_id: CourseId, learner_id: LearnerId, number: int) -> None:
        super().__init__(f"Learner {learner_id} has no run {number} of course {course_id}.")


class CursorExpiredError(HeadwayError):
    """Events after this cursor have been removed because of their age, or the cursor is of another feed."""

    def __init__(self) -> None:
        super().__init__(
            "Events after this cursor are no longer kept, or the cursor is of another database. Read the present state "
            "of what you follow, then go on with after=newest."
        )


class WebhookNotFoundError(NotFoundError):
    """There is no such webhook."""

    def __init__(self, webhook_id: WebhookId) -> None:
        super().__init__(f"There is no webhook {webhook_id}.")


class WebhookTestUnderWayError(HeadwayError):
    """Another test of the webhook has not ended yet."""

    def __init__(self) -> None:
        super().__init__("A test of this webhook is under way. Try again when it has ended.")


class DeliveryNotFoundError(NotFoundError):
    """The event was not handed out to the webhook, or is no longer kept."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no delivery {number}.")


class EventsOffError(NotFoundError):
    """The operator has turned events off."""

    def __init__(self) -> None:
        super().__init__("Events are turned off here. The setting HEADWAY_EVENTS_DAYS turns them on.")


class RunConflictError(HeadwayError):
    """A new run of a course can not begin now, for example because it was begun a moment ago."""


class OtherRunError(HeadwayError):
    """A write belongs to another run of the course than the learner's present one."""


class LessonLockedError(HeadwayError):
    """The lesson requires others, which the learner has not completed, and the operator lets Headway enforce that."""

    def __init__(self, lesson_id: LessonId, locked_by: Sequence[LessonId]) -> None:
        super().__init__(f"Lesson {lesson_id} is locked until these are completed: {', '.join(locked_by)}.")


class GroupNotFoundError(NotFoundError):
    """There is no such group."""

    def __init__(self, group_id: GroupId) -> None:
        super().__init__(f"There is no group {group_id}.")


class ProfileNotFoundError(NotFoundError):
    """The learner has no profile."""

    def __init__(self, learner_id: LearnerId) -> None:
        super().__init__(f"Learner {learner_id} has no profile.")


class GoalNotFoundError(NotFoundError):
    """The learner has set no goal."""

    def __init__(self, learner_id: LearnerId) -> None:
        super().__init__(f"Learner {learner_id} has set no goal.")


class LaunchNotFoundError(NotFoundError):
    """The token of a launch, or of a package's files, has expired or was not made here."""

    def __init__(self) -> None:
        super().__init__("This has expired, or it was not made here. Open the lesson again.")


class ProfilesOffError(NotFoundError):
    """This installation keeps no learner profiles."""

    def __init__(self) -> None:
        super().__init__("This installation keeps no learner profiles: HEADWAY_PROFILES is off.")


class PackagesOffError(NotFoundError):
    """This installation keeps no packages."""

    def __init__(self) -> None:
        super().__init__(
            "This installation keeps no packages. Set HEADWAY_PACKAGES_DIR to a folder, or HEADWAY_PACKAGES_URL to "
            "s3://bucket/prefix."
        )


class PreconditionFailedError(HeadwayError):
    """What is stored does not meet the request's condition (RFC 9110 section 13.1)."""


class Problem(NamedTuple):
    """One fault of a value: its location in the value, the reason as a sentence, and a stable name for its kind."""

    location: tuple[str | int, ...]
    reason: str
    kind: str


class InvalidValueError(HeadwayError):
    """A value breaks rules of the domain. Nothing was stored."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "; ".join(": ".join(filter(None, (".".join(map(str, p.location)), p.reason))) for p in problems)
        )
        self.problems = tuple(problems)


class UnavailableError(HeadwayError):
    """The service can not take the request now. The caller can send it again later; nothing was acknowledged."""


class QueueFullError(UnavailableError):
    """The queue holds as many writes as it may."""

    def __init__(self) -> None:
        super().__init__("Too many writes are waiting. Try again in a moment.")


class StoreUnavailableError(UnavailableError):
    """The database can not do the work now: it is locked, full or not reachable."""

    def __init__(self, reason: str = "The database is not available. Try again in a moment.") -> None:
        super().__init__(reason)


class PackagesUnavailableError(UnavailableError):
    """The store of packages can not do the work now: it is full, not reachable, or something in it is missing."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The store of packages is not available: {reason}.")


class TooManyStreamsError(UnavailableError):
    """The highest number of clients that follow figures or events at the same time is reached."""

    def __init__(self) -> None:
        super().__init__("Too many follow figures or events at once. Try again in a moment.")


class KeysUnavailableError(UnavailableError):
    """The keys to verify tokens with have not been fetched yet."""

    def __init__(self) -> None:
        super().__init__("The identity provider's keys can not be fetched. Try again in a moment.")


class StoppingError(UnavailableError):
    """The service is stopping, and the time to finish this work is over."""

    def __init__(self) -> None:
        super().__init__("The service is stopping. Try again in a moment.")


class ConfigurationError(HeadwayError):
    """The service can not start or work with its settings. The message says what to change."""


class ServerError(HeadwayError):
    """The server can not start, for example because its address is in use. The message gives the reason."""


class SchemaTooNewError(ConfigurationError):
    """A newer version of Headway wrote the database."""

    def __init__(self, found: int, supported: int) -> None:
        super().__init__(
            f"The database has schema version {found}, this Headway knows versions up to {supported}. "
            "Nothing was written to it. Install the Headway that wrote it, or a newer one."
        )


class RefusedWriteError(HeadwayError):
    """One of several writes that are stored all or none was refused. `position` is its index among them, from 0."""

    def __init__(self, position: int, refusal: HeadwayError) -> None:
        super().__init__(str(refusal))
        self.position = position
        self.refusal = refusal


class ImportUnderWayError(HeadwayError):
    """The import with this key is running, or stopped a moment ago. If it stopped, it can go on after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"The import of this key is under way. If nobody works on it any more, try again in {seconds} s."
        )
        self.seconds = seconds


class PeopleImportUnderWayError(ImportUnderWayError):
    """Another import of people is running, or stopped a moment ago. Nothing was stored since this was noticed."""

    def __init__(self, seconds: int) -> None:
        HeadwayError.__init__(
            self, f"Another import of people is under way, or stopped a moment ago. Try again in {seconds} s."
        )
        self.seconds = seconds


class KeyReusedError(HeadwayError):
    """The key was used before for an import of another file, or with other options."""

    def __init__(self) -> None:
        super().__init__(
            "This key was used for another file, or with other options. Give each import a key of its own."
        )
