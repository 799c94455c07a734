"""Whole installations for the tests of copying: making them, reading them back to the last character."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from domain.values import all_progress, lesson, lessons
from headway.domain.archive_ports import Archive
from headway.domain.catalogue import Course, Lesson, OnEdit, VersionedCourse
from headway.domain.completions import Completion
from headway.domain.course_progress import CourseProgress, EnrolmentSource, LearnerDay, Tally
from headway.domain.deliveries import Delivery, DeliveryState
from headway.domain.events import Actor, ActorKind, Event, EventFilter, EventId, EventType, NewEvent, PublishedEvent
from headway.domain.goals import MOST_DAYS, Goal
from headway.domain.groups import Group
from headway.domain.holdings import FeedMarks, HeldDay, HeldEvent, HeldWebhook, LearnerDayKey
from headway.domain.identifiers import ConsumerId, CourseId, GroupId, LearnerId, LessonId, ProgressId, WebhookId
from headway.domain.launches import ContentState, LaunchAccount
from headway.domain.people import LearnerProfile, StoredProfile
from headway.domain.ports import Store
from headway.domain.progress import LessonProgress
from headway.domain.runs import EndedRun, run_of
from headway.domain.scorm import ScormVersion
from headway.domain.webhooks import DisabledBecause, Secret, Webhook
from headway.storage.postgres import PostgresStore
from headway.storage.shared.events import key_of
from headway.storage.sqlite import SqliteStore

_BATCH: Final = 100


class Installation(NamedTuple):
    """All that a database holds, each part in the order of its keys."""

    courses: Sequence[VersionedCourse]
    all_progress: Sequence[LessonProgress]
    all_course_progress: Sequence[CourseProgress]
    revision: int
    days: Sequence[HeldDay] = ()
    completions: Sequence[Completion] = ()
    groups: Sequence[Group] = ()
    profiles: Sequence[StoredProfile] = ()
    runs: Sequence[EndedRun] = ()
    goals: Sequence[Goal] = ()
    content_states: Sequence[ContentState] = ()
    events: Sequence[PublishedEvent] = ()
    unpublished: Sequence[HeldEvent] = ()
    webhooks: Sequence[HeldWebhook] = ()
    deliveries: Sequence[Delivery] = ()

    @property
    def feed(self) -> FeedMarks:
        """How far the feed is: its last number is one above that of the last event, as after an erasure."""
        return FeedMarks(self.events[-1].number + 1, self.events[0].number - 1) if self.events else FeedMarks(0, 0)


def archive_of(store: Store) -> Archive:
    assert isinstance(store, SqliteStore | PostgresStore)
    return store.archive


async def fill(archive: Archive, installation: Installation) -> None:
    await archive.put_courses(installation.courses)
    await archive.put_lesson_progress(installation.all_progress)
    await archive.put_course_progress(installation.all_course_progress)
    await archive.put_days(installation.days)
    await archive.put_completions(installation.completions)
    await archive.put_groups(installation.groups)
    await archive.put_profiles(installation.profiles)
    await archive.put_runs(installation.runs)
    await archive.put_goals(installation.goals)
    await archive.put_content_states(installation.content_states)
    await archive.put_events(installation.events)
    await archive.put_unpublished_events(installation.unpublished)
    await archive.put_webhooks(installation.webhooks)
    await archive.put_deliveries(installation.deliveries)
    await archive.raise_feed_marks(installation.feed)
    await archive.raise_revision(installation.revision)


async def content(archive: Archive, batch: int = _BATCH) -> Installation:
    """Return everything that the archive gives, read in batches of this size."""
    read = partial(_all, batch)
    found = Installation(
        await read(archive.courses, lambda versioned: versioned.course.id),
        await read(archive.lesson_progress, lambda progress: progress[:3]),
        await read(archive.course_progress, lambda course_progress: course_progress[:2]),
        await archive.revision(),
        tuple(await read(archive.days, _key)),
        tuple(await read(archive.completions, lambda completion: completion[:3])),
        await read(archive.groups, lambda group: group.id) or (),
        tuple(await read(archive.profiles, lambda stored: stored.learner_id)),
        tuple(await read(archive.runs, lambda ended: ended.run[:3])),
        tuple(await read(archive.goals, lambda goal: goal.learner_id)),
        tuple(await read(archive.content_states, lambda state: state.key)),
        tuple(await read(archive.events, lambda published: published.number)),
        tuple(await read(archive.unpublished_events, key_of)),
        tuple(await read(archive.webhooks, lambda held: held.webhook.id)),
        tuple(await read(archive.deliveries, lambda delivery: delivery[:2])),
    )
    assert await archive.feed_marks() == found.feed
    return found


async def _all(
    batch: int, read: Callable[[Any, int], Awaitable[Sequence[Any]]], key_of_one: Callable[[Any], Any]
) -> list[Any]:
    found: list[Any] = []
    while len(some := await read(key_of_one(found[-1]) if found else None, batch)) == batch:
        found += some
    return [*found, *some]


def _key(held: HeldDay) -> LearnerDayKey:
    return (held.learner_id, held.course_id, held.day.date)


# Ids whose order as text has to be that of the database: the first and the last of all, digits beside letters.
UUIDS: Final = st.sampled_from(
    [
        *(str(UUID(int=number)) for number in (0, 1, 2**128 - 1)),
        "0a000000-0000-4000-8000-000000000000",
        "a0000000-0000-4000-8000-000000000000",
        "9f000000-0000-4000-8000-000000000000",
    ]
) | st.uuids().map(str)
_MOMENTS: Final = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - UTC follows
    lambda moment: moment.replace(tzinfo=UTC, fold=0)
)
_WHOLE_SECONDS: Final = _MOMENTS.map(lambda moment: moment.replace(microsecond=0))
MOMENTS: Final = _MOMENTS | _WHOLE_SECONDS
REVISIONS: Final = st.integers(1, 100) | st.integers(0, 2**62)


_COUNTS: Final = st.integers(0, 2**31 - 1)
_DAYS: Final = st.builds(LearnerDay, st.dates(date(2020, 1, 1), date(2100, 1, 1)), _COUNTS, _COUNTS, _COUNTS, _COUNTS)


@st.composite
def _courses(draw: st.DrawFn) -> VersionedCourse:
    count = draw(st.integers(1, 3))
    document = Course(
        CourseId(draw(UUIDS)),
        draw(st.sampled_from(["A course", "Ünïcode ✎ 'quoted'"])),
        tuple(draw(_lessons_after(number)) for number in draw(st.permutations(range(1, count + 1)))),
        draw(st.sampled_from(["UTC", "America/New_York"])),
        draw(st.sampled_from(OnEdit)),
    )
    return VersionedCourse(document, draw(REVISIONS), {one.id: draw(REVISIONS) or 1 for one in document.lessons})


@st.composite
def _lessons_after(draw: st.DrawFn, number: int) -> Lesson:
    """Draw a lesson that requires some of those with lower numbers."""
    required = [lesson(earlier).id for earlier in range(1, number) if draw(st.booleans())]
    return replace(draw(lessons(number)), requires=tuple(required))


@st.composite
def _lesson_progress(draw: st.DrawFn) -> LessonProgress:
    began = draw(MOMENTS)
    progress = draw(all_progress(draw(lessons())))
    return progress._replace(
        learner_id=LearnerId(draw(UUIDS)),
        course_id=CourseId(draw(UUIDS)),
        lesson_id=LessonId(draw(UUIDS)),
        id=ProgressId(draw(st.uuids().map(str))),
        completed_at=progress.completed_at and began,
        created_at=began,
        updated_at=began + timedelta(microseconds=draw(st.integers(0, 10**9))),
        version=draw(REVISIONS),
        written_by=draw(st.none() | st.uuids().map(lambda writer: LearnerId(str(writer)))),
    )


_SOURCES: Final = st.builds(EnrolmentSource, st.none() | UUIDS.map(GroupId), st.none() | MOMENTS, st.none() | MOMENTS)


@st.composite
def _all_course_progress(draw: st.DrawFn) -> CourseProgress:
    tally = Tally(draw(st.integers(0, 5000)), draw(st.integers(0, 5000)), draw(st.integers(0, 2**55)))
    key = (LearnerId(draw(UUIDS)), CourseId(draw(UUIDS)))
    begun, completed = draw(st.none() | MOMENTS), draw(st.none() | MOMENTS)
    course_progress = CourseProgress(
        *key, tally, begun, draw(REVISIONS), draw(REVISIONS), begun, completed, draw(_DAYS)
    )
    return course_progress._replace(
        at_lesson=draw(st.none() | UUIDS.map(LessonId)),
        enrolled_at=draw(st.none() | MOMENTS),
        ended_at=draw(st.none() | MOMENTS),
        due_at=draw(st.none() | MOMENTS),
        sources=tuple(draw(st.lists(_SOURCES, max_size=2))),
        run=draw(st.integers(1, 2**31 - 1)),
        run_began_at=draw(st.none() | MOMENTS),
    )


@st.composite
def _runs(draw: st.DrawFn) -> EndedRun:
    course = draw(_courses()).course
    return EndedRun(
        run_of(course, draw(_all_course_progress()), draw(MOMENTS)), draw(st.lists(_lesson_progress(), max_size=2))
    )


@st.composite
def _groups(draw: st.DrawFn) -> Group:
    members = draw(st.lists(UUIDS.map(LearnerId), max_size=4, unique=True))
    title = draw(st.sampled_from(["Class 7b", "Ünïcode ✎ 'quoted'"]))
    return Group(GroupId(draw(UUIDS)), title, tuple(sorted(members)), draw(REVISIONS))


@st.composite
def _held_days(draw: st.DrawFn) -> HeldDay:
    return HeldDay(LearnerId(draw(UUIDS)), CourseId(draw(UUIDS)), draw(_DAYS))


_COMPLETIONS: Final = st.builds(
    Completion,
    UUIDS.map(LearnerId),
    UUIDS.map(CourseId),
    MOMENTS,
    REVISIONS,
    st.sampled_from([0, 33.33, 100]),
    st.none() | st.sampled_from([0, 69.5]),
    st.none() | MOMENTS,
)
_TEXTS: Final = st.none() | st.sampled_from(["Zoë ✎ 'quoted'", "ada@example.org", "47/11"])
_PROFILES: Final = st.builds(
    StoredProfile,
    UUIDS.map(LearnerId),
    st.builds(LearnerProfile, _TEXTS, _TEXTS, _TEXTS, _TEXTS, _TEXTS),
    st.frozensets(st.sampled_from(LearnerProfile._fields), max_size=1),
    st.integers(1, 2**62),
)


def _sorted(items: st.SearchStrategy[Any], key: Any) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=6, unique_by=key).map(lambda drawn: sorted(drawn, key=key))


_GOALS: Final = st.builds(
    Goal,
    UUIDS.map(LearnerId),
    st.integers(1, MOST_DAYS),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    REVISIONS,
)
_CONTENT_STATES: Final = st.builds(
    ContentState,
    UUIDS.map(LearnerId),
    UUIDS.map(CourseId),
    UUIDS.map(LessonId),
    st.integers(1, 9),
    MOMENTS,
    st.none() | MOMENTS,
    st.dictionaries(
        st.sampled_from(["one", "two"]),
        st.builds(LaunchAccount, MOMENTS, MOMENTS, st.none() | st.integers(0, 2**40), st.sampled_from([0, 330.25])),
    ),
    st.sampled_from([0, 0.1, 7200]),
    st.integers(0, 9),
    st.booleans(),
    st.booleans(),
    st.none() | MOMENTS,
    st.none() | st.just("one"),
    st.none() | st.sampled_from(ScormVersion),
    st.none() | st.just('{"suspend_data":"Zeile\\n\u2028 \U0001f600"}'),
    REVISIONS,
)
_VALUES: Final = st.sampled_from(
    [{}, {"status": "completed", "quiz_score": None, "progress_percentage": 33.33, "quiz_passed": True}]
)
_EVENTS: Final = st.builds(
    Event,
    st.uuids().map(lambda drawn: EventId(str(drawn))),
    st.sampled_from([EventType.LESSON_COMPLETED, EventType.LEARNER_ERASED, EventType.PROGRESS_UPDATED]),
    MOMENTS,
    UUIDS.map(LearnerId),
    st.none() | UUIDS.map(CourseId),
    st.none() | UUIDS.map(LessonId),
    st.builds(Actor, st.sampled_from(ActorKind), st.none() | UUIDS.map(LearnerId)),
    _VALUES,
    _VALUES,
)
_DOCUMENT_EVENTS: Final = _EVENTS.map(
    lambda event: event._replace(type=EventType.COURSE_EDITED, learner_id=None, course_id=CourseId(event.id))
)
_ALL_EVENTS: Final = _EVENTS | _DOCUMENT_EVENTS
_WEBHOOKS: Final = st.builds(
    Webhook,
    UUIDS.map(ConsumerId).map(WebhookId),
    st.just("https://lms.example/hooks?key=1"),
    st.builds(
        EventFilter,
        st.none() | st.frozensets(st.sampled_from(EventType), min_size=1),
        st.none() | st.frozensets(UUIDS.map(CourseId), min_size=1),
        st.none() | st.frozensets(UUIDS.map(GroupId), min_size=1),
    ),
    st.just((Secret("whsec_1"),)),
    MOMENTS,
    REVISIONS,
    st.none() | st.sampled_from(DisabledBecause),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
)
_DELIVERIES: Final = st.builds(
    Delivery,
    UUIDS.map(ConsumerId),
    st.integers(1, 2**62),
    st.uuids().map(lambda drawn: EventId(str(drawn))),
    UUIDS,
    st.none() | MOMENTS,
    st.sampled_from(DeliveryState),
    st.integers(0, 2**31 - 1),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.sampled_from([None, "204", "timed_out"]),
)
INSTALLATIONS: Final = st.builds(
    Installation,
    _sorted(_courses(), lambda versioned: versioned.course.id),
    _sorted(_lesson_progress(), lambda progress: progress[:3]),
    _sorted(_all_course_progress(), lambda course_progress: course_progress[:2]),
    REVISIONS,
    _sorted(_held_days(), _key).map(tuple),
    _sorted(_COMPLETIONS, lambda completion: completion[:3]).map(tuple),
    _sorted(_groups(), lambda group: group.id).map(lambda drawn: drawn or ()),
    _sorted(_PROFILES, lambda stored: stored.learner_id).map(tuple),
    _sorted(_runs(), lambda ended: ended.run[:3]).map(tuple),
    _sorted(_GOALS, lambda goal: goal.learner_id).map(tuple),
    _sorted(_CONTENT_STATES, lambda state: state.key).map(tuple),
    _sorted(st.builds(PublishedEvent, st.integers(1, 2**62), _ALL_EVENTS), lambda one: one.number).map(tuple),
    _sorted(st.builds(HeldEvent, st.builds(NewEvent, _ALL_EVENTS, MOMENTS), REVISIONS, st.integers(0, 9)), key_of).map(
        tuple
    ),
    _sorted(st.builds(HeldWebhook, _WEBHOOKS, st.integers(0, 2**62)), lambda held: held.webhook.id).map(tuple),
    _sorted(_DELIVERIES, lambda delivery: delivery[:2]).map(tuple),
)
