"""Texts that people see: their characters, how they are shown, and the order of lists."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.text import (
    NOTE_PATTERN,
    TITLE_PATTERN,
    isolated,
    note_fault,
    sort_key,
    title_fault,
    visible,
    without_controls,
)

FSI, PDI = "\u2068", "\u2069"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "title",
    [
        "Lists and loops",
        " indented",
        "Ábaco",
        "数学",
        "שלום\u200f",
        "👩\u200d💻",
        "\u0645\u06cc\u200c\u062e",
        "a\u202eb",
        "Bits\u00adand\u200bbytes",
        "\ue000",
    ],
)
def test_a_title_with_a_visible_character_is_accepted(title: str) -> None:
    assert title_fault(title) is None


@pytest.mark.parametrize(
    "title",
    ["\x1b[2J", "a\x00", "a\nb", "a\tb", "a\x7f", "a\x9b31m", "a\u2028b", "a\u2029", "a\ufffe", "a\ufdd0"],
)
def test_a_title_with_a_control_character_is_refused(title: str) -> None:
    fault = title_fault(title)
    assert fault
    assert re.search(r"Character [12] of the text is a control character, U\+[0-9A-F]{4}\.", fault)


@pytest.mark.parametrize(
    "title",
    [
        *(" ", "\u00a0", "\u3000", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\uffa0", "\u115f\u1160"),
        *("\u202e", "\u2066\u2069", "\u200e", "\u061c", "\u2800", "\u034f", "\u180e", "\ufe0f", "\U000e0001"),
        *("\U000e0100", "\U0001d173", " \u200b\u2060 "),
    ],
)  # fmt: skip
def test_a_title_without_a_visible_character_is_refused(title: str) -> None:
    assert title_fault(title) == "The text needs a character that can be seen."


def test_notes_may_have_lines_and_tabs_and_be_blank() -> None:
    assert note_fault("one\r\ntwo\n\tthree\x0bfour\x0c\x85\u2028\u200b") is None
    assert note_fault("") is None


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f", "\x80", "\x9b"])
def test_notes_with_other_control_characters_are_refused(character: str) -> None:
    assert note_fault(f"ab{character}") == f"Character 3 of the text is a control character, U+{ord(character):04X}."


@given(ANY_TEXT)
def test_the_patterns_of_the_schema_agree_with_the_faults(text: str) -> None:
    assert (re.fullmatch(TITLE_PATTERN, text) is not None and not text.endswith("\n")) == (title_fault(text) is None)
    assert (re.fullmatch(NOTE_PATTERN, text) is not None) == (note_fault(text) is None)


@given(ANY_TEXT)
def test_a_shown_text_has_only_visible_characters(text: str) -> None:
    for shown in (visible(text), isolated(text)):
        assert not any(unicodedata.category(character) == "Cc" for character in shown)
        assert not text or title_fault(shown) is None
    assert "\x1b" not in without_controls(text)


def test_control_characters_are_shown_as_json_writes_them() -> None:
    assert visible("a\x1b[31mb\x9b") == r"a\u001b[31mb\u009b"
    assert visible("\u200b\U000e0001") == r"\u200b\udb40\udc01"


def test_a_text_in_the_usual_direction_stays_unchanged() -> None:
    assert isolated("Ábaco, 数学 and π (2)") == "Ábaco, 数学 and π (2)"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("שלום", f"{FSI}שלום{PDI}"),
        ("a\u202egnp", f"{FSI}a\u202egnp{PDI}"),
        ("a\u2066b", f"{FSI}a\u2066b{PDI}{PDI}"),
        ("a\u2069b\u2069c\u202e", f"{FSI}abc\u202e{PDI}"),
        ("\u2067a\u2069b", f"{FSI}\u2067a\u2069b{PDI}"),
    ],
)
def test_a_text_that_changes_the_direction_is_isolated(title: str, shown: str) -> None:
    assert isolated(title) == shown


@given(ANY_TEXT | st.text("ab\u202e\u2066\u2067\u2068\u2069"))
def test_isolates_are_closed_where_they_begin(text: str) -> None:
    depths = [0]
    for character in isolated(text):
        depths.append(depths[-1] + (character in "\u2066\u2067\u2068") - (character == PDI))
    assert depths[-1] == 0
    assert min(depths) == 0
    assert 0 not in depths[1:-1] or max(depths) == 0


def test_titles_are_listed_as_readers_expect() -> None:
    titles = [
        *("  spaced", "!", "“Quoted”", "2 lessons", "10 lessons", "a b", "ab", "Ábaco", "abanico", "Ångström", "apple"),
        *("Banana", "Lesson 2", "Lesson 2b", "Lesson 10", "Łódź", "Øre", "resume", "Resume", "résumé", "strasse"),
        *("Straße, 2", "zebra", "Zebra", "Αλφα", "История", "Йога", "Кофе", "\u05d0\u05d1", "あい", "数学"),
    ]  # fmt: skip
    assert sorted(titles, key=sort_key) == titles


@pytest.mark.parametrize(("one", "other"), [("Ábaco", "A\u0301baco"), ("Lesson 2", "Lesson\u00a0\u00a02")])
def test_titles_that_look_the_same_are_listed_together(one: str, other: str) -> None:
    assert sort_key(one).split(b"\0")[0] == sort_key(other).split(b"\0")[0]


@given(st.text(max_size=500))
def test_every_title_has_a_sort_key_of_bounded_size(title: str) -> None:
    assert len(sort_key(title)) <= 500
