"""Reads .sql files: statements by their names, with the tables' columns written out."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import aiosql
from aiosql.queries import Queries

from headway.storage.shared.columns import ARRAYS, IdLists, filled


def read_queries(driver: str, *files: Path, ids: IdLists = ARRAYS) -> Queries:
    """Return the statements of some files for a driver, `apsw` or `asyncpg`. `ids` is how they read lists of ids."""
    text = "\n".join(filled(file.read_text(encoding="utf-8"), ids) for file in files)
    queries: Queries = aiosql.from_str(text, driver, mandatory_parameters=False)
    return queries


def text_of(queries: Queries, name: str) -> str:
    """Return the text of a statement. Drivers keep prepared statements by it, so a call costs no parsing."""
    text: str = getattr(queries, name).sql
    return text


class Part(NamedTuple):
    """A part of a statement, to be run by itself, and the positions of its parameters among those of the whole."""

    statement: str
    parameters: Sequence[int]


_PART: Final = re.compile(r"^(?:WITH )?\w+ AS \(\n(.*?)^\),?\n", re.DOTALL | re.MULTILINE)
_PARAMETER: Final = re.compile(r"\$(\d+)")


def parts_of(statement: str) -> Sequence[Part]:
    """Return what a statement's common table expressions do, and then what the statement itself does.

    Each expression begins on a line of its own, and its closing parenthesis is on one.
    """
    texts = [found[1] for found in _PART.finditer(statement)]
    return [_renumbered(text) for text in (*texts, _PART.sub("", statement))]


def _renumbered(text: str) -> Part:
    used = list(dict.fromkeys(int(number) for number in _PARAMETER.findall(text)))
    return Part(
        _PARAMETER.sub(lambda found: f"${used.index(int(found[1])) + 1}", text), [number - 1 for number in used]
    )
