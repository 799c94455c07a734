"""Reads everything in a database, by keys: the part of the Archive protocol that is the same in every store."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
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
    LearnerDayKey,
    LessonKey,
    RunKey,
)
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, LearnerId, WebhookId
from headway.domain.launches import ContentState
from headway.domain.people import StoredProfile
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.domain.text import sort_key
from headway.storage.lessons import to_courses
from headway.storage.shared import statements as sql
from headway.storage.shared.columns import to_completion, to_ended_run
from headway.storage.shared.consumers import to_delivery
from headway.storage.shared.content_states import from_content_state, to_content_state
from headway.storage.shared.events import EventStatements, from_event, from_held, key_of, to_held, to_published
from headway.storage.shared.goals import to_goal
from headway.storage.shared.groups import GroupStatements, store_group, to_enrolments
from headway.storage.shared.ids import FIRST_ID, LAST_ID
from headway.storage.shared.profile_statements import ProfileStatements
from headway.storage.shared.profiles import from_profile, to_profile, words_of
from headway.storage.shared.session import Each, Reading, Row, Session, Step
from headway.storage.shared.webhooks import from_webhook, to_webhook

_FIRST_KEY: Final = (FIRST_ID, FIRST_ID, FIRST_ID)
_FIRST_DAY: Final = (FIRST_ID, FIRST_ID, date.min)
_FIRST_RUN: Final = (FIRST_ID, FIRST_ID, 0)
_FIRST_COMPLETION: Final = (FIRST_ID, FIRST_ID, datetime.min.replace(tzinfo=UTC))


class RowReaders(NamedTuple):
    """The functions that turn rows of a store's tables into domain values."""

    lesson_progress: Callable[[Row], LessonProgress]
    course_progress: Callable[[Row], CourseProgress]
    held_day: Callable[[Row], HeldDay]


class ArchiveReader:
    """The reads of an archive. Statements begin at the key `after`; its entry is then left out."""

    def __init__(
        self,
        session: Session,
        readers: RowReaders,
        groups: GroupStatements,
        people: ProfileStatements,
        events: EventStatements,
    ) -> None:
        self._session = session
        self._readers = readers
        self._groups = groups
        self._people = people
        self._events = events

    async def revision(self) -> int:
        """Return the number of the catalogue's last change."""
        [(revision,)] = await self._session.fetch(sql.REVISION)
        return int(revision)

    async def raise_revision(self, least: int) -> None:
        """Make the number of the catalogue's next change greater than `least`."""
        await self._session.change(sql.RAISE_REVISION, least)

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        """Return courses by id."""
        courses = to_courses(await self._session.fetch(sql.COURSES_FROM, after or FIRST_ID, limit + 1))
        return [course for course in courses if course.course.id != after][:limit]

    async def lesson_progress(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        """Return lesson progress by learner, course and lesson."""
        rows = await self._page(sql.LESSON_PROGRESS_FROM, after or _FIRST_KEY, limit + 1)
        return [progress for progress in map(self._readers.lesson_progress, rows) if progress[:3] != after][:limit]

    async def course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        """Return course progress by learner and course."""
        rows = await self._page(sql.COURSE_PROGRESS_FROM, after or _FIRST_KEY[:2], limit + 1)
        return [progress for progress in map(self._readers.course_progress, rows) if progress[:2] != after][:limit]

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        """Return finished days by learner, course and date."""
        found = await self._page(sql.DAYS_FROM, after or _FIRST_DAY, limit + 1)
        days = map(self._readers.held_day, found)
        return [held for held in days if (*held[:2], held.day.date) != after][:limit]

    async def completions(self, after: CompletionKey | None, limit: int) -> Sequence[Completion]:
        """Return completions by learner, course and time."""
        found = await self._page(sql.COMPLETIONS_FROM, after or _FIRST_COMPLETION, limit + 1)
        return [completion for completion in map(to_completion, found) if completion[:3] != after][:limit]

    async def runs(self, after: RunKey | None, limit: int) -> Sequence[EndedRun]:
        """Return runs that have ended by learner, course and number."""
        found = await self._page(sql.RUNS_FROM, after or _FIRST_RUN, limit + 1)
        return [ended for ended in map(to_ended_run, found) if ended.run[:3] != after][:limit]

    async def groups(self, after: GroupId | None, limit: int) -> Sequence[Group]:
        """Return groups by id, with their members."""
        found = await self._session.fetch(self._groups.groups_from, after or FIRST_ID, limit + 1)
        outlines = [columns for columns in map(tuple, found) if columns[0] != after][:limit]
        members: dict[str, list[LearnerId]] = {group_id: [] for group_id, *_ in outlines}
        for group_id, learner_id in await self._session.scan(self._groups.members_of_groups, list(members)):
            members[group_id].append(learner_id)
        enrolments = to_enrolments(await self._session.scan(self._groups.enrolments_of_groups, list(members)))
        return [
            Group(group_id, title, tuple(members[group_id]), version, tuple(enrolments.get(group_id, ())))
            for group_id, title, version in outlines
        ]

    async def put_groups(self, groups: Sequence[Group]) -> None:
        """Store groups with these versions."""
        await self._session.transact(lambda: self._put_groups(groups))

    def _put_groups(self, groups: Sequence[Group]) -> Reading[None]:
        for group in groups:
            yield Step(self._groups.make_group, group.id, group.title, sort_key(group.title))
            before = yield Step(self._groups.members, group.id)
            yield from store_group(self._groups, group, [learner_id for (learner_id,) in before])
            yield Step(self._groups.remove_group_enrolments, group.id)
            for enrolment in group.enrolments:
                yield Step(self._groups.put_group_enrolment, group.id, *enrolment)

    async def profiles(self, after: LearnerId | None, limit: int) -> Sequence[StoredProfile]:
        """Return learner profiles by learner."""
        found = map(to_profile, await self._session.fetch(sql.PROFILES_FROM, after or FIRST_ID, limit + 1))
        return [stored for stored in found if stored.learner_id != after][:limit]

    async def put_profiles(self, profiles: Sequence[StoredProfile]) -> None:
        """Store learner profiles with these versions, and their words."""
        rows = list(map(from_profile, profiles))
        await self._session.change_all(
            Each(sql.HOLD_PROFILE, rows),
            Each(sql.FORGET_WORDS, [(stored.learner_id, stored.version) for stored in profiles]),
            Each(self._people.add_words, list(map(words_of, rows))),
        )

    async def goals(self, after: LearnerId | None, limit: int) -> Sequence[Goal]:
        """Return learners' goals by learner."""
        found = map(to_goal, await self._session.fetch(sql.GOALS_FROM, after or FIRST_ID, limit + 1))
        return [goal for goal in found if goal.learner_id != after][:limit]

    async def put_goals(self, goals: Sequence[Goal]) -> None:
        """Store learners' goals with these versions."""
        await self._session.change_all(Each(sql.HOLD_GOAL, goals))

    async def content_states(self, after: LessonKey | None, limit: int) -> Sequence[ContentState]:
        """Return what content has stored by learner, course and lesson."""
        found = map(to_content_state, await self._page(sql.CONTENT_STATES_FROM, after or _FIRST_KEY, limit + 1))
        return [state for state in found if state.key != after][:limit]

    async def put_content_states(self, states: Sequence[ContentState]) -> None:
        """Store what content has stored, with the same versions."""
        await self._session.change_all(Each(sql.HOLD_CONTENT_STATE, list(map(from_content_state, states))))

    async def events(self, after: int | None, limit: int) -> Sequence[PublishedEvent]:
        """Return published events by number."""
        return list(map(to_published, await self._session.fetch(self._events.events_after, after or 0, limit)))

    async def put_events(self, events: Sequence[PublishedEvent]) -> None:
        """Store published events under their numbers."""
        rows = [(number, *from_event(event)) for number, event in events]
        await self._session.change_all(Each(self._events.hold_event, rows))

    async def remove_events(self, events: Sequence[PublishedEvent]) -> None:
        """Remove published events."""
        await self._session.change_all(Each(self._events.drop_event, [(one.number,) for one in events]))

    async def unpublished_events(self, after: HeldEventKey | None, limit: int) -> Sequence[HeldEvent]:
        """Return events that are not published yet, by learner and id."""
        found = await self._session.fetch(self._events.unpublished_from, *(after or _FIRST_KEY[:2]), limit + 1)
        return [held for held in map(to_held, found) if key_of(held) != after][:limit]

    async def put_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        """Store events that are not published yet."""
        await self._session.change_all(Each(self._events.hold_unpublished, list(map(from_held, events))))

    async def remove_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        """Remove events that are not published yet."""
        await self._session.change_all(Each(self._events.drop_unpublished, list(map(key_of, events))))

    async def webhooks(self, after: WebhookId | None, limit: int) -> Sequence[HeldWebhook]:
        """Return webhooks by id. One that is removed while they are read is left out."""
        held: list[HeldWebhook] = []
        while len(held) < limit:
            found = map(to_webhook, await self._session.fetch(sql.WEBHOOKS_FROM, after or FIRST_ID, limit + 1))
            page = [webhook for webhook in found if webhook.id != after][: limit - len(held)]
            if not page:
                break
            after = page[-1].id
            for webhook in page:
                # Not in the same statement: on a cluster, a webhook and its consumer may be on two workers.
                position = await self._position(webhook.id)
                if position is not None:
                    held.append(HeldWebhook(webhook, position))
        return held

    async def _position(self, consumer_id: ConsumerId) -> int | None:
        found = await self._session.fetch(sql.FIND_CONSUMER, consumer_id)
        return int(found[0][0]) if found else None

    async def put_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        """Store webhooks with these versions and positions."""
        await self._session.change_all(
            Each(sql.HOLD_WEBHOOK, [from_webhook(held.webhook) for held in webhooks]),
            Each(sql.HOLD_CONSUMER, [(held.webhook.id, held.position) for held in webhooks]),
        )

    async def remove_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        """Remove webhooks."""
        keys = [(held.webhook.id,) for held in webhooks]
        await self._session.change_all(Each(sql.REMOVE_WEBHOOK, keys), Each(sql.REMOVE_CONSUMER, keys))

    async def deliveries(self, after: DeliveryKey | None, limit: int) -> Sequence[Delivery]:
        """Return deliveries by consumer and event."""
        found = await self._session.fetch(sql.DELIVERIES_FROM, *(after or (FIRST_ID, 0)), limit + 1)
        return [delivery for delivery in map(to_delivery, found) if delivery[:2] != after][:limit]

    async def put_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries."""
        await self._session.change_all(Each(sql.HOLD_DELIVERY, deliveries))

    async def remove_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Remove deliveries."""
        await self._session.change_all(Each(sql.DROP_DELIVERY, [delivery[:2] for delivery in deliveries]))

    async def feed_marks(self) -> FeedMarks:
        """Return how far the feed of events is."""
        [(last, removed)] = await self._session.fetch(self._events.feed)
        return FeedMarks(last, removed)

    async def raise_feed_marks(self, least: FeedMarks) -> None:
        """Make the numbers of the feed at least these."""
        await self._session.change_all(
            Step(self._events.raise_last_number, least.last), Step(self._events.note_removed, least.removed)
        )

    async def _page(self, statement: str, key: Sequence[object], rows: int) -> Sequence[Row]:
        last = await self._last_learner(statement, key, rows)
        return await self._session.fetch(statement, *key, last, rows)

    async def _last_learner(self, statement: str, key: Sequence[object], rows: int) -> str:  # noqa: ARG002 - for others
        """Return the last learner of a page, or any later one. A store on several servers may find out which."""
        return LAST_ID
