"""The learner's own overview, through the services over each store, at times that the tests choose."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from domain.values import lesson
from headway.app import Headway
from headway.domain.activity import ActiveDay
from headway.domain.catalogue import Course, CourseQuery
from headway.domain.course_progress import EnrolmentSource
from headway.domain.errors import CourseNotFoundError
from headway.domain.identifiers import CourseId, LearnerId
from headway.domain.principal import Principal
from headway.domain.progress import Status
from support.school import Clock

MONDAY = 0


@pytest.fixture
def learner() -> Principal:
    return Principal(LearnerId(str(uuid4())))


async def published(headway: Headway, title: str, zone: str = "UTC") -> Course:
    course = Course(CourseId(str(uuid4())), title, (lesson(1), lesson(2), lesson(3)), time_zone=zone)
    await headway.store.put_course(course)
    return course


async def finished(headway: Headway, learner: Principal, course: Course, number: int) -> None:
    await headway.services.progress.record(
        learner, course.id, lesson(number).id, {"status": Status.COMPLETED, "time_spent_minutes": 20}
    )


async def test_courses_have_their_next_lesson_with_the_latest_first(
    headway: Headway, learner: Principal, clock: Clock
) -> None:
    first, second = await published(headway, "First"), await published(headway, "Second")
    gone = await published(headway, "Gone")
    await finished(headway, learner, first, 2)
    clock.pass_days(1)
    for number in (1, 2, 3):
        await finished(headway, learner, second, number)
    await finished(headway, learner, gone, 1)
    await headway.store.remove_course(gone.id)
    under_way = await headway.services.overview.home(learner, MONDAY)
    assert under_way.foremost is not None
    assert (under_way.foremost.course.title, under_way.foremost.next_lesson) == ("First", lesson(3))
    assert [(found.course.title, found.next_lesson) for found in under_way.past] == [("Second", None)]
    day_before, day = date(2026, 11, 23), date(2026, 11, 24)
    assert under_way.calendar.days == [ActiveDay(day_before, 20, 1, 1), ActiveDay(day, 80, 4, 4)]
    assert under_way.calendar.last == day


async def test_a_course_without_progress_begins_at_its_first_lesson(headway: Headway, learner: Principal) -> None:
    course = await published(headway, "New")
    own = await headway.services.overview.course(learner, course.id, MONDAY)
    assert own.next_lesson == lesson(1)
    assert own.reading.course_progress is None
    assert own.calendar.days == []
    under_way = await headway.services.overview.home(learner, MONDAY)
    assert (under_way.is_empty, under_way.calendar.days) == (True, [])


async def test_the_days_of_a_course_begin_in_its_time_zone(headway: Headway, learner: Principal, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    east, west = await published(headway, "East", "Pacific/Kiritimati"), await published(headway, "West", "Etc/GMT+12")
    for course in (east, west):
        await finished(headway, learner, course, 1)
    calendars = [
        (await headway.services.overview.course(learner, course.id, MONDAY)).calendar for course in (east, west)
    ]
    assert [calendar.last for calendar in calendars] == [date(2026, 11, 24), date(2026, 11, 22)]
    assert [[day.date for day in calendar.days] for calendar in calendars] == [
        [date(2026, 11, 24)],
        [date(2026, 11, 22)],
    ]
    together = (await headway.services.overview.home(learner, MONDAY)).calendar
    assert [day.date for day in together.days] == [date(2026, 11, 22), date(2026, 11, 24)]


async def test_a_course_that_is_not_there_is_refused(headway: Headway, learner: Principal) -> None:
    with pytest.raises(CourseNotFoundError):
        await headway.services.overview.course(learner, CourseId(str(uuid4())), MONDAY)


async def test_a_streak_grows_week_by_week_and_ends_after_a_week_without_the_goal(
    headway: Headway, learner: Principal, clock: Clock
) -> None:
    course = await published(headway, "Bread")
    await headway.services.goals.put(learner, learner.learner_id, 1, MONDAY)
    streaks = []
    for number in (1, 2, 3):
        await finished(headway, learner, course, number)
        home = await headway.services.overview.home(learner, MONDAY)
        streaks.append(home.goal and home.goal.streak)
        clock.pass_days(7)
    home = await headway.services.overview.home(learner, MONDAY)
    streaks.append(home.goal and home.goal.streak)
    clock.pass_days(7)
    last = await headway.services.goals.goal(learner, learner.learner_id, MONDAY)
    assert [*streaks, last.streak] == [1, 2, 3, 3, 0]


async def test_a_learner_goes_on_with_what_was_opened_last_and_begins_what_is_due_first(
    headway: Headway, learner: Principal, clock: Clock
) -> None:
    registrar = Principal(LearnerId(str(uuid4())), frozenset({"enrolments:write"}))
    courses = [await published(headway, title) for title in ("Any time", "Later", "Soon", "To come", "Ended")]
    dates = [EnrolmentSource(due_at=clock.now + timedelta(days=days)) for days in (9, 3)]
    to_come = EnrolmentSource(starts_at=clock.now + timedelta(days=1))
    sources = (EnrolmentSource(), *dates, to_come, EnrolmentSource())
    for course, source in zip(courses, sources, strict=True):
        await headway.services.enrolments.enrol(registrar, course.id, learner.learner_id, source)
    await finished(headway, learner, courses[-1], 1)
    await headway.services.enrolments.end(registrar, courses[-1].id, learner.learner_id)
    home = await headway.services.overview.home(learner, MONDAY)
    assert home.foremost is not None
    assert home.foremost.course.title == "Soon"
    assert [(one.course.title, one.may_go_on) for one in home.past] == [("Ended", True)]
    assert [one.course.title for one in home.to_begin] == ["Later", "Any time", "To come"]
    assert [(one.starts_at is not None, one.may_go_on) for one in home.to_begin] == [(False, True)] * 2 + [
        (True, False)
    ]
    assert [(due.course.title, due.days) for due in home.due] == [("Soon", 3), ("Later", 9)]
    await finished(headway, learner, courses[0], 1)
    home = await headway.services.overview.home(learner, MONDAY)
    assert home.foremost is not None
    assert home.foremost.course.title == "Any time"
    assert [one.course.title for one in home.to_begin] == ["Soon", "Later", "To come"]
    offers = await headway.services.overview.offers(learner, CourseQuery())
    own = {offer.course.title: (offer.is_taken, offer.has_ended) for offer in offers.lines if offer.progress}
    assert own == {course.title: (course is not courses[-1], course is courses[-1]) for course in courses}
