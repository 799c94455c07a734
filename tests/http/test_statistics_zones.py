"""Days in the course's own time zone, through the services over each store."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from headway.app import Headway
from headway.domain.catalogue import Course, Lesson
from headway.domain.identifiers import ContentId, CourseId, LearnerId, LessonId
from headway.domain.principal import STATISTICS_READ, Principal
from headway.domain.roster import RosterQuery
from support.school import Clock

TEACHER = Principal(LearnerId(str(uuid4())), frozenset({STATISTICS_READ}))
EASTERNMOST, WESTERNMOST = "Pacific/Kiritimati", "Etc/GMT+12"


async def _published(headway: Headway, zone: str) -> Course:
    lesson_id = str(uuid4())
    lesson = Lesson(LessonId(lesson_id), "A lesson", ContentId(lesson_id))
    course = Course(CourseId(str(uuid4())), f"In {zone}", (lesson,), time_zone=zone)
    await headway.store.put_course(course)
    return course


async def _seen(headway: Headway, course: Course) -> Principal:
    learner = Principal(LearnerId(str(uuid4())))
    await headway.services.progress.record(learner, course.id, course.lessons[0].id, {"progress_percentage": 5})
    return learner


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        (EASTERNMOST, "2026-11-22T09:59:59Z", "2026-11-22"),
        (EASTERNMOST, "2026-11-22T10:00:00Z", "2026-11-23"),
        (WESTERNMOST, "2026-11-23T11:59:59Z", "2026-11-22"),
        (WESTERNMOST, "2026-11-23T12:00:00Z", "2026-11-23"),
        ("Europe/Berlin", "2026-07-01T21:59:59Z", "2026-07-01"),
        ("Europe/Berlin", "2026-07-01T22:00:00Z", "2026-07-02"),
        ("Europe/Berlin", "2026-12-01T22:59:59Z", "2026-12-01"),
    ],
)
async def test_a_write_counts_on_the_day_in_the_courses_time_zone(
    headway: Headway, clock: Clock, zone: str, moment: str, day: str
) -> None:
    clock.now = datetime.fromisoformat(moment)
    course = await _published(headway, zone)
    await _seen(headway, course)
    activity = await headway.services.statistics.activity(TEACHER, course.id, None, None)
    assert activity.course.time_zone == zone
    assert activity.period.last == date.fromisoformat(day)
    assert {one.date for one in activity.days if one.active_learners} == {date.fromisoformat(day)}


@pytest.mark.parametrize("zone", [EASTERNMOST, WESTERNMOST, "UTC"])
async def test_the_last_7_and_30_days_end_in_the_courses_time_zone(headway: Headway, clock: Clock, zone: str) -> None:
    course = await _published(headway, zone)
    clock.now = datetime(2026, 10, 1, 0, 0, 1, tzinfo=course.zone).astimezone(UTC)  # early on the first of October
    learner = await _seen(headway, course)

    async def figures() -> tuple[int, int, int]:
        """Learners who were active in the last week or month, or who have stalled for a week."""
        service = headway.services.statistics
        found = await service.course(TEACHER, course.id)
        [line] = [one for one in (await service.courses(TEACHER)).lines if one.course.id == course.id]
        assert (line.active_last_7_days, line.active_last_30_days) == (
            found.active_last_7_days,
            found.active_last_30_days,
        )
        stalled = await service.roster(TEACHER, course.id, RosterQuery(), stalled_days=7)
        assert {one.course_progress.learner_id for one in stalled.lines} <= {learner.learner_id}
        return found.active_last_7_days, found.active_last_30_days, len(stalled.lines)

    for day, expected in ((7, (1, 1, 0)), (8, (0, 1, 1)), (30, (0, 1, 1)), (31, (0, 0, 1))):
        for hour in (0, 23):
            clock.now = datetime(2026, 10, day, hour, 59, tzinfo=course.zone).astimezone(UTC)
            assert await figures() == expected, (day, hour)
