"""Enrolments: who takes which course, from when and until when, and in which run."""

from collections.abc import AsyncIterator

from headway.client.aio.sending import Sender
from headway.client.calls import Id, Moment, delete, get, post, put
from headway.client.shapes import Enrolment, Enrolments, GroupEnrolment, OwnEnrolment, Run, RunOutline


class CourseEnrolments:
    """Reads and changes enrolments. Needs `enrolments:write`, where nothing else is said."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def own(self) -> list[OwnEnrolment]:
        """Return the enrolments of the token's own learner. Needs no scope."""
        return await self._sender.value(get(list[OwnEnrolment], "enrolments"))

    async def of_course(self, course: Id, *, page_size: int = 100) -> AsyncIterator[Enrolment]:
        """Yield the enrolments of a course, by the learners' ids."""
        async for page in self._sender.pages(get(Enrolments, "courses", course, "enrolments", limit=page_size)):
            for enrolment in page["enrolments"]:
                yield enrolment

    async def enrol(
        self, learner: Id, course: Id, *, starts_at: Moment | None = None, due_at: Moment | None = None
    ) -> Enrolment:
        """Enrol a learner, or change the dates of the enrolment: a date that is `None` is removed.

        Where enrolment is open, learners enrol themselves with their own token and without dates.
        """
        call = put(Enrolment, _dates(starts_at, due_at), "courses", course, "enrolments", learner)
        return await self._sender.value(call)

    async def end(self, learner: Id, course: Id) -> None:
        """End a learner's own enrolment, if there is one. Enrolments by groups stay."""
        await self._sender.done(delete("courses", course, "enrolments", learner))

    async def enrol_group(
        self, group: Id, course: Id, *, starts_at: Moment | None = None, due_at: Moment | None = None
    ) -> GroupEnrolment:
        """Enrol all present and future members of a group."""
        call = put(GroupEnrolment, _dates(starts_at, due_at), "courses", course, "groups", group)
        return await self._sender.value(call)

    async def end_group(self, group: Id, course: Id) -> None:
        """End the enrolment of a group, if there is one."""
        await self._sender.done(delete("courses", course, "groups", group))

    async def begin_run(
        self,
        learner: Id,
        course: Id,
        *,
        number: int | None = None,
        starts_at: Moment | None = None,
        due_at: Moment | None = None,
    ) -> Enrolment:
        """Begin the learner's next run of a course, and return the enrolment.

        Send the `number` that the run is to have. If there is no answer, call this again: if the first call has begun
        the run, the second one is refused with `run_conflict`.
        """
        body = _dates(starts_at, due_at) | ({} if number is None else {"number": number})
        return await self._sender.value(post(Enrolment, "courses", course, "enrolments", learner, "runs", body=body))

    async def runs(self, learner: Id, course: Id) -> list[RunOutline]:
        """Return a learner's runs of a course, the present one last. Needs `learners:admin` or the learner's token."""
        return await self._sender.value(get(list[RunOutline], "courses", course, "enrolments", learner, "runs"))

    async def run(self, learner: Id, course: Id, number: int) -> Run:
        """Return a run with its lesson progress. Needs `learners:admin` or the learner's token."""
        return await self._sender.value(get(Run, "courses", course, "enrolments", learner, "runs", number))


def _dates(starts_at: Moment | None, due_at: Moment | None) -> dict[str, Moment | int | None]:
    return {"starts_at": starts_at, "due_at": due_at}
