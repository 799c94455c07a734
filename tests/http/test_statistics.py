"""Statistics over HTTP: who may read them, and that they equal a count by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.running import PATIENCE, PREFIX, Running, course, lesson
from support.school import School, token_for_courses

UNKNOWN = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
EVERY_PATH = (
    "/statistics",
    "/statistics/{course_id}",
    "/statistics/{course_id}/activity",
    "/statistics/{course_id}/learners",
    "/statistics/{course_id}/learners/{user_id}",
)
of_one_course = pytest.mark.parametrize("path", EVERY_PATH[1:])


def filled(path: str, course_id: str) -> str:
    return path.replace("{course_id}", course_id).replace("{user_id}", UNKNOWN)


@pytest.fixture
def course_id(course_path: str) -> str:
    return course_path.removeprefix("/progress/")


@pytest.mark.parametrize("path", EVERY_PATH)
def test_statistics_need_the_scope(
    visitor: httpx.Client, learner: httpx.Client, author: httpx.Client, path: str, course_id: str
) -> None:
    path = filled(path, course_id)
    assert visitor.get(PREFIX + path).status_code == 401
    for client in (learner, author):
        refused = client.get(path)
        assert refused.status_code == 403
        assert "'statistics:read'" in refused.json()["detail"]
        assert 'scope="statistics:read"' in refused.headers["www-authenticate"]


@of_one_course
def test_the_scope_is_checked_before_the_query(learner: httpx.Client, path: str, course_id: str) -> None:
    query = "?limit=0&from=x&explain=7"
    assert learner.get(filled(path, course_id) + query).status_code == 403


@of_one_course
def test_a_course_that_is_not_in_the_catalogue_has_no_statistics(teacher: httpx.Client, path: str) -> None:
    refused = teacher.get(filled(path, UNKNOWN))
    expected = {"detail": f"Course {UNKNOWN} is not in the catalogue.", "code": "course_not_found"}
    assert (refused.status_code, refused.json()) == (404, expected)


@of_one_course
def test_a_malformed_id_is_refused(teacher: httpx.Client, path: str) -> None:
    refused = teacher.get(filled(path, "none"))
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["path", "course_id"])


@of_one_course
@pytest.mark.parametrize("claimed", [[], [UNKNOWN], UNKNOWN, "", None, 7, {"a": 1}, "none", [[UNKNOWN]]])
def test_a_claim_limits_the_scope_to_its_courses(running: Running, path: str, course_id: str, claimed: object) -> None:
    refused = httpx.get(
        f"{running.base_url}{PREFIX}{filled(path, course_id)}",
        headers=token_for_courses(claimed, "statistics:read"),
        verify=False,
        timeout=PATIENCE,
    )
    assert refused.status_code == 403
    assert refused.json()["detail"] == f"The token's claim 'courses' does not name the course {course_id}."
    assert "'courses'" in refused.headers["www-authenticate"]


def test_the_list_has_only_the_courses_of_the_claim(
    running: Running, publish: Callable[..., str], document: dict[str, Any]
) -> None:
    one, other, _ = (publish(document).removeprefix("/progress/") for _ in range(3))
    for claimed in ([one, other, UNKNOWN], f"{one} {other.upper()}", [one, 7, "none", other.replace("-", "")]):
        headers = token_for_courses(claimed, "statistics:read")
        seen = httpx.get(
            f"{running.base_url}{PREFIX}/statistics", headers=headers, verify=False, timeout=PATIENCE
        ).json()
        assert sorted(line["course_id"] for line in seen) == sorted([one, other])
        path = f"{running.base_url}{PREFIX}/statistics/{one}"
        assert httpx.get(path, headers=headers, verify=False, timeout=PATIENCE).status_code == 200


def test_the_claim_courses_does_not_grant_the_scope(running: Running, course_id: str) -> None:
    headers = token_for_courses([course_id])
    path = f"{running.base_url}{PREFIX}/statistics/{course_id}"
    assert httpx.get(path, headers=headers, verify=False, timeout=PATIENCE).status_code == 403


def test_a_course_without_learners_has_figures_of_zero_and_null(teacher: httpx.Client, course_id: str) -> None:
    found = teacher.get(f"/statistics/{course_id}").json()
    lessons = found.pop("lessons")
    assert found == {
        "course_id": course_id, "title": "A course", "time_zone": "UTC", "learners": 0, "active_last_7_days": 0,
        "active_last_30_days": 0, "completed": 0, "completion_rate": None, "mean_completion_percentage": None,
        "total_time_spent_minutes": 0, "mean_time_spent_minutes": None, "enrolled": 0, "not_started": 0, "started": 0,
        "enrolled_completion_rate": None, "late": 0,
        "changes": {name: {"now": 0, "before": 0} for name in ("enrolled", "started", "completed", "late", "active")},
    }  # fmt: skip
    assert [one["started"] for one in lessons] == [0, 0, 0]
    assert {one["completion_rate"] for one in lessons} == {None}


def test_figures_equal_a_count_by_hand(
    teacher: httpx.Client, publish: Callable[..., str], client_of: Callable[[str], httpx.Client]
) -> None:
    quiz, video, extra = lesson(title="Quiz", kind="quiz", pass_mark=60), lesson(title="Video"), lesson(required=False)
    path = publish(course(quiz, video, extra, title="Counted"))
    one, two, three, four, five = (client_of(str(uuid4())) for _ in range(5))

    def write(client: httpx.Client, of: dict[str, Any], **fields: object) -> None:
        client.put(f"{path}/lessons/{of['id']}", json=fields).raise_for_status()

    write(one, quiz, quiz_score=80, quiz_attempts=1, time_spent_minutes=10)  # passes, and so completes
    write(one, video, progress_percentage=100, time_spent_minutes=20, is_bookmarked=True)  # completes the course
    write(one, extra, progress_percentage=50)
    write(two, quiz, quiz_score=59.5, quiz_attempts=4, time_spent_minutes=1.25)  # 59 in whole points, not passed
    write(two, video, progress_percentage=10, is_bookmarked=True)
    write(three, quiz, quiz_score=40.25, quiz_attempts=2)
    write(three, quiz, quiz_score=80, quiz_attempts=3)  # the best score counts, and no other
    write(four, quiz, user_notes="Not begun, and yet a learner")
    write(five, video, time_spent_minutes=3)
    write(five, video, is_bookmarked=True)
    five.delete(f"{path}/lessons/{video['id']}").raise_for_status()  # whose minutes go with its progress

    found = teacher.get(path.replace("/progress/", "/statistics/")).json()
    figures = dict(found, lessons=[])
    assert figures == {
        "course_id": path.removeprefix("/progress/"), "title": "Counted", "time_zone": "UTC", "learners": 5,
        "active_last_7_days": 5, "active_last_30_days": 5, "completed": 1, "completion_rate": 20,
        "mean_completion_percentage": 30,  # (100 + 0 + 50 + 0 + 0) / 5
        "total_time_spent_minutes": 31.25, "mean_time_spent_minutes": 6.25, "enrolled": 5, "not_started": 0,
        "started": 5, "enrolled_completion_rate": 20, "late": 0, "lessons": [],
        "changes": {
            "enrolled": {"now": 5, "before": 0}, "started": {"now": 5, "before": 0},
            "completed": {"now": 1, "before": 0}, "late": {"now": 0, "before": 0}, "active": {"now": 0.7, "before": 0},
        },
    }  # fmt: skip
    assert found["lessons"] == [
        {
            "lesson_id": quiz["id"], "title": "Quiz", "required": True, "pass_mark": 60,
            "started": 3, "completed": 2, "in_progress": 1,
            "completion_rate": 66.67, "stopped_here": 1, "drop_off": 33.33,
            "attempted": 3, "passed": 2, "pass_rate": 66.67,
            "mean_attempts": 2.67, "mean_score": 73.17, "median_score": 80,
            "score_distribution": [{"score": 59, "learners": 1}, {"score": 80, "learners": 2}],
            "mean_time_spent_minutes": 3.75, "bookmarks": 0,
        },
        {
            "lesson_id": video["id"], "title": "Video", "required": True, "pass_mark": None,
            "started": 2, "completed": 1, "in_progress": 1,
            "completion_rate": 50, "stopped_here": 1, "drop_off": 50, "attempted": 0, "passed": 0, "pass_rate": None,
            "mean_attempts": None, "mean_score": None, "median_score": None, "score_distribution": [],
            "mean_time_spent_minutes": 10, "bookmarks": 2,
        },
        {
            "lesson_id": extra["id"], "title": "A lesson", "required": False, "pass_mark": None,
            "started": 1, "completed": 0, "in_progress": 1,
            "completion_rate": 0, "stopped_here": 0, "drop_off": 0, "attempted": 0, "passed": 0, "pass_rate": None,
            "mean_attempts": None, "mean_score": None, "median_score": None, "score_distribution": [],
            "mean_time_spent_minutes": 0, "bookmarks": 0,
        },
    ]  # fmt: skip
    [line] = [one for one in teacher.get("/statistics").json() if one["course_id"] == found["course_id"]]
    assert line == {name: value for name, value in found.items() if name not in {"lessons", "late", "changes"}}


def test_a_write_is_in_the_figures_when_it_is_answered(
    teacher: httpx.Client, learner: httpx.Client, course_path: str, lesson_paths: list[str]
) -> None:
    path = course_path.replace("/progress/", "/statistics/")
    for done, lesson_path in enumerate(lesson_paths, 1):
        learner.put(lesson_path, json={"status": "completed"}).raise_for_status()
        found = teacher.get(path).json()
        assert found["mean_completion_percentage"] == pytest.approx(100 * done / 3, abs=0.01)
        assert found["completed"] == (done == 3)
    learner.delete(course_path).raise_for_status()
    assert teacher.get(path).json()["learners"] == 0


def test_the_list_is_by_title(teacher: httpx.Client, publish: Callable[..., str]) -> None:
    ids = [publish(course(title=title)).removeprefix("/progress/") for title in ("Zinnia", "Aster")]
    listed = [line["course_id"] for line in teacher.get("/statistics").json() if line["course_id"] in ids]
    assert listed == ids[::-1]


def test_active_learners_are_counted_by_days(lasting_school: School) -> None:
    document = course()
    course_id = lasting_school.put_course(document)
    lesson_id = document["lessons"][0]["id"]
    for learner in (learners := [str(uuid4()) for _ in range(4)]):
        lasting_school.write(learner, course_id, lesson_id)
        lasting_school.clock.pass_days(1)

    def active() -> tuple[int, int]:
        found = lasting_school.get(f"/statistics/{course_id}")
        return found["active_last_7_days"], found["active_last_30_days"]

    assert active() == (4, 4)
    lasting_school.clock.pass_days(4)  # the first was seen eight days ago, the second seven
    assert active() == (2, 4)
    lasting_school.write(learners[0], course_id, lesson_id)
    assert active() == (3, 4)
    lasting_school.clock.pass_days(29)
    assert active() == (0, 1)
    lasting_school.clock.pass_days(1)
    assert active() == (0, 0)


def test_a_day_counts_its_own_activity(lasting_school: School) -> None:
    document = course()
    course_id = lasting_school.put_course(document)
    first, second, third = (one["id"] for one in document["lessons"])
    ada, ben = str(uuid4()), str(uuid4())
    begun = lasting_school.clock.now.date()
    lasting_school.write(ada, course_id, first, progress_percentage=10, time_spent_minutes=2)
    lasting_school.write(ada, course_id, first, progress_percentage=20, time_spent_minutes=5.5)
    lasting_school.write(ben, course_id, first, status="completed")
    lasting_school.clock.pass_days(2)
    for lesson_id in (first, second, third):
        lasting_school.write(ada, course_id, lesson_id, status="completed", time_spent_minutes=6)
    today = lasting_school.clock.now.date()

    found = lasting_school.get(f"/statistics/{course_id}/activity")
    assert (found["course_id"], found["time_zone"]) == (course_id, "UTC")
    assert (found["to"], len(found["days"])) == (str(today), 30)
    assert [day["date"] for day in found["days"]] == sorted({day["date"] for day in found["days"]})
    assert found["days"][0]["date"] == found["from"]
    done = {day["date"]: list(day.values())[1:] for day in found["days"] if any(list(day.values())[1:])}
    assert done == {str(begun): [2, 2, 1, 5.5, 0], str(today): [1, 2, 3, 12.5, 1]}

    one_day = lasting_school.get(f"/statistics/{course_id}/activity", **{"from": begun, "to": begun})
    assert [day["active_learners"] for day in one_day["days"]] == [2]
    since = lasting_school.get(f"/statistics/{course_id}/activity", **{"from": begun})
    assert [day["active_learners"] for day in since["days"]] == [2, 0, 1]

    assert "periods" not in since
    weekday = begun.isoweekday() % 7 + 1  # the week begins on the day after
    query = {"from": begun, "by": "week", "first_weekday": weekday}
    both = lasting_school.get(f"/statistics/{course_id}/activity", **query)
    assert both["days"] == since["days"]
    assert [list(one.values()) for one in both["periods"]] == [
        [str(begun), str(begun), 2, 2, 1, 5.5, 0],
        [str(begun + timedelta(days=1)), str(today), 0.5, 2, 3, 12.5, 1],
    ]
    monthly = lasting_school.get(f"/statistics/{course_id}/activity", **{"from": begun, "by": "month"})
    assert sum(one["lessons_completed"] for one in monthly["periods"]) == 4


@pytest.mark.parametrize(
    ("query", "names", "kind"),
    [
        ("from=2026-02-01&to=2026-01-31", ["from"], "reversed_period"),
        ("from=2025-01-01&to=2026-02-05", ["from"], "period_too_long"),
        ("from=2020-01-01", ["from"], "period_too_long"),
        ("from=9999-12-31", ["from"], "reversed_period"),
        ("from=1.2.2026", ["from"], "date_parsing"),
        ("from=2026-02-30&to=", ["from", "to"], "date_parsing"),
        ("from=20260101", ["from"], "date_parsing"),
        ("to=0", ["to"], "date_parsing"),
        ("to=%F0", ["to"], "date_parsing"),
        ("by=year", ["by"], "enum"),
        ("first_weekday=0", ["first_weekday"], "greater_than_equal"),
    ],
)
def test_malformed_days_are_refused(
    teacher: httpx.Client, course_id: str, query: str, names: list[str], kind: str
) -> None:
    refused = teacher.get(f"/statistics/{course_id}/activity?{query}")
    assert refused.status_code == 422
    assert [fault["loc"] for fault in refused.json()["detail"]] == [["query", name] for name in names]
    assert {fault["type"] for fault in refused.json()["detail"]} == {kind}
    assert all(set(fault) == {"loc", "msg", "type", "input", "ctx"} for fault in refused.json()["detail"])


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("from=2025-01-01&to=2026-02-04", 400),
        ("to=0001-01-01", 1),
        ("from=9999-12-31&to=9999-12-31", 1),
        ("to=2026-01-01&unknown=7&to=2026-01-02&from=2026-01-01", 2),
        ("to=0001-01-01&by=week&first_weekday=7", 1),
    ],
)
def test_a_period_of_up_to_400_days_is_answered(teacher: httpx.Client, course_id: str, query: str, days: int) -> None:
    assert len(teacher.get(f"/statistics/{course_id}/activity?{query}").json()["days"]) == days
