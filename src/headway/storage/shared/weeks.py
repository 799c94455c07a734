"""Counts what has changed in a course in the last two weeks."""

from headway.domain.identifiers import CourseId
from headway.domain.statistics import WeekChange, WeekChanges, Weeks
from headway.storage.shared import statements as sql
from headway.storage.shared.session import Reading, Step


def week_changes(course_id: CourseId, weeks: Weeks) -> Reading[WeekChanges]:
    """Return the changes over all learners of a course. Each count reads a range of one index."""
    last, before, now, ago = weeks
    [enrolled] = yield Step(sql.COUNT_NEWLY_ENROLLED, last, course_id, before)
    [started] = yield Step(sql.COUNT_NEWLY_STARTED, last, course_id, before)
    [completed] = yield Step(sql.COUNT_NEWLY_COMPLETED, last, course_id, before)
    [(late, still_late)] = yield Step(sql.COUNT_LATE, ago, course_id, now)
    [(no_longer_late,)] = yield Step(sql.COUNT_NO_LONGER_LATE, course_id, ago)
    changed = (enrolled, started, completed, (late, still_late + no_longer_late))
    return WeekChanges(*(WeekChange(*change) for change in changed))
