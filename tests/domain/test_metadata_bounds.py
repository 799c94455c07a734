"""The bounds of metadata: it can be stored and answered unchanged."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from domain.values import METADATA, NOW, lesson, started
from headway.domain.errors import InvalidValueError
from headway.domain.metadata import check_metadata
from headway.domain.progress import merge

KIBIBYTE = 1024


def nested(levels: int) -> dict[str, Any]:
    """Return an object with objects and lists in it, `levels` levels deep."""
    value: Any = {}
    for level in range(levels - 1):
        value = [value] if level % 2 else {"in": value}
    return value if isinstance(value, dict) else {"in": value[0]}


def text_of(json_bytes: int) -> dict[str, Any]:
    """Metadata that takes so many bytes as JSON."""
    return {"a": "x" * (json_bytes - len('{"a":""}'))}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="nothing"),
        pytest.param(text_of(16 * KIBIBYTE), id="16 KiB"),
        pytest.param({"a": "é" * (8 * KIBIBYTE - 8)}, id="16 KiB of two-byte characters"),
        pytest.param(nested(32), id="32 levels"),
        pytest.param({"a": 2**63 - 1, "b": -(2**63)}, id="whole numbers of 64 bits"),
        pytest.param({"a": 1.7e308, "b": 5e-324, "c": -0.5}, id="finite numbers"),
        pytest.param({"a": [None, True, False, "", "\u0001", "\U0001f393"]}, id="null, truth values, text"),
    ],
)
def test_metadata_within_the_bounds_is_accepted(metadata: dict[str, Any]) -> None:
    check_metadata(metadata)
    assert merge(started(metadata={}), {"metadata": metadata}, lesson(), NOW).metadata == metadata


@given(METADATA)
def test_ordinary_metadata_is_within_the_bounds(metadata: dict[str, Any]) -> None:
    check_metadata(metadata)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        pytest.param(text_of(16 * KIBIBYTE + 1), "16384 bytes", id="a byte more than 16 KiB"),
        pytest.param({"a": "é" * 8 * KIBIBYTE}, "16384 bytes", id="bytes count, not characters"),
        pytest.param(nested(33), "32 levels", id="33 levels"),
        pytest.param({"a": nested(100_000)}, "32 levels", id="more levels than Python's stack has"),
        pytest.param({"a": "x\0"}, "U+0000", id="U+0000 in a text"),
        pytest.param({"\0": 1}, "U+0000", id="U+0000 in a key"),
        pytest.param({"a": [{"b\0": 1}]}, "U+0000", id="U+0000 far down"),
        pytest.param({"a": "\ud800"}, "surrogate", id="a lone surrogate"),
        pytest.param({"a": {"\udfff": 1}}, "surrogate", id="a lone surrogate in a key"),
        pytest.param({"a": 2**63}, "64 bits", id="a whole number that is too large"),
        pytest.param({"a": [-(2**63) - 1]}, "64 bits", id="a whole number that is too low"),
        pytest.param({"a": float("nan")}, "finite", id="NaN"),
        pytest.param({"a": [float("-inf")]}, "finite", id="infinity"),
    ],
)
def test_metadata_out_of_bounds_is_refused_with_the_reason(metadata: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason.replace("+", r"\+")) as refusal:
        check_metadata(metadata)
    [problem] = refusal.value.problems
    assert (problem.location, problem.kind) == (("metadata",), "metadata_out_of_bounds")


def test_merged_metadata_is_bounded_as_a_whole() -> None:
    progress = started(metadata=text_of(10 * KIBIBYTE))
    before = deepcopy(progress)
    with pytest.raises(InvalidValueError, match="16384 bytes") as refusal:
        merge(progress, {"metadata": {"b": "y" * 7 * KIBIBYTE}}, lesson(), NOW)
    assert refusal.value.problems[0].location == ("metadata",)
    assert progress == before


def test_a_large_key_makes_room_for_another() -> None:
    progress = started(metadata=text_of(16 * KIBIBYTE))
    after = merge(progress, {"metadata": {"a": "", "b": "y" * 15 * KIBIBYTE}}, lesson(), NOW)
    assert after.metadata == {"a": "", "b": "y" * 15 * KIBIBYTE}
