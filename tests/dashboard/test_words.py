"""The pages' sentences in all languages: complete catalogues, the choice of a language, plural forms."""

import re

import pytest

from headway.dashboard.rendering import reader_for
from headway.dashboard.words import LANGUAGES, SOURCE, words_of
from words import catalogue, is_translated, messages

TRANSLATED = [language for language in LANGUAGES if language != SOURCE]
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
