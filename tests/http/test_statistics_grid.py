"""Grids: learners and their results in each lesson, as pages and as a file."""

import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from support.running import course, lesson
from support.school import School

GRID_LINE = ["user_id", "name", "results"]


class Graded:
    """A course of an article, two quizzes and an assignment, and learners with results."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.document = course(
            lesson(title="Reading", section="One"),
            lesson(title="=Test", kind="quiz", pass_mark=60, section="One"),
            lesson(title="Essay", kind="assignment", required=False),
        )
        self.lessons = [one["id"] for one in self.document["lessons"]]
        self.course_id = school.put_course(self.document)
        self.path = f"/statistics/{self.course_id}/grid"
        self.learners = sorted(str(uuid4()) for _ in range(5))
        reading, test, essay = self.lessons
        for learner in self.learners:
            school.write(learner, self.course_id, reading, status="completed")
        school.write(self.learners[1], self.course_id, test, quiz_score=59.5, quiz_attempts=3)
        school.write(self.learners[2], self.course_id, test, quiz_score=80, quiz_attempts=1)
        school.write(self.learners[2], self.course_id, essay, progress_percentage=10)

    def get(self, **parameters: object) -> Any:
        return self.school.get(self.path, sort="progress", order="asc", **parameters)


@pytest.fixture(scope="module")
def graded(lasting_school: School) -> Graded:
    return Graded(lasting_school)


def result(status: str, score: float | None = None, attempts: int = 0, *, passed: bool = False) -> dict[str, object]:
    return {"status": status, "score": score, "attempts": attempts, "passed": passed}


def test_a_grid_has_a_result_for_each_learner_and_lesson(graded: Graded) -> None:
    grid = graded.get()
    assert [one["lesson_id"] for one in grid["lessons"]] == graded.lessons
    assert [one["section"] for one in grid["lessons"]] == ["One", "One", None]
    assert [one["required"] for one in grid["lessons"]] == [True, True, False]
    assert [list(one) for one in grid["learners"]] == [GRID_LINE] * 5
    assert (grid["previous"], grid["next"]) == (None, None)
    results = {one["user_id"]: one["results"] for one in grid["learners"]}
    done = result("completed")
    assert results == {
        graded.learners[0]: [done, None, None],
        graded.learners[1]: [done, result("in_progress", 59.5, 3), None],
        graded.learners[2]: [done, result("completed", 80, 1, passed=True), result("in_progress")],
        graded.learners[3]: [done, None, None],
        graded.learners[4]: [done, None, None],
    }


def test_a_grid_has_the_learners_of_the_roster_page_by_page(graded: Graded) -> None:
    for filters in ({}, {"failed_at_least": 1}, {"learner": graded.learners[0]}, {"total": "true"}):
        roster = graded.school.get(f"/statistics/{graded.course_id}/learners", sort="progress", order="asc", **filters)
        page = graded.get(**filters, limit=2)
        found = page["learners"]
        while page["next"]:
            page = graded.get(**filters, limit=2, cursor=page["next"])
            found += page["learners"]
        assert [one["user_id"] for one in found] == [one["user_id"] for one in roster["learners"]]
        assert page.get("total") == roster.get("total")
    second = graded.get(limit=2, cursor=graded.get(limit=2)["next"])
    assert graded.get(limit=2, before=second["previous"])["learners"] == graded.get(limit=2)["learners"]


def test_a_page_has_few_learners_where_there_are_many_lessons(graded: Graded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.service.results.MOST_RESULTS", 7)
    assert len(graded.get()["learners"]) == 2
    lines = list(csv.reader(io.StringIO(graded.school.teacher.get(f"{graded.path}?format=csv").text)))
    assert len(lines) == 6
    monkeypatch.setattr("headway.service.results.MOST_RESULTS", 2)
    assert len(graded.get()["learners"]) == 1


def test_a_file_has_scores_beside_the_lessons_that_can_have_one(graded: Graded) -> None:
    answer = graded.school.teacher.get(f"{graded.path}?sort=progress&order=asc", headers={"accept": "text/csv"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == f'attachment; filename="results-{graded.course_id}.csv"'
    heading, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert heading == ["user_id", "name", "Reading", "'=Test", "'=Test (score)", "Essay", "Essay (score)"]
    by_learner = {line[0]: line[1:] for line in lines}
    assert by_learner[graded.learners[0]] == ["", "completed", "", "", "", ""]
    assert by_learner[graded.learners[1]] == ["", "completed", "in_progress", "59.5", "", ""]
    assert by_learner[graded.learners[2]] == ["", "completed", "completed", "80", "in_progress", ""]


def test_a_grid_is_of_a_course_and_has_no_parquet(graded: Graded) -> None:
    teacher = graded.school.teacher
    assert teacher.get(f"/statistics/{uuid4()}/grid").status_code == 404
    assert teacher.get(f"{graded.path}?format=parquet").status_code == 422
    empty = graded.school.put_course(course(lesson(title="Alone")))
    assert teacher.get(f"/statistics/{empty}/grid?format=csv").text == "user_id,name,Alone\r\n"
    assert graded.school.get(f"/statistics/{empty}/grid")["learners"] == []
