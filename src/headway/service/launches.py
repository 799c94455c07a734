"""Launches of lessons' content: opens it for a learner, takes what it reports, and says which has reported nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from headway.domain.catalogue import Lesson
from headway.domain.errors import LaunchNotFoundError, LessonNotFoundError, OtherRunError, UnavailableError
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.launches import (
    SILENT_AFTER,
    ContentState,
    Launch,
    SilentLaunch,
    committed,
    entry_of,
    opened,
)
from headway.domain.limits import check_write
from headway.domain.offline import removed_since
from headway.domain.packages import PackagedContent
from headway.domain.people import NO_PROFILE, LearnerProfile
from headway.domain.ports import Store
from headway.domain.principal import Principal
from headway.domain.progress import LessonProgress, Status
from headway.domain.scorm import Commit, ContentSettings, ScormVersion, resumed
from headway.domain.writes import LessonWrite
from headway.service.course_progress import read_learner
from headway.service.packages import PackagesService
from headway.service.people import PeopleService

_TRIES: Final = 20
_MOST_LOOKED_AT: Final = 50_000  # for those of a group
MOST_SILENT: Final = 1_000
"""How many launches that reported nothing are listed."""


@dataclass(frozen=True, slots=True)
class Playing:
    """What a player needs to play a lesson's content.

    `content` is `None` where the content is in no package here: then a player page of the platform shows it. `cmi` is
    the state to load before the content begins.
    """

    launch: Launch
    lesson: Lesson
    content: PackagedContent | None
    cmi: Mapping[str, Any]


class SilentLearner(NamedTuple):
    """A learner who has opened a lesson's content, from which nothing has come since."""

    launch: SilentLaunch
    profile: LearnerProfile
    lesson: Lesson


class LaunchesService:
    """Launches of lessons' content. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(
        self,
        store: Store,
        packages: PackagesService,
        people: PeopleService,
        lifetime: timedelta,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Make the service. A launch may report for `lifetime`."""
        self._store = store
        self._packages = packages
        self._lifetime = lifetime
        self._people = people
        self._clock = clock

    async def open(
        self, principal: Principal, course_id: CourseId, lesson_id: LessonId, scorm: ScormVersion | None = None
    ) -> Launch:
        """Open a lesson's content for the caller. `scorm` is the version of content that is in no package here.

        Raises `LessonNotFoundError`, and what a write in the lesson would raise now: `NotEnrolledError` or
        `LessonLockedError`.
        """
        for _ in range(_TRIES):
            # The state first: if a first commit comes between the two reads, the state has changed when it is put.
            before = await self._store.content_states.find(principal.learner_id, course_id, lesson_id)
            opening, progress = await self._opening(principal.learner_id, course_id, lesson_id, scorm)
            goes_on = before if _goes_on(before, opening.run, progress) else None
            launch = opening if goes_on is None else _again(opening, goes_on)
            if await self._store.content_states.put(opened(goes_on, launch), before):
                return launch
        raise _busy()

    async def _opening(
        self, learner_id: LearnerId, course_id: CourseId, lesson_id: LessonId, scorm: ScormVersion | None
    ) -> tuple[Launch, LessonProgress | None]:
        """Return a launch for who begins the lesson, and the progress in it. Raises as `open` does."""
        reading = await read_learner(self._store, learner_id, course_id)
        course, now = reading.versioned.course, self._clock()
        lesson = course.lessons_by_id.get(lesson_id)
        if lesson is None:
            raise LessonNotFoundError(course_id, lesson_id)
        progress = {one.lesson_id: one for one in reading.lesson_progress}
        write = LessonWrite(learner_id, course_id, lesson_id, {})
        check_write(write, course, reading.course_progress, progress.get, self._store.enforced, now)
        run = reading.course_progress.run if reading.course_progress else 1
        content = await self._packages.content(lesson.content_id)
        version = content.content.scorm if content else scorm
        own, ends_at = progress.get(lesson_id), now + self._lifetime
        key = learner_id, course_id, lesson_id
        return Launch(str(uuid4()), *key, run, now, ends_at, _seconds_in(own), scorm=version), own

    async def playing(self, launch: Launch) -> Playing:
        """Return what a player needs to play the content of a launch. Raises `LessonNotFoundError`."""
        course = (await self._store.course(launch.course_id)).course
        lesson = course.lessons_by_id.get(launch.lesson_id)
        if lesson is None:
            raise LessonNotFoundError(launch.course_id, launch.lesson_id)
        content = await self._packages.content(lesson.content_id)
        state = await self._store.content_states.find(*launch.key)
        if state is not None and (state.run != launch.run or state.scorm not in {None, launch.scorm}):
            state = None  # of another run, or of content with another interface
        settings = _settings(launch.learner_id, await self._name_of(launch.learner_id), lesson, content)
        known = orjson.loads(state.cmi) if state and state.cmi else {}
        entry, scorm = entry_of(state, launch), launch.scorm or ScormVersion.SCORM_2004
        cmi = resumed(known, scorm, entry=entry, total_seconds=launch.seconds, settings=settings)
        return Playing(launch, lesson, content, cmi)

    async def commit(self, launch: Launch, commit: Commit) -> None:
        """Take what the content of a launch reports. What is late or repeated changes nothing.

        Raises what a write of the learner in the lesson raises, `OtherRunError` also where the learner has started over
        since, and `LaunchNotFoundError` where the learner was erased since. Nothing is changed then.
        """
        found = await self._store.course_progress(launch.learner_id, launch.course_id)
        if removed_since(found.progress, launch.lesson_id, launch.opened_at):
            raise OtherRunError("The learner has started over since the content was opened. Open it again.")
        for _ in range(_TRIES):
            before = await self._store.content_states.find(*launch.key)
            if before is None:
                raise LaunchNotFoundError
            accepted = committed(before, launch, commit, self._clock())
            if accepted is None:
                return
            # The lesson progress first: if this process ends between the two, the content gets no answer and repeats
            # the commit, which is then still new.
            await self._store.write(LessonWrite(*launch.key, accepted.update, run=launch.run))
            if await self._store.content_states.put(accepted.state, before):
                return
        raise _busy()

    async def silent(
        self, principal: Principal, course_id: CourseId, group_id: GroupId | None = None
    ) -> Sequence[SilentLearner]:
        """Return who has opened content in a course that has reported nothing for five minutes, the newest first.

        Of a group's members, or of all learners (`None`). Needs `statistics:read`. Raises `CourseNotGrantedError`,
        `GroupNotGrantedError` or `GroupNotFoundError`.
        """
        principal.require_statistics(course_id, group_id)
        course = (await self._store.course(course_id)).course
        before = self._clock() - SILENT_AFTER
        if group_id is None:
            found = await self._store.content_states.silent(course_id, before, MOST_SILENT)
        else:
            members = set((await self._store.groups.find(group_id)).members)
            all_found = await self._store.content_states.silent(course_id, before, _MOST_LOOKED_AT)
            found = [one for one in all_found if one.learner_id in members][:MOST_SILENT]
        profiles = await self._people.names(list({one.learner_id for one in found}))
        return [
            SilentLearner(one, profiles.get(one.learner_id, NO_PROFILE), course.lessons_by_id[one.lesson_id])
            for one in found
            if one.lesson_id in course.lessons_by_id
        ]

    async def _name_of(self, learner_id: LearnerId) -> str:
        found = await self._people.names([learner_id])
        return found.get(learner_id, NO_PROFILE).name or ""


def _busy() -> UnavailableError:
    return UnavailableError("Others write in this lesson for this learner at the same time. Try again in a moment.")


def _goes_on(state: ContentState | None, run: int, progress: LessonProgress | None) -> bool:
    """Whether a learner goes on with a state. One who has started the lesson over, or the course, begins anew."""
    if state is None or progress is None or progress.status is Status.NOT_STARTED:
        return False
    return state.run == run


def _seconds_in(progress: LessonProgress | None) -> float:
    return progress.time_spent_minutes * 60 if progress else 0


def _again(opening: Launch, state: ContentState) -> Launch:
    """Return a launch that goes on with a state."""
    return opening._replace(seconds=state.total_seconds, after_end=state.is_over, scorm=opening.scorm or state.scorm)


def _settings(learner_id: LearnerId, name: str, lesson: Lesson, content: PackagedContent | None) -> ContentSettings:
    """Return what content is told. The pass mark is the lesson's, because an author may have changed it."""
    said = content.content if content else None
    return ContentSettings(
        learner_id,
        name,
        said.launch_data if said else None,
        mastery_score=_text(lesson.pass_mark),
        scaled_passing_score=None if lesson.pass_mark is None else _text(lesson.pass_mark / 100),
        completion_threshold=_text(said.completion_threshold) if said else None,
        max_time_allowed=said.max_time if said else None,
        time_limit_action=said.time_limit_action if said else None,
    )


def _text(value: float | None) -> str | None:
    return None if value is None else f"{round(value, 7):g}"
