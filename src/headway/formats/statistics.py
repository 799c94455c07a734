"""Converts statistics from the domain's values to JSON values."""

from collections.abc import Iterable
from typing import Any, Final

from headway.domain.course_progress import CourseProgress, Summary
from headway.domain.explanation import Explanation
from headway.domain.statistics import CourseStatistics, DayStatistics, LessonStatistics
from headway.formats.progress import lesson_progress
from headway.service import Activity, ExplainedSummary, LearnerDetail, LessonRow, RosterLine

THE_LEARNERS_ALONE: Final = ("user_notes", "metadata")


def course(statistics: CourseStatistics) -> dict[str, Any]:
    """Return the figures of a course and of its lessons."""
    return _course_line(statistics) | {"lessons": [_lesson(lesson) for lesson in statistics.lessons]}


def courses(lines: Iterable[CourseStatistics]) -> list[dict[str, Any]]:
    """A line for each course."""
    return [_course_line(line) for line in lines]


def activity(value: Activity) -> dict[str, Any]:
    """A course's days."""
    named = {"course_id": value.course.id, "time_zone": value.course.time_zone}
    period = {"from": value.period.first, "to": value.period.last}
    return named | period | {"days": [_day(day) for day in value.days]}


def roster(lines: Iterable[RosterLine], cursor: str | None) -> dict[str, Any]:
    """A page of a roster."""
    return {"learners": [roster_line(*line) for line in lines], "next": cursor}


def roster_line(course_progress: CourseProgress, summary: Summary) -> dict[str, Any]:
    """A learner in a roster."""
    figures = summary._asdict()
    del figures["course_id"]
    return {
        "user_id": course_progress.learner_id,
        **figures,
        "started_at": course_progress.started_at,
        "last_seen": course_progress.last_seen,
        "completed_at": course_progress.completed_at,
    }


def learner(detail: LearnerDetail, *, explained: bool) -> dict[str, Any]:
    """Return one learner in a course, lesson by lesson; with `explained`, also the explanation of the percentage."""
    course_progress, summary = detail.line
    named = {"user_id": course_progress.learner_id, "course_id": summary.course_id}
    value = named | roster_line(course_progress, summary) | {"lessons": [_learner_lesson(row) for row in detail.rows]}
    return value | {"explanation": _explanation(detail.explanation)} if explained else value


def explained_summary(value: ExplainedSummary) -> dict[str, Any]:
    """One course's summary, and why its percentage is what it is."""
    return value.summary._asdict() | {"explanation": _explanation(value.explanation)}


def _course_line(statistics: CourseStatistics) -> dict[str, Any]:
    return {
        "course_id": statistics.course.id,
        "title": statistics.course.title,
        "time_zone": statistics.course.time_zone,
        "learners": statistics.learners,
        "active_last_7_days": statistics.active_last_7_days,
        "active_last_30_days": statistics.active_last_30_days,
        "completed": statistics.completed,
        "completion_rate": statistics.completion_rate,
        "mean_completion_percentage": statistics.mean_completion,
        "total_time_spent_minutes": statistics.total_minutes,
        "mean_time_spent_minutes": statistics.mean_minutes,
    }


def _lesson(statistics: LessonStatistics) -> dict[str, Any]:
    scores = statistics.distribution.items()
    return {
        "lesson_id": statistics.lesson.id,
        "title": statistics.lesson.title,
        "required": statistics.lesson.required,
        "pass_mark": statistics.lesson.pass_mark,
        "started": statistics.started,
        "completed": statistics.completed,
        "in_progress": statistics.in_progress,
        "completion_rate": statistics.completion_rate,
        "stopped_here": statistics.stopped_here,
        "drop_off": statistics.drop_off,
        "attempted": statistics.attempted,
        "passed": statistics.passed,
        "pass_rate": statistics.pass_rate,
        "mean_attempts": statistics.mean_attempts,
        "mean_score": statistics.mean_score,
        "median_score": statistics.median_score,
        "score_distribution": [{"score": score, "learners": learners} for score, learners in scores],
        "mean_time_spent_minutes": statistics.mean_minutes,
        "bookmarks": statistics.bookmarks,
    }


def _day(statistics: DayStatistics) -> dict[str, Any]:
    return {
        "date": statistics.date,
        "active_learners": statistics.active_learners,
        "lessons_started": statistics.lessons_started,
        "lessons_completed": statistics.lessons_completed,
        "time_spent_minutes": statistics.minutes,
        "course_completions": statistics.course_completions,
    }


def _learner_lesson(found: LessonRow) -> dict[str, Any]:
    """Return the lesson progress without the learner's private fields, and with who wrote and completed it."""
    value = lesson_progress(*found)
    for name in THE_LEARNERS_ALONE:
        del value[name]
    return value | {"written_by": found.row.written_by, "completed_by": found.row.completed_by}


def _explanation(explanation: Explanation) -> dict[str, Any]:
    lessons = [lesson._asdict() for lesson in explanation.lessons]
    return {"course_version": explanation.course_version, "lessons": lessons}
