"""`headway verify`: wrong values in the tables are found and repaired while learners write."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from support.load import Written, new_lesson_progress, players
from support.program import Finished, Program
from support.running import Running, course, eventually, lesson

EXACT = "All figures are right."
COUNTED = re.compile(r"Counted ([\d,]+) rows of lesson progress in [\d.]+ seconds, [\d,]+ a second\.")


@pytest.fixture
def all_progress(program: Program) -> Sequence[Written]:
    """Return the lesson progress of three learners who completed all three lessons of a course."""
    with program.serve() as running:
        found = new_lesson_progress(running)
        for progress in found:
            complete(running, progress)
        assert running.stop() in {0, -15}
    return found


def complete(running: Running, progress: Written, **fields: Any) -> None:
    with running.client(progress.learner) as client:
        body = {"status": "completed", "quiz_score": 80, "time_spent_minutes": 3} | fields
        client.put(progress.path, json=body).raise_for_status()


def check_exact(finished: Finished) -> None:
    assert finished.code == 0, finished
    assert finished.out.endswith(f"{EXACT}\n")


def figures(finished: Finished) -> list[list[str]]:
    """Return the lines of the figures that differ."""
    heading, *lines = finished.out.split("Counted ")[0].splitlines()
    assert heading.split() == ["course", "lesson", "or", "day", "figure", "stored", "recounted"]
    return [line.split(maxsplit=2) for line in lines]


def test_an_empty_database_is_exact(program: Program) -> None:
    finished = program("verify")
    check_exact(finished)
    assert COUNTED.search(finished.out)


def test_the_figures_of_a_service_are_exact(program: Program, all_progress: Sequence[Written]) -> None:
    for arguments in ((), (all_progress[0].course_id,), ("--repair",)):
        finished = program("verify", *arguments)
        check_exact(finished)
        assert COUNTED.search(finished.out)
        assert "Counting: 9 of 9" in finished.err


def test_every_wrong_figure_is_named_and_repaired(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    course_id, lesson_id = all_progress[0].course_id, all_progress[0].lesson_id
    tamper(
        f"DELETE FROM lesson_statistics WHERE lesson_id = '{lesson_id}'",
        f"DELETE FROM quiz_scores WHERE lesson_id = '{lesson_id}'",
        f"DELETE FROM course_statistics WHERE course_id = '{course_id}'",
        f"DELETE FROM course_activity WHERE course_id = '{course_id}'",
    )
    found = program("verify")
    assert found.code == 1
    assert "--repair" in found.err
    assert "Traceback" not in found.err
    lines = figures(found)
    assert {line[0] for line in lines} == {course_id}
    by_position: dict[str, dict[str, list[str]]] = {}
    for _, position, rest in lines:
        figure, stored, recounted = rest.rsplit(maxsplit=2)
        by_position.setdefault(position, {})[figure] = [stored, recounted]
    assert by_position.pop(lesson_id) == {
        "started": ["0", "3"], "completed": ["0", "3"], "attempted": ["0", "3"], "scored": ["0", "3"],
        "micro_points": ["0", "240,000,000"], "micro_minutes": ["0", "9,000,000"], "scores of 80": ["0", "3"],
    }  # fmt: skip
    of_the_course = ("learners", "completed", "enrolled", "enrolled_started", "enrolled_completed")
    assert by_position.pop("-") == {figure: ["0", "3"] for figure in of_the_course}
    [(_, of_the_day)] = by_position.items()
    assert of_the_day == {
        "active": ["0", "3"], "last_seen": ["0", "3"], "lessons_started": ["0", "9"], "lessons_completed": ["0", "9"],
        "micro_minutes": ["0", "27,000,000"], "completions": ["0", "3"],
    }  # fmt: skip
    assert figures(program("verify", course_id)) == lines

    mended = program("verify", "--repair")
    assert mended.code == 0
    assert figures(mended) == lines
    assert "Corrected: 18 figures, course progress of 0 learners." in mended.out
    check_exact(program("verify"))


def test_figures_of_deleted_lesson_progress_are_repaired(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    tamper(f"DELETE FROM lesson_progress WHERE user_id = '{all_progress[0].learner}'")
    found = program("verify")
    assert found.code == 1
    assert all_progress[0].learner in found.out
    assert program("verify", "--repair").code == 0
    check_exact(program("verify"))
    with program.serve() as running, running.client(all_progress[0].learner) as client:
        assert client.get(f"/progress/{all_progress[0].course_id}/summary").json()["completed_lessons"] == 0


def test_wrong_course_progress_is_named_and_repaired(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    progress = all_progress[0]
    tamper(
        "UPDATE course_progress SET completed_lessons = 1, micro_minutes = micro_minutes + 7, completed_at = NULL "
        f"WHERE user_id = '{progress.learner}'"
    )
    found = program("verify")
    assert found.code == 1
    assert [line.split() for line in found.out.splitlines() if progress.learner in line] == [
        [progress.course_id, progress.learner]
    ]
    mended = program("verify", "--repair")
    assert mended.code == 0
    check_exact(program("verify"))
    with program.serve() as running, running.client(progress.learner) as client:
        summary = client.get(f"/progress/{progress.course_id}/summary").json()
    assert (summary["completed_lessons"], summary["total_time_spent_minutes"]) == (3, 9)


@pytest.mark.parametrize("damage", ["DELETE FROM course_progress", "UPDATE course_progress SET started_at = NULL"])
def test_missing_course_progress_is_made_from_lesson_progress(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None], damage: str
) -> None:
    progress = all_progress[0]
    tamper(f"{damage} WHERE user_id = '{progress.learner}'")
    found = program("verify")
    assert found.code == 1
    assert [line.split() for line in found.out.splitlines() if progress.learner in line] == [
        [progress.course_id, progress.learner]
    ]
    assert program("verify", "--repair").code == 0
    check_exact(program("verify"))
    with program.serve() as running:
        with running.client(progress.learner) as client:
            summary = client.get(f"/progress/{progress.course_id}/summary").json()
        with running.client(None, "statistics:read") as client:
            course_figures = client.get(f"/statistics/{progress.course_id}").json()
    assert (summary["completed_lessons"], summary["total_time_spent_minutes"]) == (3, 9)
    assert (course_figures["learners"], course_figures["completed"]) == (3, 3)


def test_activity_on_a_future_day_is_named_and_counts_today(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    """The stored days are forty days in the future: a clock was wrong when they were written."""
    course_id = all_progress[0].course_id
    day = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    tamper(
        f"UPDATE course_progress SET day = '{day}', last_accessed = '{day}T12:00:00+00:00'",
        f"UPDATE course_activity SET day = '{day}'",
    )
    learners = {progress.learner for progress in all_progress}
    for arguments, code in (((), 1), ((course_id,), 1), (("--repair",), 0)):
        found = program("verify", *arguments)
        assert found.code == code
        heading, *lines = found.out.split("Counted ")[0].splitlines()
        assert heading.split() == ["course", "learner", "last", "seen", "in", "the", "future"]
        assert sorted(line.split() for line in lines) == sorted([course_id, learner] for learner in learners)
        assert "0 figures, course progress of 0 learners, 3 learners seen in the future." in found.out + found.err
    check_exact(program("verify"))
    with program.serve() as running:
        with running.client(None, "statistics:read") as client:
            figures = client.get(f"/statistics/{course_id}").json()
        with running.client(all_progress[0].learner) as client:
            summary = client.get(f"/progress/{course_id}/summary").json()
    assert (figures["active_last_7_days"], figures["completed"]) == (3, 3)
    assert summary["completed_lessons"] == 3
    assert datetime.fromisoformat(summary["last_accessed"]) <= datetime.now(UTC)


def test_lesson_progress_of_a_removed_course_makes_no_course_progress(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    tamper(f"UPDATE lesson_progress SET course_id = '{uuid4()}' WHERE user_id = '{all_progress[0].learner}'")
    assert program("verify").code == 1
    assert program("verify", "--repair").code == 0
    check_exact(program("verify"))


def test_the_cache_of_a_service_does_not_undo_a_repair(program: Program, tamper: Callable[..., None]) -> None:
    with program.serve() as running:
        progress, *_ = written = new_lesson_progress(running)
        for one in written:
            complete(running, one)
        tamper(
            f"UPDATE lesson_progress SET quiz_score = 20 WHERE user_id = '{progress.learner}'",
            f"UPDATE course_progress SET day = '2020-01-01' WHERE user_id = '{progress.learner}'",
        )
        assert program("verify", "--repair").code == 0
        complete(running, progress, quiz_score=30)
        check_exact(program("verify"))


def test_only_the_named_course_is_verified(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    with program.serve() as running:
        other = new_lesson_progress(running, learners=1)
        complete(running, other[0])
    tamper(f"DELETE FROM lesson_statistics WHERE course_id = '{other[0].course_id}'")
    check_exact(program("verify", all_progress[0].course_id))
    assert program("verify", other[0].course_id).code == 1
    assert program("verify").code == 1
    assert program("verify", other[0].course_id, "--repair").code == 0
    check_exact(program("verify"))


def test_an_unknown_course_is_named(program: Program) -> None:
    unknown = str(uuid4())
    refused = program("verify", unknown)
    assert (refused.code, refused.out) == (1, "")
    assert unknown in refused.err
    assert program("verify", "no-uuid").code == 2


def test_figures_are_repaired_while_learners_write(
    program: Program, all_progress: Sequence[Written], tamper: Callable[..., None]
) -> None:
    course_id = all_progress[0].course_id
    with program.serve() as running:
        written = new_lesson_progress(running)
        with players(running, [*all_progress, *written]):
            eventually(lambda: all(progress.acknowledged > 3 for progress in written))
            tamper(
                f"DELETE FROM lesson_statistics WHERE course_id = '{course_id}'",
                f"UPDATE course_activity SET lessons_completed = lessons_completed + 5 WHERE course_id = '{course_id}'",
                f"DELETE FROM course_statistics WHERE course_id = '{written[0].course_id}'",
            )
            before = [progress.acknowledged for progress in written]
            found = program("verify")
            assert found.code == 1
            assert course_id in found.out
            mended = program("verify", "--repair")
            assert mended.code == 0
            check_exact(program("verify"))
            assert before != [progress.acknowledged for progress in written]
    check_exact(program("verify"))


def test_figures_are_exact_while_learners_write_and_a_course_is_edited(program: Program) -> None:
    document = course(lesson(), lesson(), lesson())
    with program.serve() as running:
        course_id = running.put_course(document)
        all_progress = [Written(str(uuid4()), course_id, one["id"]) for one in document["lessons"][:2]]
        with players(running, all_progress):
            for changes in ({"on_edit": "reopen"}, {"lessons": document["lessons"][:2]}, {"time_zone": "Asia/Tokyo"}):
                running.put_course(document | changes, course_id)
                check_exact(program("verify"))
    check_exact(program("verify"))
