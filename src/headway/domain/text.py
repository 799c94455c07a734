"""Text that people see: what it may hold, how it is shown where nothing marks it off, and in which order it is listed.

What was stored under an older rule is shown all the same: `visible` and `isolated` take any text.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

# Character classes as regular expressions of every kind read them. Beyond U+FFFF their escapes differ, so that the
# characters themselves stand there. JSON has no lone surrogates, so there are none to refuse.
_CONTROLS: Final = r"\u0000-\u001F\u007F-\u009F\u2028\u2029\uFDD0-\uFDEF\uFFFE\uFFFF"
_NOTE_CONTROLS: Final = r"\u0000-\u0008\u000E-\u001F\u007F-\u0084\u0086-\u009F"
# White space, what Unicode calls "default ignorable" (DerivedCoreProperties.txt), annotation marks, the empty Braille.
_UNSEEN: Final = (
    r"\s\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164"
    r"\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

TITLE_PATTERN: Final = f"^[^{_CONTROLS}]*[^{_CONTROLS}{_UNSEEN}][^{_CONTROLS}]*$"
"""A text of one line, such as a title: no control characters, and something to see."""
NOTE_PATTERN: Final = f"^[^{_NOTE_CONTROLS}]*$"
"""A text of several lines: all that a learner can type, so no control characters but ends of lines and tabs."""

_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_NOTE_CONTROL: Final = re.compile(f"[{_NOTE_CONTROLS}]")
_SEEN: Final = re.compile(f"[^{_CONTROLS}{_UNSEEN}]")

_FIRST_STRONG_ISOLATE: Final = "\u2068"
_POP_ISOLATE: Final = "\u2069"
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")
_TURNING: Final = frozenset({"R", "AL", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def title_fault(text: str) -> str | None:
    """What is wrong with a title or another text of one line; `None`: nothing."""
    if control := _CONTROL.search(text):
        return _control_fault(control)
    return None if _SEEN.search(text) else "The text needs a character that can be seen."


def note_fault(text: str) -> str | None:
    """What is wrong with a text of several lines; `None`: nothing."""
    control = _NOTE_CONTROL.search(text)
    return _control_fault(control) if control else None


def _control_fault(found: re.Match[str]) -> str:
    return f"The text holds a control character, U+{ord(found[0]):04X}, as character {found.start() + 1}."


def without_controls(text: str) -> str:
    r"""The text with each control character as JSON writes it, `\u001b`: it does nothing there, and can be read."""
    return _CONTROL.sub(_escaped, text)


def visible(text: str) -> str:
    """A text of one line that can be seen, whatever it holds."""
    return without_controls(text) if _SEEN.search(text) else "".join(map(_escaped, re.finditer(".", text, re.DOTALL)))


def isolated(text: str) -> str:
    """A visible text that turns nothing around it, for places without markup (UAX 9: first strong isolate)."""
    shown = visible(text)
    if not any(unicodedata.bidirectional(character) in _TURNING for character in shown):
        return shown
    return f"{_FIRST_STRONG_ISOLATE}{_balanced(shown)}{_POP_ISOLATE}"


def _balanced(text: str) -> str:
    """The text with each isolate closed, and without ends of isolates that it did not begin."""
    kept, depth = [], 0
    for character in text:
        depth += (character in _ISOLATES) - (character == _POP_ISOLATE)
        if depth < 0:
            depth = 0
        else:
            kept.append(character)
    return "".join(kept) + _POP_ISOLATE * depth


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _utf16_units(found[0]))


def _utf16_units(character: str) -> Iterator[int]:
    content = character.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(content[start : start + 2]) for start in range(0, len(content), 2))


_LONGEST_KEY: Final = 500
_MOST_DIGITS: Final = 255
_VIRAMA: Final = 9  # the combining class of marks that take a vowel away: they change the letter
# Letters that Unicode does not take apart, and readers look for where their nearest letter stands.
_NEAREST: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŧ": "t"}
)
# Taken apart it were an accented и; readers know it as a letter of its own.
_SHORT_I: Final = "й"


def sort_key(title: str) -> bytes:
    """Where a title stands in a list, to be compared byte by byte: one order on every store and in every program.

    Spaces come first, then signs, numbers by their value, letters. Accents count where the letters are the same, and
    capitals where those are, too. Of a long title the beginning counts.
    """
    accented = unicodedata.normalize("NFC", title).casefold()
    letters = b"".join(_weights("".join(map(_without_accents, accented)).translate(_NEAREST)))
    parts = (letters, accented.encode("utf-8", "replace"), title.swapcase().encode("utf-8", "replace"))
    return b"\0".join(parts)[:_LONGEST_KEY]


def _without_accents(character: str) -> str:
    if character == _SHORT_I:
        return character
    parts = unicodedata.normalize("NFKD", character).casefold()
    return "".join(part for part in parts if unicodedata.combining(part) in {0, _VIRAMA})


_RUNS: Final = re.compile(r"(\d+)|(\s+)|(.)", re.DOTALL)


def _weights(text: str) -> Iterator[bytes]:
    """What each number, space, sign and letter counts for. A letter is its own UTF-8, from 0x61 on."""
    for number, space, other in _RUNS.findall(text):
        if number:
            digits = str(int(number)) if len(number) < _LONGEST_KEY else number
            yield b"\x30" + bytes([min(len(digits), _MOST_DIGITS)]) + digits.encode()
        elif space:
            yield b"\x10"
        elif not _SEEN.match(other):
            continue
        elif unicodedata.category(other)[0] in "PSZ":
            yield b"\x20" + other.encode()
        else:
            yield other.encode("utf-8", "replace")
