"""Tokens of launches and of packages. They stand in addresses, because content sends no headers of the player's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import time
from typing import Final

from headway.auth.sessions import Sessions
from headway.domain.dating import microseconds
from headway.domain.errors import LaunchNotFoundError
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.launches import Launch
from headway.domain.packages import PackageDigest
from headway.domain.scorm import ScormVersion

_LAUNCH: Final = "launch"
_PACKAGE: Final = "package"
_WEEK: Final = timedelta(weeks=1).total_seconds()
_SECOND: Final = 1_000_000


class LaunchTokens:
    """Seals launches, and the packages that are played. `clock` returns the seconds since 1970."""

    def __init__(self, sessions: Sessions, clock: Callable[[], float] = time) -> None:
        self._sessions = sessions
        self._clock = clock

    def of_launch(self, launch: Launch) -> str:
        """Return the token of a launch: with it, its content may report, and nothing more."""
        opened, seconds = microseconds(launch.opened_at), launch.seconds
        values = [launch.id, *launch.key, launch.run, opened, seconds, launch.after_end, launch.scorm]
        return self._sessions.seal_until(_LAUNCH, {"l": values}, launch.expires_at.timestamp())

    def launch_in(self, token: str) -> Launch:
        """Return the launch of a token. Raises `LaunchNotFoundError` where it has expired or was not made here."""
        values, expires_at = self._sessions.unseal_with_end(_LAUNCH, token)
        if not values:
            raise LaunchNotFoundError
        identity, learner, course, lesson, run, opened, seconds, after_end, scorm = values["l"]
        return Launch(
            identity,
            LearnerId(learner),
            CourseId(course),
            LessonId(lesson),
            run,
            _moment(opened / _SECOND),
            _moment(expires_at),
            seconds,
            after_end,
            ScormVersion(scorm) if scorm else None,
        )

    def of_package(self, package: PackageDigest) -> str:
        """Return the token with which a package's files are read for one to two weeks.

        It is the same for a week, so browsers and proxies keep the files under their addresses.
        """
        ends_at = (self._clock() // _WEEK + 2) * _WEEK
        return self._sessions.seal_until(_PACKAGE, {"p": package}, ends_at)

    def package_in(self, token: str) -> PackageDigest:
        """Return the package of a token. Raises `LaunchNotFoundError` where it has expired or was not made here."""
        values = self._sessions.unseal(_PACKAGE, token)
        if not values:
            raise LaunchNotFoundError
        return PackageDigest(values["p"])


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
