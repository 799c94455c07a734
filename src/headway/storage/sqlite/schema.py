"""The schema version, and the migrations that lead to it."""

from pathlib import Path
from typing import Final

import apsw

from headway.domain.errors import ConfigurationError
from headway.domain.text import sort_key
from headway.storage.migrations import Migrations, SchemaMarks
from headway.storage.shared.statements import PUT_SORT_KEY
from headway.storage.sqlite.rows import fetch
from headway.storage.sqlite.statements import COURSES_WITHOUT_KEY

# "Hdwy" in ASCII marks the file as a database of Headway (https://sqlite.org/fileformat2.html#application_id).
APPLICATION_ID: Final = 0x48647779
MIGRATIONS: Final = Migrations(Path(__file__).with_name("migrations"), compatible_from=9)
# One statement, so that all values are of one moment, also while another process migrates.
_MARKS: Final = """
    SELECT
        user_version,
        application_id,
        (SELECT count(*) FROM sqlite_schema),
        EXISTS (SELECT * FROM sqlite_schema WHERE name = 'schema_compatibility')
    FROM pragma_user_version, pragma_application_id
"""


def found_marks(connection: apsw.Connection) -> SchemaMarks:
    """Return the schema version of a database. Raises `ConfigurationError` for a database of another program."""
    marks: tuple[int, int, int, int] = connection.execute(_MARKS).get
    version, application, tables, has_compatibility = marks
    if application != APPLICATION_ID and (application or version or tables):
        raise ConfigurationError(
            f"{connection.filename} is a database of another program. Set HEADWAY_DATABASE_URL to a file of its own."
        )
    if not has_compatibility:  # before schema version 2
        return SchemaMarks(version, version)
    compatible_from: int = connection.execute("SELECT compatible_from FROM schema_compatibility").get
    return SchemaMarks(version, compatible_from)


def lacks_migrations(connection: apsw.Connection) -> bool:
    """Whether the schema is older than this program's. Only reads.

    Raises `SchemaTooNewError` for a database of a newer Headway that this one cannot use, and `ConfigurationError` for
    a database of another program.
    """
    return bool(MIGRATIONS.missing(found_marks(connection)))


def migrate(connection: apsw.Connection) -> list[str]:
    """Apply the missing migrations in one transaction, and return their names. Raises as `lacks_migrations`."""
    if not lacks_migrations(connection):
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        missing = MIGRATIONS.missing(found_marks(connection))
        for migration in missing:
            connection.execute(migration.read_text(encoding="utf-8"))
        if missing:
            _fill_sort_keys(connection)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", MIGRATIONS.marks.version)
            connection.execute(
                "UPDATE schema_compatibility SET compatible_from = ?", (MIGRATIONS.marks.compatible_from,)
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return [migration.stem for migration in missing]


def _fill_sort_keys(connection: apsw.Connection) -> None:
    """Set the sort keys of courses that were stored before there were sort keys."""
    titles = fetch(connection, COURSES_WITHOUT_KEY)
    connection.executemany(PUT_SORT_KEY, [(sort_key(title), course_id) for course_id, title in titles])
