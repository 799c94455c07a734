"""Bring the pages' catalogues up to date with their sentences: `make words`.

New sentences are added without a translation, and sentences that the pages do not have any more are removed. Then says
how many sentences of each language lack a translation.
"""

import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ROOT / "src/headway/dashboard"
FOLDER: Final = PAGES / "translations"
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2"), ("static/**.js", "javascript")]
_OPTIONS: Final = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
_KEYWORDS: Final = {"gettext": None, "ngettext": (1, 2), "_": None, "marked": None}
_WIDTH: Final = 120


def messages() -> Catalog:
    """Return all sentences of the pages, each with the names of the files that have it."""
    catalog = Catalog(project="Headway", charset="utf-8")
    found = extract_from_dir(str(PAGES), _METHODS, _OPTIONS, _KEYWORDS, ("Translators:",), strip_comment_tags=True)
    for name, _, message, comments, context in found:
        catalog.add(message, None, [(name, 1)], auto_comments=comments, context=context)
    return catalog


def catalogue(language: str) -> Catalog:
    """Return the stored catalogue of a language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def main() -> None:
    """Write all catalogues."""
    found = messages()
    for path in sorted(FOLDER.glob("*.po")):
        known = catalogue(path.stem)
        known.update(found, no_fuzzy_matching=True)
        with path.open("wb") as file:
            file.write(_head(known).encode())
            write_po(
                file,
                known,
                width=_WIDTH,
                omit_header=True,
                ignore_obsolete=True,
                sort_by_file=True,
                include_lineno=False,
            )
        missing = sum(1 for one in known if one.id and not is_translated(one.string))
        sys.stdout.write(f"{path.stem}: {len(known)} sentences, {missing} without a translation\n")


def _head(catalog: Catalog) -> str:
    """Return the entry that describes a catalogue: only what `gettext` reads, so it does not change with the day."""
    fields = {
        "Language": catalog.locale_identifier,
        "Plural-Forms": catalog.plural_forms,
        "Content-Type": "text/plain; charset=utf-8",
    }
    return "\n".join(['msgid ""', 'msgstr ""', *(f'"{name}: {value}\\n"' for name, value in fields.items()), "\n"])


def is_translated(translated: object) -> bool:
    """Whether a sentence has a translation, in all its plural forms."""
    forms = translated if isinstance(translated, list | tuple) else [translated]
    return all(forms)


if __name__ == "__main__":
    main()
