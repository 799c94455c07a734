"""Tells regular reports of players from other changes.

A player reports percentage, position and time every few seconds. Nearly every write is such a report, so both stores
write nothing that it leaves as it is.
"""

from collections.abc import Sequence
from typing import Final

from headway.domain.change_sets import ChangeSet
from headway.domain.course_progress import CourseProgress
from headway.domain.progress import LessonProgress

_QUIZ: Final = slice(LessonProgress._fields.index("quiz_score"), LessonProgress._fields.index("time_spent_minutes"))
_NOTES_TO_CREATED: Final = slice(LessonProgress._fields.index("user_notes"), LessonProgress._fields.index("updated_at"))
_FIRST_TIMES: Final = slice(CourseProgress._fields.index("started_at"), CourseProgress._fields.index("day"))
_AFTER_DAY: Final = slice(CourseProgress._fields.index("at_lesson"), None)


def only_reports(before: LessonProgress, after: LessonProgress) -> bool:
    """Whether a change of lesson progress is no more than a regular report.

    Then it changes the percentage, the position, the time, the version and the times of the last change.
    """
    return (
        before.status is after.status
        and before[_QUIZ] == after[_QUIZ]
        and before.metadata is after.metadata
        and before[_NOTES_TO_CREATED] == after[_NOTES_TO_CREATED]
        and before.written_by == after.written_by
        and before.completed_by == after.completed_by
        and before.set_at == after.set_at
    )


def only_touches(before: CourseProgress, after: CourseProgress) -> bool:
    """Whether a change leaves the values of the indexes and of the enrolment as they are."""
    return (
        before.tally.completed_lessons == after.tally.completed_lessons
        and before.day.date == after.day.date
        and before[_FIRST_TIMES] == after[_FIRST_TIMES]
        and before[_AFTER_DAY] == after[_AFTER_DAY]
    )


def are_reports(changes: Sequence[ChangeSet]) -> bool:
    """Whether changes are regular reports alone. They then add nothing but time to the course's figures."""
    return all(
        change.before is not None
        and change.after is not None
        and not (change.days or change.events or change.completions or change.ended_runs)
        and only_touches(change.before, change.after)
        and change.before.day[1:3] == change.after.day[1:3]
        and change.before.day.completions == change.after.day.completions
        and all(
            before is not None and after is not None and only_reports(before, after)
            for _, before, after in change.lessons
        )
        for change in changes
    )
