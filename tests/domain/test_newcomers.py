"""Equal enrolments of learners without course progress are decided once, with the same result as each alone."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.values import course, lesson
from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet
from headway.domain.changes import Changes, Newcomers
from headway.domain.course_progress import EnrolmentSource
from headway.domain.enrolments import EnrolmentChange
from headway.domain.identifiers import CourseId, GroupId, LearnerId

NOW = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
DUE = datetime(2027, 6, 30, tzinfo=UTC)
SOURCES = (EnrolmentSource(), EnrolmentSource(due_at=DUE), EnrolmentSource(GroupId(str(uuid4())), NOW, DUE))


def alone(versioned: VersionedCourse, asked: EnrolmentChange) -> ChangeSet:
    changes = Changes(versioned, asked.learner_id, None, {})
    changes.decide(asked, NOW)
    return changes.change_set()


@pytest.mark.parametrize("ends", [True, False])
def test_each_newcomer_is_enrolled_as_if_alone(*, ends: bool) -> None:
    courses = [VersionedCourse(course(lesson(), course_id=CourseId(str(uuid4()))), version) for version in (3, 4)]
    newcomers = Newcomers(NOW)
    for versioned in courses:
        for source in SOURCES:
            for _ in range(3):
                asked = EnrolmentChange(LearnerId(str(uuid4())), versioned.course.id, source, ends)
                assert newcomers.enrol(versioned, asked) == alone(versioned, asked)
