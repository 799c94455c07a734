"""Commits as scorm-again sends them, in all forms, and what content gets of them when it is resumed.

The vendored scorm-again itself sends the commits, and loads the CMI object of the next session.
"""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headway.domain.errors import InvalidValueError
from headway.domain.progress import Status
from headway.domain.scorm import (
    SUSPEND_DATA_CHARACTERS,
    Commit,
    Completion,
    ContentSettings,
    ScormVersion,
    Success,
    clock_time,
    duration,
    progress_update,
    resumed,
)
from headway.formats.scorm_commits import DEEPEST, MOST_ELEMENTS, MOST_ENTRIES, TERMINATE_FIELD, parse_commit
from support.scorm_again import BEFORE, COMMIT, END, INITIALIZE, KEPT, NEW, OLD, SUSPEND_DATA, play, session, sets

FORMS = [(data_format, common) for data_format in ("json", "flattened") for common in (False, True)]
SETTINGS = ContentSettings("8d6f", 'Zoë "Z" Ng \U0001f393')


@pytest.mark.parametrize(("data_format", "common"), FORMS)
@pytest.mark.parametrize("scorm", ScormVersion)
def test_every_form_of_a_commit_says_the_same(scorm: ScormVersion, data_format: str, *, common: bool) -> None:
    commit, end = (parse_commit(one.body) for one in session(scorm, data_format, common=common))
    assert said_by(commit) == {
        "scorm": scorm,
        "sequence": None,
        "session_seconds": 330.25,
        "total_seconds": None,
        "completion": Completion.COMPLETED if scorm is NEW else Completion.INCOMPLETE,
        "success": Success.FAILED,
        "score": 24,
        "progress": 7 if scorm is NEW else None,
        "is_end": False,
        "exit": "suspend",
        "age_seconds": None,
        "is_unchanged": False,
    }
    assert said_by(end) == said_by(commit) | {"total_seconds": 930.25, "is_end": True}
    first, last = (parse_commit(one.body) for one in session(scorm))
    assert (commit.cmi, end.cmi) == (first.cmi, last.cmi)
    assert commit.cmi["suspend_data"] == SUSPEND_DATA


def said_by(commit: Commit) -> dict[str, Any]:
    """What a commit says beside its CMI object."""
    return {name: value for name, value in commit._asdict().items() if name != "cmi"}


@pytest.mark.parametrize("scorm", ScormVersion)
def test_the_cmi_object_is_what_scorm_again_sends(scorm: ScormVersion) -> None:
    [commit, end] = session(scorm)
    assert commit.type.startswith("application/json")
    assert end.type.startswith("text/plain")
    for sent in (commit, end):
        assert parse_commit(sent.body).cmi == json.loads(sent.body)["cmi"]


@pytest.mark.parametrize(("data_format", "common"), FORMS)
def test_commits_have_numbers_where_the_player_counts(data_format: str, *, common: bool) -> None:
    sent = session(NEW, data_format, common=common, counts=True)
    assert [parse_commit(one.body).sequence for one in sent] == [1, 2]


@pytest.mark.parametrize("scorm", ScormVersion)
def test_content_that_says_nothing_has_said_that_it_was_begun(scorm: ScormVersion) -> None:
    for commit in (parse_commit(one.body) for one in play(scorm, INITIALIZE, COMMIT, END[scorm]).sent):
        assert commit.completion is (Completion.NOT_ATTEMPTED if scorm is OLD else Completion.UNKNOWN)
        assert (commit.success, commit.score, commit.progress, commit.exit) == (Success.UNKNOWN, None, None, "")
        update = progress_update(commit, time_spent_minutes=0, attempts=0)
        assert update == {"status": Status.IN_PROGRESS, "time_spent_minutes": 0}


@pytest.mark.parametrize("scorm", ScormVersion)
def test_other_settings_of_the_player_change_nothing(scorm: ScormVersion) -> None:
    calls = [INITIALIZE, *sets(*KEPT[scorm][1:8]), COMMIT, END[scorm]]
    usual = [parse_commit(one.body) for one in play(scorm, *calls, load=BEFORE[scorm]).sent]
    others = {"sendFullCommit": False, "autoPopulateCommitMetadata": True, "courseId": "c", "scoId": "s"}
    settings = {**others, "renderCommonCommitFields": True, "terminateCommitPayloadField": TERMINATE_FIELD}
    assert [parse_commit(one.body) for one in play(scorm, *calls, load=BEFORE[scorm], **settings).sent] == usual


def test_a_field_can_say_that_content_has_ended() -> None:
    assert parse_commit(b'{"cmi": {"core": {}}, "terminate": true}').is_end
    assert not parse_commit(b'{"cmi": {"core": {}}, "terminate": false}').is_end


def test_headways_own_player_says_how_old_a_commit_is() -> None:
    assert parse_commit(b'{"cmi": {"core": {}}, "commitAgeSeconds": 3.5}').age_seconds == 3.5
    assert parse_commit(b'{"cmi": {"core": {}}, "stateUnchanged": true}').is_unchanged


def test_the_format_of_parameters_is_refused_with_the_setting_to_change() -> None:
    for common in (False, True):
        [sent] = play(OLD, INITIALIZE, COMMIT, dataCommitFormat="params", renderCommonCommitFields=common).sent
        with pytest.raises((InvalidValueError, ValidationError), match=r"dataCommitFormat|runtimeData"):
            parse_commit(sent.body)


@pytest.mark.parametrize("scorm", ScormVersion)
def test_content_is_resumed_with_everything_it_has_said(scorm: ScormVersion) -> None:
    last = parse_commit(session(scorm)[1].body)
    stored = json.loads(json.dumps(last.cmi, sort_keys=True))
    loaded = resumed(stored, scorm, entry="resume", total_seconds=930.25, settings=SETTINGS)
    core = "cmi.core." if scorm is OLD else "cmi."
    learner, time_before = f"{core}{'student' if scorm is OLD else 'learner'}_", f"{core}total_time"
    told = {
        f"{learner}id": SETTINGS.learner_id,
        f"{learner}name": SETTINGS.learner_name,
        f"{core}entry": "resume",
        f"{core}credit": "credit",
        f"{core}{'lesson_' if scorm is OLD else ''}mode": "normal",
        time_before: "00:15:30.25" if scorm is OLD else "PT15M30.25S",
    }
    readable = [pair for pair in KEPT[scorm] if scorm is NEW or not pair[0].startswith("cmi.interactions")]
    expected = dict(readable) | told
    played = play(scorm, INITIALIZE, *(("GetValue", name) for name in expected), COMMIT, END[scorm], load=loaded)
    assert played.refused is None
    assert dict(zip(expected, played.answers[1:-2], strict=True)) == expected
    committed, ended = (parse_commit(one.body) for one in played.sent)
    assert ended.total_seconds == 930.25  # and nothing for a session in which content counted no time
    again = resumed(committed.cmi, scorm, entry="resume", total_seconds=930.25, settings=SETTINGS)
    assert again == loaded


@pytest.mark.parametrize("scorm", ScormVersion)
def test_content_is_told_what_the_package_says(scorm: ScormVersion) -> None:
    of_12 = {"cmi.student_data.mastery_score": "80", "cmi.student_data.max_time_allowed": "01:00:00"}
    of_2004 = {"cmi.scaled_passing_score": "0.8", "cmi.completion_threshold": "0.9", "cmi.max_time_allowed": "PT1H"}
    action = "cmi.student_data.time_limit_action" if scorm is OLD else "cmi.time_limit_action"
    expected = {**(of_12 if scorm is OLD else of_2004), action: "exit,message", "cmi.launch_data": 'a="b"&c'}
    given_values = {name.rpartition(".")[2]: value for name, value in expected.items()}
    loaded = resumed({}, scorm, entry="ab-initio", total_seconds=0, settings=SETTINGS._replace(**given_values))
    played = play(scorm, INITIALIZE, *(("GetValue", name) for name in expected), load=loaded)
    assert played.refused is None
    assert dict(zip(expected, played.answers[1:], strict=True)) == expected


@pytest.mark.parametrize("scorm", ScormVersion)
def test_scorm_again_takes_no_more_suspend_data_than_headway(scorm: ScormVersion) -> None:
    emoji = "😀" * (SUSPEND_DATA_CHARACTERS // 2)
    most, more = sets(("cmi.suspend_data", emoji), ("cmi.suspend_data", f"{emoji}x"))
    played = play(scorm, INITIALIZE, most, more, COMMIT)
    assert played.answers == ["true", "true", "false", "true"]
    [sent] = played.sent
    assert parse_commit(sent.body).cmi["suspend_data"] == emoji
    with pytest.raises(InvalidValueError, match=r"^cmi\.suspend_data: .* 64000 characters"):
        parse_commit(json.dumps({"cmi": {"core": {}, "suspend_data": f"{emoji}x"}}).encode())


def in_2004(**elements: Any) -> bytes:
    return json.dumps({"cmi": {"completion_status": "unknown", **elements}}).encode()


@pytest.mark.parametrize(
    "text", ["", " ", "n/a", "0,83", "NaN", "Infinity", "1e400", "-1e400", "1_0", "٨٣", "0x10", "--1"]
)
def test_a_score_that_is_no_number_is_ignored_and_the_rest_is_kept(text: str) -> None:
    commit = parse_commit(in_2004(score={"raw": text}, progress_measure=text, completion_status="completed"))
    assert (commit.score, commit.progress, commit.completion) == (None, None, Completion.COMPLETED)
    assert commit.cmi["score"]["raw"] == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT5M30S", 330),
        ("P1DT2H", 93_600),
        ("PT0S", 0),
        ("PT1.5S", 1.5),
        ("PT90M", 5_400),
        ("P0Y0M0DT0H0M0.25S", 0.25),
        ("P1M", 30 * 86_400),
        ("P2W", 14 * 86_400),
        ("P1Y", None),  # more than anybody spends: content has sent something else
        ("P", None),
        ("", None),
        ("-PT5S", None),
        ("PT-5S", None),
        ("P-1D", None),
        ("330", None),
        ("00:05:30", None),
        ("P999999999999999Y", None),
    ],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert parse_commit(in_2004(session_time=text)).session_seconds == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:05:30", 330),
        ("0000:05:30.25", 330.25),
        ("9999:59:59.99", None),
        ("2777:46:40", 10_000_000),
        ("00:00:00", 0),
        ("5:30", None),
        ("-1:00:00", None),
        ("PT5M30S", None),
        ("999999999:00:00", None),
    ],
)
def test_time_spans_of_scorm_12_are_read(text: str, seconds: float | None) -> None:
    body = json.dumps({"cmi": {"core": {"session_time": text}}}).encode()
    assert parse_commit(body).session_seconds == seconds


def test_numbers_and_truth_values_are_kept_as_javascript_writes_them() -> None:
    commit = parse_commit(in_2004(score={"raw": 83.0, "max": 200}, vendor={"a": True, "b": 0.5, "c": None, "d": {}}))
    assert commit.score == 41.5
    assert commit.cmi["score"] == {"raw": "83", "max": "200"}
    assert commit.cmi["vendor"] == {"a": "true", "b": "0.5", "d": {}}


def entries(count: int) -> dict[str, Any]:
    return {str(number): {"id": "x"} for number in range(count)}


def deep(levels: int) -> dict[str, Any]:
    return {"a": deep(levels - 1)} if levels else {}


FLAT = {"cmi.completion_status": "unknown"}


@pytest.mark.parametrize(
    ("body", "location"),
    [
        pytest.param({}, ("cmi",), id="no CMI object"),
        pytest.param({"cmi": {}}, ("cmi",), id="no version"),
        pytest.param({"runtimeData": {"x": {}}}, ("cmi",), id="no CMI object in the common fields"),
        pytest.param({"cmi": {"core": "x"}}, ("cmi", "core"), id="a text where there are parts"),
        pytest.param({"cmi": {"core": {"exit": {}}}}, ("cmi", "core", "exit"), id="parts where there is a text"),
        pytest.param({"cmi": {"core": {}, "x": [1]}}, ("cmi", "x"), id="a list"),
        pytest.param({"cmi": {"core": {}, "x": 2**53 + 2}}, ("cmi", "x"), id="a number that JavaScript does not have"),
        pytest.param(
            {"cmi": {"core": {"lesson_location": "x" * 1001}}}, ("cmi", "core", "lesson_location"), id="location"
        ),
        pytest.param({"cmi": {"core": {}, "a.b": ""}}, ("cmi", "a.b"), id="a name of several"),
        pytest.param({"cmi": {"core": {}, "__proto__": {"x": ""}}}, ("cmi", "__proto__"), id="the name of a prototype"),
        pytest.param({**FLAT, "cmi.__proto__.x": ""}, ("cmi", "__proto__"), id="the same, flattened"),
        pytest.param({**FLAT, "cmi.a": "", "cmi.a.b": ""}, ("cmi", "a", "b"), id="a text that has parts"),
        pytest.param({**FLAT, "cmi.a.b": "", "cmi.a": ""}, ("cmi", "a"), id="parts that are a text"),
        pytest.param({**FLAT, "cmi.": ""}, ("cmi", ""), id="no name"),
        pytest.param({**FLAT, "cmi" + ".x" * 10_000: ""}, ("cmi" + ".x" * 48 + ".",), id="too many names in one"),
        pytest.param({"cmi": {"core": {}, "x": deep(DEEPEST)}}, ("cmi", "x", *"a" * (DEEPEST - 1)), id="too deep"),
        pytest.param({"cmi": {"core": {}, "x": entries(MOST_ENTRIES + 1)}}, ("cmi",), id="too many entries"),
        pytest.param(
            {"cmi": {"core": dict.fromkeys(map("x{}".format, range(MOST_ELEMENTS)), "")}}, ("cmi",), id="elements"
        ),
    ],
)
def test_what_no_player_sends_is_refused_with_its_location(body: object, location: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_commit(json.dumps(body).encode())
    [problem] = refused.value.problems
    assert problem.location == location


def test_what_lies_too_deep_is_refused_without_being_counted() -> None:
    part: dict[str, Any] = dict.fromkeys(map(str, range(MOST_ENTRIES + 1)), "")
    for _ in range(DEEPEST):
        part = {"a": part}
    with pytest.raises(InvalidValueError) as refused:
        parse_commit(json.dumps({"cmi": {"core": part}}).encode())
    assert [problem.kind for problem in refused.value.problems] == ["too_deep"]


def test_as_much_as_content_may_say_is_taken() -> None:
    commit = parse_commit(in_2004(objectives=entries(MOST_ENTRIES), vendor=deep(DEEPEST - 2), location="x" * 1000))
    assert len(commit.cmi["objectives"]) == MOST_ENTRIES


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep lists"),
        pytest.param(b'{"cmi":' * 100_000, id="deep objects"),
        pytest.param(b'{"cmi": []}', id="a list"),
        pytest.param(b'{"cmi": {"core": {}}, "commitSequence": 0}', id="sequence 0"),
        pytest.param(b'{"cmi": {"core": {}}, "commitSequence": true}', id="a sequence that is no number"),
        pytest.param(b'{"cmi": {"core": {}}, "commitAgeSeconds": -1}', id="an age in the future"),
        pytest.param(b'{"cmi": {"core": {}}, "commitAgeSeconds": 1e400}', id="an endless age"),
        pytest.param(b'{"cmi": {"core": {}, "suspend_data": "\\ud83d"}}', id="half a character"),
        pytest.param(b'{"cmi": {"core": {}, "x": NaN}}', id="NaN"),
        pytest.param(b'{"cmi": {"core": {}, "x": 1%s}}' % (b"0" * 5_000), id="a number of 5,000 digits"),
        pytest.param(b'{"cmi": {"core": {}}}\xff', id="no UTF-8"),
    ],
)
def test_what_is_no_commit_is_refused(body: bytes) -> None:
    with pytest.raises((InvalidValueError, ValidationError)):
        parse_commit(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["0", "core", "score", "raw"]), inner),
    max_leaves=20,
)
NAMES = st.sampled_from(["cmi", "runtimeData", "cmi.core.score.raw", "cmi.location", "cmi.location.x", "cmi.score"])
ELEMENTS = st.dictionaries(st.sampled_from(["core", "score", "location", "exit", "session_time", "x"]), JSON)


@given(JSON | st.dictionaries(NAMES, JSON) | st.fixed_dictionaries({"cmi": ELEMENTS}))
def test_any_json_is_a_commit_or_is_refused(body: object) -> None:
    with suppress(InvalidValueError, ValidationError):
        parse_commit(json.dumps(body).encode())


@given(st.binary())
def test_any_bytes_are_a_commit_or_are_refused(body: bytes) -> None:
    with pytest.raises((InvalidValueError, ValidationError)):
        parse_commit(body)


SCALARS = st.text(st.characters(codec="utf-8")) | st.booleans() | st.integers(-(2**53), 2**53)
PART_NAMES = st.sampled_from(["id", "type", "score", "raw", "0", "1", "10", "pattern", "x-y", "_count"])
PARTS = st.recursive(SCALARS, lambda inner: st.dictionaries(PART_NAMES, inner, max_size=4), max_leaves=15)


@given(st.dictionaries(PART_NAMES.filter(lambda name: name != "score"), PARTS))
def test_a_flattened_commit_says_the_same_as_a_nested_one(elements: dict[str, Any]) -> None:
    nested = {"cmi": {"completion_status": "unknown", **elements}}
    assert parse_commit(json.dumps(dict(flattened(nested, ""))).encode()) == parse_commit(json.dumps(nested).encode())


def flattened(part: dict[str, Any], before: str) -> list[tuple[str, Any]]:
    """As scorm-again does it."""
    return [
        pair
        for name, value in part.items()
        for pair in (
            flattened(value, f"{before}{name}.") if isinstance(value, dict) and value else [(f"{before}{name}", value)]
        )
    ]


@given(st.floats(0, 10_000_000))
def test_time_that_content_is_told_is_read_again(seconds: float) -> None:
    read = [
        parse_commit(json.dumps({"cmi": {"core": {"total_time": clock_time(seconds)}}}).encode()),
        parse_commit(in_2004(total_time=duration(seconds))),
    ]
    assert [commit.total_seconds for commit in read] == [pytest.approx(seconds, abs=0.0051)] * 2
