"""Writes, exports and erases learners' data on their behalf."""

from collections.abc import Callable
from datetime import UTC, datetime

from headway.domain.holdings import LearnerRecord
from headway.domain.identifiers import LearnerId
from headway.domain.imports import ImportKey, Line, Report
from headway.domain.people import ProfileRestore
from headway.domain.ports import Store
from headway.domain.principal import LEARNERS_ADMIN, Principal
from headway.domain.writes import LessonWrite
from headway.logs import get_logger
from headway.service.importing import Import, ImportFile, ImportOptions, NotifyLine
from headway.service.progress import Recorded

_log = get_logger("headway.learners")


class LearnersService:
    """Work on learners' behalf. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(
        self, store: Store, *, keeps_profiles: bool, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._keeps_profiles = keeps_profiles
        self._clock = clock

    async def export(self, principal: Principal, learner_id: LearnerId) -> LearnerRecord:
        """Return all data of a learner. Needs `learners:admin`, unless the caller is that learner."""
        if principal.learner_id != learner_id:
            principal.require(LEARNERS_ADMIN)
        record = await self._store.learner_record(learner_id)
        stored = await self._store.profiles.find(learner_id)
        goal = await self._store.goals.find(learner_id)
        states = await self._store.content_states.all_of(learner_id)
        return record._replace(profile=stored.profile if stored else None, goal=goal, content_states=states)

    async def erase(self, principal: Principal, learner_id: LearnerId) -> None:
        """Remove all data of a learner, if there is any. Needs `learners:admin`.

        The log gets the learner's id each time. It tells operators whom to erase again after restoring a backup.
        """
        principal.require(LEARNERS_ADMIN)
        await self._store.erase(learner_id)
        await self._store.profiles.remove(learner_id)
        await self._store.goals.remove(learner_id)
        await self._store.content_states.erase(learner_id)
        await self._store.imports.forget_all(learner_id)
        await self._store.sign_in_codes.forget_all(learner_id)
        _log.info("learner_erased", learner=learner_id)

    async def record(self, principal: Principal, write: LessonWrite) -> Recorded:
        """Write a learner's lesson progress, at the times of the write or now. Needs `learners:admin`.

        It is stored as written by the caller, unless that is the learner. A conditional write may complete the lesson
        against its conditions. Raises as `ProgressService.record` does, and `InvalidValueError` for impossible
        times.
        """
        acting = principal.on_behalf_of(write.learner_id).acting
        write = write._replace(written_by=acting, authority=principal.learner_id)
        return Recorded.of(await self._store.write(write))

    async def import_progress(
        self,
        principal: Principal,
        file: ImportFile,
        options: ImportOptions,
        key: str | None = None,
        notify: NotifyLine = lambda _line: None,
    ) -> Report:
        """Write a file's lines as `record` does, without conditions. Needs `learners:admin`.

        The profile in an export is ignored where none are kept.

        With a `key`, an interrupted import continues, and a finished one returns its report again. Raises as
        `Import.run` does.
        """
        principal.require(LEARNERS_ADMIN)
        if not self._keeps_profiles:
            file = file._replace(lines=map(_without_profile, file.lines))
        return await Import(self._store, principal.learner_id, notify, self._clock).run(file, options, key)

    async def forget_import(self, principal: Principal, key: str) -> None:
        """Forget a key of the caller, as if it had never been used."""
        await self._store.imports.forget(ImportKey(principal.learner_id, key))


def _without_profile(line: Line) -> Line:
    is_profile = isinstance(line.write, ProfileRestore)
    return line._replace(write=None, ignored=("profile",)) if is_profile else line
