"""POST /progress/sync: what a learner did on a device, in one request, as of the time at which it was done."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from support.running import course, headway_serve, lesson

SYNC: Final = "/progress/sync"
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


class Device:
    """A device of a learner, whose clock may be wrong by `error`, in a course."""

    def __init__(self, client: httpx.Client, course_path: str, error: timedelta = timedelta(0)) -> None:
        self.client = client
        self.course_id = course_path.rpartition("/")[2]
        self.error = error

    def write(self, lesson_path: str, ago: timedelta | None = None, *, run: int | None = None, **progress: Any) -> Any:
        """Return a write that was made so long ago; `None`: just now."""
        made_at = None if ago is None else (datetime.now(UTC) + self.error - ago).isoformat()
        ids = {"course_id": self.course_id, "lesson_id": lesson_path.rpartition("/")[2]}
        return {"key": str(uuid4()), **ids, "made_at": made_at, "run": run, "progress": progress}

    def send(self, *writes: Any) -> list[dict[str, Any]]:
        """Send writes, and return their results."""
        sent_at = (datetime.now(UTC) + self.error).isoformat()
        answer = self.client.post(SYNC, json={"sent_at": sent_at, "writes": writes})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        assert [one["key"] for one in results] == [one["key"] for one in writes]
        return results


@pytest.fixture
def device(learner: httpx.Client, course_path: str) -> Device:
    return Device(learner, course_path)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_about(text: str, moment_: datetime) -> bool:
    return abs(moment(text) - moment_) < timedelta(minutes=2)


def test_each_write_has_the_answer_of_a_put(device: Device, lesson_paths: list[str], learner: httpx.Client) -> None:
    stored, faulty, unknown, other = device.send(
        device.write(lesson_paths[0], HOUR, progress_percentage=40, time_spent_minutes=3),
        device.write(lesson_paths[0], HOUR, progress_percentage=101, quiz_attempts=-1),
        device.write(f"/lessons/{uuid4()}", HOUR, progress_percentage=40),
        device.write(lesson_paths[1], run=2, progress_percentage=40),
    )
    put = learner.get(lesson_paths[0])
    assert (stored["status"], stored["lesson_progress"], stored["etag"]) == (200, put.json(), put.headers["etag"])
    assert (stored["kept"], stored["error"]) == ([], None)
    assert (faulty["status"], faulty["lesson_progress"], faulty["etag"]) == (422, None, None)
    assert (
        faulty["error"] == learner.put(lesson_paths[0], json={"progress_percentage": 101, "quiz_attempts": -1}).json()
    )
    assert (unknown["status"], unknown["error"]["code"]) == (404, "lesson_not_found")
    assert (other["status"], other["error"]["code"]) == (409, "other_run")
    assert learner.get(lesson_paths[1]).status_code == 404


def test_completion_and_active_day_are_of_the_time_at_which_the_lesson_was_completed(
    device: Device, lesson_paths: list[str], learner: httpx.Client, course_path: str, teacher: httpx.Client
) -> None:
    results = device.send(*(device.write(path, 3 * DAY, status="completed") for path in lesson_paths))
    then = datetime.now(UTC) - 3 * DAY
    assert all(is_about(one["lesson_progress"]["completed_at"], then) for one in results)
    [completion] = learner.get("/completions").json()
    assert is_about(completion["completed_at"], then)
    assert is_about(learner.get(f"{course_path}/summary").json()["last_accessed"], then)
    activity = teacher.get(
        course_path.replace("/progress/", "/statistics/") + "/activity",
        params={"from": str(then.date() - DAY), "to": str(datetime.now(UTC).date())},
    ).json()
    active = {one["date"] for one in activity["days"] if one["active_learners"]}
    assert active == {moment(results[0]["lesson_progress"]["completed_at"]).date().isoformat()}


@pytest.mark.parametrize("error", [-365 * DAY, 365 * DAY, timedelta(seconds=20)])
def test_a_wrong_clock_is_told_by_the_time_of_sending(
    learner: httpx.Client, course_path: str, lesson_path: str, error: timedelta
) -> None:
    device = Device(learner, course_path, error)
    [result] = device.send(device.write(lesson_path, HOUR, status="completed"))
    assert is_about(result["lesson_progress"]["completed_at"], datetime.now(UTC) - HOUR)


def test_without_a_time_of_sending_the_header_date_tells_the_clock(device: Device, lesson_path: str) -> None:
    device.error = 40 * DAY
    body = {"writes": [device.write(lesson_path, HOUR, status="completed")]}
    date = format_datetime(datetime.now(UTC) + device.error, usegmt=True)
    [result] = device.client.post(SYNC, json=body, headers={"date": date}).json()["results"]
    assert is_about(result["lesson_progress"]["completed_at"], datetime.now(UTC) - HOUR)


@pytest.mark.parametrize(
    "date",
    [
        "yesterday",
        "",
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        f"Fri, 01 Jan {10**20} 00:00:00 GMT",
    ],
)
def test_a_date_that_can_not_be_read_is_none(device: Device, lesson_path: str, date: str) -> None:
    body = {"writes": [device.write(lesson_path, HOUR, status="completed")]}
    [result] = device.client.post(SYNC, json=body, headers={"date": date}).json()["results"]
    assert is_about(result["lesson_progress"]["completed_at"], datetime.now(UTC) - HOUR)


@pytest.mark.parametrize(("ago", "counted"), [(40 * DAY, 30 * DAY), (-2 * DAY, timedelta(0))])
def test_a_time_out_of_bounds_counts_as_the_nearest_within(
    device: Device, lesson_path: str, ago: timedelta, counted: timedelta
) -> None:
    [result] = device.send(device.write(lesson_path, ago, status="completed"))
    assert is_about(result["lesson_progress"]["completed_at"], datetime.now(UTC) - counted)


@pytest.mark.parametrize("made", [(None, None), (-2 * HOUR, -3 * HOUR), (41 * DAY, 40 * DAY)])
def test_the_last_of_two_values_is_kept_also_where_their_times_are_out_of_bounds(
    device: Device, lesson_path: str, made: tuple[timedelta | None, timedelta | None]
) -> None:
    first, last = made
    *_, result = device.send(
        device.write(lesson_path, first, user_notes="z"), device.write(lesson_path, last, user_notes="a")
    )
    assert result["lesson_progress"]["user_notes"] == "a"


def test_an_operator_sets_how_long_devices_may_be_offline(
    tmp_path: Path,
) -> None:
    document = course(lesson())
    with headway_serve(tmp_path, offline_days=2) as running:
        course_id = running.put_course(document)
        with running.client(str(uuid4())) as learner:
            device = Device(learner, course_id)
            [result] = device.send(device.write(document["lessons"][0]["id"], 9 * DAY, status="completed"))
    assert is_about(result["lesson_progress"]["completed_at"], datetime.now(UTC) - 2 * DAY)


def test_the_last_writer_is_the_one_who_wrote_last_not_the_one_who_arrived_last(
    device: Device, lesson_path: str, learner: httpx.Client
) -> None:
    late = device.write(lesson_path, 2 * HOUR, user_notes="on the train", video_position_seconds=30, quiz_attempts=3)
    [later] = device.send(device.write(lesson_path, HOUR, user_notes="at home", video_position_seconds=90))
    [result] = device.send(late)
    assert sorted(result["kept"]) == ["user_notes", "video_position_seconds"]
    shown = result["lesson_progress"]
    assert (shown["user_notes"], shown["video_position_seconds"], shown["quiz_attempts"]) == ("at home", 90, 3)
    assert device.send(late)[0] == result
    assert learner.get(lesson_path).headers["etag"] == result["etag"] != later["etag"]


def test_a_repeated_request_changes_nothing(device: Device, lesson_paths: list[str], learner: httpx.Client) -> None:
    writes = [
        device.write(path, minutes * timedelta(minutes=7), progress_percentage=10 * minutes, metadata={"a": minutes})
        for minutes, path in enumerate(lesson_paths * 2, 1)
    ]
    results = device.send(*writes)
    assert [one["etag"] for one in device.send(*reversed(writes), *writes)[-3:]] == [
        one["etag"] for one in results[-3:]
    ]
    assert [learner.get(path).headers["etag"] for path in lesson_paths] == [one["etag"] for one in results[-3:]]


@pytest.mark.parametrize("remove", ["lesson", "course"])
def test_what_was_removed_since_does_not_come_back(
    device: Device, lesson_path: str, course_path: str, learner: httpx.Client, remove: str
) -> None:
    device.send(device.write(lesson_path, 2 * HOUR, progress_percentage=30))
    late = device.write(lesson_path, HOUR, progress_percentage=60, user_notes="late")
    learner.delete(lesson_path if remove == "lesson" else course_path).raise_for_status()
    [result] = device.send(late)
    assert (result["status"], result["lesson_progress"], result["etag"]) == (200, None, None)
    assert sorted(result["kept"]) == ["progress_percentage", "user_notes"]
    assert learner.get(course_path).json() == []
    [new] = device.send(device.write(lesson_path, progress_percentage=5))
    assert device.send(late)[0]["lesson_progress"] == new["lesson_progress"]


def test_a_lesson_that_was_started_over_stays_so(device: Device, lesson_path: str, learner: httpx.Client) -> None:
    [before] = device.send(device.write(lesson_path, 2 * HOUR, status="completed"))
    reset = learner.put(lesson_path, json={"status": "not_started"}, headers={"if-match": before["etag"]})
    reset.raise_for_status()
    [result] = device.send(device.write(lesson_path, HOUR, progress_percentage=80, user_notes="late"))
    shown = result["lesson_progress"]
    assert (shown["status"], shown["progress_percentage"], shown["user_notes"]) == ("not_started", 0, "late")


def test_two_learners_do_not_see_each_others_writes(
    device: Device, lesson_path: str, learner: httpx.Client, other_learner: httpx.Client
) -> None:
    device.send(device.write(lesson_path, HOUR, progress_percentage=30))
    assert other_learner.get(lesson_path).status_code == 404
    other = Device(other_learner, device.course_id)
    assert other.send(other.write(lesson_path, progress_percentage=5))[0]["lesson_progress"]["progress_percentage"] == 5
    assert learner.get(lesson_path).json()["progress_percentage"] == 30


def _with(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda write: {"writes": [{**write, **fields}]}


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"writes": []},
        lambda write: {"writes": [write] * 501},
        lambda write: {"sent_at": "soon", "writes": [write]},
        lambda write: {"sent_at": 5, "writes": [write]},
        lambda write: [write],
        _with(key=""),
        _with(key="k" * 65),
        _with(course_id="5"),
        _with(made_at="2026-13-01T00:00:00Z"),
        _with(made_at="2026-11-01T00:00:00"),
        _with(run=0),
    ],
)
def test_a_request_of_another_shape_is_refused_and_writes_nothing(
    device: Device, lesson_path: str, learner: httpx.Client, change: Callable[[Any], Any]
) -> None:
    answer = learner.post(SYNC, json=change(device.write(lesson_path, progress_percentage=5)))
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert learner.get(lesson_path).status_code == 404


@pytest.mark.parametrize("progress", [None, [], 5, {"metadata": {"a": "\0"}}, {"user_notes": "x" * 10_001}])
def test_a_progress_that_is_none_is_refused_alone(
    device: Device, lesson_paths: list[str], learner: httpx.Client, progress: Any
) -> None:
    without = {name: value for name, value in device.write(lesson_paths[0]).items() if name != "progress"}
    refused, missing, stored = device.send(
        {**device.write(lesson_paths[0]), "progress": progress},
        without,
        device.write(lesson_paths[1], progress_percentage=5),
    )
    assert [one["status"] for one in (refused, missing, stored)] == [422, 422, 200]
    assert learner.get(lesson_paths[0]).status_code == 404


def test_a_body_over_a_mebibyte_is_refused(device: Device, lesson_path: str) -> None:
    writes = [device.write(lesson_path, user_notes="x" * 9_000) for _ in range(120)]
    assert device.client.post(SYNC, json={"writes": writes}).status_code == 413
