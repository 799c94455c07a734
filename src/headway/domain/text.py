"""Text that people see: the characters it may hold, how it is shown without markup, and how it is sorted.

Text that was stored under an older rule can still be shown: `visible` and `isolated` take any text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

# These character classes work in the regular expressions of every language. Their escapes differ beyond U+FFFF, so the
# characters themselves are written there. JSON has no lone surrogates, so none need to be refused.
_CONTROLS: Final = r"\u0000-\u001F\u007F-\u009F\u2028\u2029\uFDD0-\uFDEF\uFFFE\uFFFF"
_NOTE_CONTROLS: Final = r"\u0000-\u0008\u000E-\u001F\u007F-\u0084\u0086-\u009F"
# White space, "default ignorable" characters (DerivedCoreProperties.txt), annotation marks and the empty Braille sign.
_UNSEEN: Final = (
    r"\s\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164"
    r"\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

TITLE_PATTERN: Final = f"^[^{_CONTROLS}]*[^{_CONTROLS}{_UNSEEN}][^{_CONTROLS}]*$"
"""A text of one line, such as a title: no control characters, and at least one character that can be seen."""
NOTE_PATTERN: Final = f"^[^{_NOTE_CONTROLS}]*$"
"""A text of several lines, such as a note: no control characters except line ends and tabs."""
EMAIL_PATTERN: Final = f"^[^@{_CONTROLS}{_UNSEEN}]{{1,64}}@[^@.{_CONTROLS}{_UNSEEN}]+(\\.[^@.{_CONTROLS}{_UNSEEN}]+)*$"
"""A text that may be an e-mail address. Only a message that arrives shows that it is one."""
LANGUAGE_PATTERN: Final = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
"""The shape of a language tag (RFC 5646 section 2.1): a language, then other parts."""

_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_NOTE_CONTROL: Final = re.compile(f"[{_NOTE_CONTROLS}]")
_SEEN: Final = re.compile(f"[^{_CONTROLS}{_UNSEEN}]")

_FIRST_STRONG_ISOLATE: Final = "\u2068"
_POP_ISOLATE: Final = "\u2069"
_ISOLATES: Final = frozenset("\u2066\u2067\u2068")
_TURNING: Final = frozenset({"R", "AL", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def title_fault(text: str) -> str | None:
    """Return the fault of a title or another text of one line, as a sentence; `None` where there is none."""
    if control := _CONTROL.search(text):
        return _control_fault(control)
    return None if _SEEN.search(text) else "The text needs a character that can be seen."


def note_fault(text: str) -> str | None:
    """Return the fault of a text of several lines, as a sentence; `None` where there is none."""
    control = _NOTE_CONTROL.search(text)
    return _control_fault(control) if control else None


def _control_fault(found: re.Match[str]) -> str:
    return f"Character {found.start() + 1} of the text is a control character, U+{ord(found[0]):04X}."


def without_controls(text: str) -> str:
    r"""Return the text with each control character written as in JSON, such as `\u001b`."""
    return _CONTROL.sub(_escaped, text)


def visible(text: str) -> str:
    """Return any text as one line that can be seen."""
    return without_controls(text) if _SEEN.search(text) else "".join(map(_escaped, re.finditer(".", text, re.DOTALL)))


def isolated(text: str) -> str:
    """Return the visible text such that it does not change the direction of the text around it.

    It is for output without markup, such as a terminal (UAX 9: first strong isolate).
    """
    shown = visible(text)
    if not any(unicodedata.bidirectional(character) in _TURNING for character in shown):
        return shown
    return f"{_FIRST_STRONG_ISOLATE}{_balanced(shown)}{_POP_ISOLATE}"


def _balanced(text: str) -> str:
    """Return the text with each isolate closed, and without ends of isolates that it did not open."""
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


LONGEST_KEY: Final = 500
"""The most bytes of a sort key."""
_MOST_DIGITS: Final = 255
_CHARACTERS: Final = 4_096  # whose form is kept: names have few different ones
_VIRAMA: Final = 9  # the combining class of marks that remove a vowel: they change the letter
# Unicode does not decompose these letters. Readers look for them beside the nearest plain letter.
_NEAREST: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŧ": "t"}
)
# Unicode decomposes it into и and an accent, but readers know it as a separate letter.
_SHORT_I: Final = "й"


def sort_key(title: str) -> bytes:
    """Return the key that sorts a title in a list. Keys are compared byte by byte, so every store has the same order.

    Spaces come first, then signs, then numbers by their value, then letters. Accents count where all letters are the
    same. Capitals count where the accents are the same too. The key has at most 500 bytes, so only the beginning of a
    long title counts.
    """
    accented = unicodedata.normalize("NFC", title).casefold()
    letters = b"".join(_weights(_without_any_accent(accented)))
    parts = (letters, accented.encode("utf-8", "replace"), title.swapcase().encode("utf-8", "replace"))
    return b"\0".join(parts)[:LONGEST_KEY]


_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2019\u02bc\u2018`\u00b4", "'"))


def folded(text: str) -> str:
    """Return the text as searches compare it.

    It has no capitals and no accents, the nearest plain letters, and one sign for all apostrophes.
    """
    return _without_any_accent(unicodedata.normalize("NFC", text).casefold()).translate(_APOSTROPHES)


def search_words(wanted: str) -> list[str]:
    """Return the words, or parts of words, that a search looks for, for `has_words`."""
    return folded(wanted).split()


def has_words(words: Iterable[str], *texts: str) -> bool:
    """Whether each of these words, which are `folded`, is in one of the texts."""
    compared = folded("\n".join(texts))
    return all(word in compared for word in words)


def _without_any_accent(text: str) -> str:
    if text.isascii():
        return text
    return "".join(map(_without_accents, text)).translate(_NEAREST)


@lru_cache(_CHARACTERS)
def _without_accents(character: str) -> str:
    if character == _SHORT_I:
        return character
    parts = unicodedata.normalize("NFKD", character).casefold()
    return "".join(part for part in parts if unicodedata.combining(part) in {0, _VIRAMA})


_RUNS: Final = re.compile(r"(\d+)|(\s+)|(.)", re.DOTALL)


def _weights(text: str) -> Iterator[bytes]:
    """Yield the bytes that each number, space, sign and letter is sorted by. A letter is its UTF-8, from 0x61."""
    for number, space, other in _RUNS.findall(text):
        if number:
            digits = str(int(number)) if len(number) < LONGEST_KEY else number
            yield b"\x30" + bytes([min(len(digits), _MOST_DIGITS)]) + digits.encode()
        elif space:
            yield b"\x10"
        else:
            yield _weight(other)


@lru_cache(_CHARACTERS)
def _weight(character: str) -> bytes:
    """Return the bytes that a sign or a letter is sorted by; none for a character that can not be seen."""
    if not _SEEN.match(character):
        return b""
    is_sign = unicodedata.category(character)[0] in "PSZ"
    return b"\x20" + character.encode() if is_sign else character.encode("utf-8", "replace")
