"""People: their profiles and goals, imports of people, and what is held of one learner."""

from collections.abc import AsyncIterator

from headway.client.aio.sending import Sender
from headway.client.calls import Id, Tagged, delete, get, on_condition, post_file, put
from headway.client.shapes import (
    Goal,
    LearnerExport,
    NewGoal,
    People,
    PeopleImportReport,
    PersonLine,
    ProfileDocument,
    Weekday,
)


class Persons:
    """Finds people, reads and changes their profiles. Needs `learners:admin`, where nothing else is said."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def find(
        self, query: str = "", *, course: Id | None = None, group: Id | None = None, page_size: int = 100
    ) -> AsyncIterator[PersonLine]:
        """Yield the people whose name, e-mail address or external id has words that begin like those of the query.

        By default it yields all people with a profile, by name. `statistics:read` is enough for its own courses.
        """
        call = get(People, "learners", query=query, course=course, group=group, limit=page_size)
        async for page in self._sender.pages(call):
            for person in page["learners"]:
                yield person

    async def profile(self, learner: Id) -> Tagged[ProfileDocument]:
        """Return a learner's profile. Raises `NotFoundError` if there is none."""
        return await self._sender.tagged(get(ProfileDocument, "learners", learner, "profile"))

    async def put_profile(
        self, learner: Id, profile: ProfileDocument, *, if_match: str | None = None, if_none_match: str | None = None
    ) -> Tagged[ProfileDocument]:
        """Store a learner's profile in place of the present one. A field that is left out becomes empty."""
        call = put(ProfileDocument, profile, "learners", learner, "profile")
        return await self._sender.tagged(on_condition(call, if_match, if_none_match))

    async def remove_profile(self, learner: Id, *, if_match: str | None = None) -> None:
        """Remove a learner's profile, if there is one. The progress is kept."""
        await self._sender.done(on_condition(delete("learners", learner, "profile"), if_match, None))

    async def import_file(
        self, content: bytes, content_type: str = "text/csv", *, dry_run: bool = False
    ) -> PeopleImportReport:
        """Store profiles, groups and enrolments from a CSV file or a OneRoster bundle (`application/zip`).

        Groups in the file need `groups:write`, courses need `enrolments:write`. If another import is running, this
        waits for its end as long as `retries` say.
        """
        call = post_file(PeopleImportReport, content, content_type, "people", "import", dry_run=dry_run)
        return await self._sender.value(call)

    async def export(self, learner: Id) -> LearnerExport:
        """Return everything that is held of a learner. The learner's own token needs no scope."""
        return await self._sender.value(get(LearnerExport, "learners", learner, "export"))

    async def erase(self, learner: Id) -> None:
        """Remove everything that is held of a learner."""
        await self._sender.done(delete("learners", learner))

    async def goal(self, learner: Id, *, first_weekday: Weekday = "monday") -> Goal:
        """Return a learner's goal. Raises `NotFoundError` if there is none. The learner's own token needs no scope."""
        return await self._sender.value(get(Goal, "learners", learner, "goal", first_weekday=first_weekday))

    async def put_goal(self, learner: Id, days_per_week: int, *, first_weekday: Weekday = "monday") -> Goal:
        """Set a learner's goal: on how many days of each week to be active."""
        goal = NewGoal(days_per_week=days_per_week)
        return await self._sender.value(put(Goal, goal, "learners", learner, "goal", first_weekday=first_weekday))

    async def remove_goal(self, learner: Id) -> None:
        """Remove a learner's goal, if there is one."""
        await self._sender.done(delete("learners", learner, "goal"))
