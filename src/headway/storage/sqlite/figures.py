"""The tables of counters, the statistics and rosters that are read from the database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import apsw
import orjson

from headway.domain.attention import Attention, AttentionQuery
from headway.domain.catalogue import Course, CourseQuery
from headway.domain.counters import Counters
from headway.domain.course_list import CourseFigures, CourseFiguresQuery
from headway.domain.course_progress import CourseProgress
from headway.domain.identifiers import CourseId, GroupId, LearnerId, LessonId
from headway.domain.roster import LessonResult, RosterQuery
from headway.domain.statistics import CourseReading, Period, reading_of, weeks_of
from headway.storage.shared import statements as shared_sql
from headway.storage.shared.attention import attention_page, count_attention
from headway.storage.shared.attention_statements import AttentionWay
from headway.storage.shared.counts import all_counts, counted
from headway.storage.shared.course_figures import course_figures
from headway.storage.shared.group_figures import group_readings
from headway.storage.shared.ids import BEFORE_ALL_COURSES, FIRST_ID, next_learner
from headway.storage.shared.rosters import lesson_results, roster_page, roster_total
from headway.storage.shared.weeks import week_changes
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.catalogue import Catalogue
from headway.storage.sqlite.rows import bound, fetch, to_course_progress
from headway.storage.sqlite.session import run
from headway.turns import gently


def store_counters(connection: apsw.Connection, counters: Counters) -> None:
    """Add to the stored counters."""
    connection.executemany(sql.ADD_LESSON_STATISTICS, [(*key, *counts) for key, counts in counters.lessons.items()])
    connection.executemany(sql.ADD_SCORES, [(*key, learners) for key, learners in counters.scores.items()])
    connection.executemany(sql.ADD_COURSE_STATISTICS, [(key, *counts) for key, counts in counters.courses.items()])
    connection.executemany(
        sql.ADD_ACTIVITY,
        [(course_id, day.isoformat(), *counts) for (course_id, day), counts in counters.days.items()],
    )


class Figures:
    """Reads statistics and rosters, each over one snapshot."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], datetime]) -> None:
        self._catalogue = catalogue
        self._clock = clock

    def course(self, connection: apsw.Connection, course_id: CourseId, first: date, last: date) -> CourseReading:
        """Return the counters of a course."""
        course = self._catalogue.course(connection, course_id).course
        counters = run(connection, all_counts(sql.COUNTS, first, last, course_id))
        changes = run(connection, week_changes(course_id, weeks_of(course, self._clock())))
        return reading_of(course, counters, changes)

    def group(
        self, connection: apsw.Connection, course_id: CourseId, group_id: GroupId, first: date, last: date
    ) -> CourseReading:
        """Return the counts of a group's members in a course."""
        course = self._catalogue.course(connection, course_id).course
        return self._of_group(connection, [course], group_id, Period(first, last))[0]

    def courses_of_group(
        self, connection: apsw.Connection, group_id: GroupId, first: date, last: date, query: CourseQuery
    ) -> Sequence[CourseReading]:
        """Return the counts of a group's members in a page of the catalogue, by title."""
        return self._of_group(connection, self._page(connection, query), group_id, Period(first, last))

    def _of_group(
        self, connection: apsw.Connection, courses: Sequence[Course], group_id: GroupId, period: Period
    ) -> Sequence[CourseReading]:
        return run(connection, group_readings(sql.GROUPS, courses, group_id, period, self._clock()))

    def courses(
        self, connection: apsw.Connection, first: date, last: date, query: CourseQuery
    ) -> Sequence[CourseReading]:
        """Return the counters of a page of the catalogue, by title."""
        return [
            reading_of(
                course,
                counted(
                    courses=fetch(connection, sql.COURSE_COUNTS, course.id),
                    lessons=fetch(connection, sql.LESSON_COUNTS, course.id),
                    scores=(),
                    days=fetch(connection, sql.DAYS, course.id, first.isoformat(), last.isoformat()),
                ),
            )
            for course in self._page(connection, query)
        ]

    def _page(self, connection: apsw.Connection, query: CourseQuery) -> Sequence[Course]:
        among = None if query.among is None else orjson.dumps(list(query.among)).decode()
        page = fetch(connection, sql.CATALOGUE_PAGE, *(query.after or BEFORE_ALL_COURSES), among, query.limit)
        return [self._catalogue.at(connection, course_id, version).course for course_id, version in page]

    def enrolments_in(
        self, connection: apsw.Connection, course_id: CourseId, after: LearnerId | None, limit: int
    ) -> Sequence[CourseProgress]:
        """Return a page of the learners who are enrolled in a course, by id."""
        self._catalogue.course(connection, course_id)
        first = next_learner(after) if after else FIRST_ID
        found = fetch(connection, shared_sql.ENROLMENTS_IN, course_id, first, limit)
        return [to_course_progress(columns) for columns in found]

    def enrolments_among(self, connection: apsw.Connection, learner_ids: Sequence[LearnerId]) -> list[CourseProgress]:
        """Return the courses in which some learners are enrolled."""
        found = fetch(connection, sql.ENROLMENTS_AMONG, bound(list(learner_ids)))
        return [to_course_progress(columns) for columns in gently(found)]

    def roster(self, connection: apsw.Connection, course_id: CourseId, query: RosterQuery) -> Sequence[CourseProgress]:
        """Return a page of a course's learners."""
        self._catalogue.course(connection, course_id)
        found = run(connection, roster_page(sql.ROSTERS, sql.GROUPS, course_id, query))
        return [to_course_progress(columns) for columns in found]

    def attention(self, connection: apsw.Connection, query: AttentionQuery) -> Sequence[Attention]:
        """Return a page of the learners who need attention."""
        return run(connection, attention_page(sql.ATTENTION, sql.GROUPS, AttentionWay.IN_COURSE, query))

    def count_attention(self, connection: apsw.Connection, query: AttentionQuery) -> int:
        """Count the learners who need attention, up to the query's limit."""
        return run(connection, count_attention(sql.ATTENTION, sql.GROUPS, AttentionWay.IN_COURSE, query))

    def course_figures(self, connection: apsw.Connection, query: CourseFiguresQuery) -> Sequence[CourseFigures]:
        """Return few figures of many courses."""
        return run(
            connection, course_figures(sql.COURSE_FIGURES, sql.GROUPS, sql.ATTENTION, AttentionWay.IN_COURSE, query)
        )

    def roster_total(self, connection: apsw.Connection, course_id: CourseId, query: RosterQuery, most: int) -> int:
        """Return how many learners the filters leave, counted up to `most`."""
        self._catalogue.course(connection, course_id)
        return run(connection, roster_total(sql.ROSTERS, sql.GROUPS, course_id, query, most))

    def lesson_results(
        self, connection: apsw.Connection, course_id: CourseId, learner_ids: Sequence[LearnerId]
    ) -> Mapping[LearnerId, Mapping[LessonId, LessonResult]]:
        """Return the lesson progress of some learners in a course."""
        self._catalogue.course(connection, course_id)
        return run(connection, lesson_results(sql.ROSTERS, course_id, learner_ids))
