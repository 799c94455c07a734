"""The SQL of the PostgreSQL store follows the rules of a Citus cluster, checked without a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pglast import split

import headway.storage.postgres
from headway.storage.postgres import database as database_module
from headway.storage.postgres.cluster import Node
from headway.storage.postgres.database import Database
from headway.storage.postgres.schema import DISTRIBUTED, ON_EVERY_NODE, statements_of
from headway.storage.postgres.statements import ATTENTION, GROUPS, PROFILES, ROSTERS
from headway.storage.shared.attention_statements import AttentionWay
from headway.storage.shared.queries import read_queries
from storage import citus
from storage.citus import RULES, Rule, Schema, Tree, statements
from support.postgres import Databases, Session, session

pytestmark = pytest.mark.one_server

_FOLDER: Final = Path(headway.storage.postgres.__file__).parent
_FILES: Final = sorted([*_FOLDER.rglob("*.sql"), *(_FOLDER.parent / "shared").glob("*.sql")])
_MIGRATIONS: Final = sorted((_FOLDER / "migrations").glob("*.sql"))
_NEVER_ON_A_CLUSTER: Final = {"store_reports"}  # a cluster's batches are stored in parts
_SCHEMA: Final = [tree for file in _MIGRATIONS for tree in statements(file.read_text(encoding="utf-8"))]


def _named_statements() -> dict[str, str]:
    """Return the statements of all files except migrations, as they are sent, by file and name."""
    return {
        f"{file.stem}:{name}": getattr(queries, name).sql
        for file in _FILES
        if file not in _MIGRATIONS
        for queries in [read_queries("asyncpg", file)]
        for name in queries.available_queries
        if not name.endswith("_cursor") and name not in _NEVER_ON_A_CLUSTER
    }


def _built_statements() -> dict[str, str]:
    """Return the statements that are built of pieces, by how they find and sort learners."""
    built = {f"groups:built:{name}": statement for name, statement in GROUPS._asdict().items()}
    for prefix, rosters in {"roster": ROSTERS.plain, "roster:searched": ROSTERS.searched}.items():
        for name, by_id in (("incomplete", rosters.incomplete), ("unnamed", rosters.unnamed)):
            for (way, descending), statement in by_id.items():
                built[f"{prefix}:{way.value}:{name}:{descending}"] = statement
        built |= {f"{prefix}:{way.value}:count": statement for way, statement in rosters.counts.items()}
        for way, by_order in rosters.sorted.items():
            for (order, descending), statement in by_order.items():
                built[f"{prefix}:{way.value}:{order}:{descending}"] = statement
        built |= {f"{prefix}:names:{descending}": statement for descending, statement in rosters.names.items()}
    for kind, by_way in {
        "attention": ATTENTION.pages,
        "attention:before": ATTENTION.pages_before,
        "attention:count": ATTENTION.counts,
    }.items():
        built |= {
            f"{kind}:{way.value}:{reason}": statement
            for way, by_reason in by_way.items()
            if way is not AttentionWay.IN_EACH  # a cluster is never asked so
            for reason, statement in by_reason.items()
        }
    built["roster:results"] = ROSTERS.results
    built |= {f"profiles:{name}": statement for name, statement in PROFILES._asdict().items()}
    return built


NAMED: Final = _named_statements()
STATEMENTS: Final = NAMED | _built_statements()
ALL: Final = [*_SCHEMA, *(tree for sql in STATEMENTS.values() for tree in statements(sql))]


# What the statements use of Citus' catalogue and functions, without any effect.
_OF_CITUS: Final = """
    CREATE TABLE pg_dist_local_group (groupid integer);
    CREATE TABLE pg_dist_partition (logicalrelid regclass, partkey text);
    CREATE TABLE pg_dist_shard (logicalrelid regclass, shardid bigint, shardminvalue text);
    CREATE TABLE pg_dist_placement (shardid bigint, groupid integer);
    CREATE TABLE pg_dist_node (nodeid integer, groupid integer, nodename text, nodeport integer, noderole text,
        shouldhaveshards boolean
    );
    CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION create_distributed_table(
        regclass, text, colocate_with text DEFAULT 'default', shard_count integer DEFAULT 1
    ) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION undistribute_table(regclass) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
    CREATE FUNCTION get_shard_id_for_distribution_column(regclass, anyelement) RETURNS bigint
        LANGUAGE sql AS 'SELECT 0::bigint';
    CREATE FUNCTION run_command_on_all_nodes(text) RETURNS TABLE (nodeid integer, result text)
        LANGUAGE sql AS 'SELECT 0, NULL::text'
"""


@pytest.fixture(scope="module")
def migrated(databases: Databases) -> Iterator[Session]:
    """Yield a database with the store's schema, and with Citus' functions by name."""
    with databases.empty() as url, session(url) as database:
        database.execute(*(file.read_text(encoding="utf-8") for file in _MIGRATIONS))
        database.execute(
            _OF_CITUS,
            "CREATE SEQUENCE numbers",
        )
        yield database


@pytest.fixture
def schema(migrated: Session) -> Schema:
    return Schema(citus.primary_keys(_SCHEMA), migrated)


_COURSE_PROGRESS: Final = (
    "INSERT INTO course_progress AS p SELECT * FROM course_progress ON CONFLICT (user_id, course_id)"
)
REFUSED: Final[list[tuple[Rule, str]]] = [
    (
        citus.keys_have_the_distribution_column,
        """
        CREATE TABLE lesson_statistics (slot smallint, lesson_id uuid PRIMARY KEY);
        CREATE TABLE course_activity (slot smallint, day date, UNIQUE (day) INCLUDE (slot));
        CREATE TABLE course_statistics (course_id uuid, slot smallint, EXCLUDE (course_id WITH =));
        ALTER TABLE course_progress ADD COLUMN id uuid UNIQUE;
        ALTER TABLE lesson_progress ADD UNIQUE (course_id, lesson_id);
        CREATE UNIQUE INDEX ON lesson_progress (id) INCLUDE (user_id);
        CREATE UNIQUE INDEX ON lesson_progress ((user_id::text))
        """,
    ),
    (
        citus.foreign_keys_lead_to_reference_tables,
        """
        CREATE TABLE course_statistics (course_id uuid PRIMARY KEY, user_id uuid REFERENCES course_progress);
        ALTER TABLE lesson_progress ADD FOREIGN KEY (user_id, course_id) REFERENCES course_progress;
        ALTER TABLE courses ADD COLUMN version integer REFERENCES schema_version (version)
        """,
    ),
    (citus.no_trigger, "CREATE TRIGGER counting AFTER INSERT ON lesson_progress EXECUTE FUNCTION count_it()"),
    (
        citus.no_numbered_distribution_column,
        """
        CREATE TABLE course_statistics (slot bigserial PRIMARY KEY);
        CREATE TABLE lesson_statistics (slot bigint GENERATED ALWAYS AS IDENTITY);
        CREATE TABLE course_activity (slot bigint DEFAULT nextval('numbers'));
        ALTER TABLE course_progress ALTER user_id SET DEFAULT nextval('numbers');
        ALTER TABLE course_progress ALTER user_id ADD GENERATED BY DEFAULT AS IDENTITY
        """,
    ),
    (
        citus.no_index_beside_the_key,
        """
        CREATE INDEX ON course_progress (user_id, last_accessed);
        CREATE INDEX ON course_progress (user_id) INCLUDE (revision);
        CREATE INDEX ON lesson_progress (lower(user_notes));
        CREATE INDEX ON lesson_progress (course_id) WHERE completed_at IS NULL;
        ALTER TABLE lesson_progress ADD UNIQUE (user_id, id)
        """,
    ),
    (
        citus.the_distribution_column_is_never_set,
        f"""
        UPDATE lesson_progress SET version = 1, user_id = $1 WHERE user_id = $2;
        {_COURSE_PROGRESS} DO UPDATE SET user_id = excluded.user_id
        """,
    ),
    (
        citus.conflicts_are_decided_by_immutable_functions,
        f"""
        {_COURSE_PROGRESS} DO UPDATE SET last_accessed = now();
        {_COURSE_PROGRESS} DO UPDATE SET last_accessed = current_timestamp;
        {_COURSE_PROGRESS} DO UPDATE SET last_accessed = coalesce(excluded.last_accessed, clock_timestamp());
        {_COURSE_PROGRESS} DO UPDATE SET revision = (100 * random())::bigint;
        {_COURSE_PROGRESS} DO UPDATE SET course_id = gen_random_uuid();
        {_COURSE_PROGRESS} DO UPDATE SET revision = nextval('numbers');
        {_COURSE_PROGRESS} DO UPDATE SET (revision, last_accessed) = ROW (1, now());
        {_COURSE_PROGRESS} DO UPDATE SET last_accessed = excluded.last_accessed + interval '1 day';
        {_COURSE_PROGRESS} DO UPDATE SET last_accessed = p.last_accessed + $1::interval;
        {_COURSE_PROGRESS} DO UPDATE SET revision = length(excluded.last_accessed::text);
        {_COURSE_PROGRESS} DO UPDATE SET revision = 1 WHERE p.last_accessed < now();
        {_COURSE_PROGRESS} WHERE now() IS NOT NULL DO UPDATE SET revision = 1;
        WITH put AS ({_COURSE_PROGRESS} DO UPDATE SET last_accessed = now() RETURNING 1) SELECT FROM put
        """,
    ),
    (
        citus.only_one_owners_rows_are_locked,
        """
        SELECT FROM lesson_progress FOR UPDATE;
        SELECT FROM lesson_progress WHERE course_id = $1 FOR SHARE;
        SELECT FROM lesson_progress WHERE user_id = ANY ($1) FOR NO KEY UPDATE;
        SELECT FROM lesson_progress WHERE user_id = $1 OR course_id = $2 FOR UPDATE;
        SELECT FROM lesson_progress WHERE user_id = course_id FOR UPDATE;
        SELECT FROM lesson_progress WHERE user_id = (SELECT user_id FROM course_progress LIMIT 1) FOR UPDATE;
        SELECT FROM unnest($1::uuid[]) AS u (user_id) JOIN lesson_progress AS l USING (user_id) FOR UPDATE OF l;
        SELECT FROM course_progress AS p, lesson_progress AS l WHERE p.user_id = $1 FOR KEY SHARE OF l;
        WITH held AS (SELECT user_id FROM course_progress FOR UPDATE) DELETE FROM lesson_progress USING held
        """,
    ),
    (
        citus.no_row_of_a_reference_table_is_locked,
        """
        SELECT FROM courses WHERE course_id = $1 FOR SHARE;
        SELECT FROM course_progress AS p JOIN courses AS c USING (course_id) WHERE p.user_id = $1 FOR UPDATE;
        SELECT FROM courses AS c, lesson_progress FOR KEY SHARE OF c
        """,
    ),
    (
        citus.many_keys_name_their_shards,
        """
        SELECT FROM unnest($1::uuid[]) AS k (user_id) JOIN lesson_progress AS r ON r.user_id = k.user_id;
        SELECT FROM unnest($1::uuid[]) AS k (id) JOIN lesson_progress AS r ON user_id = id WHERE r.course_id = ANY ($2);
        DELETE FROM lesson_progress AS r USING unnest($1::uuid[]) AS k (user_id) WHERE r.user_id = k.user_id;
        SELECT FROM unnest($1::uuid[]) AS k (id) JOIN lesson_progress AS r ON user_id = id WHERE r.user_id <> ANY ($1);
        SELECT FROM unnest($1::uuid[]) AS k (id) JOIN lesson_progress AS r ON user_id = id
        WHERE r.user_id = ANY ($1) OR r.course_id = $2;
        DELETE FROM lesson_progress WHERE user_id IN (SELECT unnest($1::uuid[]));
        UPDATE lesson_progress AS r SET version = 1 FROM unnest($1::uuid[]) AS k (user_id) WHERE r.user_id = k.user_id
        """,
    ),
    (
        citus.what_a_sibling_changes_is_read_before,
        """
        WITH old AS (SELECT * FROM course_progress), new AS (UPDATE course_progress SET revision = 1 RETURNING 1)
        SELECT FROM old, new;
        WITH old AS NOT MATERIALIZED (SELECT * FROM lesson_progress), gone AS (DELETE FROM lesson_progress RETURNING 1)
        SELECT FROM old, gone;
        WITH gone AS (DELETE FROM lesson_progress RETURNING 1),
            put AS (INSERT INTO course_progress SELECT user_id FROM lesson_progress)
        SELECT FROM gone;
        WITH gone AS (DELETE FROM lesson_progress) SELECT count(*) FROM lesson_progress
        """,
    ),
]  # fmt: skip
ALLOWED: Final[list[tuple[Rule, str]]] = [
    (
        citus.keys_have_the_distribution_column,
        """
        CREATE TABLE lesson_statistics (course_id uuid, lesson_id uuid, slot smallint, PRIMARY KEY (course_id, slot));
        CREATE TABLE courses (course_id uuid PRIMARY KEY, slug text UNIQUE);
        CREATE INDEX ON lesson_progress (lesson_id)
        """,
    ),
    (
        citus.foreign_keys_lead_to_reference_tables,
        "CREATE TABLE course_statistics (course_id uuid PRIMARY KEY REFERENCES courses ON DELETE CASCADE)",
    ),
    (citus.no_numbered_distribution_column, "CREATE TABLE course_statistics (course_id bigserial, slot smallint)"),
    (
        citus.no_index_beside_the_key,
        "CREATE INDEX ON lesson_progress (course_id, user_id); CREATE INDEX ON lessons (title)",
    ),
    (citus.the_distribution_column_is_never_set, "UPDATE lesson_progress SET course_id = $1 WHERE user_id = $2"),
    (
        citus.conflicts_are_decided_by_immutable_functions,
        f"""
        INSERT INTO course_progress SELECT $1, $2, 0, 0, 0, now(), 0, 0 ON CONFLICT DO NOTHING;
        {_COURSE_PROGRESS} DO UPDATE SET revision = greatest(p.revision, excluded.revision, $1), last_accessed = NULL
        WHERE p.last_accessed < excluded.last_accessed AND p.revision = excluded.revision - 1
        """,
    ),
    (
        citus.only_one_owners_rows_are_locked,
        """
        SELECT FROM lesson_progress WHERE user_id = $1::uuid AND course_id = $2 FOR UPDATE;
        SELECT FROM course_progress AS p JOIN courses AS c USING (course_id) WHERE $1 = p.user_id FOR UPDATE;
        SELECT FROM courses AS c, lesson_progress FOR SHARE OF c
        """,
    ),
    (citus.no_row_of_a_reference_table_is_locked, "SELECT FROM course_progress WHERE user_id = $1 FOR UPDATE"),
    (
        citus.many_keys_name_their_shards,
        """
        SELECT FROM unnest($1::uuid[]) AS k (user_id) JOIN lesson_progress AS r ON r.user_id = k.user_id
        WHERE r.user_id = ANY ($1);
        DELETE FROM lesson_progress AS r USING unnest($1::uuid[]) AS k (id) WHERE user_id = id AND r.user_id = ANY ($1);
        SELECT FROM unnest($1::uuid[]) AS k (course_id) JOIN courses AS c ON c.course_id = k.course_id
        """,
    ),
    (
        citus.what_a_sibling_changes_is_read_before,
        """
        WITH old AS MATERIALIZED (SELECT * FROM course_progress), new AS (UPDATE course_progress SET revision = 1)
        SELECT FROM old;
        WITH new AS (UPDATE course_progress SET revision = 1 RETURNING 1), more AS (SELECT * FROM lesson_progress)
        SELECT FROM new, more
        """,
    ),
]  # fmt: skip


def test_every_sql_file_is_checked() -> None:
    assert {file.relative_to(_FOLDER.parent).parts[-2:] for file in _FILES} >= {
        ("postgres", "statements.sql"), ("postgres", "citus.sql"), ("migrations", "0001_initial.sql"),
        ("shared", "imports.sql"),
    }  # fmt: skip
    assert citus.created_tables(_SCHEMA) >= citus.BUSY_TABLES | citus.REFERENCE_TABLES
    named = sum(file.read_text(encoding="utf-8").count("-- name: ") for file in _FILES)
    assert len(NAMED) == named - len(_NEVER_ON_A_CLUSTER)


def test_every_table_has_a_location() -> None:
    located = [*ON_EVERY_NODE, *(table for tables in DISTRIBUTED.values() for table in tables)]
    assert sorted(located) == sorted(citus.created_tables(_SCHEMA) - citus.LOCAL_TABLES)


@pytest.mark.parametrize("file", _MIGRATIONS, ids=lambda file: file.stem)
def test_every_statement_of_a_migration_is_run_by_itself(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [statements(one) for one in statements_of(text)] == [[tree] for tree in statements(text)]


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_name_has_one_statement(name: str) -> None:
    assert len(statements(STATEMENTS[name])) == 1


def test_no_plan_is_forced_on_a_cluster() -> None:
    database = Database("postgresql://", connections=2, timeout_seconds=1, transaction_pooler=False)
    assert database._options(seconds=1)["server_settings"]["plan_cache_mode"] == "force_generic_plan"
    assert (
        "SET LOCAL plan_cache_mode = auto" in database_module._BEGIN_PREPARING
    )  # before it is known whether it is one
    database.is_cluster = True
    assert database._options(seconds=1)["server_settings"]["plan_cache_mode"] == "auto"
    worker = database.of_node(Node("127.0.0.1", 5432))
    assert worker._options(seconds=1)["server_settings"]["plan_cache_mode"] == "auto"


@pytest.mark.parametrize("rule", RULES)
def test_no_statement_breaks_a_rule(schema: Schema, rule: Rule) -> None:
    assert [complaint for tree in ALL for complaint in rule(tree, schema)] == []


@pytest.mark.parametrize(
    ("rule", "tree"), [pytest.param(rule, tree, id=rule.__name__) for rule, sql in REFUSED for tree in statements(sql)]
)
def test_a_rule_reports_a_violation_once(schema: Schema, rule: Rule, tree: Tree) -> None:
    assert len(list(rule(tree, schema))) == 1


def test_every_rule_has_an_example_of_a_violation() -> None:
    assert {rule for rule, _ in REFUSED} == set(RULES)


@pytest.mark.parametrize(("rule", "sql"), ALLOWED)
def test_a_rule_accepts_similar_statements_that_are_allowed(schema: Schema, rule: Rule, sql: str) -> None:
    assert [complaint for tree in statements(sql) for complaint in rule(tree, schema)] == []


def test_the_parser_finds_every_key_and_trigger_that_the_database_has(migrated: Session) -> None:
    keys = migrated.rows(
        "SELECT indrelid::regclass::text, array_agg(attname::text ORDER BY position) "
        "FROM pg_index JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = current_schema()::regnamespace, "
        "unnest(indkey[:indnkeyatts - 1]) WITH ORDINALITY AS k (number, position) "
        "JOIN pg_attribute ON attnum = number "
        "WHERE indisunique AND attrelid = indrelid GROUP BY indexrelid, indrelid"
    )
    assert sorted(keys) == sorted((table, columns) for tree in _SCHEMA for table, columns, _ in citus.unique_keys(tree))
    references = migrated.rows(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    )
    assert sorted(references) == sorted(pair for tree in _SCHEMA for pair in citus.foreign_keys(tree))
    assert migrated.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_server_prepares_every_statement(migrated: Session, name: str) -> None:
    [statement] = split(STATEMENTS[name])
    if statement.startswith(("LOCK", "SET")):  # PREPARE does not know these
        migrated.execute("BEGIN", statement, "ROLLBACK")
    else:
        migrated.execute(f'PREPARE "{name}" AS {statement}')
