"""The schema version, and the migrations that lead to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from headway.domain.errors import ConfigurationError
from headway.domain.text import sort_key
from headway.storage.migrations import Migrations, SchemaMarks
from headway.storage.postgres.statements import COURSES_WITHOUT_KEY, DISTRIBUTE
from headway.storage.shared.statements import PUT_SORT_KEY

MIGRATIONS: Final = Migrations(Path(__file__).with_name("migrations"), compatible_from=8)
_EMPTY: Final = SchemaMarks(0, 0)
# "Hdwy" in ASCII. With this lock, processes that start at the same time migrate one after the other.
_ADVISORY_LOCK: Final = 0x48647779


async def migrate(connection: asyncpg.Connection) -> Sequence[str]:
    """Apply the missing migrations in the present transaction, and return their names.

    Raises `SchemaTooNewError`, and `ConfigurationError` where another program has tables of the same names. Nothing is
    changed then.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
    missing = MIGRATIONS.missing(await found_marks(connection))
    for migration in missing:
        await _apply(connection, migration)
    if missing:
        await _fill_sort_keys(connection)
        await connection.execute("UPDATE schema_version SET version = $1, compatible_from = $2", *MIGRATIONS.marks)
    return [migration.stem for migration in missing]


async def found_marks(connection: asyncpg.Connection) -> SchemaMarks:
    """Return the schema version of a database. Raises `ConfigurationError` where it is unreadable."""
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        return _EMPTY
    try:
        [(version, compatible_from)] = await connection.fetch("SELECT version, compatible_from FROM schema_version")
    except (asyncpg.UndefinedColumnError, ValueError) as error:  # other columns, or more or less than one row
        raise ConfigurationError(f"{_IN_THE_WAY} (schema_version)") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"The database user may not read the tables ({error}). Let their owner grant SELECT, INSERT, UPDATE and "
            "DELETE on them."
        ) from error
    return SchemaMarks(version, compatible_from)


async def distribute(connection: asyncpg.Connection) -> None:
    """Distribute the tables over a Citus cluster. Raises `ConfigurationError` where there is none."""
    if await connection.fetchval("SELECT to_regproc('create_reference_table')") is None:
        raise ConfigurationError(
            "This database has no Citus extension: nothing was changed. On the coordinator, as a superuser: "
            "CREATE EXTENSION citus; then run headway migrate --citus again."
        )
    await connection.execute(DISTRIBUTE)


async def _fill_sort_keys(connection: asyncpg.Connection) -> None:
    """Set the sort keys of courses that were stored before there were sort keys."""
    titles = await connection.fetch(COURSES_WITHOUT_KEY)
    await connection.executemany(PUT_SORT_KEY, [(sort_key(title), course_id) for course_id, title in titles])


async def _apply(connection: asyncpg.Connection, migration: Path) -> None:
    try:
        await connection.execute(migration.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a small file, only at the start
    except (asyncpg.DuplicateObjectError, asyncpg.DuplicateTableError) as error:
        raise ConfigurationError(f"{_IN_THE_WAY} ({error})") from error
    except asyncpg.InvalidSchemaNameError as error:
        raise ConfigurationError(
            f"There is no such schema ({error}). Make the one that search_path in HEADWAY_DATABASE_URL names: "
            "CREATE SCHEMA headway"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"The database user may not make tables ({error}). Let an administrator grant CREATE on the schema, or run "
            "headway migrate as a user who may."
        ) from error


_IN_THE_WAY: Final = (
    "Another program's tables are in the way. Give Headway a database of its own, or a schema: "
    "append ?search_path=headway to HEADWAY_DATABASE_URL"
)
