"""Rosters: order compared with a sort in Python, filters, cursors, and files."""

import base64
import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from support.running import course, lesson
from support.school import School

UNKNOWN = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
FIELDS = [
    "user_id", "name", "total_lessons", "completed_lessons", "in_progress_lessons", "completion_percentage",
    "total_time_spent_minutes", "last_accessed", "started_at", "last_seen", "completed_at",
    "enrolled_at", "ended_at", "due_at", "late", "completed_late",
]  # fmt: skip
FILE_FIELDS = [*FIELDS, "email", "external_id", "at_lesson"]
BEGINNINGS = ["ab0", "ab0f", "abcd12345678f", "c0", ""]
PARQUET = "application/vnd.apache.parquet"
Line = dict[str, Any]


class Class:
    """A course with learners who are at many points of it, some at the same."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.document = course(lesson(), lesson(), lesson(), lesson(required=False), title="A class")
        self.lessons = [one["id"] for one in self.document["lessons"]]
        self.titles = [one["title"] for one in self.document["lessons"]]
        self.course_id = school.put_course(self.document)
        self.path = f"/statistics/{self.course_id}/learners"
        self.done: dict[str, list[str]] = {}
        self.began: set[str] = set()  # the first lesson, by time spent in it
        drawn = random.Random(4)
        for _ in range(6):
            for _ in range(4):
                learner = str(UUID((drawn.choice(BEGINNINGS) + uuid4().hex)[:32]))
                self._learn(learner, drawn.randint(0, 4), drawn.randint(0, 90))
            school.clock.pass_days(drawn.choice([0, 1, 3]))
        self.lines: list[Line] = school.get(self.path, limit=1000)["learners"]

    def _learn(self, learner: str, lessons: int, minutes: int) -> None:
        self.done[learner] = self.lessons[:lessons]
        if minutes:
            self.began.add(learner)
        self.school.write(learner, self.course_id, self.lessons[0], time_spent_minutes=minutes / 7)
        for lesson_id in self.done[learner]:
            self.school.write(learner, self.course_id, lesson_id, status="completed")
            self.school.clock.pass_days(1 / 86_400)

    def pages(self, **parameters: object) -> Iterator[list[Line]]:
        page = self.school.get(self.path, **parameters)
        yield page["learners"]
        while page["next"] is not None:
            page = self.school.get(self.path, **parameters, cursor=page["next"])
            yield page["learners"]

    def ids(self, **parameters: object) -> set[str]:
        return {line["user_id"] for page in self.pages(**parameters) for line in page}

    def file(self, **parameters: object) -> httpx.Response:
        answer = self.school.teacher.get(self.path, params={name: str(value) for name, value in parameters.items()})
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def a_class(lasting_school: School) -> Class:
    return Class(lasting_school)


@pytest.fixture(params=["progress", "last_seen", "completed"])
def sort(request: pytest.FixtureRequest) -> str:
    sort: str = request.param
    return sort


@pytest.fixture(params=["asc", "desc"])
def order(request: pytest.FixtureRequest) -> str:
    order: str = request.param
    return order


def in_order(lines: list[Line], sort: str, order: str) -> list[Line]:
    """What the roster is to be, by Python's sort: who is not complete comes last, by id, whichever way."""
    value: Callable[[Line], Any] = {
        "progress": lambda line: line["completed_lessons"],
        "last_seen": lambda line: line["last_seen"],
        "completed": lambda line: line["completed_at"],
    }[sort]
    there = [line for line in lines if value(line) is not None]
    rest = [line for line in lines if value(line) is None]
    there.sort(key=lambda line: (value(line), line["user_id"]), reverse=order == "desc")
    return there + sorted(rest, key=lambda line: line["user_id"])


def test_a_line_has_the_learners_course_progress(a_class: Class) -> None:
    assert {line["user_id"] for line in a_class.lines} == set(a_class.done)
    for line in a_class.lines:
        done = a_class.done[line["user_id"]]
        counted = min(len(done), 3)
        assert list(line) == FIELDS
        assert line["total_lessons"] == 3
        assert line["completed_lessons"] == counted
        assert line["in_progress_lessons"] == (0 if done or not line["total_time_spent_minutes"] else 1)
        assert line["completion_percentage"] == pytest.approx(100 * counted / 3, abs=0.01)
        assert (line["completed_at"] is not None) == (counted == 3)
        assert line["started_at"] <= line["last_accessed"]
        assert line["last_seen"] == line["last_accessed"][:10]
        assert line["completed_at"] is None or line["started_at"] < line["completed_at"] <= line["last_accessed"]
    # Or else the sorts below sort nothing.
    assert all(len({line[name] for line in a_class.lines}) > 2 for name in ("completed_lessons", "last_seen"))
    assert 2 < sum(line["completed_at"] is not None for line in a_class.lines) < 22


def test_a_line_has_the_figures_of_the_learners_summary(a_class: Class) -> None:
    line = a_class.lines[0]
    own = a_class.school.client(line["user_id"]).get(f"/progress/{a_class.course_id}/summary").json()
    assert {**own, **line} == {**line, "course_id": a_class.course_id}


@pytest.mark.parametrize("limit", [1, 7, 24])
def test_pages_are_the_roster_in_its_order(a_class: Class, sort: str, order: str, limit: int) -> None:
    pages = list(a_class.pages(sort=sort, order=order, limit=limit))
    assert [line for page in pages for line in page] == in_order(a_class.lines, sort, order)
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert 1 <= len(pages[-1]) <= limit


def test_pages_continue_after_their_last_line_despite_changes(lasting_school: School) -> None:
    document = course(lesson())
    course_id = lasting_school.put_course(document)
    learners = sorted(str(uuid4()) for _ in range(6))
    for learner in learners[1:5]:
        lasting_school.write(learner, course_id, document["lessons"][0]["id"])
    path = f"/statistics/{course_id}/learners"
    page = lasting_school.get(path, sort="progress", order="asc", limit=2)
    assert [line["user_id"] for line in page["learners"]] == learners[1:3]
    for learner in (learners[0], learners[5]):
        lasting_school.write(learner, course_id, document["lessons"][0]["id"])
    lasting_school.client(learners[2]).delete(f"/progress/{course_id}").raise_for_status()
    page = lasting_school.get(path, sort="progress", order="asc", limit=3, cursor=page["next"])
    assert ([line["user_id"] for line in page["learners"]], page["next"]) == (learners[3:], None)


def test_the_default_page_has_fifty_learners_last_seen_first(a_class: Class) -> None:
    page = a_class.school.get(a_class.path)
    assert page == {"learners": in_order(a_class.lines, "last_seen", "desc"), "previous": None, "next": None}


def test_completed_filters_learners_with_or_without_the_completion(a_class: Class, sort: str) -> None:
    complete = {learner for learner, done in a_class.done.items() if len(done) >= 3}
    assert a_class.ids(completed="true", sort=sort, limit=5) == complete
    assert a_class.ids(completed="false", sort=sort, limit=5) == set(a_class.done) - complete


@pytest.mark.parametrize("few", [5_000, 2])
@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_at_lesson_lists_the_learners_that_stopped_here_counts(
    a_class: Class, sort: str, order: str, position: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.storage.shared.rosters.FEW", few)
    started = {
        learner: max(1, len(done)) if learner in a_class.began else len(done) for learner, done in a_class.done.items()
    }
    expected = [
        line for line in a_class.lines if started[line["user_id"]] == position + 1 and line["completed_at"] is None
    ]
    lesson_id = a_class.lessons[position]
    pages = list(a_class.pages(at_lesson=lesson_id.upper(), sort=sort, order=order, limit=3))
    assert [line for page in pages for line in page] == in_order(expected, sort, order)
    figures = a_class.school.get(f"/statistics/{a_class.course_id}")["lessons"][position]
    assert (figures["lesson_id"], figures["stopped_here"]) == (lesson_id, len(expected))
    for parameters in ({"completed": "false"}, {"stalled_days": 4}, {"learner": "ab"}, {"completed": "true"}):
        both = a_class.ids(at_lesson=lesson_id, sort=sort, **parameters)
        assert both == {line["user_id"] for line in expected} & a_class.ids(**parameters)


def test_incomplete_lesson_lists_learners_who_started_and_did_not_complete_it(
    lasting_school: School, sort: str
) -> None:
    asked, other = lesson(), lesson()
    course_id = lasting_school.put_course(course(asked, other))
    started, completed, elsewhere, marked = (str(uuid4()) for _ in range(4))
    lasting_school.write(started, course_id, asked["id"], progress_percentage=10)
    lasting_school.write(completed, course_id, asked["id"], status="completed")
    lasting_school.write(elsewhere, course_id, other["id"], status="completed")
    lasting_school.write(marked, course_id, asked["id"], is_bookmarked=True)  # and never started
    path = f"/statistics/{course_id}/learners"
    found = lasting_school.get(path, incomplete_lesson=asked["id"], sort=sort)["learners"]
    assert [line["user_id"] for line in found] == [started]


def test_failed_at_least_lists_learners_with_so_many_failed_attempts(lasting_school: School, sort: str) -> None:
    asked, other = lesson(kind="quiz", pass_mark=60), lesson(kind="quiz", pass_mark=60)
    course_id = lasting_school.put_course(course(asked, other))
    once, thrice, passed, elsewhere = (str(uuid4()) for _ in range(4))
    lasting_school.write(once, course_id, asked["id"], quiz_attempts=1, quiz_score=50)
    lasting_school.write(thrice, course_id, asked["id"], quiz_attempts=3, quiz_score=59)
    lasting_school.write(passed, course_id, asked["id"], quiz_attempts=4, quiz_score=60)
    lasting_school.write(elsewhere, course_id, other["id"], quiz_attempts=5, quiz_score=1)
    path = f"/statistics/{course_id}/learners"
    for least, expected in ((1, {once, thrice}), (2, {thrice}), (3, {thrice}), (4, set())):
        asked_for = {"incomplete_lesson": asked["id"], "failed_at_least": least, "sort": sort}
        found = lasting_school.get(path, **asked_for)["learners"]
        assert {line["user_id"] for line in found} == expected
        lines = lasting_school.teacher.get(path, params={**asked_for, "format": "csv"}).text.splitlines()
        assert {line[:36] for line in lines[1:]} == expected


def test_failed_at_least_without_a_lesson_means_any_lesson(lasting_school: School, sort: str) -> None:
    first, second = lesson(kind="quiz", pass_mark=60), lesson(kind="quiz", pass_mark=60)
    course_id = lasting_school.put_course(course(first, second))
    once, thrice, passed, both = (str(uuid4()) for _ in range(4))
    lasting_school.write(once, course_id, first["id"], quiz_attempts=1, quiz_score=50)
    lasting_school.write(thrice, course_id, second["id"], quiz_attempts=3, quiz_score=59)
    lasting_school.write(passed, course_id, first["id"], quiz_attempts=4, quiz_score=60)
    for asked in (first, second):
        lasting_school.write(both, course_id, asked["id"], quiz_attempts=2, quiz_score=1)
    for least, expected in ((1, {once, thrice, both}), (2, {thrice, both}), (3, {thrice}), (4, set())):
        page = lasting_school.get(f"/statistics/{course_id}/learners", failed_at_least=least, sort=sort, total="true")
        assert {line["user_id"] for line in page["learners"]} == expected
        assert page["total"] == {"count": len(expected), "has_more": False}


@pytest.mark.parametrize("limit", [1, 5, 24])
def test_pages_can_be_read_backwards(a_class: Class, sort: str, order: str, limit: int) -> None:
    expected = in_order(a_class.lines, sort, order)
    *_, last = a_class.pages(sort=sort, order=order, limit=limit)
    found = last
    page = a_class.school.get(a_class.path, sort=sort, order=order, limit=limit)
    assert page["previous"] is None
    while page["next"] is not None:
        page = a_class.school.get(a_class.path, sort=sort, order=order, limit=limit, cursor=page["next"])
    while page["previous"] is not None:
        after = page["learners"]
        page = a_class.school.get(a_class.path, sort=sort, order=order, limit=limit, before=page["previous"])
        following = a_class.school.get(a_class.path, sort=sort, order=order, limit=limit, cursor=page["next"])
        assert following["learners"] == after[:limit]
        found = page["learners"] + found
    assert found == expected


def test_the_total_is_of_all_pages_and_only_where_it_is_asked_for(
    a_class: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "total" not in a_class.school.get(a_class.path)
    page = a_class.school.get(a_class.path, total="true", limit=2)
    assert page["total"] == {"count": 24, "has_more": False}
    second = a_class.school.get(a_class.path, total="true", limit=2, cursor=page["next"])
    assert second["total"] == page["total"]
    found = a_class.school.get(a_class.path, total="true", completed="true", stalled_days=1)
    assert found["total"] == {"count": 0, "has_more": False}
    stalled = a_class.school.get(a_class.path, total="true", stalled_days=2, limit=1)
    assert stalled["total"]["count"] == len(a_class.ids(stalled_days=2))
    monkeypatch.setattr("headway.service.statistics.MOST_COUNTED", 10)
    assert a_class.school.get(a_class.path, total="true", limit=2)["total"] == {"count": 10, "has_more": True}


def test_chosen_learners_are_listed_with_the_other_filters(a_class: Class, sort: str, order: str) -> None:
    chosen = [line["user_id"] for line in a_class.lines[3:9]]
    expected = in_order([line for line in a_class.lines if line["user_id"] in chosen], sort, order)
    asked = {"user_ids": ",".join([*chosen, UNKNOWN]), "sort": sort, "order": order}
    assert [line for page in a_class.pages(**asked, limit=4) for line in page] == expected
    assert a_class.ids(**asked, completed="true") == {one["user_id"] for one in expected if one["completed_at"]}
    assert a_class.ids(user_ids="") == set()


def test_a_file_has_the_columns_that_are_asked_for(a_class: Class) -> None:
    columns = ["name", "completed_lessons", "user_id"]
    answer = a_class.file(format="csv", columns=",".join([*columns, "name"]), sort="progress", order="asc")
    heading, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert heading == columns
    assert lines == [
        ["", str(line["completed_lessons"]), line["user_id"]] for line in in_order(a_class.lines, "progress", "asc")
    ]
    parquet = a_class.file(format="parquet", columns=",".join(columns)).content
    assert pyarrow.parquet.read_table(io.BytesIO(parquet)).column_names == columns


def test_stalled_days_lists_incomplete_learners_not_seen_for_so_long(a_class: Class, sort: str, order: str) -> None:
    today = a_class.school.clock.now.date()
    counts = set()
    for days in (1, 2, 4, 8, 400, 36_500):
        last = str(today - timedelta(days=days))
        expected = {one["user_id"] for one in a_class.lines if one["completed_at"] is None and one["last_seen"] <= last}
        assert a_class.ids(stalled_days=days, sort=sort, order=order, limit=5) == expected
        counts.add(len(expected))
    assert len(counts) > 2


@pytest.mark.parametrize("few", [5_000, 2])
@pytest.mark.parametrize("digits", ["ab", "AB0", "abcd1234-5678-f", "0f"])
def test_learner_lists_ids_that_begin_with_the_digits(
    a_class: Class, sort: str, order: str, digits: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.storage.shared.rosters.FEW", few)
    beginning = digits.replace("-", "").lower()
    expected = [one for one in a_class.lines if one["user_id"].replace("-", "").startswith(beginning)]
    pages = list(a_class.pages(learner=digits, sort=sort, order=order, limit=3))
    assert [line for page in pages for line in page] == in_order(expected, sort, order)
    for parameters in ({"completed": "false"}, {"completed": "true"}, {"at_lesson": a_class.lessons[1]}):
        both = a_class.ids(learner=digits, sort=sort, **parameters)
        assert both == {one["user_id"] for one in expected} & a_class.ids(**parameters)


def test_learner_finds_one_learner_by_the_whole_id(a_class: Class) -> None:
    for line in a_class.lines:
        assert a_class.ids(learner=line["user_id"]) == {line["user_id"]}


def test_learner_filters_files_too(a_class: Class) -> None:
    lines = list(csv.DictReader(io.StringIO(a_class.file(learner="ab", format="csv").text)))
    page = a_class.school.get(a_class.path, learner="ab")["learners"]
    assert [line["user_id"] for line in lines] == [line["user_id"] for line in page]
    assert len(lines) > 2


def test_several_filters_have_to_hold_together(a_class: Class) -> None:
    both = a_class.ids(at_lesson=a_class.lessons[1], stalled_days=2)
    assert both == a_class.ids(at_lesson=a_class.lessons[1]) & a_class.ids(stalled_days=2)
    assert both
    assert a_class.ids(stalled_days=1, completed="true") == set()


def test_a_roster_counts_the_lessons_of_the_course_now(lasting_school: School) -> None:
    kept, gone = lesson(), lesson()
    course_id, learner = lasting_school.put_course(course(kept, gone)), str(uuid4())
    lasting_school.write(learner, course_id, gone["id"], status="completed")
    lasting_school.put_course(course(kept, lesson(), lesson()), course_id)
    [line] = lasting_school.get(f"/statistics/{course_id}/learners")["learners"]
    assert (line["total_lessons"], line["completed_lessons"], line["completion_percentage"]) == (3, 0, 0)
    lasting_school.put_course(course(gone), course_id)
    [line] = lasting_school.get(f"/statistics/{course_id}/learners")["learners"]
    assert (line["total_lessons"], line["completed_lessons"], line["completion_percentage"]) == (1, 1, 100)


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        ("sort=age", "sort", "enum"),
        ("order=up", "order", "enum"),
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=1001", "limit", "less_than_equal"),
        ("limit=", "limit", "int_parsing"),
        ("limit=" + "9" * 5000, "limit", "int_parsing_size"),
        ("completed=yes", "completed", "bool_parsing"),
        ("stalled_days=0", "stalled_days", "greater_than_equal"),
        ("stalled_days=36501", "stalled_days", "less_than_equal"),
        ("at_lesson=1", "at_lesson", "uuid_parsing"),
        (f"at_lesson={UNKNOWN}", "at_lesson", "unknown_lesson"),
        (f"at_lesson={UNKNOWN}&format=csv", "at_lesson", "unknown_lesson"),
        ("incomplete_lesson=1", "incomplete_lesson", "uuid_parsing"),
        (f"incomplete_lesson={UNKNOWN}&failed_at_least=1", "incomplete_lesson", "unknown_lesson"),
        ("failed_at_least=0", "failed_at_least", "greater_than_equal"),
        (f"failed_at_least={2**31}", "failed_at_least", "less_than_equal"),
        ("learner=", "learner", "id_parsing"),
        ("learner=a", "learner", "id_parsing"),
        ("learner=ag", "learner", "id_parsing"),
        ("learner=" + "a" * 33, "learner", "id_parsing"),
        ("learner=a--b", "learner", "id_parsing"),
        ("user_ids=a", "user_ids", "uuid_parsing"),
        ("user_ids=" + ",".join([UNKNOWN] * 1001), "user_ids", "too_long"),
        ("total=yes", "total", "bool_parsing"),
        ("format=xml", "format", "enum"),
        ("format=csv&columns=user_id,age", "columns", "unknown_column"),
        ("columns=", "columns", "unknown_column"),
        ("before=", "before", "cursor_parsing"),
        ("before=x&cursor=x", "before", "two_cursors"),
        ("cursor=", "cursor", "cursor_parsing"),
        ("cursor=%C3%A9&format=csv", "cursor", "cursor_parsing"),
    ],
)
def test_a_parameter_out_of_bounds_is_named(a_class: Class, query: str, name: str, kind: str) -> None:
    refused = a_class.school.teacher.get(f"{a_class.path}?{query}")
    assert refused.status_code == 422
    [fault] = refused.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["query", name], kind)
    assert list(fault) == ["loc", "msg", "type", "input", "ctx"]


def test_every_fault_is_named_and_unknown_parameters_are_ignored(a_class: Class) -> None:
    refused = a_class.school.teacher.get(f"{a_class.path}?limit=x&sort=y&colour=red&completed=z&limit=w")
    faults = {fault["loc"][1]: fault["input"] for fault in refused.json()["detail"]}
    assert faults == {"limit": "w", "sort": "y", "completed": "z"}


def _cursor(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "none",
        "a",
        "é",
        "\0",
        _cursor(),
        _cursor("last_seen"),
        _cursor("last_seen", "desc", None, UNKNOWN),
        _cursor("last_seen", "desc", "2026-01-01", "none"),
        _cursor("last_seen", "desc", "2026-01-01T00:00:01Z", UNKNOWN),
        _cursor("last_seen", "desc", 1.5, UNKNOWN),
        _cursor("last_seen", "desc", "2026-01-01", UNKNOWN, 1),
        _cursor("last_seen", "asc", "2026-01-01", UNKNOWN),
        _cursor("progress", "desc", 1, UNKNOWN),
        _cursor({"sort": "last_seen"}),
        "[" * 20_000,
    ],
)
def test_an_invented_cursor_is_refused(a_class: Class, cursor: str) -> None:
    refused = a_class.school.teacher.get(a_class.path, params={"cursor": cursor})
    assert refused.status_code == 422
    assert [fault["loc"] for fault in refused.json()["detail"]] == [["query", "cursor"]]


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("progress", "1"),
        ("progress", -1),
        ("progress", None),
        ("progress", 2**70),
        ("name", 1),
        ("name", ""),
        ("name", "fg"),
        ("name", "abc"),
        ("name", "00" * 501),
        ("completed", "2026-01-01"),
        ("completed", "2026-01-01T00:00:00"),
        ("completed", "0001-01-01T00:00:00+14:00"),
        ("completed", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_cursor_has_the_values_of_its_sort(a_class: Class, sort: str, value: object) -> None:
    refused = a_class.school.teacher.get(
        a_class.path, params={"sort": sort, "cursor": _cursor(sort, "desc", value, UNKNOWN)}
    )
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", "cursor"])


def test_a_cursor_of_another_sort_is_refused(a_class: Class) -> None:
    cursors = {
        (sort, order): a_class.school.get(a_class.path, sort=sort, order=order, limit=1)["next"]
        for sort in ("progress", "last_seen", "completed")
        for order in ("asc", "desc")
    }
    for (sort, order), cursor in cursors.items():
        for other in cursors:
            parameters = {"sort": other[0], "order": other[1], "cursor": cursor}
            answer = a_class.school.teacher.get(a_class.path, params=parameters)
            assert answer.status_code == (200 if other == (sort, order) else 422)


def test_csv_has_the_learners_of_all_pages(a_class: Class, sort: str, order: str) -> None:
    answer = a_class.file(sort=sort, order=order, format="csv", limit=3)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == f'attachment; filename="learners-{a_class.course_id}.csv"'
    assert answer.headers["vary"] == "Accept"
    assert answer.text.endswith("\r\n")
    heading, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert heading == FILE_FIELDS
    expected = in_order(a_class.lines, sort, order)
    titles = a_class.titles
    assert [line[:-1] for line in lines] == [
        [_cell(value) for value in (*line.values(), None, None)] for line in expected
    ]
    for line in lines:
        done = len(a_class.done[line[0]])
        at = None if done >= 3 or not (done or line[0] in a_class.began) else titles[max(done - 1, 0)]
        assert line[-1] == _cell(at)


def _cell(value: object) -> str:
    """A value of JSON as CSV has it."""
    return "" if value is None else json.dumps(value).strip('"')


def test_files_use_filters_and_ignore_cursors(a_class: Class) -> None:
    cursor = a_class.school.get(a_class.path, limit=20)["next"]
    filtered = a_class.file(completed="true", format="csv", cursor=cursor)
    found = {line["user_id"] for line in csv.DictReader(io.StringIO(filtered.text))}
    assert found == a_class.ids(completed="true")


def _values(line: Line) -> Line:
    """A line of JSON with its times as such."""
    moments = ("last_accessed", "started_at", "completed_at", "enrolled_at", "ended_at", "due_at")
    parsed = {name: datetime.fromisoformat(line[name]) if line[name] else None for name in moments}
    return line | parsed | {"last_seen": date.fromisoformat(line["last_seen"]), "email": None, "external_id": None}


def test_parquet_has_the_learners_of_all_pages(a_class: Class, sort: str, order: str) -> None:
    answer = a_class.file(sort=sort, order=order, format="parquet")
    assert answer.headers["content-type"] == PARQUET
    assert answer.headers["content-disposition"].endswith(f'"learners-{a_class.course_id}.parquet"')
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    read = [
        {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in line.items()}
        for line in table.to_pylist()
    ]
    assert table.column_names == FILE_FIELDS
    assert [{**line, "at_lesson": None} for line in read] == [
        _values(line) | {"at_lesson": None} for line in in_order(a_class.lines, sort, order)
    ]
    assert {line["at_lesson"] for line in read} <= {None, *a_class.titles}


def test_a_course_without_learners_is_a_file_without_lines(lasting_school: School) -> None:
    path = f"/statistics/{lasting_school.put_course(course())}/learners"
    assert lasting_school.get(path) == {"learners": [], "previous": None, "next": None}
    assert lasting_school.teacher.get(f"{path}?format=csv").text == ",".join(FILE_FIELDS) + "\r\n"
    parquet = lasting_school.teacher.get(f"{path}?format=parquet").content
    assert pyarrow.parquet.read_table(io.BytesIO(parquet)).num_rows == 0


@pytest.mark.parametrize(
    ("accept", "given", "media"),
    [
        ("text/csv", None, "text/csv"),
        (PARQUET, None, PARQUET),
        ("TEXT/CSV; charset=utf-8", None, "text/csv"),
        ("application/json", None, "application/json"),
        ("*/*", None, "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", None, "application/json"),
        ("text/*", None, "text/csv"),
        ("application/*", None, "application/json"),
        ("text/csv;q=0.5, application/json;q=0.4", None, "text/csv"),
        ("text/csv;q=0.5, application/json", None, "application/json"),
        ("application/json;q=0, text/csv;q=0.1", None, "text/csv"),
        ("application/json; q=0.2, */*; q=0.3", None, "text/csv"),
        ("text/csv;q=x", None, "text/csv"),
        ("image/png", None, "application/json"),
        ("", None, "application/json"),
        (",;,", None, "application/json"),
        ("text/csv", "json", "application/json"),
        ("application/json", "csv", "text/csv"),
    ],
)
def test_a_roster_has_the_requested_format(a_class: Class, accept: str, given: str | None, media: str) -> None:
    parameters = {"format": given} if given else {}
    answer = a_class.school.teacher.get(a_class.path, params=parameters, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media
