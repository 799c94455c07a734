"""The style sheets fit both directions of writing and both colour schemes."""

import re
from importlib.resources import files
from typing import Final

import pytest

SHEETS: Final = sorted(
    file.name for file in (files("headway.dashboard") / "static").iterdir() if file.name.endswith(".css")
)
# Properties and values that name a side of the screen. A page that is written from right to left has the other side.
PHYSICAL: Final = re.compile(
    r"""(?<![\w-])(?:
        (?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*\s*:
        | border-(?:top|bottom)-(?:left|right)-radius\s*:
        | (?:left|right)\s*:
        | (?:text-align|float|clear|justify-[\w]+)\s*:\s*(?:left|right)
        | (?:margin|padding|inset|border-width)\s*:(?:\s+[\w.%-]+(?:\([^;]*?\))?){4}\s*;
    )""",
    re.VERBOSE,
)
COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
COLOURS: Final = re.compile(r"^\s*(?!--)[\w-]+:[^;]*#[0-9a-f]{3,8}\b", re.MULTILINE | re.IGNORECASE)


def sheet(name: str) -> str:
    return COMMENT.sub("", (files("headway.dashboard") / "static" / name).read_text())


@pytest.mark.parametrize("name", SHEETS)
def test_no_rule_names_a_side_of_the_screen(name: str) -> None:
    assert [found[0] for found in PHYSICAL.finditer(sheet(name))] == []


@pytest.mark.parametrize("name", SHEETS)
def test_colours_are_written_once_for_both_schemes(name: str) -> None:
    text = sheet(name)
    assert "prefers-color-scheme" not in text, "a reader's own choice of a scheme would not reach these rules"
    assert COLOURS.findall(text) == [], "a colour is a custom property with its meaning"


def test_the_rule_finds_what_it_is_for() -> None:
    for rule in ("margin-left: 1px;", "left: 0;", "text-align: right;", "padding: 0 var(--a) 2px calc(1px + 2px);"):
        assert PHYSICAL.search(f"a {{ {rule} }}"), rule
    for rule in ("margin-inline-start: 1px;", "text-align: start;", "padding: 0 1px 2px;", "--start: left;"):
        assert not PHYSICAL.search(f"a {{ {rule} }}"), rule
