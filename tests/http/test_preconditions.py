"""Merge and conditional writes: etags, what each kind may change, and concurrent writes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import httpx
import pytest

from support.running import course, lesson

FULL = {
    "status": "completed",
    "progress_percentage": 100,
    "video_position_seconds": 600,
    "quiz_score": 90,
    "quiz_attempts": 3,
    "quiz_passed": True,
    "time_spent_minutes": 45,
    "user_notes": "Mine.",
    "is_bookmarked": True,
    "metadata": {"speed": 1.5, "chapter": 2},
}
DEFAULTS = {
    "status": "not_started",
    "progress_percentage": 0,
    "video_position_seconds": 0,
    "quiz_score": None,
    "quiz_attempts": 0,
    "quiz_passed": False,
    "time_spent_minutes": 0,
    "user_notes": None,
    "is_bookmarked": False,
    "metadata": {},
}
MONOTONIC = {
    "status": "in_progress",
    "progress_percentage": 40,
    "quiz_score": 55.5,
    "quiz_attempts": 1,
    "quiz_passed": False,
    "time_spent_minutes": 7,
}
MALFORMED = ["abc", '"abc', 'abc"', "W/abc", 'w/"abc"', '"a" "b"', '"a", b', '*, "a"', "**", ","]


def _etag(answer: httpx.Response) -> str:
    etag: str = answer.headers["etag"]
    return etag


def _together(requests: Sequence[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """Send all requests at once, each on a thread and a connection of its own."""
    start = Barrier(len(requests))

    def send(request: Callable[[], httpx.Response]) -> httpx.Response:
        start.wait(20)
        return request()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


def _racing_puts(
    learner: httpx.Client, path: str, bodies: Sequence[dict[str, Any]], headers: dict[str, str] | None = None
) -> list[httpx.Response]:
    return _together([partial(learner.put, path, json=body, headers=headers) for body in bodies])


@pytest.fixture
def full_progress(learner: httpx.Client, lesson_path: str) -> httpx.Response:
    """Return lesson progress in which every field is set."""
    answer = learner.put(lesson_path, json=FULL)
    assert {name: answer.json()[name] for name in FULL} == FULL
    return answer


class TestEntityTags:
    def test_the_etag_of_an_answer_allows_one_write(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        etags = [_etag(full_progress)]
        for percentage in (30, 20, 10):
            answer = learner.put(lesson_path, json={"progress_percentage": percentage}, headers={"If-Match": etags[-1]})
            assert (answer.status_code, answer.json()["progress_percentage"]) == (200, percentage)
            etags.append(_etag(answer))
        assert len(set(etags)) == len(etags)
        assert _etag(learner.get(lesson_path)) == etags[-1]

    def test_an_etag_is_strong_and_quoted(self, full_progress: httpx.Response) -> None:
        etag = _etag(full_progress)
        assert etag[0] == etag[-1] == '"'
        assert full_progress.json()["id"] in etag

    def test_a_stale_etag_is_refused_and_nothing_changes(
        self, learner: httpx.Client, course_path: str, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        learner.put(lesson_path, json={"user_notes": "Newer."})
        before = [learner.get(course_path).content, _etag(learner.get(lesson_path)), learner.get("/progress").content]
        answer = learner.put(lesson_path, json=DEFAULTS, headers={"If-Match": _etag(full_progress)})
        assert answer.status_code == 412
        assert isinstance(answer.json()["detail"], str)
        assert "etag" not in answer.headers
        after = [learner.get(course_path).content, _etag(learner.get(lesson_path)), learner.get("/progress").content]
        assert after == before

    def test_an_etag_does_not_match_lesson_progress_made_again(self, learner: httpx.Client, lesson_path: str) -> None:
        old = _etag(learner.put(lesson_path, json={}))
        learner.delete(lesson_path)
        made_again = learner.put(lesson_path, json={})
        answer = learner.put(lesson_path, json={"progress_percentage": 50}, headers={"If-Match": old})
        assert answer.status_code == 412
        assert learner.get(lesson_path).content == made_again.content

    def test_an_etag_does_not_match_after_the_course_was_started_over(
        self, learner: httpx.Client, course_path: str, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        learner.delete(course_path)
        answer = learner.put(lesson_path, json=FULL, headers={"If-Match": _etag(full_progress)})
        assert answer.status_code == 412
        assert learner.get(course_path).json() == []

    def test_if_match_makes_no_lesson_progress(self, learner: httpx.Client, course_path: str, lesson_path: str) -> None:
        answers = [learner.put(lesson_path, json={}, headers={"If-Match": etag}) for etag in ('"a"', "*")]
        assert [answer.status_code for answer in answers] == [412, 412]
        assert learner.get(course_path).json() == []

    def test_any_etag_of_a_list_allows_a_write(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        etags = f'"other" , W/"weak",,\t{_etag(full_progress)}'
        answer = learner.put(lesson_path, json={"progress_percentage": 5}, headers={"If-Match": etags})
        assert (answer.status_code, answer.json()["progress_percentage"]) == (200, 5)

    def test_a_list_of_etags_may_come_in_several_header_lines(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        lines = [("If-Match", _etag(full_progress)), ("If-Match", '"other"')]
        answer = learner.put(lesson_path, json={"progress_percentage": 5}, headers=lines)
        assert (answer.status_code, answer.json()["progress_percentage"]) == (200, 5)

    def test_a_weak_etag_allows_no_write(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(lesson_path, json=DEFAULTS, headers={"If-Match": f"W/{_etag(full_progress)}"})
        assert answer.status_code == 412
        assert learner.get(lesson_path).content == full_progress.content

    def test_if_match_any_needs_lesson_progress_and_merges(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(lesson_path, json={"quiz_score": 1, "metadata": {"more": 1}}, headers={"If-Match": "*"})
        assert (answer.status_code, answer.headers["headway-kept"]) == (200, "quiz_score")
        assert answer.json()["metadata"] == full_progress.json()["metadata"] | {"more": 1}

    def test_if_none_match_any_makes_lesson_progress_once(self, learner: httpx.Client, lesson_path: str) -> None:
        only_create = {"If-None-Match": "*"}
        made = learner.put(lesson_path, json={"progress_percentage": 1}, headers=only_create)
        again = learner.put(lesson_path, json={"progress_percentage": 2}, headers=only_create)
        assert (made.status_code, again.status_code) == (200, 412)
        assert learner.get(lesson_path).content == made.content

    @pytest.mark.parametrize("weak", ["", "W/"], ids=["strong", "weak"])
    def test_if_none_match_with_the_current_etag_is_refused(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response, weak: str
    ) -> None:
        refused = learner.put(
            lesson_path, json={"user_notes": "x"}, headers={"If-None-Match": weak + _etag(full_progress)}
        )
        written = learner.put(lesson_path, json={"user_notes": "y"}, headers={"If-None-Match": f'{weak}"other"'})
        assert (refused.status_code, written.status_code) == (412, 200)
        assert learner.get(lesson_path).json()["user_notes"] == "y"

    @pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
    @pytest.mark.parametrize("value", MALFORMED)
    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    def test_a_malformed_condition_is_refused_and_nothing_changes(
        self,
        learner: httpx.Client,
        lesson_path: str,
        full_progress: httpx.Response,
        header: str,
        value: str,
        method: str,
    ) -> None:
        body = b"{}" if method == "PUT" else b""
        answer = learner.request(method, lesson_path, content=body, headers={header: value})
        assert answer.status_code == 422
        [fault] = answer.json()["detail"]
        assert list(fault) == ["loc", "msg", "type", "input", "ctx"]
        assert (fault["loc"], fault["input"]) == (["header", header], value)
        assert learner.get(lesson_path).content == full_progress.content

    def test_a_long_malformed_condition_is_refused_at_once(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        value = '"a"' + ", " * 40 + "x"
        assert learner.put(lesson_path, json={}, headers={"If-Match": value}).status_code == 422
        assert learner.get(lesson_path).content == full_progress.content

    def test_delete_accepts_a_current_etag_and_refuses_a_stale_one(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        current = learner.put(lesson_path, json={"user_notes": "Newer."})
        assert learner.delete(lesson_path, headers={"If-Match": _etag(full_progress)}).status_code == 412
        assert learner.get(lesson_path).content == current.content
        assert learner.delete(lesson_path, headers={"If-Match": _etag(current)}).status_code == 204
        assert learner.get(lesson_path).status_code == 404

    def test_delete_with_if_match_of_removed_lesson_progress_is_refused(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        learner.delete(lesson_path)
        etags = (_etag(full_progress), "*")
        assert [learner.delete(lesson_path, headers={"If-Match": etag}).status_code for etag in etags] == [412, 412]


class TestConditionalWrites:
    @pytest.mark.parametrize("field", MONOTONIC)
    def test_conditional_write_replaces_the_sent_fields(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response, field: str
    ) -> None:
        answer = learner.put(lesson_path, json={field: MONOTONIC[field]}, headers={"If-Match": _etag(full_progress)})
        assert answer.json()[field] == MONOTONIC[field]
        assert "headway-kept" not in answer.headers

    def test_conditional_write_replaces_metadata_as_a_whole(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(lesson_path, json={"metadata": {"new": 1}}, headers={"If-Match": _etag(full_progress)})
        assert answer.json()["metadata"] == {"new": 1}

    @pytest.mark.parametrize("field", DEFAULTS)
    def test_conditional_write_of_null_sets_the_default(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response, field: str
    ) -> None:
        answer = learner.put(lesson_path, json={field: None}, headers={"If-Match": _etag(full_progress)})
        assert answer.json()[field] == DEFAULTS[field]

    def test_conditional_write_keeps_the_other_fields(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(lesson_path, json={"user_notes": ""}, headers={"If-Match": _etag(full_progress)}).json()
        assert answer == full_progress.json() | {"user_notes": None, "updated_at": answer["updated_at"]}

    def test_conditional_write_can_take_back_a_completion(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(
            lesson_path, json={"status": "in_progress"}, headers={"If-Match": _etag(full_progress)}
        ).json()
        assert (answer["status"], answer["completed_at"]) == ("in_progress", None)

    def test_conditional_write_that_lowers_the_reason_takes_back_a_completion(
        self, learner: httpx.Client, publish: Callable[..., str]
    ) -> None:
        document = course(lesson(kind="quiz", pass_mark=60), lesson(kind="quiz", pass_mark=60), lesson())
        course_path = publish(document)
        lowered: list[dict[str, Any]] = [{"quiz_score": 59}, {"quiz_passed": False}, {"progress_percentage": 99}]
        for one, body in zip(document["lessons"], lowered, strict=True):
            path = f"{course_path}/lessons/{one['id']}"
            completed = learner.put(path, json={"quiz_score": 60, "progress_percentage": 100})
            assert completed.json()["status"] == "completed"
            after = learner.put(path, json=body, headers={"If-Match": _etag(completed)}).json()
            assert (after["status"], after["completed_at"]) == ("in_progress", None)

    def test_conditional_write_starts_over_and_keeps_scores_time_and_notes(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(
            lesson_path, json={"status": "not_started"}, headers={"If-Match": _etag(full_progress)}
        ).json()
        started_over = {
            "status": "not_started",
            "progress_percentage": 0,
            "video_position_seconds": 0,
            "completed_at": None,
            "updated_at": answer["updated_at"],
        }
        assert answer == full_progress.json() | started_over

    def test_conditional_write_can_lower_a_figure_of_the_summary(
        self, learner: httpx.Client, course_path: str, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        assert learner.get(f"{course_path}/summary").json()["total_time_spent_minutes"] == 45
        learner.put(lesson_path, json={"time_spent_minutes": 2.5}, headers={"If-Match": _etag(full_progress)})
        assert learner.get(f"{course_path}/summary").json()["total_time_spent_minutes"] == 2.5


class TestMergeWrites:
    @pytest.mark.parametrize("field", MONOTONIC)
    def test_merge_keeps_higher_values_and_names_them(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response, field: str
    ) -> None:
        answer = learner.put(lesson_path, json={field: MONOTONIC[field]})
        assert (answer.status_code, answer.content) == (200, full_progress.content)
        assert answer.headers["headway-kept"] == field

    def test_merge_names_all_fields_that_it_kept(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(lesson_path, json=dict(reversed(MONOTONIC.items())) | {"user_notes": "Theirs."})
        assert answer.headers["headway-kept"] == ", ".join(MONOTONIC)
        assert answer.json() == full_progress.json() | {
            "user_notes": "Theirs.",
            "updated_at": answer.json()["updated_at"],
        }

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({}, id="nothing"),
            pytest.param(FULL, id="the same"),
            pytest.param(dict.fromkeys(FULL), id="nulls"),
            pytest.param({"quiz_attempts": 4, "time_spent_minutes": 46}, id="more"),
            pytest.param(
                {"video_position_seconds": 1, "user_notes": "x", "is_bookmarked": False}, id="the last writer's"
            ),
            pytest.param({"metadata": {"speed": 1}}, id="metadata"),
        ],
    )
    @pytest.mark.usefixtures("full_progress")
    def test_merge_names_no_field_if_no_value_is_lower(
        self, learner: httpx.Client, lesson_path: str, body: dict[str, Any]
    ) -> None:
        answer = learner.put(lesson_path, json=body)
        assert "headway-kept" not in answer.headers
        named = {name: value for name, value in body.items() if value is not None and name != "metadata"}
        assert answer.json().items() >= named.items()

    def test_merge_takes_the_last_position_notes_and_bookmark(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        answer = learner.put(
            lesson_path, json={"video_position_seconds": 0, "user_notes": "", "is_bookmarked": False}
        ).json()
        changed = {"video_position_seconds": 0, "user_notes": None, "is_bookmarked": False}
        assert answer == full_progress.json() | changed | {"updated_at": answer["updated_at"]}

    def test_merge_combines_metadata_key_by_key(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response
    ) -> None:
        sent = {"speed": None, "subtitles": {"language": "eo"}}
        answer = learner.put(lesson_path, json={"metadata": sent}).json()
        assert answer["metadata"] == full_progress.json()["metadata"] | sent

    @pytest.mark.parametrize(
        "body",
        [
            {"progress_percentage": 0.5},
            {"video_position_seconds": 1},
            {"quiz_attempts": 1},
            {"quiz_score": 0},
            {"quiz_passed": True},
            {"time_spent_minutes": 0.1},
        ],
        ids=lambda body: next(iter(body)),
    )
    def test_merge_of_any_progress_starts_the_lesson(
        self, learner: httpx.Client, lesson_path: str, body: dict[str, Any]
    ) -> None:
        assert learner.put(lesson_path, json=body).json()["status"] == "in_progress"

    def test_merge_of_completed_wins_over_a_lower_percentage(self, learner: httpx.Client, lesson_path: str) -> None:
        answer = learner.put(lesson_path, json={"status": "completed", "progress_percentage": 30}).json()
        assert (answer["status"], answer["progress_percentage"]) == ("completed", 100)
        assert answer["completed_at"] == answer["updated_at"]


@pytest.mark.slow
class TestRaces:
    @pytest.mark.parametrize("racers", [2, 20])
    def test_one_of_many_conditional_writes_with_the_same_etag_succeeds(
        self, learner: httpx.Client, lesson_path: str, full_progress: httpx.Response, racers: int
    ) -> None:
        bodies = [{"user_notes": f"Racer {number}."} for number in range(racers)]
        answers = _racing_puts(learner, lesson_path, bodies, {"If-Match": _etag(full_progress)})
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * (racers - 1)
        [winner] = [answer for answer in answers if answer.status_code == 200]
        assert learner.get(lesson_path).content == winner.content

    def test_one_of_many_writes_with_if_none_match_any_succeeds(self, learner: httpx.Client, lesson_path: str) -> None:
        bodies = [{"progress_percentage": number} for number in range(1, 21)]
        answers = _racing_puts(learner, lesson_path, bodies, {"If-None-Match": "*"})
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19

    def test_concurrent_merge_writes_to_one_lesson_lose_nothing(
        self, learner: httpx.Client, course_path: str, lesson_path: str
    ) -> None:
        racers = range(1, 51)
        bodies = [
            {"time_spent_minutes": number, "quiz_score": 51 - number, "metadata": {f"racer {number}": number}}
            for number in racers
        ]
        answers = _racing_puts(learner, lesson_path, bodies)
        assert {answer.status_code for answer in answers} == {200}
        assert len({_etag(answer) for answer in answers}) == len(bodies)
        [progress] = learner.get(course_path).json()
        assert progress["metadata"] == {f"racer {number}": number for number in racers}
        assert (progress["time_spent_minutes"], progress["quiz_score"]) == (50, 50)

    def test_concurrent_writes_to_many_lessons_give_an_exact_summary(
        self, learner: httpx.Client, publish: Callable[..., str]
    ) -> None:
        document = course(*(lesson() for _ in range(40)))
        course_path = publish(document)
        paths = [f"{course_path}/lessons/{one['id']}" for one in document["lessons"]]
        body = {"status": "completed", "time_spent_minutes": 0.1}
        answers = _together([partial(learner.put, path, json=body) for path in paths])
        assert {answer.status_code for answer in answers} == {200}
        summary = learner.get(f"{course_path}/summary").json()
        assert (summary["completed_lessons"], summary["total_time_spent_minutes"]) == (40, 4)
        assert len(learner.get(course_path).json()) == 40

    def test_every_concurrent_writer_reads_its_own_write(
        self, learner: httpx.Client, course_path: str, lesson_path: str
    ) -> None:
        def write_and_read(key: str) -> httpx.Response:
            learner.put(lesson_path, json={"metadata": {key: 1}}).raise_for_status()
            return learner.get(course_path)

        keys = [f"racer {number}" for number in range(20)]
        lists = _together([partial(write_and_read, key) for key in keys])
        assert all(key in answer.json()[0]["metadata"] for key, answer in zip(keys, lists, strict=True))

    def test_figures_stay_exact_while_the_course_changes_and_is_started_over(
        self,
        learner: httpx.Client,
        author: httpx.Client,
        course_path: str,
        catalogued_path: str,
        document: dict[str, Any],
    ) -> None:
        paths = [f"{course_path}/lessons/{one['id']}" for one in document["lessons"]]
        optional = course(*(one | {"required": False} for one in document["lessons"]))
        writes = [
            partial(learner.put, path, json={"status": "completed", "time_spent_minutes": minutes})
            for minutes, path in enumerate(paths * 5)
        ]
        edits = [partial(author.put, catalogued_path, json=edited) for edited in [optional, document] * 4]
        answers = _together([*writes[:8], *edits[:4], partial(learner.delete, course_path), *edits[4:], *writes[8:]])
        assert all(answer.is_success for answer in answers)
        author.put(catalogued_path, json=document).raise_for_status()
        summary, all_progress = learner.get(f"{course_path}/summary").json(), learner.get(course_path).json()
        assert summary["completed_lessons"] == len(all_progress)
        assert summary["total_time_spent_minutes"] == sum(progress["time_spent_minutes"] for progress in all_progress)
        assert (summary["last_accessed"] is None) == (all_progress == [])

    @pytest.mark.parametrize("refused", ["x" * 17_000, 2**64, "\0"], ids=["large", "64 bits", "U+0000"])
    def test_refused_concurrent_writes_do_not_change_the_result_of_others(
        self, learner: httpx.Client, lesson_path: str, refused: object
    ) -> None:
        bodies = [{"metadata": {f"racer {number}": refused if number % 2 else 1}} for number in range(20)]
        answers = _racing_puts(learner, lesson_path, bodies)
        assert [answer.status_code for answer in answers] == [200, 422] * 10
        assert learner.get(lesson_path).json()["metadata"] == {f"racer {number}": 1 for number in range(0, 20, 2)}
