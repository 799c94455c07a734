"""What SCORM content says, as a write of progress, and the CMI object that it gets when it is resumed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.progress import ProgressUpdate, Status
from headway.domain.scorm import (
    Commit,
    Completion,
    ContentSettings,
    ScormVersion,
    Success,
    clock_time,
    completion_status,
    duration,
    lesson_status,
    progress_update,
    resumed,
    score_percentage,
    share_percentage,
    success_status,
)

SETTINGS = ContentSettings("learner-1", "Zoë Ng")
NOTHING_SAID = Commit(
    scorm=ScormVersion.SCORM_2004,
    cmi={},
    sequence=None,
    session_seconds=None,
    total_seconds=None,
    completion=Completion.UNKNOWN,
    success=Success.UNKNOWN,
    score=None,
    progress=None,
    is_end=False,
    exit="",
    age_seconds=None,
    is_unchanged=False,
)


@pytest.mark.parametrize(
    ("said", "update"),
    [
        pytest.param({}, {"status": Status.IN_PROGRESS}, id="nothing"),
        pytest.param({"completion": Completion.NOT_ATTEMPTED}, {"status": Status.IN_PROGRESS}, id="not attempted"),
        pytest.param({"completion": Completion.COMPLETED}, {"status": Status.COMPLETED}, id="completed"),
        pytest.param(
            {"completion": Completion.COMPLETED, "success": Success.FAILED},
            {"status": Status.COMPLETED},
            id="completed, but failed: the conditions of the lesson decide",
        ),
        pytest.param(
            {"completion": Completion.INCOMPLETE, "success": Success.PASSED},
            {"status": Status.IN_PROGRESS, "quiz_passed": True},
            id="passed, but not completed",
        ),
        pytest.param(
            {"success": Success.FAILED, "score": 0}, {"status": Status.IN_PROGRESS, "quiz_score": 0}, id="a score of 0"
        ),
        pytest.param({"progress": 0}, {"status": Status.IN_PROGRESS, "progress_percentage": 0}, id="no progress"),
    ],
)
def test_a_commit_is_a_merge_write_of_what_content_says(said: dict[str, Any], update: ProgressUpdate) -> None:
    commit = NOTHING_SAID._replace(**said)
    assert progress_update(commit, time_spent_minutes=2.5, attempts=0) == {**update, "time_spent_minutes": 2.5}


def test_attempts_are_written_where_they_are_known() -> None:
    assert progress_update(NOTHING_SAID, time_spent_minutes=0, attempts=3)["quiz_attempts"] == 3


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("passed", (Completion.COMPLETED, Success.PASSED)),
        ("completed", (Completion.COMPLETED, Success.UNKNOWN)),
        ("failed", (Completion.INCOMPLETE, Success.FAILED)),
        ("incomplete", (Completion.INCOMPLETE, Success.UNKNOWN)),
        ("browsed", (Completion.INCOMPLETE, Success.UNKNOWN)),
        ("not attempted", (Completion.NOT_ATTEMPTED, Success.UNKNOWN)),
        ("", (Completion.UNKNOWN, Success.UNKNOWN)),
        ("Passed!", (Completion.UNKNOWN, Success.UNKNOWN)),
    ],
)
def test_the_one_status_of_scorm_12_says_both(status: str, meaning: tuple[Completion, Success]) -> None:
    assert lesson_status(status) == meaning


def test_other_statuses_of_scorm_2004_say_nothing() -> None:
    assert completion_status("not attempted") is Completion.NOT_ATTEMPTED
    assert completion_status("passed") is Completion.UNKNOWN
    assert success_status("failed") is Success.FAILED
    assert success_status("completed") is Success.UNKNOWN


@pytest.mark.parametrize(
    ("scaled", "raw", "highest", "percentage"),
    [
        pytest.param(0.83, 5, 10, 83, id="the scaled score comes first"),
        pytest.param(-0.5, None, None, 0, id="a negative one is none"),
        pytest.param(0.0, 80, 100, 0, id="a scaled score of 0 is a score"),
        pytest.param(None, 12, 50, 24, id="raw of the highest"),
        pytest.param(None, 83, None, 83, id="raw of 100"),
        pytest.param(None, 83, 0, 83, id="a highest score of 0 is none"),
        pytest.param(None, 83, -5, 83, id="nor is a negative one"),
        pytest.param(None, 7, 5, 100, id="more than the highest"),
        pytest.param(None, -7, 5, 0, id="a negative raw score"),
        pytest.param(None, 1, 3, 33.333333, id="six decimals"),
        pytest.param(None, 1e308, 1e-308, 100, id="too large to divide"),
        pytest.param(None, None, 100, None, id="no score"),
    ],
)
def test_a_score_is_a_percentage(
    scaled: float | None, raw: float | None, highest: float | None, percentage: float | None
) -> None:
    assert score_percentage(scaled, raw, highest) == percentage


def test_a_measure_of_progress_is_a_share_of_1() -> None:
    assert [share_percentage(share) for share in (None, 0, 0.07, 1, 1.5, -1)] == [None, 0, 7, 100, 100, 0]


@pytest.mark.parametrize(
    ("seconds", "in_12", "in_2004"),
    [
        (0, "0000:00:00.00", "PT0S"),
        (43_384.5, "0012:03:04.50", "PT12H3M4.5S"),
        (59.999, "0000:01:00.00", "PT1M"),
        (4.29, "0000:00:04.29", "PT4.29S"),
        (10_000_000, "2777:46:40.00", "PT2777H46M40S"),
    ],
)
def test_time_is_written_in_the_form_of_each_version(seconds: float, in_12: str, in_2004: str) -> None:
    assert (clock_time(seconds), duration(seconds)) == (in_12, in_2004)


def test_what_is_of_one_session_and_what_headway_says_is_not_taken_from_the_last_commit() -> None:
    last = {
        "core": {
            "student_id": "other",
            "student_name": "Other",
            "lesson_location": "p3",
            "lesson_status": "incomplete",
            "session_time": "00:01:00",
            "total_time": "00:09:00",
            "exit": "suspend",
            "entry": "ab-initio",
            "credit": "no-credit",
            "lesson_mode": "browse",
        },
        "student_data": {"mastery_score": "1"},
        "launch_data": "old",
        "suspend_data": "s",
        "vendor": {"x": "1"},
    }
    settings = SETTINGS._replace(mastery_score="80", launch_data="new")
    assert resumed(last, ScormVersion.SCORM_12, entry="resume", total_seconds=60, settings=settings) == {
        "core": {
            "student_id": "learner-1",
            "student_name": "Zoë Ng",
            "lesson_location": "p3",
            "lesson_status": "incomplete",
            "total_time": "0000:01:00.00",
            "entry": "resume",
            "credit": "credit",
            "lesson_mode": "normal",
        },
        "student_data": {"mastery_score": "80"},
        "launch_data": "new",
        "suspend_data": "s",
        "vendor": {"x": "1"},
    }


def test_a_first_launch_has_what_headway_says_and_nothing_else() -> None:
    settings = SETTINGS._replace(completion_threshold="0.8", max_time_allowed="PT1H")
    assert resumed({}, ScormVersion.SCORM_2004, entry="ab-initio", total_seconds=0, settings=settings) == {
        "learner_id": "learner-1",
        "learner_name": "Zoë Ng",
        "credit": "credit",
        "mode": "normal",
        "completion_threshold": "0.8",
        "max_time_allowed": "PT1H",
        "entry": "ab-initio",
        "total_time": "PT0S",
    }


NAMES = st.sampled_from(["id", "type", "result", "objectives", "a", "z", "0", "1", "2", "10"])
ELEMENTS = st.recursive(st.text(), lambda inner: st.dictionaries(NAMES, inner), max_leaves=20)


@given(st.dictionaries(st.sampled_from(["suspend_data", "objectives", "interactions", "vendor"]), ELEMENTS))
def test_the_rest_is_kept_with_ids_and_types_first_and_entries_by_number(cmi: dict[str, Any]) -> None:
    loaded = resumed(cmi, ScormVersion.SCORM_2004, entry="", total_seconds=0, settings=SETTINGS)
    assert {name: loaded[name] for name in cmi} == cmi
    for part in parts_of(loaded):
        names = list(part)
        assert names == sorted(names, key=lambda name: (name != "id", name != "type", names.index(name)))
        entries = [int(name) for name in names if name.isdecimal() and isinstance(part[name], dict)]
        assert entries == sorted(entries)


def parts_of(value: object) -> list[dict[str, Any]]:
    """Return an element's parts, in all depths."""
    if not isinstance(value, dict):
        return []
    return [value, *(part for child in value.values() for part in parts_of(child))]
