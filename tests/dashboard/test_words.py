"""The pages' sentences in all languages: complete catalogues, the choice of a language, plural forms."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from jinja2 import Environment

from headway.dashboard.rendering import reader_for
from headway.dashboard.words import LANGUAGES, SOURCE, words_of
from words import catalogue, is_translated, messages

TRANSLATED = [language for language in LANGUAGES if language != SOURCE]
TEMPLATES = Path(__file__).resolve().parents[2] / "src/headway/dashboard/templates"
SAME_IN_ALL_LANGUAGES = ("Headway", "eac")  # the name, and an example of an id
READ_ATTRIBUTES = ("alt", "aria-description", "aria-label", "aria-placeholder", "placeholder", "title")
PLACE = re.compile(r"%\(\w+\)s")


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_sentence_is_translated(language: str) -> None:
    """`make words` writes the catalogues' entries. A placeholder that is lost, or new, would be a fault at run time."""
    found = {one.id: one for one in messages() if one.id}
    known = {one.id: one for one in catalogue(language) if one.id}
    assert set(found) == set(known)
    missing = [one.id for one in known.values() if not is_translated(one.string) or one.fuzzy]
    assert missing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_placeholders_of_their_sentences(language: str) -> None:
    for message in catalogue(language):
        *_, source = _forms(message.id)
        *others, last = _forms(message.string)
        if source:
            wanted = set(PLACE.findall(source))
            assert set(PLACE.findall(last)) == wanted, last
            # A form for one thing, or for two, may say the number in words.
            assert all(set(PLACE.findall(form)) <= wanted for form in others), others


def _forms(text: object) -> list[str]:
    return [str(form) for form in text] if isinstance(text, list | tuple) else [str(text)]


@pytest.mark.parametrize(
    ("accepted", "chosen", "language", "locale"),
    [
        ("de-AT,en;q=0.5", None, "de", "de_AT"),
        ("de-AT,en-GB;q=0.5", "en", "en", "en_GB"),
        ("fr,en-GB;q=0.5", None, "en", "fr"),
        ("fr,de;q=0.7,en;q=0.5", None, "de", "fr"),
        ("", None, "en", "en"),
        ("", "ar", "ar", "ar"),
        ("de", "nonsense", "de", "de"),
        ("xx,*", None, "en", "en"),
    ],
)
def test_the_chosen_language_is_used_or_else_the_preferred_one(
    accepted: str, chosen: str | None, language: str, locale: str
) -> None:
    reader = reader_for(accepted, chosen)
    assert (reader.words.language, str(reader.locale)) == (language, locale)


def test_only_arabic_is_written_from_right_to_left() -> None:
    assert {one: words_of(one).direction for one in LANGUAGES} == {"en": "ltr", "de": "ltr", "ar": "rtl"}


def test_a_fraction_is_not_one_thing() -> None:
    reader = reader_for("en")
    said = [reader.ngettext("%(n)s lesson", "%(n)s lessons", n, n=n) for n in (0, 0.5, 1, 1.5, 2)]
    assert said == ["0 lessons", "0.5 lessons", "1 lesson", "1.5 lessons", "2 lessons"]


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_no_template_has_text_that_is_not_a_message(template: Path) -> None:
    assert _untranslated(template.read_text()) == []


def _untranslated(source: str) -> list[str]:
    """Return the words between a template's elements, and in attributes that people read, outside of messages."""
    text = "".join(_outside_messages(source))
    read = re.findall(rf'(?:{"|".join(READ_ATTRIBUTES)})="([^"]*)"', text)
    shown = re.sub(r"<[^>]*>", " ", re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL))
    shown = re.sub(r'[\w-]+="[^"]*"', " ", shown)  # attributes that a macro writes
    words = re.findall(r"[^\W\d_]{2,}", unescape(" ".join([shown, *read])))
    return [word for word in words if word not in SAME_IN_ALL_LANGUAGES]


def _outside_messages(source: str) -> Iterator[str]:
    """Yield what stands between a template's statements. A statement or a value becomes a space."""
    message = False
    block = False
    for _, kind, value in Environment(extensions=["jinja2.ext.i18n"]).lex(source):
        if kind == "block_begin":
            block = True
        elif kind == "block_end":
            block = False
        elif block and kind == "name" and value in ("trans", "endtrans"):
            message = value == "trans"
        elif kind == "data" and not message:
            yield value
