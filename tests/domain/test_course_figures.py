"""The statistics of a course: counts that are kept by deltas, and the figures that come from them."""

import statistics
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, NOW, UPDATES, course, lesson, lessons
from headway.domain.bounds import plain
from headway.domain.catalogue import Course, LessonKind, VersionedCourse
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts, lesson_counts, recount
from headway.domain.course_progress import CourseProgress, LearnerDay, last_started
from headway.domain.identifiers import LessonId, ProgressId
from headway.domain.presence import advance
from headway.domain.progress import LessonProgress, new_lesson_progress
from headway.domain.statistics import (
    CourseReading,
    Interval,
    activity_of,
    lose_most,
    reading_of,
    statistics_of,
    stretches_of,
    weeks_of,
)
from headway.domain.writes import UNCONDITIONAL, LessonWrite, Precondition

TODAY = date(2026, 3, 1)
COURSES = st.tuples(lessons(1), lessons(2)).map(lambda of: course(*of))
# Which lesson is written, with what (`None` removes its progress), having seen it or not, hours after the last write.
STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.none() | UPDATES, st.booleans(), st.sampled_from([0, 1, 30])), max_size=12
)


def _reading(of: Course, **counts: Any) -> CourseReading:
    return CourseReading(of, CourseCounts(), {}, {}, {})._replace(**counts)


def _lesson_progress(found: dict[LessonId, LessonProgress | None]) -> list[LessonProgress]:
    return [progress for progress in found.values() if progress is not None]


def _asked(write: LessonWrite, found: dict[LessonId, LessonProgress | None]) -> list[LessonProgress]:
    assert write.may_take_back, "other writes cost no look at the lesson progress"
    return _lesson_progress(found)


@given(COURSES, STEPS)
def test_counts_kept_by_deltas_are_what_a_recount_finds(of: Course, steps: list[tuple[int, Any, bool, int]]) -> None:
    versioned = VersionedCourse(of, 1)
    found: dict[LessonId, LessonProgress | None] = {}
    course_progress: CourseProgress | None = None
    days: dict[date, LearnerDay] = {}
    counters = Counters()
    now = NOW
    for position, update, is_conditional, hours in steps:
        now += timedelta(hours=hours)
        lesson_id = of.lessons[position].id
        progress = found.get(lesson_id)
        seen = Precondition(match=frozenset([progress.etag])) if progress and is_conditional else UNCONDITIONAL
        write = LessonWrite(LEARNER, COURSE, lesson_id, update, seen)
        written = write.apply(of, found.get(lesson_id), now, lambda: ProgressId("an id"))
        if written.before is None and written.after is None:
            continue
        found[lesson_id] = written.after
        after, changed = advance(
            course_progress, write, written, versioned, now=now, all_lesson_progress=partial(_asked, write, found)
        )
        counters.change_lesson(written.before, written.after)
        counters.change_course_progress(course_progress, after)
        counters.change_days(COURSE, days, changed)
        days |= {moment: day for moment, day in changed.items() if day is not None}
        course_progress = after
        assert after.at_lesson == last_started(of, _lesson_progress(found))
    all_progress = _lesson_progress(found)
    assert counters == recount(
        all_progress, [course_progress] if course_progress else [], [(COURSE, day) for day in days.values()]
    )


@given(st.dictionaries(st.integers(0, 100), st.integers(1, 5)))
def test_the_median_is_the_median_of_all_scores_in_whole_points(distribution: dict[int, int]) -> None:
    of = course()
    [figures, *_] = statistics_of(_reading(of, scores={of.lessons[0].id: distribution}), TODAY).lessons
    scores = [points for points, learners in distribution.items() for _ in range(learners)]
    assert figures.median_score == (int(statistics.median(scores)) if scores else None)


def test_a_score_below_the_mark_is_shown_below_it() -> None:
    of = course()
    quiz = of.lessons[0]
    counters = Counters()
    progress = new_lesson_progress(LEARNER, COURSE, quiz.id, ProgressId("an id"), NOW)
    counters.change_lesson(None, progress._replace(quiz_score=69.999))
    [figures, *_] = statistics_of(reading_of(of, counters), TODAY).lessons
    assert (figures.distribution, figures.median_score, figures.mean_score) == ({69: 1}, 69, 70)
    marked = replace(of, lessons=(replace(quiz, kind=LessonKind.QUIZ, pass_mark=70), *of.lessons[1:]))
    [figures, *_] = statistics_of(reading_of(marked, counters), TODAY).lessons
    assert figures.mean_score == 69.99


@pytest.mark.parametrize(("completed", "learners", "rate"), [(20_000, 20_001, 99.99), (1, 100_000, 0.01), (2, 2, 100)])
def test_a_rate_is_0_or_100_only_if_its_exact_value_is(completed: int, learners: int, rate: float) -> None:
    reading = _reading(course())._replace(learners=CourseCounts(learners, completed))
    assert statistics_of(reading, TODAY).completion_rate == rate


@given(st.sets(st.integers(0, 60)))
def test_active_learners_were_seen_in_the_last_days_including_today(days_ago: set[int]) -> None:
    days = {TODAY - timedelta(days=ago): DayCounts(active=1, last_seen=1) for ago in days_ago}
    figures = statistics_of(_reading(course(), days=days), TODAY)
    assert figures.active_last_7_days == sum(ago < 7 for ago in days_ago)
    assert figures.active_last_30_days == sum(ago < 30 for ago in days_ago)


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 9)))
def test_the_learners_of_a_day_are_compared_with_those_of_the_week_before(counts: dict[int, int]) -> None:
    days = {TODAY - timedelta(days=ago): DayCounts(active=active) for ago, active in counts.items()}
    now, before = (sum(count for ago, count in counts.items() if first <= ago < first + 7) / 7 for first in (0, 7))
    active = statistics_of(_reading(course(), days=days), TODAY).changes.active
    assert active == (plain(round(now, 1)), plain(round(before, 1)))


@given(
    st.integers(0, 366 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Europe/Berlin", "America/Havana", "Africa/Cairo"]),
)
def test_the_last_two_weeks_begin_with_a_day_of_the_course(now: datetime, zone: str) -> None:
    of = replace(course(), time_zone=zone)
    weeks = weeks_of(of, now)
    for begins, days_ago in ((weeks.last, 6), (weeks.before, 13)):
        first = of.date_of(now) - timedelta(days=days_ago)
        assert of.date_of(begins) == first
        assert of.date_of(begins - timedelta(microseconds=1)) == first - timedelta(days=1)
    assert (weeks.now, weeks.ago) == (now, now - timedelta(days=7))


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 10**7)), min_size=1, max_size=100),
    st.sampled_from(Interval),
    st.integers(0, 6),
)
def test_stretches_are_the_days_of_a_calendar_together(
    first: date, counts: list[tuple[int, int, int]], interval: Interval, first_weekday: int
) -> None:
    dates = [first + timedelta(days=number) for number in range(len(counts))]
    by_date = {
        day: DayCounts(active=active, lessons_completed=completed, micro_minutes=time)
        for day, (active, completed, time) in zip(dates, counts, strict=True)
    }
    stretches = stretches_of(activity_of(by_date, dates[0], dates[-1]), interval, first_weekday)
    within = [[day for day in dates if one.first <= day <= one.last] for one in stretches]
    assert list(chain.from_iterable(within)) == dates, "each day is in one, in their order"
    for one, days in zip(stretches, within, strict=True):
        assert len({(day.year, day.month) for day in days}) == 1 or interval is Interval.WEEK
        assert len(days) <= {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31}[interval]
        assert one.active_a_day == pytest.approx(sum(by_date[day].active for day in days) / len(days), abs=0.005)
        assert one.lessons_completed == sum(by_date[day].lessons_completed for day in days)
        assert one.minutes == pytest.approx(sum(by_date[day].micro_minutes for day in days) / 10**6)
    for one in stretches[1:]:
        begins = {
            Interval.DAY: True,
            Interval.WEEK: one.first.weekday() == first_weekday,
            Interval.MONTH: one.first.day == 1,
        }
        assert begins[interval]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_the_lessons_that_lose_most_have_no_lesson_above_them(stopped: list[int]) -> None:
    of = course(*(lesson(number) for number in range(1, len(stopped) + 1)))
    counts = {one.id: LessonCounts(started=9, stopped=number) for one, number in zip(of.lessons, stopped, strict=True)}
    found = lose_most(statistics_of(_reading(of, lessons=counts), TODAY).lessons, 3)
    assert [one.stopped_here for one in found] == [number for number in sorted(stopped, reverse=True)[:3] if number]


def test_rates_without_learners_are_null() -> None:
    figures = statistics_of(_reading(course()), TODAY)
    assert (figures.learners, figures.total_minutes) == (0, 0)
    assert (figures.completion_rate, figures.mean_completion, figures.mean_minutes) == (None, None, None)
    assert {(one.started, one.completion_rate, one.mean_score, one.pass_rate) for one in figures.lessons} == {
        (0, None, None, None)
    }


@pytest.mark.parametrize(("started", "stopped", "share"), [(4, 1, 25), (4, 0, 0), (3, 2, 66.67), (0, 0, None)])
def test_the_drop_off_is_the_share_of_those_who_stopped(started: int, stopped: int, share: float | None) -> None:
    of = course()
    counts = {
        of.lessons[0].id: LessonCounts(started=started, stopped=stopped),
        of.lessons[1].id: LessonCounts(started=9),  # by whomever
    }
    [figures, *_] = statistics_of(_reading(of, lessons=counts), TODAY).lessons
    assert (figures.stopped_here, figures.drop_off) == (stopped, None if share is None else plain(share))


def test_days_without_activity_are_listed_too() -> None:
    days = {TODAY: DayCounts(active=2, micro_minutes=1_500_000)}
    listed = activity_of(days, TODAY - timedelta(days=1), TODAY + timedelta(days=1))
    assert [(day.date, day.active_learners, day.minutes) for day in listed] == [
        (TODAY - timedelta(days=1), 0, 0),
        (TODAY, 2, 1.5),
        (TODAY + timedelta(days=1), 0, 0),
    ]


def test_no_time_that_can_be_sent_makes_a_lessons_count_too_large_to_be_stored() -> None:
    progress = new_lesson_progress(LEARNER, COURSE, lesson(1).id, ProgressId("an id"), NOW)
    counters = Counters()
    for minutes in (99_999, 100_001, 10_000_000, 10_000_000):
        after = progress._replace(time_spent_minutes=minutes)
        counters.change_lesson(None, after)
        counters.change_lesson(after, progress)
        counters.change_lesson(progress, after)
    [counts] = counters.lessons.values()
    assert counts.micro_minutes == (99_999 + 3 * 100_000) * 1_000_000
    assert 90_000_000 * lesson_counts(progress._replace(time_spent_minutes=10_000_000)).micro_minutes < 2**63
