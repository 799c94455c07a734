"""A course's figures over its learners: counts kept by deltas, and what is made of them."""

import statistics
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, LEARNER, NOW, UPDATES, course, lessons
from headway.domain.bounds import plain
from headway.domain.catalogue import Course, VersionedCourse
from headway.domain.counters import Counters, CourseCounts, DayCounts, LessonCounts, recount
from headway.domain.identifiers import LessonId, ProgressId
from headway.domain.presence import advance
from headway.domain.progress import LessonProgress
from headway.domain.standing import CourseProgress, LearnerDay
from headway.domain.statistics import CourseReading, activity_of, statistics_of
from headway.domain.writes import LessonWrite

TODAY = date(2026, 3, 1)
COURSES = st.tuples(lessons(1), lessons(2)).map(lambda of: course(*of))
# Which lesson is written, with what (`None` removes its row), and how many hours after the last write.
STEPS = st.lists(st.tuples(st.integers(0, 1), st.none() | UPDATES, st.sampled_from([0, 1, 30])), max_size=12)


def _reading(of: Course, **counts: Any) -> CourseReading:
    return CourseReading(of, CourseCounts(), {}, {}, {})._replace(**counts)


@given(COURSES, STEPS)
def test_counts_kept_by_deltas_are_what_a_recount_finds(of: Course, steps: list[tuple[int, Any, int]]) -> None:
    versioned = VersionedCourse(of, 1)
    found: dict[LessonId, LessonProgress | None] = {}
    standing: CourseProgress | None = None
    days: dict[date, LearnerDay] = {}
    counters = Counters()
    now = NOW
    for place, update, hours in steps:
        now += timedelta(hours=hours)
        lesson_id = of.lessons[place].id
        write = LessonWrite(LEARNER, COURSE, lesson_id, update)
        written = write.apply(of, found.get(lesson_id), now, lambda: ProgressId("a row"))
        if written.before is None and written.after is None:
            continue
        after, changed = advance(standing, write, written, versioned, now=now)
        counters.change_row(written.before, written.after)
        counters.change_standing(standing, after)
        counters.change_days(COURSE, days, changed)
        days |= {moment: day for moment, day in changed.items() if day is not None}
        found[lesson_id], standing = written.after, after
    rows = [row for row in found.values() if row is not None]
    assert counters == recount(rows, [standing] if standing else [], [(COURSE, day) for day in days.values()])


@given(st.dictionaries(st.integers(0, 100), st.integers(1, 5)))
def test_the_median_is_that_of_all_scores_to_the_whole_point(distribution: dict[int, int]) -> None:
    of = course()
    [figures, *_] = statistics_of(_reading(of, scores={of.lessons[0].id: distribution}), TODAY).lessons
    scores = [points for points, learners in distribution.items() for _ in range(learners)]
    assert figures.median_score == (int(statistics.median(scores) + 0.5) if scores else None)


@given(st.sets(st.integers(0, 60)))
def test_who_is_active_was_last_seen_in_the_last_days_today_included(days_ago: set[int]) -> None:
    days = {TODAY - timedelta(days=ago): DayCounts(active=1, last_seen=1) for ago in days_ago}
    figures = statistics_of(_reading(course(), days=days), TODAY)
    assert figures.active_last_7_days == sum(ago < 7 for ago in days_ago)
    assert figures.active_last_30_days == sum(ago < 30 for ago in days_ago)


def test_nobody_has_no_rates() -> None:
    figures = statistics_of(_reading(course()), TODAY)
    assert (figures.learners, figures.total_minutes) == (0, 0)
    assert (figures.completion_rate, figures.mean_completion, figures.mean_minutes) == (None, None, None)
    assert {(one.started, one.completion_rate, one.mean_score, one.pass_rate) for one in figures.lessons} == {
        (0, None, None, None)
    }


@pytest.mark.parametrize(("started", "following", "lost"), [(4, 3, 25), (4, 4, 0), (4, 9, 0), (3, 1, 66.67)])
def test_the_drop_off_is_who_is_missing_in_the_next_lesson(started: int, following: int, lost: float) -> None:
    of = course()
    counts = {
        of.lessons[0].id: LessonCounts(started=started),
        of.lessons[1].id: LessonCounts(started=following),
    }
    figures = statistics_of(_reading(of, lessons=counts), TODAY).lessons
    assert figures[0].drop_off == plain(lost)
    assert figures[-1].drop_off is None


def test_days_without_activity_are_listed_too() -> None:
    days = {TODAY: DayCounts(active=2, time_parts=1_500_000)}
    listed = activity_of(days, TODAY - timedelta(days=1), TODAY + timedelta(days=1))
    assert [(day.date, day.active_learners, day.minutes) for day in listed] == [
        (TODAY - timedelta(days=1), 0, 0),
        (TODAY, 2, 1.5),
        (TODAY + timedelta(days=1), 0, 0),
    ]
