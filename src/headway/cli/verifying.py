"""`headway verify`: counts the courses' figures again from the lesson progress, and compares them."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Annotated

import typer
from rich.table import Column, Table

from headway.app import Headway
from headway.cli.console import count_of, course_id_of, fail, load_settings, out, refusals_end_the_program, stage_shown
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import CourseId
from headway.service import verification
from headway.service.verification import Difference, Verified


def verify(
    course: Annotated[
        str | None, typer.Argument(metavar="[COURSE]", help="The id of a course, a UUID; by default all courses.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Correct what is wrong.")] = False,
) -> None:
    """Count the statistics again from the lesson progress, and print what is wrong. The service may keep running.

    Ends with 1 where something is wrong, unless it was corrected.

    Examples:
      headway verify
      headway verify 5e757794-c815-4ccc-bf16-1010d8ef2347
      headway verify --repair
    """
    course_id = course_id_of(course) if course is not None else None
    headway = Headway(load_settings())
    with refusals_end_the_program():
        verified = asyncio.run(_verify(headway, course_id, repair=repair))
    if verified.is_exact:
        out.print("All figures are right.")
    elif repair:
        out.print(f"Corrected: {_found(verified)}.")
    else:
        fail(f"Wrong: {_found(verified)}. --repair corrects this, also while the service runs.")


async def _verify(headway: Headway, course_id: CourseId | None, *, repair: bool) -> Verified:
    async with headway.opened():
        store = headway.store
        if course_id is not None:
            await store.course(course_id)  # raises where there is no such course
        if repair:  # the repair changes the database, so nothing may continue from the values in memory
            await store.forget_learners()
        began = monotonic()
        async with store.archive.recount(course_id) as recount:
            with stage_shown("Counting", await recount.estimate()) as progress:
                verified = await verification.verify(recount, progress)
        _print_result(verified, monotonic() - began)
        if repair and not verified.is_exact:
            with stage_shown("Correcting", len({*verified.wrong, *verified.ahead})) as progress:
                await verification.repair(store.archive, store, verified, progress)
        return verified


def _print_result(verified: Verified, seconds: float) -> None:
    if verified.differences:
        out.print(_figures(verified.differences), soft_wrap=False)
    if verified.wrong:
        out.print(_all_course_progress("learner with wrong course progress", verified.wrong), soft_wrap=False)
    if verified.ahead:
        out.print(_all_course_progress("learner last seen in the future", verified.ahead), soft_wrap=False)
    counted, rate = count_of(verified.lessons, "row"), verified.lessons / seconds
    out.print(f"Counted {counted} of lesson progress in {seconds:.1f} seconds, {rate:,.0f} a second.")


def _figures(differences: Sequence[Difference]) -> Table:
    numbers = [Column(name, justify="right") for name in ("stored", "recounted")]
    table = Table(Column("course", no_wrap=True), "lesson or day", "figure", *numbers, box=None, pad_edge=False)
    for course_id, of, figure, *counts in differences:
        table.add_row(course_id, str(of or "-"), figure, *(f"{count:,}" for count in counts))
    return table


def _all_course_progress(title: str, all_course_progress: Sequence[CourseProgressKey]) -> Table:
    table = Table(Column("course", no_wrap=True), Column(title, no_wrap=True), box=None, pad_edge=False)
    for learner_id, course_id in all_course_progress:
        table.add_row(course_id, learner_id)
    return table


def _found(verified: Verified) -> str:
    figures, all_course_progress = len(verified.differences), len(verified.wrong)
    found = f"{count_of(figures, 'figure')}, course progress of {count_of(all_course_progress, 'learner')}"
    return f"{found}, {count_of(len(verified.ahead), 'learner')} seen in the future" if verified.ahead else found
