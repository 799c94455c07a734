"""The times that a write brings: their rules, and how they change lesson progress.

Only persons who write for learners may send times. A time that is stored already is not a new time. So lesson progress
that was read and sent back is a write of the present time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.progress import LessonProgress, Status

EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""A time that is sent may not be earlier."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""A time that is sent may be ahead by so much, because clocks differ. It becomes the present time."""


class Times(NamedTuple):
    """When lesson progress was created, completed and last changed; `None` where a write does not say."""

    created_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def begun(self) -> datetime | None:
        """The earliest of the times."""
        return self.created_at or self.completed_at or self.updated_at

    @property
    def ended(self) -> datetime | None:
        """The latest of the times."""
        return self.updated_at or self.completed_at or self.created_at


NO_TIMES: Final = Times()


class Moments(NamedTuple):
    """When the learner was active, as a write says: when the lesson was begun, completed and last worked on."""

    begun: datetime
    completed: datetime
    ended: datetime


def checked(times: Times, now: datetime) -> Times:
    """Return the times, with those that are ahead by at most a minute set to `now`.

    Raises `InvalidValueError` where a time is in the future or before 1990, or where the times are not in order.
    """
    problems = list(_faults(times, now))
    if problems:
        raise InvalidValueError(problems)
    return Times._make(time and min(time, now) for time in times)


def new_times(times: Times, lesson_progress: LessonProgress | None) -> Times:
    """Return the times that are not stored yet. The API shows whole seconds, so times may match to the second."""
    if lesson_progress is None:
        return times
    held = Times(lesson_progress.created_at, lesson_progress.completed_at, lesson_progress.updated_at)
    return Times._make(None if is_same(sent, stored) else sent for sent, stored in zip(times, held, strict=True))


def dated(before: LessonProgress | None, after: LessonProgress, times: Times, *, conditional: bool) -> LessonProgress:
    """Return the lesson progress after a write, with the times that the write brings.

    A merge write can only move `created_at` and `completed_at` to an earlier time, and `updated_at` to a later one. A
    conditional write sets the times it names. Where nothing changes, `before` is returned.

    Raises `InvalidValueError` where there is a `completed_at` but the lesson is not completed, or where the times would
    not be in order.
    """
    begun, ended = times.begun, times.ended
    if begun is None or ended is None:
        return after
    if times.completed_at is not None and after.status is not Status.COMPLETED:
        raise InvalidValueError([Problem(("completed_at",), "The lesson is not completed.", "not_completed")])
    if before is None:
        created_at, updated_at = begun, ended
    elif conditional:
        created_at = times.created_at or before.created_at
        updated_at = times.updated_at or max(before.updated_at, ended)
    else:
        created_at, updated_at = min(before.created_at, begun), max(before.updated_at, ended)
    held = Times(created_at, _completed_at(before, after, times, conditional=conditional), updated_at)
    problems = list(_disorder(held))
    if problems:
        raise InvalidValueError(problems)
    return _under(before, after, held)


def _under(before: LessonProgress | None, after: LessonProgress, held: Times) -> LessonProgress:
    if before is after and (after.created_at, after.completed_at, after.updated_at) == held:
        return before
    version = before.version + 1 if before else after.version
    created_at, completed_at, updated_at = held
    assert created_at is not None and updated_at is not None  # noqa: S101, PT018 - stored progress has both
    return after._replace(created_at=created_at, completed_at=completed_at, updated_at=updated_at, version=version)


def moments_of(times: Times) -> Moments | None:
    """Return when the learner was active; `None` where the write has no times."""
    begun, ended = times.begun, times.ended
    if begun is None or ended is None:
        return None
    return Moments(begun, times.completed_at or ended, ended)


def _completed_at(
    before: LessonProgress | None, after: LessonProgress, times: Times, *, conditional: bool
) -> datetime | None:
    if after.status is not Status.COMPLETED:
        return None
    had = before.completed_at if before else None
    if had is None or times.completed_at is None:
        return had or times.completed_at or times.ended
    return times.completed_at if conditional else min(had, times.completed_at)


def _faults(times: Times, now: datetime) -> Iterator[Problem]:
    for name, time in zip(Times._fields, times, strict=True):
        if time is not None and time > now + CLOCKS_DIFFER:
            yield Problem((name,), "The time is in the future.", "time_in_future")
        if time is not None and time < EARLIEST:
            yield Problem((name,), f"The time is before {EARLIEST:%Y-%m-%d}.", "time_too_early")
    yield from _disorder(times)


def _disorder(times: Times) -> Iterator[Problem]:
    said = [(name, time) for name, time in zip(Times._fields, times, strict=True) if time is not None]
    for (earlier, before), (later, after) in pairwise(said):
        if after < before:
            yield Problem((later,), f"The time is before {earlier}.", "times_out_of_order")


def latest(moment: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two times; where one is `None`, the other."""
    return max(moment, other) if moment and other else moment or other


def microseconds(moment: datetime) -> int:
    """Return the time as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the time that is so many microseconds after the beginning of 1970."""
    return _EPOCH + count * _MICROSECOND


def whole_second(moment: datetime) -> datetime:
    """Return a time without a part of a second, as the API shows it."""
    return moment.replace(microsecond=0)


def is_same(sent: datetime | None, stored: datetime | None) -> bool:
    """Whether a time that is sent is a stored one, exactly or to the second."""
    return sent is not None and stored is not None and sent in {stored, whole_second(stored)}
