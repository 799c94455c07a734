"""Shapes of SQL that a Citus cluster refuses, or answers otherwise than one server does.

The SQL is read by PostgreSQL's own parser (pglast). Where types decide, PostgreSQL itself is asked.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg
from pglast import ast, enums, parse_sql
from pglast.stream import RawStream

from headway.storage.postgres.schema import DISTRIBUTED, ON_EVERY_NODE
from support.postgres import Session

# pglast declares every field of a node as optional; which ones are there, the grammar says.
Tree = Any

# On every node whole, so that each may be joined with, and referred to.
REFERENCE_TABLES: Final = frozenset(ON_EVERY_NODE)
# Tables that were renamed since the migration that made them.
PRESENT_NAMES: Final = {"rederivations": "recalculations"}
# Foreign keys that a later migration removed.
REMOVED_FOREIGN_KEYS: Final = frozenset({("recalculations", "courses")})
# On the coordinator alone: which schema this is.
LOCAL_TABLES: Final = frozenset({"schema_version"})
# What a heartbeat changes: an update that touches no index stays on its page.
BUSY_TABLES: Final = frozenset({"lesson_progress", "course_progress"})
# Of those, columns that change no oftener than once a lesson, once a day, or once an attempt at a quiz.
SELDOM_CHANGED: Final = {
    "course_progress": frozenset(
        {"completed_lessons", "completed_at", "started_at", "day", "at_lesson", "enrolled_at", "ended_at", "due_at"}
    ),
    "lesson_progress": frozenset({"status", "quiz_attempts", "quiz_passed"}),
}
_COLUMNS: Final = {table: column for column, tables in DISTRIBUTED.items() for table in tables}

_SEQUENCES: Final = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})
_UNIQUE: Final = (enums.ConstrType.CONSTR_PRIMARY, enums.ConstrType.CONSTR_UNIQUE)
_CHANGES: Final = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


class Schema(NamedTuple):
    """What is known of the tables: their primary keys, and a database that has them."""

    keys: Mapping[str, Sequence[str]]
    database: Session


Rule = Callable[[Tree, Schema], Iterator[str]]


def distribution_column(table: str) -> str | None:
    """Return the column that decides on which node a row is; `None` where all nodes, or one, have the table."""
    if table in REFERENCE_TABLES | LOCAL_TABLES:
        return None
    assert table in _COLUMNS, f"nothing says where {table} lies"
    return _COLUMNS[table]


def statements(sql: str) -> list[Tree]:
    """Return the statements of a file."""
    return [statement.stmt for statement in parse_sql(sql)]


def created_tables(trees: Sequence[Tree]) -> set[str]:
    return {_present_name(created) for created in found(tuple(trees), ast.CreateStmt)}


def _present_name(created: Tree) -> str:
    name: str = created.relation.relname
    return PRESENT_NAMES.get(name, name)


def primary_keys(trees: Sequence[Tree]) -> dict[str, list[str]]:
    return {table: columns for tree in trees for table, columns, is_primary in unique_keys(tree) if is_primary}


def unique_keys(tree: Tree) -> Iterator[tuple[str, list[str], bool]]:
    """Return each table's unique keys, and whether each is the primary key."""
    for table, column, constraint in _constraints(tree):
        if constraint.contype in _UNIQUE and not constraint.indexname:
            columns = [column] if column else [key.sval for key in constraint.keys]
            yield table, columns, constraint.contype == enums.ConstrType.CONSTR_PRIMARY
        if constraint.contype == enums.ConstrType.CONSTR_EXCLUSION:
            yield table, [one.name for one, operator in constraint.exclusions if operator[-1].sval == "="], False
    for index in found(tree, ast.IndexStmt):
        if index.unique:
            yield index.relation.relname, [one.name for one in index.indexParams], False


def foreign_keys(tree: Tree) -> Iterator[tuple[str, str]]:
    """Return each table, with a table that it refers to."""
    for table, _, constraint in _constraints(tree):
        pair = table, constraint.pktable.relname if constraint.pktable else ""
        if constraint.contype == enums.ConstrType.CONSTR_FOREIGN and pair not in REMOVED_FOREIGN_KEYS:
            yield pair


def keys_have_the_distribution_column(tree: Tree, _schema: Schema) -> Iterator[str]:
    """Each node can only see for itself that a key is unique."""
    for table, columns, _ in unique_keys(tree):
        needed = distribution_column(table)
        if needed and needed not in columns:
            yield f"{table}: a key of {columns}, without {needed}"


def foreign_keys_lead_to_reference_tables(tree: Tree, _schema: Schema) -> Iterator[str]:
    """A row that is referred to has to be on the same node."""
    for table, target in foreign_keys(tree):
        if target not in REFERENCE_TABLES:
            yield f"{table}: a foreign key to {target}"


def no_trigger(tree: Tree, _schema: Schema) -> Iterator[str]:
    """Citus makes none on a distributed table."""
    for trigger in found(tree, ast.CreateTrigStmt):
        yield f"{trigger.relation.relname}: the trigger {trigger.trigname}"


def no_numbered_distribution_column(tree: Tree, _schema: Schema) -> Iterator[str]:
    """Rows of one owner would be spread by what each node counts."""
    for table, part in _definitions(tree):
        name = part.colname if _is(part, ast.ColumnDef) else getattr(part, "name", None)
        if name is None or name != distribution_column(table):
            continue
        types = {word.sval for one in found(part, ast.TypeName) for word in one.names}
        identity = any(one.contype == enums.ConstrType.CONSTR_IDENTITY for one in found(part, ast.Constraint))
        if identity or types & _SEQUENCES or "nextval" in _called(part):
            yield f"{table}: {name} is numbered by a sequence"


def no_index_beside_the_key(tree: Tree, schema: Schema) -> Iterator[str]:
    """An index on a column that a heartbeat changes has to be written with every heartbeat."""
    indexed = {table: set(columns) for table, columns, _ in unique_keys(tree)}
    for index in found(tree, ast.IndexStmt):
        elements = (*index.indexParams, *(index.indexIncludingParams or ()))
        columns = {one.name for one in elements if one.name}
        columns |= {one.fields[-1].sval for one in found((elements, index.whereClause), ast.ColumnRef)}
        indexed[index.relation.relname] = columns
    for table in BUSY_TABLES & indexed.keys():
        if beside := indexed[table] - set(schema.keys[table]) - SELDOM_CHANGED[table]:
            yield f"{table}: an index with {sorted(beside)}"


def the_distribution_column_is_never_set(tree: Tree, _schema: Schema) -> Iterator[str]:
    """A row does not move to another node."""
    updates = [(one.relation.relname, one.targetList) for one in found(tree, ast.UpdateStmt)]
    upserts = [(one.relation.relname, one.onConflictClause.targetList or ()) for one in _upserts(tree)]
    for table, targets in updates + upserts:
        if distribution_column(table) in {target.name for target in targets}:
            yield f"{table}: an update of {distribution_column(table)}"


def conflicts_are_decided_by_immutable_functions(tree: Tree, schema: Schema) -> Iterator[str]:
    """The nodes have to come to the same row. Citus asks what PostgreSQL asks of an index's condition, in the same way.

    So PostgreSQL is asked for an index with the expression as its condition, on a table that has the stored row's
    columns, the excluded one's and the parameters. It looks at the functions, at those behind operators and casts too.
    """
    for upsert in _upserts(tree):
        conflict, table = upsert.onConflictClause, upsert.relation.relname
        assigned = [target.val for target in conflict.targetList or () if getattr(target.val, "colno", 1) == 1]
        sources = [one.source if _is(one, ast.MultiAssignRef) else one for one in assigned]
        conditions = [conflict.whereClause, conflict.infer and conflict.infer.whereClause]
        for expression in filter(None, [*sources, *conditions]):
            if complaint := _not_for_an_index(expression, table, tree, schema.database):
                yield f"{table}: ON CONFLICT, {RawStream()(expression)}: {complaint}"


def only_one_owners_rows_are_locked(tree: Tree, _schema: Schema) -> Iterator[str]:
    """Rows are locked on one node: the distribution column has to equal one value."""
    for select in found(tree, ast.SelectStmt):
        if not select.lockingClause:
            continue
        meant = {one.relname for lock in select.lockingClause for one in lock.lockedRels or ()}
        for table in found(select.fromClause, ast.RangeVar):
            name = table.alias.aliasname if table.alias else table.relname
            if (not meant or name in meant) and table.relname not in REFERENCE_TABLES | _ctes(tree):
                column = distribution_column(table.relname)
                if column and not _is_pinned(select.whereClause, name, column):
                    yield f"{table.relname}: rows of many nodes are locked"


def no_row_of_a_reference_table_is_locked(tree: Tree, _schema: Schema) -> Iterator[str]:
    """Citus takes two locks on the whole table then, and two transactions that do so lock each other out."""
    for select in found(tree, ast.SelectStmt):
        locks = select.lockingClause or ()
        meant = {one.relname for lock in locks for one in lock.lockedRels or ()}
        for table in found(select.fromClause, ast.RangeVar) if locks else ():
            name = table.alias.aliasname if table.alias else table.relname
            if (not meant or name in meant) and table.relname in REFERENCE_TABLES:
                yield f"{table.relname}: rows of a reference table are locked"


def many_keys_name_their_shards(tree: Tree, _schema: Schema) -> Iterator[str]:
    """A join with a list of keys asks, or locks, all shards, unless the column also equals any of the keys."""
    for statement in found(tree, ast.SelectStmt, ast.DeleteStmt, ast.UpdateStmt):
        sources = getattr(statement, "fromClause", None) or getattr(statement, "usingClause", None) or ()
        if "unnest" not in _called((*sources, statement.whereClause)):
            continue
        changed = (statement.relation,) if not _is(statement, ast.SelectStmt) else ()
        for table in (*found(sources, ast.RangeVar), *changed):
            if table.relname in _ctes(tree) or not (column := distribution_column(table.relname)):
                continue
            name = table.alias.aliasname if table.alias else table.relname
            if [name, column] not in _compared_with_any(statement.whereClause):
                yield f"{table.relname}: joined with keys, without {column} = ANY"


def what_a_sibling_changes_is_read_before(tree: Tree, _schema: Schema) -> Iterator[str]:
    """One server shows every part of a statement the rows as they were before it. Citus runs the parts one by one.

    Only a CTE that is AS MATERIALIZED reads in its place.
    """
    for statement in (one for one in walk(tree) if getattr(one, "withClause", None)):
        ctes = statement.withClause.ctes
        names = {one.ctename for one in ctes}
        main = tuple(getattr(statement, member) for member in statement if member != "withClause")
        # The rest of the statement is a part of its own, which nothing materialises.
        for reader in (*ctes, None):
            part = main if reader is None else reader.ctequery
            changed = {one.relation.relname for cte in ctes if cte is not reader for one in _changes(cte)}
            materialized = (
                reader is not None
                and _is(reader.ctequery, ast.SelectStmt)
                and reader.ctematerialized == enums.CTEMaterialize.CTEMaterializeAlways
            )
            for table in sorted((_reads(part) - names) & changed) if not materialized else ():
                yield f"{table}: read by {reader.ctename if reader else 'the statement'}, changed by a CTE beside it"


RULES: Final[Sequence[Rule]] = (
    keys_have_the_distribution_column,
    foreign_keys_lead_to_reference_tables,
    no_trigger,
    no_numbered_distribution_column,
    no_index_beside_the_key,
    the_distribution_column_is_never_set,
    conflicts_are_decided_by_immutable_functions,
    only_one_owners_rows_are_locked,
    no_row_of_a_reference_table_is_locked,
    many_keys_name_their_shards,
    what_a_sibling_changes_is_read_before,
)


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield the nodes of a tree, or of several trees."""
    if _is(tree, ast.Node):
        yield tree
        for member in tree:
            yield from walk(getattr(tree, member))
    elif isinstance(tree, tuple):
        for one in tree:
            yield from walk(one)


def found(tree: Tree, *kinds: type[ast.Node]) -> Iterator[Tree]:
    """Yield the nodes of some kinds in a tree."""
    return (one for one in walk(tree) if _is(one, *kinds))


def _is(node: Tree, *kinds: type[ast.Node]) -> bool:
    return isinstance(node, kinds)


def _definitions(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Return the columns and constraints that a statement adds to a table, and its other changes of the table."""
    for created in found(tree, ast.CreateStmt):
        yield from ((_present_name(created), part) for part in created.tableElts or ())
    for changed in found(tree, ast.AlterTableStmt):
        for command in changed.cmds:
            is_new = command.subtype == enums.AlterTableType.AT_AddColumn
            yield changed.relation.relname, command.def_ if is_new else command


def _constraints(tree: Tree) -> Iterator[tuple[str, str | None, Tree]]:
    """Return the constraints, each with its table, and with its column where it belongs to one."""
    for table, part in _definitions(tree):
        column = part.colname if _is(part, ast.ColumnDef) else None
        yield from ((table, column, constraint) for constraint in found(part, ast.Constraint))


def _called(tree: Tree) -> set[str]:
    return {call.funcname[-1].sval for call in found(tree, ast.FuncCall)}


def _upserts(tree: Tree) -> Iterator[Tree]:
    return (one for one in found(tree, ast.InsertStmt) if one.onConflictClause)


def _ctes(tree: Tree) -> set[str]:
    return {cte.ctename for cte in found(tree, ast.CommonTableExpr)}


def _changes(tree: Tree) -> Iterator[Tree]:
    return found(tree, *_CHANGES)


def _reads(tree: Any) -> set[str]:
    """Return the tables that are read: all that are named, without those that are changed."""
    targets = {id(change.relation) for change in _changes(tree)}
    return {table.relname for table in found(tree, ast.RangeVar) if id(table) not in targets}


def _is_pinned(condition: Tree, table: str, column: str) -> bool:
    """Return whether the condition holds only where the table's column equals one value."""
    if _is(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        return any(_is_pinned(one, table, column) for one in condition.args)
    if not _is(condition, ast.A_Expr) or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
        return False
    sides = (condition.lexpr, condition.rexpr)
    named = [[word.sval for word in side.fields] for side in sides if _is(side, ast.ColumnRef)]
    values = [side for side in sides if not [*found(side, ast.ColumnRef, ast.SubLink)]]
    return condition.name[-1].sval == "=" and len(values) == 1 and named in ([[column]], [[table, column]])


def _compared_with_any(condition: Tree) -> list[list[str]]:
    """Return the columns, with their tables, that equal one of a parameter's values where a condition holds."""
    if _is(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        return [column for one in condition.args for column in _compared_with_any(one)]
    if not _is(condition, ast.A_Expr) or condition.kind != enums.A_Expr_Kind.AEXPR_OP_ANY:
        return []
    if condition.name[-1].sval != "=" or not _is(condition.lexpr, ast.ColumnRef):
        return []
    return [[word.sval for word in condition.lexpr.fields]] if [*found(condition.rexpr, ast.ParamRef)] else []


def _not_for_an_index(expression: Tree, table: str, tree: Tree, database: Session) -> str | None:
    """PostgreSQL's complaint about an expression over a stored and an excluded row."""
    columns = database.rows(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
        table,
    )
    of_both = [f'"{name}" {kind}, "excluded.{name}" {kind}' for name, kind in columns]
    parameters = [f'"${number}" {kind}' for number, kind in enumerate(_parameter_types(tree, database), 1)]
    [copy] = statements(f"SELECT {RawStream()(expression)}")
    for reference in found(copy, ast.ColumnRef):
        *qualifier, name = [word.sval for word in reference.fields]
        reference.fields = (ast.String(f"excluded.{name}" if qualifier == ["excluded"] else name),)
    condition = re.sub(r"\$\d+", r'"\g<0>"', RawStream()(copy).removeprefix("SELECT "))
    database.execute(f"CREATE TEMPORARY TABLE both_rows ({', '.join(of_both + parameters)})")
    try:
        database.execute(f"CREATE INDEX ON both_rows ((1)) WHERE ({condition}) IS NOT NULL")
    except asyncpg.PostgresError as error:
        return str(error)
    finally:
        database.execute("DROP TABLE both_rows")
    return None


def _parameter_types(tree: Tree, database: Session) -> Sequence[str]:
    database.execute(f"PREPARE upsert AS {RawStream()(tree)}")
    types = database.value("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'upsert'")
    database.execute("DEALLOCATE upsert")
    return list(types)
