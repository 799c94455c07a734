"""The languages of the pages. Their sentences are in gettext catalogues: `translations/`, one file for each language.

English is the language of the source, so it has no catalogue. `make words` adds new sentences to the catalogues.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {SOURCE: "English", "de": "Deutsch", "ar": "العربية"}
"""The languages of the pages, each with its name in that language."""

# CLDR's category `other` is also that of fractions in all languages above, and each of them has it for 100.
_LIKE_A_FRACTION: Final = 100


def marked(message: str) -> str:
    """Return the message as it is. The call tells `make words` that it is one; `gettext` gets it as a variable."""
    return message


@dataclass(frozen=True)
class Words:
    """The sentences of the pages in one language. A message is the English sentence; `%(name)s` stands for a value."""

    language: str
    catalogue: Catalog

    @cached_property
    def translations(self) -> NullTranslations:
        """The sentences for Python's `gettext`. A sentence without a translation stays English."""
        if self.language == SOURCE:
            return NullTranslations()
        compiled = BytesIO()
        write_mo(compiled, self.catalogue)
        compiled.seek(0)
        return GNUTranslations(compiled)

    @property
    def direction(self) -> str:
        """The direction of writing, as HTML's attribute `dir` has it."""
        return "rtl" if Locale(self.language).text_direction == "rtl" else "ltr"

    def gettext(self, message: str, **values: object) -> str:
        """Return a sentence with its values."""
        return self.translate(message) % values

    def ngettext(self, one: str, many: str, number: float, **values: object) -> str:
        """Return the sentence for a number of things, which may be a fraction, with its values."""
        return self.translate_counted(one, many, number) % values

    def translate(self, message: str) -> str:
        """Return a sentence without its values."""
        return self.translations.gettext(message)

    def translate_counted(self, one: str, many: str, number: float) -> str:
        """Return the sentence for a number of things without its values."""
        whole = int(number) if number == int(number) else _LIKE_A_FRACTION
        return self.translations.ngettext(one, many, whole)

    @property
    def script(self) -> bytes:
        """A script that gives `words.js` the sentences of the pages' scripts: for each message, its plural forms."""
        of_scripts = [one for one in self.catalogue if any(name.endswith(".js") for name, _ in one.locations)]
        forms = {_first(one.id): _forms(one.string) for one in of_scripts if one.string and not one.fuzzy}
        return f"globalThis.headwayWords = {json.dumps(forms, ensure_ascii=False)};\n".encode()


@cache
def words_of(language: str) -> Words:
    """Return the words of one of `LANGUAGES`."""
    if language == SOURCE:
        return Words(language, Catalog(SOURCE))
    with (files("headway.dashboard") / "translations" / f"{language}.po").open("rb") as file:
        return Words(language, read_po(file, locale=language))


def word_scripts() -> dict[str, bytes]:
    """Return a script for each language, with the sentences of the pages' scripts, by the names of their files."""
    return {f"words-{language}.js": words_of(language).script for language in LANGUAGES}


def _first(message: object) -> str:
    return str(message[0]) if isinstance(message, list | tuple) else str(message)


def _forms(translated: object) -> list[str]:
    return [str(one) for one in translated] if isinstance(translated, list | tuple) else [str(translated)]
