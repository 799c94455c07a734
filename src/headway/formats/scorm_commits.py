"""The commits that a SCORM player sends: what scorm-again sends, in all forms of it.

`dataCommitFormat` is `json` or `flattened`, with or without `renderCommonCommitFields`. The CMI object has all that the
common fields say, so these are not read. Values are texts, as content has set them.

A value that content could have set by mistake, such as a score "n/a" or a time span of a million hours, is ignored and
kept in the CMI object: to lose a completion for it would be worse. What no player can send is refused.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from headway.domain.bounds import MOST_DAYS, TEN_MILLION, plain
from headway.domain.errors import InvalidValueError, Problem
from headway.domain.scorm import (
    LOCATION_CHARACTERS,
    SUSPEND_DATA_CHARACTERS,
    Commit,
    ScormVersion,
    completion_status,
    lesson_status,
    score_percentage,
    share_percentage,
    success_status,
)
from headway.formats.fields import SequenceNumber

MOST_ENTRIES: Final = 5_000
"""In all collections of a CMI object together: interactions, objectives, comments."""
MOST_ELEMENTS: Final = 100_000
DEEPEST: Final = 12
"""The most names on the way to an element. SCORM's own have 6."""
LONGEST_NAME: Final = 100
TERMINATE_FIELD: Final = "terminate"
"""The field that says that content has ended, for players set so: `terminateCommitPayloadField`."""
_SECONDS_OF_A_DAY: Final = 86_400

Location = tuple[str, ...]


class SentCommit(TypedDict, total=False):
    """A commit. Other fields are the CMI object, flattened, or are not read."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow", title="ScormCommit")  # type: ignore[misc]

    cmi: Annotated[dict[str, Any], Field(description="The CMI object.")]
    runtimeData: Annotated[
        dict[str, Any], Field(description="The same, in a field, where the player renders common fields.")
    ]
    commitSequence: Annotated[SequenceNumber | None, Field(description="The number of the commit in its session.")]
    commitAgeSeconds: Annotated[
        Annotated[float, Field(ge=0, le=MOST_DAYS * _SECONDS_OF_A_DAY, allow_inf_nan=False)] | None,
        Field(description="How long ago the state last changed. Headway's own player says it."),
    ]
    stateUnchanged: Annotated[
        bool | None,
        Field(description="Whether the state is as it was when content was opened. Headway's own player says it."),
    ]
    terminate: Annotated[bool | None, Field(description="Whether content has ended.")]


_SENT: Final[TypeAdapter[SentCommit]] = TypeAdapter(SentCommit)
_CMI: Final = "cmi"
_RUNTIME_DATA: Final = "runtimeData"


def parse_commit(body: bytes, known: ScormVersion | None = None) -> Commit:
    """Parse a commit. A beacon's body of the type `text/plain` is the same JSON.

    `known` is the version of the content, for a commit that does not show its own. Raises `InvalidValueError` or
    pydantic's `ValidationError` for what can not be read.
    """
    if body.lstrip().startswith(b"cmi."):
        raise _error((), "Send JSON: set dataCommitFormat to json or flattened.", "commit_format")
    sent = _SENT.validate_json(body)
    cmi = _cmi_of(sent)
    scorm = _version_of(cmi) or known
    if scorm is None:
        raise _error((_CMI,), "This has no element that tells SCORM 1.2 from SCORM 2004.", "commit_version")
    read = _read_12 if scorm is ScormVersion.SCORM_12 else _read_2004
    return read(cmi, sent)


def _error(location: Location, reason: str, kind: str) -> InvalidValueError:
    return InvalidValueError([Problem(location, reason, kind)])


def _version_of(cmi: Mapping[str, Any]) -> ScormVersion | None:
    """Return the version whose elements a CMI object has; `None` where it has only those of both."""
    if "core" in cmi:
        return ScormVersion.SCORM_12
    return None if _ONLY_IN_2004.isdisjoint(cmi) else ScormVersion.SCORM_2004


_ONLY_IN_2004: Final = frozenset(
    {"completion_status", "success_status", "learner_id", "location", "progress_measure", "score", "session_time"}
)


def _read_12(cmi: Mapping[str, Any], sent: SentCommit) -> Commit:
    core = _part(cmi, "core")
    at = (_CMI, "core")
    completion, success = lesson_status(_text(core, "lesson_status", at))
    score = _part(core, "score", at)
    total_time = _text(core, "total_time", at)
    return Commit(
        scorm=ScormVersion.SCORM_12,
        cmi=cmi,
        sequence=sent.get("commitSequence"),
        session_seconds=_clock_seconds(_text(core, "session_time", at)),
        total_seconds=_clock_seconds(total_time),
        completion=completion,
        success=success,
        score=score_percentage(None, *(_number(_text(score, name, (*at, "score"))) for name in ("raw", "max"))),
        progress=None,
        is_end=bool(total_time or sent.get(TERMINATE_FIELD)),
        exit=_text(core, "exit", at),
        age_seconds=sent.get("commitAgeSeconds"),
        is_unchanged=bool(sent.get("stateUnchanged")),
    )


def _read_2004(cmi: Mapping[str, Any], sent: SentCommit) -> Commit:
    score = _part(cmi, "score")
    total_time = _text(cmi, "total_time")
    return Commit(
        scorm=ScormVersion.SCORM_2004,
        cmi=cmi,
        sequence=sent.get("commitSequence"),
        session_seconds=_duration_seconds(_text(cmi, "session_time")),
        total_seconds=_duration_seconds(total_time),
        completion=completion_status(_text(cmi, "completion_status")),
        success=success_status(_text(cmi, "success_status")),
        score=score_percentage(*(_number(_text(score, name, (_CMI, "score"))) for name in ("scaled", "raw", "max"))),
        progress=share_percentage(_number(_text(cmi, "progress_measure"))),
        is_end=bool(total_time or sent.get(TERMINATE_FIELD)),
        exit=_text(cmi, "exit"),
        age_seconds=sent.get("commitAgeSeconds"),
        is_unchanged=bool(sent.get("stateUnchanged")),
    )


def _text(part: Mapping[str, Any], name: str, at: Location = (_CMI,)) -> str:
    """Return an element that is a text; nothing where it is absent."""
    value = part.get(name, "")
    if not isinstance(value, str):
        raise _error((*at, name), "This element is a text, and has no parts.", "string_type")
    return value


def _part(part: Mapping[str, Any], name: str, at: Location = (_CMI,)) -> Mapping[str, Any]:
    """Return an element that has parts; one without any where it is absent."""
    value = part.get(name, {})
    if not isinstance(value, Mapping):
        raise _error((*at, name), "This element has parts, and is no text.", "dict_type")
    return value


_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _number(text: str) -> float | None:
    """Return the number that a text is; `None` where it is none, or is beyond all bounds."""
    number = float(text) if _NUMBER.fullmatch(text.strip()) else math.inf
    return number if math.isfinite(number) else None


_CLOCK_TIME: Final = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d*)?)", re.ASCII)


def _clock_seconds(text: str) -> float | None:
    """Return the seconds of a time span of SCORM 1.2 (HHHH:MM:SS.SS); `None` where the text is none."""
    found = _CLOCK_TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = map(float, found.groups())
    return _believed(timedelta(hours=hours, minutes=minutes, seconds=seconds))


_DURATION: Final = TypeAdapter(timedelta)


def _duration_seconds(text: str) -> float | None:
    """Return the seconds of a duration of ISO 8601; `None` where the text is none.

    A year has 365 days, and a month 30, for pydantic and for scorm-again.
    """
    if not text.startswith("P"):  # pydantic reads other forms, too
        return None
    try:
        return _believed(_DURATION.validate_python(text))
    except ValidationError:
        return None


def _believed(span: timedelta) -> float | None:
    """Return the seconds of a time span; `None` where nobody can have spent it, as where content sends a date."""
    seconds = span.total_seconds()
    return plain(seconds) if seconds <= TEN_MILLION else None


def _cmi_of(sent: SentCommit) -> dict[str, Any]:
    """Return the CMI object of a commit, nested, with texts at its ends."""
    data: Mapping[str, Any] = sent.get(_RUNTIME_DATA, sent)
    cmi = _nested(data).get(_CMI)
    if not isinstance(cmi, dict):
        raise _error((_CMI,), "The commit has no CMI object.", "missing")
    return checked_cmi(cmi)


def checked_cmi(cmi: dict[str, Any]) -> dict[str, Any]:
    """Return a CMI object with texts at its ends. Raises `InvalidValueError` for what no player can have sent."""
    _check_numbers_of_elements(cmi)
    return dict(_cleaned(cmi, (_CMI,)))


def _nested(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the elements of the CMI object by their names; "cmi.core.score.raw" is in the parts of its name."""
    nested: dict[str, Any] = {}
    for name, value in data.items():
        if name == _CMI or name.startswith(f"{_CMI}."):
            _place(nested, name, value)
    return nested


def _place(nested: dict[str, Any], path: str, value: object) -> None:
    """Put an element into the parts of its name. A collection may be said to be there (`{}`) before its entries."""
    names = path.split(".", DEEPEST)
    if len(names) > DEEPEST:
        raise _error((path[:LONGEST_NAME],), f"An element has at most {DEEPEST} names.", "too_deep")
    *parts, last = names
    part: Any = nested
    for name in parts:
        part = part.setdefault(name, {})
        if not isinstance(part, dict):
            raise _error(tuple(names), "An element is a text or has parts, not both.", "clash")
    if last in part:
        raise _error(tuple(names), "The element is there twice.", "clash")
    part[last] = value


def _check_numbers_of_elements(cmi: dict[str, Any]) -> None:
    names = list(_names(cmi))
    if len(names) > MOST_ELEMENTS or sum(map(str.isdecimal, names)) > MOST_ENTRIES:
        reason = f"A CMI object has at most {MOST_ELEMENTS} elements and {MOST_ENTRIES} entries in collections."
        raise _error((_CMI,), reason, "too_long")


def _names(part: dict[str, Any], below: int = DEEPEST) -> Iterator[str]:
    """Yield the names of a part and of what is in it, but of no more than is looked at before it is refused as deep."""
    for name, value in part.items():
        yield name
        if below and isinstance(value, dict):
            yield from _names(value, below - 1)


def _cleaned(part: dict[str, Any], at: Location) -> Iterator[tuple[str, Any]]:
    """Yield the elements of a part with checked names and texts. A null is an element that is not there."""
    for name, value in part.items():
        location = (*at, name)
        if len(location) > DEEPEST:
            raise _error(location, f"An element has at most {DEEPEST} names.", "too_deep")
        if not _NAME.fullmatch(name) or name in _NAMES_OF_SCRIPTS:
            raise _error((*at, name[:LONGEST_NAME]), "This can not be the name of an element.", "element_name")
        if isinstance(value, dict):
            yield name, dict(_cleaned(value, location))
        elif value is not None:
            yield name, _checked_text(value, location)


_NAME: Final = re.compile(rf"[\w:-]{{1,{LONGEST_NAME}}}", re.ASCII)
_NAMES_OF_SCRIPTS: Final = frozenset({"__proto__", "constructor", "prototype"})
"""Names by which a script could be led to change all objects of its page instead of one element."""


def _checked_text(value: object, location: Location) -> str:
    text = value if isinstance(value, str) else _as_text(value, location)
    most = LOCATION_CHARACTERS if location[-1] in _LOCATIONS else SUSPEND_DATA_CHARACTERS
    if _length(text) > most:
        reason = f"This text has more than {most} characters, as JavaScript counts them."
        raise _error(location, reason, "string_too_long")
    return text


_LOCATIONS: Final = frozenset({"lesson_location", "location"})


def _length(text: str) -> int:
    """Return the length of a text in units of UTF-16, in which scorm-again counts what it may load again."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _as_text(value: object, location: Location) -> str:
    """Return a number or a boolean as JavaScript writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and abs(value) <= _LARGEST:
        return str(plain(value))
    raise _error(location, "This is no text, and no number that can be written.", "string_type")


_LARGEST: Final = 2**53
