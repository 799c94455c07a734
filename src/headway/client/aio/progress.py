"""Progress: of any learner, with the scope `learners:admin`, and of the token's own (`ME`)."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

from headway.client.aio.sending import Sender
from headway.client.calls import ME, Id, delete, get, on_condition, post, post_file, put
from headway.client.imports import NOTHING, import_call, merged, parts_of_lines
from headway.client.lessons import LessonAnswer, ProgressLine, lesson_answer
from headway.client.shapes import (
    Completion,
    CourseSummary,
    DatedProgressUpdate,
    ExplainedSummary,
    ImportReport,
    LaunchDocument,
    LessonProgress,
    LessonProgressUpdate,
    OutlineLesson,
    ScormVersion,
    SyncedWrite,
    SyncResult,
)
from headway.client.syncing import parts_of_writes, sync_call


class Progress:
    """Reads and writes progress. Each learner is an id, or `ME`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def of(self, learner: Id, course: Id) -> list[LessonProgress]:
        """Return the lesson progress of a learner in a course, in the course's order."""
        return await self._sender.value(get(list[LessonProgress], *_of(learner), "progress", course))

    async def courses(self, learner: Id) -> list[CourseSummary]:
        """Return the summaries of a learner's courses, the latest access first."""
        return await self._sender.value(get(list[CourseSummary], *_of(learner), "progress"))

    async def summary(self, learner: Id, course: Id) -> CourseSummary:
        """Return a learner's totals in a course."""
        return await self._sender.value(get(CourseSummary, *_of(learner), "progress", course, "summary"))

    async def explained_summary(self, learner: Id, course: Id) -> ExplainedSummary:
        """Return a learner's totals in a course, and which lessons they count."""
        call = get(ExplainedSummary, *_of(learner), "progress", course, "summary", explain=True)
        return await self._sender.value(call)

    async def outline(self, learner: Id, course: Id) -> list[OutlineLesson]:
        """Return all lessons of a course as a player shows them: what is done, due and locked."""
        return await self._sender.value(get(list[OutlineLesson], *_of(learner), "progress", course, "outline"))

    async def completions(self, learner: Id) -> list[Completion]:
        """Return all completions of a learner, the last one first."""
        return await self._sender.value(get(list[Completion], *_of(learner), "completions"))

    async def lesson(self, learner: Id, course: Id, lesson: Id) -> LessonAnswer:
        """Return one lesson progress. Raises `NotFoundError`, also if there is none yet (`progress_not_found`)."""
        return lesson_answer(await self._sender.answer(get(LessonProgress, *_lesson(learner, course, lesson))))

    async def write(
        self,
        learner: Id,
        course: Id,
        lesson: Id,
        progress: DatedProgressUpdate | LessonProgressUpdate,
        *,
        run: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> LessonAnswer:
        """Write one lesson progress, and return it as it is now.

        Without conditions this is a merge write, which only moves the learner forward. With `if_match`, the `etag` of
        an earlier answer, it may change any value. `run` is the learner's run of the course that the write is for.

        Raises `ConditionFailedError`, `NotFoundError`, and `HeadwayError` for other refusals. A conditional write is
        not sent again after a lost connection: read the lesson progress to find out whether it was stored.
        """
        call = put(LessonProgress, progress, *_lesson(learner, course, lesson), run=run)
        return lesson_answer(await self._sender.answer(on_condition(call, if_match, if_none_match)))

    async def open_content(
        self, learner: Id, course: Id, lesson: Id, *, scorm: ScormVersion | None = None
    ) -> LaunchDocument:
        """Open a lesson's content for a learner: return what a player page needs to play it with scorm-again.

        `scorm` is the version of content that is in no package of Headway's. Each loading of a player page needs a
        launch of its own.
        """
        path = (*_lesson(learner, course, lesson), "launches")
        return await self._sender.value(post(LaunchDocument, *path, is_repeatable=True, scorm=scorm))

    async def remove(
        self, learner: Id, course: Id, lesson: Id, *, run: int | None = None, if_match: str | None = None
    ) -> None:
        """Remove one lesson progress, if there is any."""
        await self._sender.done(on_condition(delete(*_lesson(learner, course, lesson), run=run), if_match, None))

    async def start_over(self, learner: Id, course: Id, *, run: int | None = None) -> None:
        """Remove all progress of a learner in a course."""
        await self._sender.done(delete(*_of(learner), "progress", course, run=run))

    async def sync(self, writes: Iterable[SyncedWrite]) -> list[SyncResult]:
        """Write many lesson progresses of the token's own learner, as a device does that was offline.

        Return a result for each write, in their order. One that is refused stays refused: give it up. Any number of
        writes is sent, in parts. A part without an answer is sent again, because a repeated write changes nothing. If
        this raises an error, send all of them again.
        """
        results: list[SyncResult] = []
        for part in parts_of_writes(writes):
            answer = await self._sender.value(sync_call(part))
            results += answer["results"]
        return results

    async def write_many(
        self, lines: Iterable[ProgressLine], *, atomic: bool = False, dry_run: bool = False, key: str | None = None
    ) -> ImportReport:
        """Write the progress of many learners: each line is a merge write.

        Any number of lines is sent, in imports of at most 10 MiB, and the reports are added up. A refused line is in
        `errors` by its number from 1, and stops no other. With `atomic`, all lines are written or none; they are at
        most 10,000. With `dry_run`, nothing is written.

        With the same `key` and the same lines, finished lines are not written again. By default each call has a key of
        its own, so that a lost import can be sent again.
        """
        name = key or uuid4().hex
        report: ImportReport | None = None
        for number, part in enumerate(parts_of_lines(lines, atomic=atomic)):
            call = import_call(part, f"{name}-{number}", atomic=atomic, dry_run=dry_run)
            imported = await self._sender.value(call)
            report = merged(report, imported)
        return report or NOTHING

    async def import_file(
        self,
        content: bytes,
        content_type: str,
        *,
        atomic: bool = False,
        dry_run: bool = False,
        key: str | None = None,
        learner: Id | None = None,
    ) -> ImportReport:
        """Write progress from a file: `text/csv`, `application/x-ndjson`, or an export (`application/json`).

        `learner` is who gets the progress of an export; by default the learner of the export. `key` is as for
        `write_many`.
        """
        call = post_file(
            ImportReport, content, content_type, "progress", "import",
            atomic=atomic, dry_run=dry_run, user_id=learner,
        )  # fmt: skip
        headers = {**call.headers, "Idempotency-Key": key or uuid4().hex}
        return await self._sender.value(replace(call, headers=headers))


def _of(learner: Id) -> tuple[Id, ...]:
    return () if learner == ME else ("learners", learner)


def _lesson(learner: Id, course: Id, lesson: Id) -> tuple[Id, ...]:
    return (*_of(learner), "progress", course, "lessons", lesson)
