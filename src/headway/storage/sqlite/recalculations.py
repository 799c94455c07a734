"""The table of courses whose last edit is still being derived for learners already under way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import apsw

from headway.domain.course_progress import microseconds
from headway.domain.identifiers import CourseId, LearnerId
from headway.storage.port import Recalculation
from headway.storage.sqlite import statements as sql
from headway.storage.sqlite.rows import fetch, fetch_one

_LEASE: Final = timedelta(minutes=1)
_NO_LEARNER: Final = LearnerId("")


def find(connection: apsw.Connection, course_id: CourseId) -> Recalculation | None:
    """How far it is with a course."""
    columns = fetch_one(connection, sql.RECALCULATION, course_id)
    return Recalculation(*columns) if columns else None


def find_free(connection: apsw.Connection, now: datetime) -> Recalculation | None:
    """One that nobody works on."""
    columns = fetch_one(connection, sql.FREE_RECALCULATION, microseconds(now))
    return Recalculation(*columns) if columns else None


def take(connection: apsw.Connection, now: datetime) -> Recalculation | None:
    """One that nobody works on, from now on one's own."""
    found = find_free(connection, now)
    return found if found is not None and advance(connection, found, now) else None


def advance(connection: apsw.Connection, under_way: Recalculation, now: datetime) -> bool:
    """Note how far it is; answers whether it is still the course's last edit."""
    until = microseconds(now + _LEASE)
    noted = (under_way.done, under_way.after, until, under_way.course_id, under_way.version)
    return bool(fetch(connection, sql.ADVANCE_RECALCULATION, *noted))


def next_learners(connection: apsw.Connection, under_way: Recalculation, limit: int) -> Sequence[LearnerId]:
    """The learners that come next."""
    asked = (under_way.course_id, under_way.after or _NO_LEARNER, under_way.version, limit)
    return [learner_id for (learner_id,) in fetch(connection, sql.LEARNERS_TO_RECALCULATE, *asked)]
