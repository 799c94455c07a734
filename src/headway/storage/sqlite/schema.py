"""The schema's version, and the numbered migrations that bring a database to it."""

from pathlib import Path
from typing import Final

import apsw

from headway.domain.errors import ConfigurationError, SchemaTooNewError

# "Hdwy" in ASCII: marks the file as Headway's (https://sqlite.org/fileformat2.html#application_id).
APPLICATION_ID: Final = 0x48647779
_MIGRATIONS: Final = sorted(Path(__file__).with_name("migrations").glob("[0-9]*.sql"))
SCHEMA_VERSION: Final = len(_MIGRATIONS)
# One statement, so that all three are of one moment, also while another process migrates.
_MARKS: Final = """
    SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
    FROM pragma_user_version, pragma_application_id
"""


def found_version(connection: apsw.Connection) -> int:
    """The schema version of a database, 0 for an empty one; reads only.

    Raises `SchemaTooNewError` for a database of a newer Headway and `ConfigurationError` for somebody else's.
    """
    marks: tuple[int, int, int] = connection.execute(_MARKS).get
    version, application, tables = marks
    if application != APPLICATION_ID and (application or version or tables):
        raise ConfigurationError(
            f"{connection.filename} is a database of another program. Set HEADWAY_DATABASE_URL to a file of its own."
        )
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(version, SCHEMA_VERSION)
    return version


def migrate(connection: apsw.Connection) -> list[str]:
    """Apply the migrations that are missing, in one transaction; answers their names."""
    if found_version(connection) == SCHEMA_VERSION:
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        missing = _MIGRATIONS[found_version(connection) :]
        for migration in missing:
            connection.execute(migration.read_text(encoding="utf-8"))
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", SCHEMA_VERSION)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return [migration.stem for migration in missing]
