"""Reads .sql files: statements by their names, with the tables' columns written out."""

from pathlib import Path

import aiosql
from aiosql.queries import Queries

from headway.storage.shared.columns import filled


def read_queries(driver: str, *files: Path) -> Queries:
    """Return the statements of some files for a driver, `apsw` or `asyncpg`."""
    text = "\n".join(filled(file.read_text(encoding="utf-8")) for file in files)
    queries: Queries = aiosql.from_str(text, driver, mandatory_parameters=False)
    return queries


def text_of(queries: Queries, name: str) -> str:
    """Return the text of a statement. Drivers keep prepared statements by it, so a call costs no parsing."""
    text: str = getattr(queries, name).sql
    return text
