"""How works change one learner's data in one course: lesson progress, course progress, days, and the course's figures.

A work is a write, a restored export, a recalculation, a change of an enrolment or the start of a run. A store reads
what `needs` asks for, lets `Changes` decide, and stores the `ChangeSet`. Progress is removed as a whole in `removals`.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeGuard
from uuid import uuid4

from headway.domain.catalogue import VersionedCourse
from headway.domain.change_sets import ChangeSet, LessonChange
from headway.domain.completions import NewCompletion, is_completion
from headway.domain.course_progress import (
    CourseProgress,
    LearnerDay,
    next_revision,
    recalculate,
    without_progress,
)
from headway.domain.dating import NO_TIMES
from headway.domain.enrolments import NOT_ENFORCED, Enforcement, EnrolmentChange, changed
from headway.domain.errors import HeadwayError, RefusedWriteError
from headway.domain.events import (
    BY_EDIT,
    BY_IMPORT,
    BY_LEARNER,
    BY_OTHERS,
    NOT_RECORDED,
    Actor,
    Recording,
    acting_for_learner,
)
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import LearnerId, LessonId, ProgressId
from headway.domain.limits import check_write, is_limited
from headway.domain.offline import removed_since
from headway.domain.presence import (
    NO_DAYS,
    ChangedDays,
    CourseProgressRestore,
    Days,
    ProgressChange,
    advance,
    restore,
    settled,
)
from headway.domain.progress import LessonProgress
from headway.domain.recorder import Changed, Recorder
from headway.domain.runs import (
    EndedRun,
    RunStart,
    check_began,
    check_ended_runs,
    check_start,
    enters_run,
    in_run,
    next_run,
    run_of,
)
from headway.domain.writes import CourseProgressRefresh, LessonWrite, Written

Work = LessonWrite | CourseProgressRefresh | CourseProgressRestore | EnrolmentChange | RunStart
Outcome = Written | CourseProgress | bool | HeadwayError | None
"""The result of a work: `Written` of a write, `bool` of a restore (whether it changed anything), the course progress
after a change of an enrolment (`None`: there is none) or the start of a run, `None` of a refresh, or the error of a
refused work."""
Lessons = Mapping[LessonId, LessonProgress | None]


class Needs(NamedTuple):
    """What a store must read before works are decided, beside the course and the course progress."""

    lessons: AbstractSet[LessonId]
    all_lessons: bool
    days: bool


def needs(
    works: Sequence[Work],
    course: VersionedCourse,
    progress: CourseProgress | None,
    latest: date,
    enforced: Enforcement = NOT_ENFORCED,
) -> Needs:
    """Return what to read before the works are decided. `latest` is the latest date that has begun in any time zone.

    All lessons are needed in four cases: a work may date a completion, because it may complete the course in the past;
    a write may undo the start of a lesson, because another lesson is then the last one started; the course progress is
    recalculated; a run ends. Days are needed where a work brings times, where a device's write was made before the last
    day, and where the last day is ahead. Where prerequisites are `enforced`, the lessons that come first are needed,
    too.
    """
    lessons: set[LessonId] = set()
    at_lesson = progress.at_lesson if progress else None
    days = progress is not None and progress.day.date > latest
    all_lessons = progress is not None and progress.course_version != course.version
    for work in works:
        if isinstance(work, LessonWrite):
            lessons.add(work.lesson_id)
            days |= work.times is not NO_TIMES
            all_lessons |= work.may_date_completion(course.course.lessons_by_id.get(work.lesson_id))
            if work.made_at is not None and progress is not None:
                days |= course.course.date_of(work.made_at) < progress.day.date
            # An earlier one of several works may start the lesson.
            all_lessons |= work.may_take_back and (work.lesson_id == at_lesson or len(works) > 1)
        else:
            days |= isinstance(work, CourseProgressRestore)
            all_lessons |= isinstance(work, CourseProgressRestore | CourseProgressRefresh | RunStart)
    if enforced.prerequisites:
        known = course.course.lessons_by_id
        lessons |= {required for written in lessons if written in known for required in known[written].requires}
    return Needs(lessons, all_lessons, days and progress is not None)


class Changes:
    """Decides works of one learner in one course, one after the other, and collects the changes.

    `lessons` and `days` are the stored values that `needs` asks for. A lesson that is missing there has no progress.
    `enforced` are the rules that refuse a write. `recording` says which events are recorded.
    """

    __slots__ = (
        "_actor",
        "_before",
        "_completions",
        "_course",
        "_days",
        "_days_before",
        "_ended_runs",
        "_enforced",
        "_learner_id",
        "_lessons",
        "_lessons_before",
        "_progress",
        "_recorder",
    )

    def __init__(
        self,
        course: VersionedCourse,
        learner_id: LearnerId,
        progress: CourseProgress | None,
        lessons: Lessons,
        days: Days = NO_DAYS,
        enforced: Enforcement = NOT_ENFORCED,
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._course = course
        self._enforced = enforced
        self._recorder = Recorder(recording, learner_id, course.course.id) if recording.is_on else None
        self._actor = BY_EDIT
        self._learner_id = learner_id
        self._before = progress
        self._progress = progress
        self._lessons_before = lessons
        self._lessons: dict[LessonId, LessonProgress | None] = {}
        self._days_before = days
        self._days: dict[date, LearnerDay | None] = {}
        self._completions: list[NewCompletion] = []
        self._ended_runs: list[EndedRun] = []

    def decide(self, work: Work, now: datetime) -> Outcome:
        """Decide one more work and return its result. A refused work changes nothing of what it asked for."""
        is_outdated = self._progress is not None and self._progress.course_version != self._course.version
        if is_outdated or isinstance(work, CourseProgressRefresh):
            self._actor = BY_EDIT
            self._recalculate(now)
        if self._recorder is not None:
            self._actor = _actor_of(work)
        try:
            match work:
                case LessonWrite():
                    return self._write(work, now)
                case CourseProgressRestore():
                    return self._restore(work, now)
                case EnrolmentChange():
                    return self._enrol(work, now)
                case RunStart():
                    return self._begin_run(work, now)
        except HeadwayError as refusal:
            return refusal
        return None

    def change_set(self) -> ChangeSet:
        """Return the changes of all works together."""
        before = self._lessons_before
        changed = [
            LessonChange(lesson_id, before.get(lesson_id), lesson)
            for lesson_id, lesson in self._lessons.items()
            if lesson is not before.get(lesson_id)
        ]
        return ChangeSet(
            self._learner_id,
            self._course.course.id,
            self._before,
            self._progress,
            changed,
            self._days_before,
            self._days,
            [self._with_all(completion) for completion in self._completions],
            self._ended_runs,
            self._recorder.events if self._recorder else (),
        )

    def _write(self, write: LessonWrite, now: datetime) -> Written:
        lesson_id = write.lesson_id
        if is_limited(write, self._enforced):
            check_write(write, self._course.course, self._progress, self._present, self._enforced, now)
        if write.made_at is not None and removed_since(self._progress, lesson_id, write.made_at):
            return write.in_vain(self._course.course, self._present(lesson_id))
        enters_run_of_export = enters_run(self._progress, write)
        before = None if enters_run_of_export else self._present(lesson_id)
        written = write.apply(self._course.course, before, now, _new_id)
        if written.before is None and written.after is None:
            return written
        if enters_run_of_export and write.run is not None and write.restored is not None:
            self._enter_run(write.run, write.restored.run_began_at, now)
        self._lessons[lesson_id] = written.after
        position = advance(
            self._progress,
            write,
            written,
            self._course,
            now=now,
            known=self._present_days,
            all_lesson_progress=self._present_lessons,
            revision=next_revision(self._before, now),
        )
        self._keep(position, now, [(written.before, written.after)])
        return written

    def _present(self, lesson_id: LessonId) -> LessonProgress | None:
        """Return the learner's progress in a lesson after the works so far."""
        return self._lessons[lesson_id] if lesson_id in self._lessons else self._lessons_before.get(lesson_id)

    def _restore(self, asked: CourseProgressRestore, now: datetime) -> bool:
        check_ended_runs(asked.ended_runs, asked.run, now)
        before = self._progress
        if asked.run > (before.run if before else 1):
            self._enter_run(asked.run, asked.run_began_at, now)
        position = restore(self._progress, asked, self._course, self._present_days, now)
        if position.course_progress == before and not position.days:
            return False
        if position.course_progress.run == asked.run:
            self._ended_runs.extend(asked.ended_runs)
        self._keep(position, now)
        return True

    def _enrol(self, asked: EnrolmentChange, now: datetime) -> CourseProgress | None:
        if self._progress is None and asked.ends:
            return None
        present = self._progress or without_progress(self._learner_id, self._course)
        enrolled = changed(present, asked, now)
        if enrolled != self._progress:
            self._keep(ProgressChange(enrolled), now)
        return self._progress

    def _begin_run(self, asked: RunStart, now: datetime) -> CourseProgress:
        ending = check_start(self._progress, asked)
        self._end_run(ending, now)
        self._keep_in_other_run(next_run(ending, asked, now), now)
        return self._progress or ending

    def _enter_run(self, number: int, began_at: datetime | None, now: datetime) -> None:
        """Bring the learner into the later run of an export, without any progress. Raises `InvalidValueError`."""
        check_began(began_at, now)
        present = self._progress or without_progress(self._learner_id, self._course)
        if present.started_at is not None:
            self._end_run(present, now)
        self._keep_in_other_run(in_run(present, number, began_at, now), now)

    def _end_run(self, ending: CourseProgress, now: datetime) -> None:
        lessons = sorted(self._present_lessons(), key=lambda lesson: lesson.lesson_id)
        self._ended_runs.append(EndedRun(run_of(self._course.course, ending, now), lessons))
        self._lessons.update((lesson.lesson_id, None) for lesson in lessons)
        if self._recorder is not None:
            self._recorder.taken_back(lessons, self._actor, now)

    def _recalculate(self, now: datetime) -> None:
        """Recalculate the course progress and the lesson progress under the present version of the course."""
        lessons = list(self._present_lessons())
        if self._progress is None and not lessons:
            return
        progress = self._progress or without_progress(self._learner_id, self._course)
        present, days = settled(progress, self._present_days, self._course.course, now)
        recalculated = recalculate(self._course, present, lessons, now)
        if recalculated.course_progress == self._progress and not recalculated.lesson_progress:
            return
        changed = [(self._present(lesson.lesson_id), lesson) for lesson in recalculated.lesson_progress]
        self._lessons.update((lesson.lesson_id, lesson) for lesson in recalculated.lesson_progress)
        self._keep(ProgressChange(recalculated.course_progress, days), now, changed)

    def _keep(self, position: ProgressChange, now: datetime, lessons: Sequence[Changed] = ()) -> None:
        """Keep what a work has made of the course progress. `lessons` is the lesson progress that it changed."""
        if position.days:
            self._days.update(position.days)
        after = position.course_progress
        if is_completion(self._progress, after):
            after = self._completed(after)
        if self._recorder is not None:
            self._recorder.change(lessons, self._progress, after, self._actor, now)
        revision = next_revision(self._before, now)
        self._progress = after if after.revision == revision else after._replace(revision=revision)

    def _keep_in_other_run(self, after: CourseProgress, now: datetime) -> None:
        if self._recorder is not None:
            self._recorder.run(self._progress, after, self._actor, now)
        self._progress = after._replace(revision=next_revision(self._before, now))

    def _completed(self, progress: CourseProgress) -> CourseProgress:
        """Note a completion, and return the course progress. Two completions never have the same time."""
        noted = {completion.progress.completed_at for completion in self._completions}
        while progress.completed_at in noted and progress.completed_at is not None:
            progress = progress._replace(completed_at=progress.completed_at + timedelta.resolution)
        self._completions.append(NewCompletion(self._course, progress, dict(self._lessons)))
        return progress

    def _with_all(self, completion: NewCompletion) -> NewCompletion:
        """Return a completion with the lesson progress as it was then also in lessons that have changed since."""
        before = {lesson_id: self._lessons_before.get(lesson_id) for lesson_id in self._lessons}
        return completion._replace(then={**before, **completion.then})

    def _present_lessons(self) -> Iterable[LessonProgress]:
        """Return the learner's lesson progress in the course after the works so far.

        Complete where `needs` asked for all.
        """
        return (lesson for lesson in {**self._lessons_before, **self._lessons}.values() if lesson is not None)

    @property
    def _present_days(self) -> ChangedDays:
        return {**self._days_before, **self._days} if self._days_before or self._days else NO_DAYS


class Newcomers:
    """Enrols learners who have no course progress, at one moment. Equal enrolments are decided once.

    Without course progress there is no lesson progress and no day, so only the learner's id differs.
    """

    __slots__ = ("_decided", "_now", "_recording")

    def __init__(self, now: datetime, recording: Recording = NOT_RECORDED) -> None:
        self._now = now
        self._recording = recording
        self._decided: dict[tuple[object, ...], ChangeSet] = {}

    def enrol(self, course: VersionedCourse, asked: EnrolmentChange) -> ChangeSet:
        """Return the changes of an enrolment, or of the end of one."""
        equal = asked[1:]
        if equal not in self._decided:
            changes = Changes(course, asked.learner_id, None, {}, recording=self._recording)
            changes.decide(asked, self._now)
            self._decided[equal] = changes.change_set()
        return self._decided[equal].of_newcomer(asked.learner_id)


def is_only_enrolment(works: Sequence[Work]) -> TypeGuard[Sequence[EnrolmentChange]]:
    """Whether the works are one change of an enrolment."""
    return len(works) == 1 and isinstance(works[0], EnrolmentChange)


def all_written(outcomes: Sequence[object]) -> Sequence[Written | bool]:
    """Return the outcomes of writes and restores that are stored all or none.

    Raises `RefusedWriteError` for the first refused one.
    """
    for position, outcome in enumerate(outcomes):
        if isinstance(outcome, HeadwayError):
            raise RefusedWriteError(position, outcome) from outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Written | bool)]


def by_learner_and_course(works: Sequence[Work]) -> dict[CourseProgressKey, list[int]]:
    """Return the positions of the works in their sequence by learner and course, in order."""
    positions: dict[CourseProgressKey, list[int]] = {}
    for position, work in enumerate(works):
        positions.setdefault((work.learner_id, work.course_id), []).append(position)
    return positions


def _actor_of(work: Work) -> Actor:
    match work:
        case LessonWrite():
            return BY_IMPORT if work.is_imported or work.restored is not None else acting_for_learner(work.written_by)
        case CourseProgressRefresh():
            return BY_EDIT
        case CourseProgressRestore():
            return BY_IMPORT
        case EnrolmentChange():
            return BY_LEARNER if work.by_learner else BY_OTHERS
        case RunStart():
            return BY_OTHERS


def _new_id() -> ProgressId:
    return ProgressId(str(uuid4()))
