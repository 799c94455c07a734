"""Copies everything in a database to another one, and compares the two.

Both are read in the order of their keys, a batch of each at a time. So memory is bounded, and entries that are already
there are found without a look-up. A copy keeps no state: an interrupted copy starts again, and stores what is missing.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from headway.domain.archive_ports import Archive
from headway.domain.catalogue import VersionedCourse
from headway.domain.completions import Completion
from headway.domain.course_progress import CourseProgress
from headway.domain.deliveries import Delivery
from headway.domain.errors import ConfigurationError
from headway.domain.events import PublishedEvent
from headway.domain.goals import Goal
from headway.domain.groups import Group
from headway.domain.holdings import (
    CompletionKey,
    CourseProgressKey,
    DeliveryKey,
    HeldDay,
    HeldEvent,
    HeldEventKey,
    HeldWebhook,
    LearnerDayKey,
    LessonKey,
    RunKey,
)
from headway.domain.identifiers import CourseId, GroupId, LearnerId, WebhookId
from headway.domain.launches import ContentState
from headway.domain.people import StoredProfile
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun
from headway.storage.shared.events import key_of

_NOT_EARLIER: Final = (
    "The destination is not an earlier copy of the source: {}. Nothing was written. Copy into an empty database, or "
    "check whether the source and the destination are swapped."
)

T = TypeVar("T")
K = TypeVar("K", bound=tuple[Any, ...])

Progress = Callable[[int], None]
"""Is called with the number of entries that were read since the last call."""


class Compared(NamedTuple):
    """The numbers of entries of one kind in both databases, and of those that are missing in one of them or differ."""

    kind: str
    source: int
    destination: int
    differing: int


async def refuse_unless_earlier(source: Archive, destination: Archive, progress: Progress) -> None:
    """Raise `ConfigurationError` unless the destination is an earlier copy of the source, or empty.

    An earlier copy has only entries that are in the source, or were there: their ids are the same, and their versions
    or revisions, which only grow, are not greater. Reads both databases up to the destination's last entry.
    """
    for kind in _KINDS:
        async for stretch in _stretches(kind, source, destination):
            kind.refuse_unless_earlier(stretch)
            progress(len(stretch.destination))
            if stretch.ends_destination:
                break
    if (await source.feed_marks()).last < (await destination.feed_marks()).last:
        raise ConfigurationError(_NOT_EARLIER.format("it has events that the source does not have"))


async def put_what_differs(source: Archive, destination: Archive, progress: Progress) -> int:
    """Store the entries that are missing in the destination or differ there, and return their number.

    Events of the destination that are no longer in the source are removed, and counted, too.

    Each batch is stored completely or not at all. On a cluster, that is true of each worker's part of a batch.
    """
    put = sum([await _put(kind, source, destination, progress) for kind in _KINDS])
    revision = await source.revision()
    if await destination.revision() < revision:
        await destination.raise_revision(revision)
    marks = await source.feed_marks()
    if await destination.feed_marks() != marks:
        await destination.raise_feed_marks(marks)
    return put


async def compare(source: Archive, destination: Archive, progress: Progress) -> Sequence[Compared]:
    """Compare all entries, and return the numbers for each kind."""
    return [await _compare(kind, source, destination, progress) for kind in _KINDS]


async def _put(kind: "_Kind[Any, Any]", source: Archive, destination: Archive, progress: Progress) -> int:
    put = 0
    stretches = _stretches(kind, source, destination)
    stretch = await anext(stretches, None)
    while stretch is not None:
        differing = kind.differing(stretch)
        put += len(differing)
        progress(len(stretch.source))
        putting = asyncio.create_task(kind.settle(destination, differing))
        try:
            await asyncio.sleep(0)  # the batch is sent before the next one is read
            stretch = await anext(stretches, None)
        finally:
            await putting
    return put


async def _compare(kind: "_Kind[Any, Any]", source: Archive, destination: Archive, progress: Progress) -> Compared:
    compared = Compared(kind.name, 0, 0, 0)
    async for stretch in _stretches(kind, source, destination):
        compared = Compared(
            kind.name,
            compared.source + sum(map(kind.counts, stretch.source)),
            compared.destination + sum(map(kind.counts, stretch.destination)),
            compared.differing + len(kind.differing(stretch)),
        )
        progress(len(stretch.source))
    return compared


@dataclass(frozen=True)
class _Stretch(Generic[T]):
    """All entries of both databases between two keys."""

    source: Sequence[T]
    destination: Sequence[T]
    ends_destination: bool


@dataclass(frozen=True)
class _Kind(Generic[T, K]):
    """One kind of entry in a database, such as lesson progress.

    `precedes` says whether the first entry may be an earlier state of the second one. `counts` is false for entries
    that are not copied. `remove` is for entries that leave the source by themselves.
    """

    name: str
    one: str
    batch: int
    key: Callable[[T], K]
    read: Callable[[Archive, K | None, int], Awaitable[Sequence[T]]]
    put: Callable[[Archive, Sequence[T]], Awaitable[None]]
    precedes: Callable[[T, T], bool]
    is_same: Callable[[T, T], bool] = lambda one, other: one == other
    counts: Callable[[T], bool] = lambda _: True
    remove: Callable[[Archive, Sequence[T]], Awaitable[None]] | None = None

    def pairs(self, stretch: _Stretch[T]) -> Iterator[tuple[T | None, T | None]]:
        """Yield the source's and the destination's entry of each key; `None` where one is missing."""
        there = {self.key(item): item for item in stretch.destination}
        for item in stretch.source:
            if self.counts(item):
                yield item, there.pop(self.key(item), None)
        for item in there.values():
            if self.counts(item):
                yield None, item

    def differing(self, stretch: _Stretch[T]) -> list[tuple[T | None, T | None]]:
        """Return the pairs of entries that differ."""
        return [
            (here, there)
            for here, there in self.pairs(stretch)
            if here is None or there is None or not self.is_same(here, there)
        ]

    async def settle(self, archive: Archive, differing: Sequence[tuple[T | None, T | None]]) -> None:
        """Store the source's entries of differing pairs, and remove the others, if there are any."""
        missing = [here for here, _ in differing if here is not None]
        if missing:
            await self.put(archive, missing)
        gone = [there for here, there in differing if here is None and there is not None]
        if gone and self.remove:
            await self.remove(archive, gone)

    def refuse_unless_earlier(self, stretch: _Stretch[T]) -> None:
        """Raise `ConfigurationError` where the destination has an entry that was never in the source."""
        for here, there in self.differing(stretch):
            if here is None and self.remove:
                continue
            if there is not None and (here is None or not self.precedes(there, here)):
                found = "the source does not have" if here is None else "was changed there"
                key = ", ".join(map(str, self.key(there)))
                raise ConfigurationError(_NOT_EARLIER.format(f"it has {self.one} that {found} ({key})"))


class _Side(Generic[T, K]):
    """The entries of one kind in one of the databases, read a batch at a time."""

    def __init__(self, kind: _Kind[T, K], archive: Archive) -> None:
        self._kind = kind
        self._archive = archive
        self._held: list[T] = []
        self._read_to: K | None = None
        self.is_read = False

    @property
    def is_empty(self) -> bool:
        """Whether all entries were taken."""
        return self.is_read and not self._held

    @property
    def known_to(self) -> K | None:
        """The key up to which all entries are read; `None`: all of them."""
        return None if self.is_read else self._read_to

    async def fill(self) -> None:
        """Read the next batch, where no entry is left of the last one."""
        if self._held or self.is_read:
            return
        batch = await self._kind.read(self._archive, self._read_to, self._kind.batch)
        self.is_read = len(batch) < self._kind.batch
        self._held.extend(batch)
        if batch:
            self._read_to = self._kind.key(batch[-1])

    def take(self, to: K | None) -> list[T]:
        """Take the entries that are read, up to a key (`None`: all of them)."""
        count = len(self._held) if to is None else bisect_right(self._held, to, key=self._kind.key)
        taken, self._held = self._held[:count], self._held[count:]
        return taken


async def _stretches(kind: _Kind[T, K], source: Archive, destination: Archive) -> AsyncIterator[_Stretch[T]]:
    """Yield both databases from the first key to the last, in stretches of at most a batch."""
    here, there = _Side(kind, source), _Side(kind, destination)
    while True:
        await here.fill()
        await there.fill()
        if here.is_empty and there.is_empty:
            return
        known = [side.known_to for side in (here, there) if side.known_to is not None]
        to = min(known, default=None)
        yield _Stretch(here.take(to), there.take(to), there.is_empty)


def _is_same_progress(one: LessonProgress, other: LessonProgress) -> bool:
    """Whether two are equal to the last character of their metadata.

    For Python, 1 equals true, and mappings with different orders of keys are equal.
    """
    return one == other and (not one.metadata or orjson.dumps(one.metadata) == orjson.dumps(other.metadata))


def _precedes(one: LessonProgress, other: LessonProgress) -> bool:
    """Whether the first may be an earlier state of the second one, or was removed before the second one was made."""
    return one.version < other.version if one.id == other.id else one.created_at < other.created_at


_COURSES: Final[_Kind[VersionedCourse, tuple[CourseId]]] = _Kind(
    "courses",
    one="a course",
    batch=20,  # of 5,000 lessons at most
    key=lambda versioned: (versioned.course.id,),
    read=lambda archive, after, limit: archive.courses(after[0] if after else None, limit),
    put=lambda archive, courses: archive.put_courses(courses),
    precedes=lambda one, other: one.version < other.version,
)
_LESSON_PROGRESS: Final[_Kind[LessonProgress, LessonKey]] = _Kind(
    "lesson progress",
    one="lesson progress",
    batch=500,  # of 60 KiB at most, notes and metadata
    key=lambda progress: progress[:3],
    read=lambda archive, after, limit: archive.lesson_progress(after, limit),
    put=lambda archive, lessons: archive.put_lesson_progress(lessons),
    precedes=_precedes,
    is_same=_is_same_progress,
)
# PostgreSQL keeps the emptied course progress of an erased learner for a while, because of writes that still run.
# A copy has no such writes. So the emptied course progress is neither copied nor compared.
_COURSE_PROGRESS: Final[_Kind[CourseProgress, CourseProgressKey]] = _Kind(
    "course progress",
    one="course progress",
    batch=5_000,
    key=lambda course_progress: course_progress[:2],
    read=lambda archive, after, limit: archive.course_progress(after, limit),
    put=lambda archive, all_course_progress: archive.put_course_progress(all_course_progress),
    precedes=lambda one, other: one.revision < other.revision,
    counts=lambda course_progress: not course_progress.is_empty,
)
# A day that is finished does not change any more.
_DAYS: Final[_Kind[HeldDay, LearnerDayKey]] = _Kind(
    "finished days",
    one="a day",
    batch=5_000,
    key=lambda held: (held.learner_id, held.course_id, held.day.date),
    read=lambda archive, after, limit: archive.days(after, limit),
    put=lambda archive, days: archive.put_days(days),
    precedes=lambda _one, _other: False,
)
# A completion does not change any more.
_COMPLETIONS: Final[_Kind[Completion, CompletionKey]] = _Kind(
    "completions",
    one="a completion",
    batch=5_000,
    key=lambda completion: completion[:3],
    read=lambda archive, after, limit: archive.completions(after, limit),
    put=lambda archive, completions: archive.put_completions(completions),
    precedes=lambda _one, _other: False,
)
# A run that has ended does not change any more.
_RUNS: Final[_Kind[EndedRun, RunKey]] = _Kind(
    "runs that have ended",
    one="a run",
    batch=20,  # of 500 lessons or more
    key=lambda ended: ended.run[:3],
    read=lambda archive, after, limit: archive.runs(after, limit),
    put=lambda archive, runs: archive.put_runs(runs),
    precedes=lambda _one, _other: False,
)
_GROUPS: Final[_Kind[Group, tuple[GroupId]]] = _Kind(
    "groups",
    one="a group",
    batch=10,  # of 10,000 members at most
    key=lambda group: (group.id,),
    read=lambda archive, after, limit: archive.groups(after[0] if after else None, limit),
    put=lambda archive, groups: archive.put_groups(groups),
    precedes=lambda one, other: one.version < other.version,
)
_PROFILES: Final[_Kind[StoredProfile, tuple[LearnerId]]] = _Kind(
    "learner profiles",
    one="a learner profile",
    batch=1_000,
    key=lambda stored: (stored.learner_id,),
    read=lambda archive, after, limit: archive.profiles(after[0] if after else None, limit),
    put=lambda archive, profiles: archive.put_profiles(profiles),
    precedes=lambda one, other: one.version < other.version,
)
_GOALS: Final[_Kind[Goal, tuple[LearnerId]]] = _Kind(
    "goals",
    one="a goal",
    batch=1_000,
    key=lambda goal: (goal.learner_id,),
    read=lambda archive, after, limit: archive.goals(after[0] if after else None, limit),
    put=lambda archive, goals: archive.put_goals(goals),
    precedes=lambda one, other: one.version < other.version,
)
_CONTENT_STATES: Final[_Kind[ContentState, LessonKey]] = _Kind(
    "content states",
    one="a content state",
    batch=50,  # of 64,000 characters or more
    key=lambda state: state.key,
    read=lambda archive, after, limit: archive.content_states(after, limit),
    put=lambda archive, states: archive.put_content_states(states),
    precedes=lambda one, other: one.version < other.version,
)
# A published event does not change any more. It leaves the feed after some time, and when its learner is erased.
_EVENTS: Final[_Kind[PublishedEvent, tuple[int]]] = _Kind(
    "events",
    one="an event",
    batch=5_000,
    key=lambda published: (published.number,),
    read=lambda archive, after, limit: archive.events(after[0] if after else None, limit),
    put=lambda archive, events: archive.put_events(events),
    precedes=lambda _one, _other: False,
    remove=lambda archive, events: archive.remove_events(events),
)
# An event that is not published yet leaves when it is published.
_UNPUBLISHED_EVENTS: Final[_Kind[HeldEvent, HeldEventKey]] = _Kind(
    "unpublished events",
    one="an unpublished event",
    batch=5_000,
    key=key_of,
    read=lambda archive, after, limit: archive.unpublished_events(after, limit),
    put=lambda archive, events: archive.put_unpublished_events(events),
    precedes=lambda one, other: one.revision < other.revision,
    remove=lambda archive, events: archive.remove_unpublished_events(events),
)
# How a webhook fares changes without a new version of it.
_WEBHOOKS: Final[_Kind[HeldWebhook, tuple[WebhookId]]] = _Kind(
    "webhooks",
    one="a webhook",
    batch=100,
    key=lambda held: (held.webhook.id,),
    read=lambda archive, after, limit: archive.webhooks(after[0] if after else None, limit),
    put=lambda archive, webhooks: archive.put_webhooks(webhooks),
    precedes=lambda one, other: one.webhook.version <= other.webhook.version and one.position <= other.position,
    remove=lambda archive, webhooks: archive.remove_webhooks(webhooks),
)
# A delivery leaves with its event, and changes with each attempt. A redelivery begins to count again.
_DELIVERIES: Final[_Kind[Delivery, DeliveryKey]] = _Kind(
    "deliveries",
    one="a delivery",
    batch=5_000,
    key=lambda delivery: (delivery.consumer_id, delivery.event_number),
    read=lambda archive, after, limit: archive.deliveries(after, limit),
    put=lambda archive, deliveries: archive.put_deliveries(deliveries),
    precedes=lambda _one, _other: True,
    remove=lambda archive, deliveries: archive.remove_deliveries(deliveries),
)
# Course progress comes before lesson progress: if somebody used an interrupted copy, lesson progress without course
# progress would be ignored.
_KINDS: Final[Sequence[_Kind[Any, Any]]] = (
    _COURSES,
    _COURSE_PROGRESS,
    _LESSON_PROGRESS,
    _DAYS,
    _COMPLETIONS,
    _RUNS,
    _GROUPS,
    _PROFILES,
    _GOALS,
    _CONTENT_STATES,
    _EVENTS,
    _UNPUBLISHED_EVENTS,
    _WEBHOOKS,
    _DELIVERIES,
)
