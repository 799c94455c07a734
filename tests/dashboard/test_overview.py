"""The learner's own overview, through the services over each store, at times that the tests choose."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from domain.values import lesson
from headway.app import Headway
from headway.domain.activity import ActiveDay
from headway.domain.catalogue import Course
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
