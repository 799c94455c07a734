"""What an archive must do: hold everything in a store, for copies and restores, and count the figures again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress
from headway.domain.deliveries import Delivery
from headway.domain.events import PublishedEvent
from headway.domain.goals import Goal
from headway.domain.groups import Group
from headway.domain.holdings import (
    CompletionKey,
    CourseProgressKey,
    DeliveryKey,
    FeedMarks,
    HeldDay,
    HeldEvent,
    HeldEventKey,
    HeldWebhook,
    Holdings,
    LearnerDayKey,
    LessonKey,
    Recounted,
    RunKey,
)
from headway.domain.identifiers import CourseId, GroupId, LearnerId, WebhookId
from headway.domain.launches import ContentState
from headway.domain.people import StoredProfile
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun


class Archive(Protocol):
    """A database seen as tables, for a copy: with ids, versions, times and revisions as they are stored.

    A method that reads returns up to `limit` values in the order of their keys, from the first one after `after` on
    (`None`: from the first one). Fewer than `limit` are the last ones. A method that puts replaces what is stored under
    the same keys, all of it or nothing, and it is on disk when the method returns. Every method may raise
    `StoreUnavailableError`, and `ConfigurationError` where the database's user may not do this.
    """

    async def holdings(self) -> Holdings:
        """Count everything. This takes seconds on a large database."""

    async def revision(self) -> int:
        """Return the number of the catalogue's last change."""

    async def raise_revision(self, least: int) -> None:
        """Make sure that the catalogue's next change gets a number above `least`."""

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Return courses by id."""

    async def lesson_progress(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Return lesson progress by learner, course and lesson, also of hidden lessons and removed courses."""

    async def course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Return course progress by learner and course, also of courses that were restarted."""

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Return finished days by learner, course and date."""

    async def completions(self, after: CompletionKey | None, limit: int) -> Sequence[Completion]:
        """Return completions by learner, course and time."""

    async def runs(self, after: RunKey | None, limit: int) -> Sequence[EndedRun]:
        """Return runs that have ended by learner, course and number."""

    async def groups(self, after: GroupId | None, limit: int) -> Sequence[Group]:
        """Return groups by id, with their members and versions."""

    async def profiles(self, after: LearnerId | None, limit: int) -> Sequence[StoredProfile]:
        """Return learner profiles by learner."""

    async def goals(self, after: LearnerId | None, limit: int) -> Sequence[Goal]:
        """Return learners' goals by learner."""

    async def content_states(self, after: LessonKey | None, limit: int) -> Sequence[ContentState]:
        """Return what content has stored by learner, course and lesson."""

    async def events(self, after: int | None, limit: int) -> Sequence[PublishedEvent]:
        """Return published events by number."""

    async def unpublished_events(self, after: HeldEventKey | None, limit: int) -> Sequence[HeldEvent]:
        """Return events that are not published yet, by learner (a course's document: the nil UUID) and id."""

    async def webhooks(self, after: WebhookId | None, limit: int) -> Sequence[HeldWebhook]:
        """Return webhooks by id, with their positions in the feed."""

    async def deliveries(self, after: DeliveryKey | None, limit: int) -> Sequence[Delivery]:
        """Return deliveries by consumer and event."""

    async def feed_marks(self) -> FeedMarks:
        """Return how far the feed of events is."""

    async def raise_feed_marks(self, least: FeedMarks) -> None:
        """Make sure that the feed is as far as this. So a reader's cursor is valid in both databases."""

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        """Store courses under their versions."""

    async def put_lesson_progress(self, all_lesson_progress: Sequence[LessonProgress]) -> None:
        """Store lesson progress."""

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        """Store course progress."""

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        """Store finished days."""

    async def put_completions(self, completions: Sequence[Completion]) -> None:
        """Store completions."""

    async def put_runs(self, runs: Sequence[EndedRun]) -> None:
        """Store runs that have ended."""

    async def put_groups(self, groups: Sequence[Group]) -> None:
        """Store groups with their members, under their versions."""

    async def put_profiles(self, profiles: Sequence[StoredProfile]) -> None:
        """Store learner profiles under their versions, with the words by which they are found."""

    async def put_goals(self, goals: Sequence[Goal]) -> None:
        """Store learners' goals under their versions."""

    async def put_content_states(self, states: Sequence[ContentState]) -> None:
        """Store what content has stored, under the same versions."""

    async def put_events(self, events: Sequence[PublishedEvent]) -> None:
        """Store published events under their numbers."""

    async def remove_events(self, events: Sequence[PublishedEvent]) -> None:
        """Remove published events."""

    async def put_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        """Store events that are not published yet."""

    async def remove_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        """Remove events that are not published yet."""

    async def put_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        """Store webhooks under their versions, with their positions. No process works for them."""

    async def remove_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        """Remove webhooks."""

    async def put_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries."""

    async def remove_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Remove deliveries."""

    def recount(self, course_id: CourseId | None) -> AbstractAsyncContextManager["Recount"]:
        """Begin a recount of one course, or of all. It sees everything as it is now, whatever is written meanwhile."""

    async def add_counters(self, counters: Counters) -> None:
        """Add to the stored counts of courses."""


class Recount(Protocol):
    """The stored counts and a fresh count of the same moment."""

    async def stored(self) -> Counters:
        """Return the stored counts."""

    async def estimate(self) -> int:
        """Return about how many lessons' progress there is to count."""

    def stretches(self) -> AsyncIterator[Recounted]:
        """Count all learners, a stretch of them at a time."""
