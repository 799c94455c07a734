"""The writes that are left in the queue lead to the same lesson progress as all that were made, by the domain's rule.

The rule itself runs in Node.js, the domain here.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import COURSE, EARLIER, LEARNER, VALUES, lesson, lessons, quiz
from domain.values import course as course_of
from headway.domain.catalogue import Lesson
from headway.domain.identifiers import ProgressId
from headway.domain.progress import LessonProgress, ProgressUpdate, Status
from headway.domain.writes import LessonWrite, Precondition

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRESS: Final = ProgressId("c3d8f1a2-6f7b-4e0b-b8a4-9e6d5c4b3a04")
QUARTER: Final = timedelta(minutes=15)
NOW: Final = EARLIER + timedelta(days=3)
LESSONS: Final = (lesson(), lesson(complete_at=None), lesson(complete_at=80), quiz(), quiz(complete_at=50))

Write = dict[str, Any]
Rules = Callable[..., Any]

_NODE: Final = """
import { createInterface } from "node:readline";
import * as rules from "./merging.mjs";
for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...given] = JSON.parse(line);
    const all = { ...rules, addedAll: (writes) => writes.reduce(rules.added, []) };
    console.log(JSON.stringify(all[name](...given) ?? null));
}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rules]:
    """Call a function of the client's module `merging` with JSON. `addedAll` adds writes one by one."""
    folder = tmp_path_factory.mktemp("merging")
    source = ROOT / "clients/javascript/src/merging.ts"
    esbuild = ROOT / "node_modules/.bin/esbuild"
    subprocess.run(
        [esbuild, source, "--format=esm", f"--outfile={folder}/merging.mjs", "--log-level=error"], check=True
    )
    (folder / "serve.mjs").write_text(_NODE)
    with subprocess.Popen(
        ["node", "serve.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as node:
        assert node.stdin
        assert node.stdout
        writing, reading = node.stdin, node.stdout

        def call(name: str, *given: Any) -> Any:
            writing.write(json.dumps([name, *given]) + "\n")
            writing.flush()
            return json.loads(reading.readline())

        yield call
        writing.close()


def waiting(made_at: int, progress: Mapping[str, Any], **others: Any) -> Write:
    """A write as the client keeps it; `made_at` in seconds after EARLIER."""
    made = round((EARLIER + timedelta(seconds=made_at)).timestamp() * 1000)
    names = {"learner": "ada", "course": "c", "lesson": "l"}
    return names | {"key": f"{made_at}", "madeAt": made, "progress": dict(progress)} | others


def moment(write: Write) -> datetime:
    return EARLIER + timedelta(milliseconds=write["madeAt"] - EARLIER.timestamp() * 1000)


def arrived(of: Lesson, writes: Sequence[Write], stored: LessonProgress | None) -> LessonProgress | None:
    """Return the lesson progress after the service got these writes of a device."""
    for one in writes:
        update: dict[str, Any] = one["progress"]
        fields = update | ({"status": Status(update["status"])} if "status" in update else {})
        write = LessonWrite(LEARNER, COURSE, of.id, fields, made_at=moment(one))  # type: ignore[arg-type]
        stored = write.apply(course_of(of), stored, NOW, lambda: PROGRESS).after
    return stored


# JavaScript has one type of number.
_METADATA: Final[st.SearchStrategy[dict[str, Any]]] = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from([None, True, 0, 1, "", "ü✎", [], {"a": None}])
)
_FIELDS = {**VALUES, "metadata": _METADATA}
_UPDATES = st.lists(st.one_of([st.tuples(st.just(name), one) for name, one in _FIELDS.items()]), max_size=5).map(dict)
_PAUSES = st.sampled_from([1, 15, 15, 300, 900, 3600])
_MADE = st.lists(st.tuples(_PAUSES, _UPDATES), min_size=1, max_size=8)


def in_time(made: Sequence[tuple[int, Mapping[str, Any]]]) -> list[Write]:
    seconds = 0
    found = []
    for pause, progress in made:
        seconds += pause
        found.append(waiting(seconds, json.loads(json.dumps(progress))))
    return found


@given(st.sampled_from(LESSONS) | lessons(), _MADE, st.sampled_from(["nothing", "removed", "taken back"]), st.data())
def test_the_writes_that_are_left_lead_to_the_same_lesson_progress(
    rules: Rules, of: Lesson, made: list[tuple[int, Mapping[str, Any]]], elsewhere: str, data: st.DataObject
) -> None:
    every = in_time(made)
    left = rules("addedAll", every)
    assert len(left) <= len(every)
    happened = data.draw(st.integers(0, 5000).map(lambda seconds: EARLIER + timedelta(seconds=seconds)))
    stored: LessonProgress | None = None
    if elsewhere == "removed":
        every, left = ([one for one in writes if moment(one) > happened] for writes in (every, left))
    if elsewhere == "taken back":
        stored = arrived(of, [waiting(-60, {"progress_percentage": 90, "quiz_score": 90, "user_notes": "old"})], None)
        assert stored
        back: ProgressUpdate = {"status": Status.NOT_STARTED, "quiz_score": 10, "user_notes": "new"}
        condition = Precondition(match=frozenset([stored.etag]))
        write = LessonWrite(LEARNER, COURSE, of.id, back, condition)
        stored = write.apply(course_of(of), stored, happened, lambda: PROGRESS).after
    whole, short = arrived(of, every, stored), arrived(of, left, stored)
    assert (whole is None) is (short is None)
    if whole is None or short is None:
        return
    dates: dict[str, Any] = {"version": 0, "created_at": NOW, "completed_at": None, "set_at": {}}
    assert short._replace(**dates) == whole._replace(**dates)
    assert timedelta(0) <= short.created_at - whole.created_at < QUARTER
    assert (short.completed_at is None) is (whole.completed_at is None)
    if short.completed_at and whole.completed_at:
        assert timedelta(0) <= short.completed_at - whole.completed_at < QUARTER
    assert {moment(one).timestamp() // 900 for one in left} == {moment(one).timestamp() // 900 for one in every}


def fields_of(writes: Sequence[Write]) -> list[Any]:
    return [one["progress"] for one in writes]


def test_a_heartbeat_takes_the_place_of_the_one_before(rules: Rules) -> None:
    beats: list[dict[str, Any]] = [
        {"progress_percentage": 10, "video_position_seconds": 30, "time_spent_minutes": 1},
        {"progress_percentage": 20, "video_position_seconds": 60, "time_spent_minutes": 1.5},
    ]
    assert fields_of(rules("addedAll", [waiting(0, beats[0]), waiting(15, beats[1])])) == [beats[1]]


def test_a_completion_keeps_its_time_while_the_learner_goes_on(rules: Rules) -> None:
    done = {"progress_percentage": 100, "video_position_seconds": 600}
    left = rules("addedAll", [waiting(0, done)] + [waiting(second, done) for second in range(15, 600, 15)])
    assert fields_of(left) == [{"progress_percentage": 100}, done]
    assert left[0]["madeAt"] == waiting(0, {})["madeAt"]


def test_a_completion_by_a_percentage_is_dated_to_the_quarter_of_an_hour(rules: Rules) -> None:
    left = rules("addedAll", [waiting(second, {"progress_percentage": 80 + second / 360}) for second in (0, 60, 7200)])
    done = arrived(lesson(complete_at=80), left, None)
    assert done
    assert done.completed_at == moment(waiting(60, {}))


def test_a_learner_who_went_back_to_the_beginning_has_begun(rules: Rules) -> None:
    left = rules("addedAll", [waiting(0, {"video_position_seconds": 9}), waiting(15, {"video_position_seconds": 0})])
    begun = arrived(lesson(), left, None)
    assert begun
    assert (begun.status, begun.video_position_seconds) == (Status.IN_PROGRESS, 0)


def test_scores_keep_their_times(rules: Rules) -> None:
    left = rules("addedAll", [waiting(0, {"quiz_score": 70}), waiting(15, {"quiz_score": 90})])
    assert fields_of(left) == [{"quiz_score": 70}, {"quiz_score": 90}]


def test_writes_of_other_lessons_and_runs_and_learners_stay(rules: Rules) -> None:
    others: list[dict[str, Any]] = [{"lesson": "m"}, {"course": "d"}, {"run": 2}, {"learner": "grace"}]
    writes = [waiting(second, {"progress_percentage": 10}, **other) for second, other in enumerate([*others, {}])]
    assert rules("addedAll", writes) == writes


def test_writes_that_were_made_after_now_move_back_with_all_others(rules: Rules) -> None:
    writes = [waiting(0, {"quiz_score": 1}), waiting(7200, {"quiz_score": 2})]
    now = waiting(3600, {})["madeAt"]
    assert [one["madeAt"] for one in rules("inTime", writes, now)] == [now - 7_200_000, now]
    assert rules("inTime", writes, waiting(7200, {})["madeAt"]) == writes


@pytest.mark.parametrize(
    ("stored", "progress", "known"),
    [
        (None, {"progress_percentage": 5}, {"status": "in_progress", "progress_percentage": 5, "quiz_score": None}),
        ({"progress_percentage": 50}, {"progress_percentage": 5}, {"progress_percentage": 50}),
        ({"status": "in_progress"}, {"status": "completed"}, {"status": "completed", "progress_percentage": 100}),
        ({"user_notes": "old", "is_bookmarked": True}, {"user_notes": ""}, {"user_notes": None, "is_bookmarked": True}),
        ({"quiz_score": None}, {"quiz_score": 0}, {"quiz_score": 0}),
        ({"metadata": {"a": 1, "b": 1}}, {"metadata": {"b": 2}}, {"metadata": {"a": 1, "b": 2}}),
    ],
)
def test_waiting_writes_show_on_what_is_stored(
    rules: Rules, stored: Any, progress: Mapping[str, Any], known: Mapping[str, Any]
) -> None:
    shown = rules("overlaid", stored, [waiting(0, progress)])
    assert {name: shown[name] for name in known} == known


def test_without_writes_what_is_stored_is_shown(rules: Rules) -> None:
    assert rules("overlaid", None, []) is None
    assert rules("overlaid", {"progress_percentage": 3}, [])["progress_percentage"] == 3


def test_a_write_says_what_json_has(rules: Rules) -> None:
    assert rules("meant", {"quiz_score": None, "metadata": {"a": None}, "quiz_attempts": 0}) == {
        "metadata": {"a": None},
        "quiz_attempts": 0,
    }
