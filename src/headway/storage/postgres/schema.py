"""The schema version, and the migrations that lead to it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from headway.domain.errors import ConfigurationError
from headway.domain.text import sort_key
from headway.storage.migrations import Migrations, SchemaMarks
from headway.storage.postgres import cluster
from headway.storage.postgres import statements as sql
from headway.storage.postgres.cluster import has_citus, is_distributed
from headway.storage.shared.statements import PUT_SORT_KEY

MIGRATIONS: Final = Migrations(Path(__file__).with_name("migrations"), compatible_from=10)
_EMPTY: Final = SchemaMarks(0, 0)
_SHARDS_OF_A_WORKER: Final = 2  # where no number is named: decision 16

ON_EVERY_NODE: Final = ("catalogue", "courses", "lessons", "recalculations", "learner_groups", "group_enrolments")
"""The tables that are whole on every node of a cluster: its reference tables."""

DISTRIBUTED: Final[Mapping[str, Sequence[str]]] = {
    "user_id": (
        "course_progress",
        "lesson_progress",
        "learner_days",
        "completions",
        "runs",
        "erased_learners",
        "imports",
        "group_members",
        "changed_enrolments",
        "profiles",
        "profile_words",
        "goals",
        "content_states",
        "unpublished_events",
    ),
    "feed": ("events", "event_feeds"),
    "consumer_id": ("event_consumers", "event_deliveries"),
    "webhook_id": ("webhooks",),
    "slot": ("course_statistics", "lesson_statistics", "quiz_scores", "course_activity"),
    "digest": ("sign_in_codes",),
}
"""The other tables by the column that says on which worker a row is. Rows with the same value are on one worker."""

# "Hdwy" in ASCII. With this lock, processes that start at the same time migrate one after the other.
_ADVISORY_LOCK: Final = 0x48647779


async def migrate(connection: asyncpg.Connection) -> Sequence[str]:
    """Apply the missing migrations in the present transaction, and return their names.

    Raises `SchemaTooNewError`, and `ConfigurationError` where another program has tables of the same names. Nothing is
    changed then.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
    await _refuse_worker(connection)
    missing = MIGRATIONS.missing(await found_marks(connection))
    if not missing:
        return []
    spread = await is_distributed(connection)
    if spread:
        await connection.execute(cluster.ONE_SHARD_AFTER_THE_OTHER)
    for migration in missing:
        await _apply(connection, migration)
    if spread:  # a new table would stay on the coordinator
        await distribute(connection)
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


async def distribute(connection: asyncpg.Connection, shards: int | None = None) -> Sequence[str]:
    """Distribute the tables over a Citus cluster, and return the names of those that were not as they should be.

    The learners' tables and the counters get `shards` shards; `None`: two for each worker. Raises `ConfigurationError`
    where there is no cluster.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
    if not await has_citus(connection):
        raise ConfigurationError(
            "This database has no Citus extension: no table was distributed. On the coordinator, as a superuser: "
            "CREATE EXTENSION citus; then run headway migrate --citus again."
        )
    await connection.execute(cluster.ONE_SHARD_AFTER_THE_OTHER)
    workers = await connection.fetchval(cluster.COUNT_WORKERS)
    if not workers:
        raise ConfigurationError(
            "The cluster has no workers: no table was distributed. On the coordinator, as a superuser: SELECT "
            "citus_set_coordinator_host('HOST', PORT), then SELECT citus_add_node('HOST', PORT) for each worker; then "
            "run headway migrate --citus again."
        )
    return await _distribute(connection, shards or _SHARDS_OF_A_WORKER * workers)


async def _distribute(connection: asyncpg.Connection, shards: int) -> Sequence[str]:
    found = dict(map(tuple, await connection.fetch(cluster.DISTRIBUTION_COLUMNS)))
    changed: list[str] = []
    for table in ON_EVERY_NODE:
        if table not in found:
            await connection.execute(cluster.PUT_ON_EVERY_NODE, table)
            changed.append(table)
    for column, tables in DISTRIBUTED.items():
        for table in tables:
            if found.get(table) == column:
                continue
            if table in found:
                await connection.execute(cluster.BRING_TOGETHER, table)
            if table == tables[0]:
                await connection.execute(cluster.DISTRIBUTE, table, column, shards)
            else:
                await connection.execute(cluster.DISTRIBUTE_BESIDE, table, column, tables[0])
            changed.append(table)
    return changed


async def _refuse_worker(connection: asyncpg.Connection) -> None:
    if await has_citus(connection) and await connection.fetchval(cluster.IS_WORKER):
        raise ConfigurationError(
            "HEADWAY_DATABASE_URL names a worker of a Citus cluster. Name the coordinator: Headway finds the workers "
            "by itself."
        )


async def _fill_sort_keys(connection: asyncpg.Connection) -> None:
    """Set the sort keys of courses that were stored before there were sort keys."""
    titles = await connection.fetch(sql.COURSES_WITHOUT_KEY)
    await connection.executemany(PUT_SORT_KEY, [(sort_key(title), course_id) for course_id, title in titles])


async def _apply(connection: asyncpg.Connection, migration: Path) -> None:
    """Run the statements of a migration, each by itself, because a cluster accepts no changes of several at once."""
    try:
        for statement in statements_of(migration.read_text(encoding="utf-8")):  # noqa: ASYNC240 - a small file, only at the start
            await connection.execute(statement)
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


def statements_of(text: str) -> Sequence[str]:
    """Return the statements of a migration. In these files, a semicolon at the end of a line ends one."""
    return [statement for statement in text.split(";\n") if statement.strip()]


_IN_THE_WAY: Final = (
    "Another program's tables are in the way. Give Headway a database of its own, or a schema: "
    "append ?search_path=headway to HEADWAY_DATABASE_URL"
)
