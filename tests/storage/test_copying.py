"""Copying between two databases: what is written, refused and counted. The databases are in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.values import COURSE, EARLIER, LATER, LEARNER, NOW, course, course_progress, lesson, started, stored
from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
from headway.domain.counters import Counters
from headway.domain.course_progress import CourseProgress, LearnerDay, Tally, emptied
from headway.domain.deliveries import Delivery
from headway.domain.errors import ConfigurationError
from headway.domain.events import EVERY_EVENT, Event, EventId, NewEvent, PublishedEvent, erased_event
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
    RunKey,
)
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, LearnerId, ProgressId, WebhookId
from headway.domain.launches import ContentState
from headway.domain.people import LearnerProfile, StoredProfile
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.domain.webhooks import Secret, Webhook
from headway.storage import copying
from headway.storage.copying import Compared
from headway.storage.shared.events import key_of

OTHER_LEARNERS = [LearnerId(f"{digit}0000000-0000-4000-8000-000000000000") for digit in "01234567"]
COURSE_PROGRESS = course_progress(Tally(1, 1, 5), last_accessed=NOW, course_version=3, revision=7)
STARTED_OVER = COURSE_PROGRESS._replace(tally=Tally(), last_accessed=None, revision=8, started_at=None)
ERASED = emptied(COURSE_PROGRESS, NOW)
DAY = HeldDay(LEARNER, COURSE, LearnerDay(NOW.date(), 1, 2, 3, 0))
GROUP = Group(GroupId(OTHER_LEARNERS[0]), "Class 7b", (LEARNER,), 5)
OTHER_ID = ProgressId("99999999-9999-4999-8999-999999999999")


class Memory:
    """An Archive in memory, which counts what is put, and lets nobody put course progress that says nothing."""

    def __init__(self, *holdings: Any, revision: int = 0, marks: tuple[int, int] = (0, 0)) -> None:
        self.at_revision = revision
        self.at_marks = FeedMarks(*marks)
        self.held: dict[tuple[str, ...], Any] = {}
        self.puts = 0
        self._hold(holdings)

    def _hold(self, items: Iterable[Any]) -> None:
        self.held |= {(item.course.id,) if isinstance(item, VersionedCourse) else _key(item): item for item in items}

    def _after(self, kind: type, after: tuple[str, ...] | None, limit: int) -> list[Any]:
        found = (self.held[key] for key in sorted(self.held) if after is None or key > after)
        return [item for item in found if isinstance(item, kind)][:limit]

    async def holdings(self) -> Holdings:
        raise NotImplementedError

    async def revision(self) -> int:
        return self.at_revision

    async def raise_revision(self, least: int) -> None:
        self.puts += 1
        self.at_revision = max(self.at_revision, least)

    async def courses(self, after: CourseId | None, limit: int) -> Sequence[VersionedCourse]:
        return self._after(VersionedCourse, (after,) if after else None, limit)

    async def lesson_progress(self, after: LessonKey | None, limit: int) -> Sequence[LessonProgress]:
        return self._after(LessonProgress, after, limit)

    async def course_progress(self, after: CourseProgressKey | None, limit: int) -> Sequence[CourseProgress]:
        return self._after(CourseProgress, after, limit)

    async def put_courses(self, courses: Sequence[VersionedCourse]) -> None:
        self.puts += len(courses)
        self._hold(courses)

    async def put_lesson_progress(self, all_progress: Sequence[LessonProgress]) -> None:
        self.puts += len(all_progress)
        self._hold(all_progress)

    async def put_course_progress(self, all_course_progress: Sequence[CourseProgress]) -> None:
        assert ERASED not in all_course_progress
        self.puts += len(all_course_progress)
        self._hold(all_course_progress)

    async def days(self, after: LearnerDayKey | None, limit: int) -> Sequence[HeldDay]:
        return self._after(HeldDay, (*after[:2], str(after[2]), "") if after else None, limit)

    async def put_days(self, days: Sequence[HeldDay]) -> None:
        self.puts += len(days)
        self._hold(days)

    async def completions(self, after: CompletionKey | None, limit: int) -> Sequence[Completion]:
        return self._after(Completion, (*after[:2], "", str(after[2])) if after else None, limit)

    async def put_completions(self, completions: Sequence[Completion]) -> None:
        self.puts += len(completions)
        self._hold(completions)

    async def runs(self, after: RunKey | None, limit: int) -> Sequence[EndedRun]:
        return self._after(EndedRun, (*after[:2], "run", str(after[2])) if after else None, limit)

    async def put_runs(self, runs: Sequence[EndedRun]) -> None:
        self.puts += len(runs)
        self._hold(runs)

    async def groups(self, after: GroupId | None, limit: int) -> Sequence[Group]:
        return self._after(Group, (after,) if after else None, limit)

    async def put_groups(self, groups: Sequence[Group]) -> None:
        self.puts += len(groups)
        self._hold(groups)

    async def profiles(self, after: LearnerId | None, limit: int) -> Sequence[StoredProfile]:
        return self._after(StoredProfile, (after,) if after else None, limit)

    async def put_profiles(self, profiles: Sequence[StoredProfile]) -> None:
        self.puts += len(profiles)
        self._hold(profiles)

    async def goals(self, after: LearnerId | None, limit: int) -> Sequence[Goal]:
        return self._after(Goal, (after,) if after else None, limit)

    async def put_goals(self, goals: Sequence[Goal]) -> None:
        self.puts += len(goals)
        self._hold(goals)

    async def content_states(self, after: LessonKey | None, limit: int) -> Sequence[ContentState]:
        return self._after(ContentState, (*after, "state") if after else None, limit)

    async def put_content_states(self, states: Sequence[ContentState]) -> None:
        self.puts += len(states)
        self._hold(states)

    async def events(self, after: int | None, limit: int) -> Sequence[PublishedEvent]:
        return self._after(PublishedEvent, ("event", f"{after:09}") if after else None, limit)

    async def put_events(self, events: Sequence[PublishedEvent]) -> None:
        self.puts += len(events)
        self._hold(events)

    async def remove_events(self, events: Sequence[PublishedEvent]) -> None:
        self._drop(events)

    async def unpublished_events(self, after: HeldEventKey | None, limit: int) -> Sequence[HeldEvent]:
        return self._after(HeldEvent, ("unpublished", *after) if after else None, limit)

    async def put_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        self.puts += len(events)
        self._hold(events)

    async def remove_unpublished_events(self, events: Sequence[HeldEvent]) -> None:
        self._drop(events)

    async def webhooks(self, after: WebhookId | None, limit: int) -> Sequence[HeldWebhook]:
        return self._after(HeldWebhook, ("webhook", after) if after else None, limit)

    async def put_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        self.puts += len(webhooks)
        self._hold(webhooks)

    async def remove_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
        self._drop(webhooks)

    async def deliveries(self, after: DeliveryKey | None, limit: int) -> Sequence[Delivery]:
        return self._after(Delivery, ("delivery", after[0], f"{after[1]:09}") if after else None, limit)

    async def put_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        self.puts += len(deliveries)
        self._hold(deliveries)

    async def remove_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        self._drop(deliveries)

    def _drop(self, items: Sequence[Any]) -> None:
        self.puts += len(items)
        for item in items:
            del self.held[_key(item)]

    async def feed_marks(self) -> FeedMarks:
        return self.at_marks

    async def raise_feed_marks(self, least: FeedMarks) -> None:
        self.puts += 1
        self.at_marks = least

    def recount(self, course_id: CourseId | None) -> Any:
        raise NotImplementedError

    async def add_counters(self, counters: Counters) -> None:
        raise NotImplementedError


def _key(item: Any) -> tuple[str, ...]:  # noqa: C901 - one case for each kind
    key: tuple[str, ...]
    match item:
        case HeldDay():
            key = (item.learner_id, item.course_id, str(item.day.date), "")
        case Completion():
            key = (item.learner_id, item.course_id, "", str(item.completed_at))
        case EndedRun():
            key = (*item.run[:2], "run", str(item.run.number))
        case PublishedEvent():
            key = ("event", f"{item.number:09}")
        case HeldEvent():
            key = ("unpublished", *key_of(item))
        case HeldWebhook():
            key = ("webhook", item.webhook.id)
        case Delivery():
            key = ("delivery", item.consumer_id, f"{item.event_number:09}")
        case Group():
            key = (item.id,)
        case StoredProfile() | Goal():
            key = item[:1]
        case ContentState():
            key = (*item.key, "state")
        case LessonProgress():
            key = item[:3]
        case _:
            key = item[:2]
    return key


@pytest.fixture(params=[1, 2, 3, 1000])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy this many values of each kind at a time."""
    monkeypatch.setattr(copying, "_KINDS", [replace(kind, batch=request.param) for kind in copying._KINDS])


async def copied(source: Memory, destination: Memory) -> list[Compared]:
    before = destination.puts
    await copying.refuse_unless_earlier(source, destination, lambda _: None)
    assert destination.puts == before
    await copying.put_what_differs(source, destination, lambda _: None)
    return list(await copying.compare(source, destination, lambda _: None))


async def refusal(source: Memory, destination: Memory) -> str:
    with pytest.raises(ConfigurationError) as refused:
        await copied(source, destination)
    assert destination.puts == 0
    return str(refused.value)


def lesson_progress_of(learners: Iterable[LearnerId], **fields: Any) -> list[LessonProgress]:
    return [started(learner_id=learner, **fields) for learner in learners]


SUBSETS = st.frozensets(st.sampled_from(OTHER_LEARNERS))


@pytest.mark.slow
@settings(max_examples=200)
@given(everybody=SUBSETS, missing=SUBSETS, earlier=SUBSETS, size=st.integers(1, 4))
async def test_only_missing_or_different_records_are_copied(
    everybody: frozenset[LearnerId], missing: frozenset[LearnerId], earlier: frozenset[LearnerId], size: int
) -> None:
    source = Memory(*lesson_progress_of(everybody))
    destination = Memory(
        *lesson_progress_of(everybody - missing),
        *lesson_progress_of(everybody & earlier - missing, version=4, metadata={}),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "_KINDS", [replace(kind, batch=size) for kind in copying._KINDS])
        looked_at: list[int] = []
        await copying.refuse_unless_earlier(source, destination, looked_at.append)
        assert sum(looked_at) == len(everybody - missing)
        put = await copying.put_what_differs(source, destination, lambda _: None)
        assert put == destination.puts == len(everybody & (missing | earlier))
        assert destination.held == source.held
        size_now = len(everybody)
        assert await copied(source, destination) == counted(all_progress=(size_now, size_now, 0))
        assert destination.puts == put


_KINDS = {
    "courses": "courses",
    "all_course_progress": "course progress",
    "all_progress": "lesson progress",
    "days": "finished days",
    "completions": "completions",
    "runs": "runs that have ended",
    "groups": "groups",
    "profiles": "learner profiles",
    "goals": "goals",
    "content_states": "content states",
    "events": "events",
    "unpublished": "unpublished events",
    "webhooks": "webhooks",
    "deliveries": "deliveries",
}


def counted(**counts: tuple[int, int, int]) -> list[Compared]:
    """What a comparison says: of each kind how many are there, here, and different. A kind without counts has none."""
    assert counts.keys() <= _KINDS.keys()
    return [Compared(kind, *counts.get(name, (0, 0, 0))) for name, kind in _KINDS.items()]


@pytest.mark.usefixtures("batch")
async def test_the_catalogues_version_grows_above_both_databases() -> None:
    source, destination = Memory(revision=9), Memory(revision=4)
    assert await copied(source, destination) == counted()
    assert destination.at_revision == 9
    await copied(source, destination)
    assert destination.puts == 1
    later = Memory(revision=20)
    await copied(source, later)
    assert (later.at_revision, later.puts) == (20, 0)


@pytest.mark.parametrize(
    "foreign",
    [VersionedCourse(course(), 3), started(), COURSE_PROGRESS],
    ids=["course", "lesson progress", "course progress"],
)
@pytest.mark.usefixtures("batch")
async def test_a_destination_that_holds_more_is_refused(foreign: Any) -> None:
    others = [
        *lesson_progress_of(OTHER_LEARNERS[2:]),
        VersionedCourse(course(course_id=CourseId(OTHER_LEARNERS[0])), 1),
    ]
    said = await refusal(Memory(*others), Memory(foreign, *others))
    assert "that the source does not have" in said
    assert COURSE in said
    assert "Nothing was written" in said


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (VersionedCourse(course(), 3), VersionedCourse(course(), 4)),
        (VersionedCourse(course(), 3), VersionedCourse(course(lesson(1)), 3)),
        (started(), started(version=6)),
        (started(), started(user_notes="another")),
        (started(), started(metadata={"player": {"volume": 3}, "speed": 1.5})),
        (started(), started(id=OTHER_ID, created_at=LATER, version=1)),
        (COURSE_PROGRESS, COURSE_PROGRESS._replace(revision=8)),
        (COURSE_PROGRESS, COURSE_PROGRESS._replace(tally=Tally())),
        (COURSE_PROGRESS, STARTED_OVER),
        (GROUP, GROUP._replace(version=6)),
        (GROUP, GROUP._replace(members=())),
    ],
)
@pytest.mark.usefixtures("batch")
async def test_a_destination_that_was_written_to_since_is_refused(here: Any, there: Any) -> None:
    assert "that was changed there" in await refusal(Memory(here), Memory(there))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (VersionedCourse(course(lesson(1)), 4), VersionedCourse(course(), 3)),
        (started(version=6, user_notes=None), started()),
        (started(id=OTHER_ID, created_at=LATER, version=1), started(created_at=EARLIER)),
        (COURSE_PROGRESS, COURSE_PROGRESS._replace(revision=6, last_accessed=NOW - timedelta(seconds=1))),
        (COURSE_PROGRESS, STARTED_OVER._replace(revision=6)),
        (GROUP, GROUP._replace(members=(LEARNER, OTHER_LEARNERS[0]), version=4)),
    ],
)
@pytest.mark.usefixtures("batch")
async def test_a_second_copy_updates_an_earlier_one(here: Any, there: Any) -> None:
    source, destination = Memory(here), Memory(there)
    assert sum(each.differing for each in await copied(source, destination)) == 0
    assert destination.held == source.held


@pytest.mark.usefixtures("batch")
async def test_course_progress_of_an_erased_learner_copies_as_none() -> None:
    empty, gate, both = Memory(), Memory(ERASED), Memory(ERASED._replace(revision=1))
    for source, destination in ((gate, empty), (empty, gate), (gate, both), (both, gate)):
        assert await copied(source, destination) == counted()
        assert destination.puts == 0
    assert "does not have" in await refusal(gate, Memory(COURSE_PROGRESS))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (started(version=6), counted(all_progress=(2, 2, 1))),
        (stored(learner_id=OTHER_LEARNERS[0]), counted(all_progress=(3, 2, 1))),
        (COURSE_PROGRESS._replace(revision=8), counted(all_progress=(2, 2, 0), all_course_progress=(1, 0, 1))),
        (VersionedCourse(course(), 3), counted(courses=(1, 0, 1), all_progress=(2, 2, 0))),
        (DAY, counted(all_progress=(2, 2, 0), days=(1, 0, 1))),
        (GROUP, counted(all_progress=(2, 2, 0), groups=(1, 0, 1))),
    ],
)
@pytest.mark.usefixtures("batch")
async def test_writes_during_the_copy_are_counted(changed: Any, expected: list[Compared]) -> None:
    all_progress = [started(), *lesson_progress_of(OTHER_LEARNERS[3:4])]
    source, destination = Memory(*all_progress), Memory()
    await copied(source, destination)
    source._hold([changed])
    assert list(await copying.compare(source, destination, lambda _: None)) == expected
    swapped = [Compared(kind, there, here, differing) for kind, here, there, differing in expected]
    assert list(await copying.compare(destination, source, lambda _: None)) == swapped


@pytest.mark.usefixtures("batch")
async def test_profiles_are_copied_and_only_earlier_ones_are_replaced() -> None:
    def profiles(version: int) -> list[StoredProfile]:
        return [StoredProfile(learner, LearnerProfile("Ada"), frozenset(), version) for learner in OTHER_LEARNERS]

    source = Memory(*profiles(2))
    assert await copied(source, Memory()) == counted(profiles=(len(OTHER_LEARNERS), len(OTHER_LEARNERS), 0))
    assert await copied(source, Memory(*profiles(1))) == counted(profiles=(len(OTHER_LEARNERS), len(OTHER_LEARNERS), 0))
    assert "a learner profile that was changed there" in await refusal(source, Memory(*profiles(3)))


@pytest.mark.usefixtures("batch")
async def test_goals_are_copied_and_only_earlier_ones_are_replaced() -> None:
    def goals(version: int) -> list[Goal]:
        return [Goal(learner, 3, NOW.date(), version) for learner in OTHER_LEARNERS]

    source = Memory(*goals(2))
    assert await copied(source, Memory()) == counted(goals=(len(OTHER_LEARNERS), len(OTHER_LEARNERS), 0))
    assert await copied(source, Memory(*goals(1))) == counted(goals=(len(OTHER_LEARNERS), len(OTHER_LEARNERS), 0))
    assert "a goal that was changed there" in await refusal(source, Memory(*goals(3)))


@pytest.mark.usefixtures("batch")
async def test_content_states_are_copied_and_only_earlier_ones_are_replaced() -> None:
    def states(version: int) -> list[ContentState]:
        return [ContentState(learner, COURSE, lesson(1).id, 1, NOW, version=version) for learner in OTHER_LEARNERS]

    source, all_equal = Memory(*states(2)), (len(OTHER_LEARNERS), len(OTHER_LEARNERS), 0)
    assert await copied(source, Memory()) == counted(content_states=all_equal)
    assert await copied(source, Memory(*states(1))) == counted(content_states=all_equal)
    assert "a content state that was changed there" in await refusal(source, Memory(*states(3)))


async def test_webhooks_are_copied_with_their_positions_and_what_is_on_its_way() -> None:
    webhook_id = WebhookId(ConsumerId(OTHER_LEARNERS[1]))
    webhook = Webhook(webhook_id, "https://lms.example/", EVERY_EVENT, (Secret("whsec_1"),), NOW)
    waiting = [Delivery(webhook_id, number, EventId(OTHER_LEARNERS[2]), LEARNER, NOW) for number in (7, 8)]
    source = Memory(HeldWebhook(webhook, 8), *waiting)
    earlier = Memory(HeldWebhook(webhook, 5), waiting[0]._replace(attempts=3), waiting[0]._replace(event_number=2))
    for destination in (Memory(), earlier):
        assert await copied(source, destination) == counted(webhooks=(1, 1, 0), deliveries=(2, 2, 0))
        assert destination.held == source.held
    changed = Memory(HeldWebhook(webhook._replace(version=2), 8))
    assert "a webhook that was changed there" in await refusal(source, changed)


async def test_a_webhook_that_is_removed_during_a_copy_leaves_with_the_next_one() -> None:
    held = [
        HeldWebhook(Webhook(WebhookId(ConsumerId(one)), "https://lms.example/", EVERY_EVENT, (), NOW), 8)
        for one in OTHER_LEARNERS[:2]
    ]
    deliveries = [Delivery(one.webhook.id, 7, EventId(OTHER_LEARNERS[2]), LEARNER, NOW) for one in held]
    source = Memory(*held, *deliveries)

    class Removing(Memory):
        async def put_webhooks(self, webhooks: Sequence[HeldWebhook]) -> None:
            await super().put_webhooks(webhooks)
            source._drop([held[0], deliveries[0]])

    destination = Removing()
    assert await copied(source, destination) == counted(webhooks=(1, 2, 1), deliveries=(1, 1, 0))
    again = Memory(*destination.held.values())
    assert await copied(source, again) == counted(webhooks=(1, 1, 0), deliveries=(1, 1, 0))
    assert again.held == source.held


def events(*numbers: int) -> list[PublishedEvent]:
    return [PublishedEvent(number, told(number)) for number in numbers]


def unpublished(*numbers: int, revision: int = 1) -> list[HeldEvent]:
    return [HeldEvent(NewEvent(told(number)), revision, 0) for number in numbers]


def told(number: int) -> Event:
    return erased_event(OTHER_LEARNERS[number % 8], NOW).event._replace(id=EventId(str(UUID(int=number))))


@pytest.mark.usefixtures("batch")
async def test_the_feed_is_copied_with_its_numbers() -> None:
    source = Memory(*events(3, 4, 9), *unpublished(10, 11), marks=(9, 2))
    destination = Memory()
    assert await copied(source, destination) == counted(events=(3, 3, 0), unpublished=(2, 2, 0))
    assert (destination.held, destination.at_marks) == (source.held, (9, 2))
    puts = destination.puts
    await copied(source, destination)
    assert destination.puts == puts


@pytest.mark.usefixtures("batch")
async def test_events_that_have_left_the_source_leave_an_earlier_copy() -> None:
    source = Memory(*events(4, 5, 10), *unpublished(11), *unpublished(12, revision=5), marks=(10, 3))
    earlier = Memory(*events(2, 3, 4, 5), *unpublished(10, 12), marks=(5, 1))
    assert await copied(source, earlier) == counted(events=(3, 3, 0), unpublished=(2, 2, 0))
    assert (earlier.held, earlier.at_marks) == (source.held, (10, 3))


@pytest.mark.usefixtures("batch")
async def test_a_destination_with_another_feed_is_refused() -> None:
    assert "was changed there" in await refusal(
        Memory(PublishedEvent(3, told(1)), marks=(3, 0)), Memory(PublishedEvent(3, told(2)), marks=(3, 0))
    )
    assert "has events that the source does not have" in await refusal(
        Memory(*events(3), marks=(3, 0)), Memory(*events(3, 4), marks=(4, 0))
    )
