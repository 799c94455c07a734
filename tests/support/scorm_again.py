"""Content that talks to the vendored scorm-again, in Node.js, and what scorm-again sends for it.

Content calls `GetValue`, `SetValue`, `Commit` and so on, by the names of SCORM 2004 for both versions.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from headway.domain.scorm import SUSPEND_DATA_CHARACTERS, ScormVersion

_SCRIPT: Final = Path(__file__).with_suffix(".mjs")
Call = tuple[str, ...]
INITIALIZE: Final[Call] = ("Initialize", "")
COMMIT: Final[Call] = ("Commit", "")
OLD, NEW = ScormVersion
END: Final = {OLD: ("Finish", ""), NEW: ("Terminate", "")}


class Sent(NamedTuple):
    """A commit that was sent: by a request or by a beacon, where to, and of what type."""

    way: str
    address: str
    type: str
    body: bytes


class Played(NamedTuple):
    """What content was answered; what was sent; why the CMI object was not loaded, or `None`."""

    answers: list[str]
    sent: list[Sent]
    refused: str | None


def play(scorm: ScormVersion, *calls: Call, load: Any = None, **settings: Any) -> Played:
    """Play one session of content that makes these calls. `load` is the CMI object that it begins with."""
    session = {"version": scorm, "settings": settings, "load": load, "calls": calls}
    done = subprocess.run(
        ["node", _SCRIPT], input=json.dumps(session).encode(), capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:].decode()
    printed = json.loads(done.stdout)
    sent = [Sent(one["way"], one["address"], one["type"], one["body"].encode()) for one in printed["sent"]]
    return Played(printed["answers"], sent, printed["refused"])


SUSPEND_DATA = 'a"\\\n\r\t\0\x7f\u2028\u2029é😀,[.]'.ljust(SUSPEND_DATA_CHARACTERS - 1, "x")


def _of_interaction(number: int, kind: str, response: str, **others: str) -> list[tuple[str, str]]:
    at = f"cmi.interactions.{number}"
    said = {"id": f"urn:q{number}", "type": kind, "objectives.0.id": "o1", "correct_responses.0.pattern": response}
    return [(f"{at}.{name}", value) for name, value in {**said, "weighting": "1", **others}.items()]


_RESPONSES_12 = {
    "true-false": "t",
    "choice": "a,b",
    "fill-in": "word",
    "matching": "a.1,b.2",
    "performance": "what was done",
    "sequencing": "b,a",
    "likert": "l",
    "numeric": "7.5",
}
_RESPONSES_2004 = {
    "true-false": "true",
    "choice": "a[,]b",
    "fill-in": "{lang=en}a word",
    "long-fill-in": "a long text",
    "likert": "li",
    "matching": "a[.]b[,]c[.]d",
    "performance": "s[.]a[,]t[.]7",
    "sequencing": "a[,]b",
    "numeric": "7.5",
    "other": "whatever",
}
_INTERACTIONS_12 = [
    pair
    for number, (kind, response) in enumerate(_RESPONSES_12.items())
    for pair in _of_interaction(
        number, kind, response, student_response=response, result="correct", time="12:00:00.5", latency="00:00:05"
    )
]
_INTERACTIONS_2004 = [
    pair
    for number, (kind, response) in enumerate(_RESPONSES_2004.items())
    for pair in _of_interaction(
        number,
        kind,
        response,
        learner_response=response,
        result="incorrect",
        timestamp="2026-03-01T12:00:00.5Z",
        latency="PT5.25S",
        description="Qüestion?",
    )
]
_OBJECTIVES_12 = [
    (f"cmi.objectives.{number}.{name}", value)
    for number in range(12)
    for name, value in {"id": f"o{number}", "score.raw": "50", "status": "passed"}.items()
]
_OBJECTIVES_2004 = [
    (f"cmi.objectives.{number}.{name}", value)
    for number in range(12)
    for name, value in {
        "id": f"o{number}",
        "score.scaled": "0.5",
        "success_status": "passed",
        "completion_status": "completed",
        "progress_measure": "1",
        "description": "Öne",
    }.items()
]
KEPT: Final = {
    OLD: [
        ("cmi.suspend_data", SUSPEND_DATA),
        ("cmi.core.lesson_location", "page 3, é"),
        ("cmi.core.score.raw", "12"),
        ("cmi.core.score.max", "50"),
        ("cmi.core.lesson_status", "failed"),
        ("cmi.comments", "A comment, é"),
        ("cmi.student_preference.audio", "50"),
        ("cmi.student_preference.language", "fr"),
        *_INTERACTIONS_12,
        *_OBJECTIVES_12,
    ],
    NEW: [
        ("cmi.suspend_data", SUSPEND_DATA),
        ("cmi.location", "page 3, é"),
        ("cmi.score.scaled", "0.24"),
        ("cmi.score.raw", "12"),
        ("cmi.score.max", "50"),
        ("cmi.completion_status", "completed"),
        ("cmi.success_status", "failed"),
        ("cmi.progress_measure", "0.07"),
        ("cmi.comments_from_learner.0.comment", "A comment, é"),
        ("cmi.comments_from_learner.0.location", "page 2"),
        ("cmi.comments_from_learner.0.timestamp", "2026-03-01T12:00:00"),
        ("cmi.learner_preference.audio_level", "0.5"),
        ("cmi.learner_preference.language", "fr"),
        *_INTERACTIONS_2004,
        *_OBJECTIVES_2004,
    ],
}
"""Content that says as much as it can: everything that it gets again when it is resumed."""
_OF_THE_SESSION = {
    OLD: [("cmi.core.session_time", "0000:05:30.25"), ("cmi.core.exit", "suspend")],
    NEW: [("cmi.session_time", "PT5M30.25S"), ("cmi.exit", "suspend")],
}
BEFORE: Final = {OLD: {"core": {"total_time": "00:10:00"}}, NEW: {"total_time": "PT10M"}}
"""A CMI object with ten minutes of sessions before."""


def sets(*pairs: tuple[str, str]) -> list[Call]:
    return [("SetValue", name, value) for name, value in pairs]


@cache
def session(
    scorm: ScormVersion, data_format: str = "json", *, common: bool = False, counts: bool = False
) -> list[Sent]:
    """What is sent by content that sets everything, commits and ends."""
    said = sets(*KEPT[scorm], *_OF_THE_SESSION[scorm])
    settings = {"dataCommitFormat": data_format, "renderCommonCommitFields": common, "includeCommitSequence": counts}
    played = play(scorm, INITIALIZE, *said, COMMIT, END[scorm], load=BEFORE[scorm], **settings)
    assert set(played.answers) == {"true"}
    assert [one.way for one in played.sent] == ["request", "beacon"]
    return played.sent
